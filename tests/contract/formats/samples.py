"""One small sound sample of each format, made by a foreign writer where there is one. Each has 40 rows of 4 columns."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import fastavro
import openpyxl
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet
import zstandard

ROWS = 40
NAMES = ("id", "name", "amount", "day")


def records() -> list[dict[str, Any]]:
    """The rows."""
    return [
        {"id": 1000 + n, "name": f"Kunde {n}, Köln", "amount": n * 3.25, "day": f"2026-11-{n % 28 + 1:02d}"}
        for n in range(ROWS)
    ]


def table() -> pa.Table:
    """The rows as Arrow."""
    return pa.Table.from_pylist(records())


def csv() -> bytes:
    """Quoted where it must be."""
    lines = [",".join(NAMES)]
    lines += [f'{row["id"]},"{row["name"]}",{row["amount"]},{row["day"]}' for row in records()]
    return "\n".join([*lines, ""]).encode()


def fixed_width() -> bytes:
    """Columns of 8, 20, 12 and 10 characters."""
    lines = [f"{row['id']:<8}{row['name']:<20}{row['amount']:>12.2f}  {row['day']}" for row in records()]
    return "\n".join([f"{'ID':<8}{'NAME':<20}{'AMOUNT':>12}  DAY       ", *lines, ""]).encode()


def text() -> bytes:
    """Prose."""
    return (
        b"Dear all,\n\nthe numbers of this month come next week, as Anna said.\nPlease wait for them.\n\nBest wishes\n"
    )


def ndjson() -> bytes:
    """An object a line."""
    return "".join(json.dumps(row) + "\n" for row in records()).encode()


def json_array() -> bytes:
    """A list of objects."""
    return json.dumps(records(), indent=1).encode()


def xml() -> bytes:
    """An element a row."""
    rows = [
        f"<row id='{row['id']}'><name>{row['name']}</name><amount>{row['amount']}</amount><day>{row['day']}</day></row>"
        for row in records()
    ]
    return ("<?xml version='1.0' encoding='UTF-8'?>\n<rows>\n" + "\n".join(rows) + "\n</rows>").encode()


def pg_dump() -> bytes:
    """What pg_dump writes."""
    lines = [f"{row['id']}\t{row['name']}\t{row['amount']}\t{row['day']}" for row in records()]
    return "\n".join(
        [
            "--\n-- PostgreSQL database dump\n--\n",
            "-- Dumped from database version 15.18\n-- Dumped by pg_dump version 15.18\n",
            "SET client_encoding = 'UTF8';\n",
            "CREATE TABLE public.orders (",
            "    id integer NOT NULL,\n    name text,\n    amount numeric(12,2),\n    day date",
            ");\n",
            "COPY public.orders (id, name, amount, day) FROM stdin;",
            *lines,
            "\\.\n\n",
            "--\n-- PostgreSQL database dump complete\n--\n\n",
        ]
    ).encode()


def sqlite() -> bytes:
    """A database file."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, name TEXT, amount REAL, day TEXT)")
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", [tuple(row.values()) for row in records()])
        connection.commit()
        data = connection.serialize()
    connection.close()
    return data


def parquet() -> bytes:
    """By Arrow."""
    sink = io.BytesIO()
    pa.parquet.write_table(table(), sink, row_group_size=16)
    return sink.getvalue()


def orc() -> bytes:
    """By Arrow."""
    sink = io.BytesIO()
    pa.orc.write_table(table(), sink)
    return sink.getvalue()


def arrow() -> bytes:
    """The file format."""
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table().schema) as writer:
        writer.write_table(table(), max_chunksize=16)
    return sink.getvalue()


def avro() -> bytes:
    """By fastavro."""
    kinds = zip(NAMES, ("long", "string", "double", "string"), strict=True)
    schema = {"type": "record", "name": "order", "fields": [{"name": name, "type": kind} for name, kind in kinds]}
    sink = io.BytesIO()
    fastavro.writer(sink, schema, records(), codec="deflate", sync_interval=512)
    return sink.getvalue()


def xlsx() -> bytes:
    """By openpyxl."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "orders"
    sheet.append(NAMES)
    for row in records():
        sheet.append(list(row.values()))
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def zip_of(name: str, data: bytes) -> bytes:
    """A zip with one member."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return sink.getvalue()


def tar_of(name: str, data: bytes) -> bytes:
    """A tar with one member."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return sink.getvalue()


SAMPLES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "csv": ("csv", csv),
    "fixed_width": ("fixed_width", fixed_width),
    "text": ("text", text),
    "ndjson": ("ndjson", ndjson),
    "json": ("json", json_array),
    "xml": ("xml", xml),
    "pg_dump": ("sql_dump", pg_dump),
    "sqlite": ("sqlite", sqlite),
    "parquet": ("parquet", parquet),
    "orc": ("orc", orc),
    "arrow": ("arrow", arrow),
    "avro": ("avro", avro),
    "xlsx": ("xlsx", xlsx),
}
"""A sample by its name, with the format that it is."""

WRAPPED: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: gzip.compress(csv(), mtime=0),
    "zstd": lambda: zstandard.ZstdCompressor(write_checksum=True).compress(csv()),
    "bzip2": lambda: bz2.compress(csv()),
    "xz": lambda: lzma.compress(csv()),
    "zip": lambda: zip_of("orders.csv", csv()),
    "tar": lambda: tar_of("orders.csv", csv()),
}
"""The CSV in each layer."""
