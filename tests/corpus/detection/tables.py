"""Data in binary formats, by the libraries that write them for real."""

from __future__ import annotations

import io
import pickle
import random
import sqlite3
import struct
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

import fastavro
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.orc as orc_writer
import pyarrow.parquet as pq
from pyarrow import feather

from tests.corpus.detection.words import Chance

Make = Callable[[Chance], bytes]


def arrow_table(chance: Chance) -> Any:
    """A table of pyarrow."""
    return pa.Table.from_pylist([chance.record() for _ in range(chance.randrange(1, 400))])


def parquet(chance: Chance) -> bytes:
    """By pyarrow, in any compression."""
    out = io.BytesIO()
    packing = chance.choice(["none", "snappy", "gzip", "zstd", "brotli"])
    pq.write_table(arrow_table(chance), out, compression=packing, row_group_size=chance.choice([50, 1000]))
    return out.getvalue()


def orc(chance: Chance) -> bytes:
    """By pyarrow."""
    out = io.BytesIO()
    orc_writer.write_table(arrow_table(chance), out, compression=chance.choice(["uncompressed", "zlib", "zstd"]))
    return out.getvalue()


def arrow(chance: Chance) -> bytes:
    """The file or the stream format."""
    table, out = arrow_table(chance), io.BytesIO()
    writer = (pa.ipc.new_file if chance.random() < 0.5 else pa.ipc.new_stream)(out, table.schema)
    with writer:
        writer.write_table(table, max_chunksize=100)
    return out.getvalue()


def feather_v1(chance: Chance) -> bytes:
    """By pyarrow."""
    out = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):  # it will not be written for ever, but is still read
        feather.write_feather(arrow_table(chance).drop(["note"]), out, version=1)
    return out.getvalue()


def avro(chance: Chance) -> bytes:
    """By fastavro."""
    fields = [{"name": "id", "type": "long"}, {"name": "name", "type": "string"}, {"name": "amount", "type": "double"}]
    schema = fastavro.parse_schema({"type": "record", "name": chance.thing, "fields": fields})
    rows = [chance.record() for _ in range(chance.randrange(300))]
    out = io.BytesIO()
    fastavro.writer(
        out, schema, rows, codec=chance.choice(["null", "deflate"]), sync_interval=chance.choice([500, 16000])
    )
    return out.getvalue()


def sqlite(chance: Chance) -> bytes:
    """By sqlite3."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"PRAGMA page_size = {chance.choice([512, 1024, 4096])}")
    connection.execute(f"CREATE TABLE {chance.thing} (id INTEGER PRIMARY KEY, name TEXT, amount REAL)")
    rows = [(each["name"], each["amount"]) for each in (chance.record() for _ in range(chance.randrange(200)))]
    table = connection.execute("SELECT name FROM sqlite_schema").fetchone()[0]
    connection.executemany(f"INSERT INTO {table} (name, amount) VALUES (?, ?)", rows)
    connection.commit()
    data = connection.serialize()
    connection.close()
    return data


def xlsx(chance: Chance) -> bytes:
    """By openpyxl."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(chance.record()))
    for _ in range(chance.randrange(40)):
        sheet.append(list(chance.record().values()))
    if chance.random() < 0.3:
        book.create_sheet(chance.town)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def zipped(members: dict[str, str | bytes], *, first_stored: bool = False) -> bytes:
    """A zip of these members; `first_stored` keeps the first as it is, as `mimetype` wants it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, data) in enumerate(members.items()):
            stored = first_stored and number == 0
            archive.writestr(name, data, zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED)
    return out.getvalue()


def ods(chance: Chance) -> bytes:
    """A spreadsheet in OpenDocument."""
    cells = "".join(f"<table:table-cell><text:p>{chance.name}</text:p></table:table-cell>" for _ in range(5))
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{space}:office:1.0" xmlns:table="{space}:table:1.0" '
        f'xmlns:text="{space}:text:1.0"><office:body><office:spreadsheet><table:table table:name="S"><table:table-row>'
        f"{cells}</table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = f'<manifest:manifest xmlns:manifest="{space}:manifest:1.0"/>'
    members: dict[str, str | bytes] = {"mimetype": kind, "content.xml": content, "META-INF/manifest.xml": manifest}
    return zipped(members, first_stored=True)


def ole2(streams: dict[str, bytes]) -> bytes:
    """A compound file (MS-CFB, version 3) that holds these streams, each of at least 4,096 bytes."""
    free, end, table_sector = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    padded = {
        name: data.ljust(4096, b"\0") + b"\0" * (-len(data.ljust(4096, b"\0")) % 512) for name, data in streams.items()
    }
    table, body = [table_sector, end], b""
    entries = [("Root Entry", 5, end, 0, 1)]
    for number, (name, data) in enumerate(padded.items()):
        first, count = len(table), len(data) // 512
        table += [*range(first + 1, first + count), end]
        body += data
        entries.append((name, 2, first, len(data), free if number + 2 > len(padded) else number + 2))
    directory = b""
    for name, kind, first, size_bytes, link in entries:
        text = (name + "\0").encode("utf-16-le")
        right, child = (free, link) if kind == 5 else (link, free)
        directory += text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, free, right, child)
        directory += b"\0" * 36 + struct.pack("<IQ", first, size_bytes)
    directory = directory.ljust(512, b"\0")
    header = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<I", 0)
    header = header.ljust(512, b"\xff")
    return header + struct.pack("<128I", *(table + [free] * (128 - len(table)))) + directory[:512] + body


def xls(chance: Chance) -> bytes:
    """A workbook stream of BIFF8 records in a compound file."""
    records = struct.pack("<HHHHHHII", 0x809, 16, 0x600, 5, 0x1FEA, 0x7CD, 0xC1, 0x306)
    sheet = chance.town.encode("latin-1", "replace")
    records += struct.pack("<HHIHBB", 0x85, 8 + len(sheet), 0x400, 0, len(sheet), 0) + sheet
    records += struct.pack("<HH", 0x0A, 0)
    return ole2({"Workbook": records.ljust(chance.randrange(4096, 9000), b"\0")})


def npy(chance: Chance) -> bytes:
    """By numpy."""
    out = io.BytesIO()
    shape = (chance.randrange(1, 30), chance.randrange(1, 9))
    np.save(out, np.full(shape, chance.random(), dtype=chance.choice(["f8", "i4", "u1"])))
    return out.getvalue()


def stata(chance: Chance) -> bytes:
    """By pandas."""
    out = io.BytesIO()
    frame = pd.DataFrame({"id": range(20), "amount": [chance.random() for _ in range(20)]})
    frame.to_stata(out, write_index=False, version=chance.choice([114, 117, 118, 119]))
    return out.getvalue()


def pickled(chance: Chance) -> bytes:
    """By pickle, in the protocols that say themselves what they are."""
    return pickle.dumps([chance.record() for _ in range(5)], protocol=chance.choice([2, 3, 4, 5]))


def dbf(chance: Chance) -> bytes:
    """DBase III."""
    rows = chance.randrange(1, 60)
    header = struct.pack("<BBBBIHH", 3, 124, 3, 9, rows, 32 + 32 * 2 + 1, 31).ljust(32, b"\0")
    fields = b"NAME".ljust(11, b"\0") + b"C\0\0\0\0" + bytes([20]) + b"\0" * 15
    fields += b"QTY".ljust(11, b"\0") + b"N\0\0\0\0" + bytes([10]) + b"\0" * 15
    body = b"".join(b" " + b"%-20s%10d" % (chance.thing.encode(), chance.randrange(999)) for _ in range(rows))
    return header + fields + b"\r" + body + b"\x1a"


def shapefile(chance: Chance) -> bytes:
    """Points."""
    points = [
        struct.pack(">II", n + 1, 10) + struct.pack("<Idd", 1, chance.random(), chance.random()) for n in range(9)
    ]
    body = b"".join(points)
    head = struct.pack(">7I", 9994, 0, 0, 0, 0, 0, (100 + len(body)) // 2) + struct.pack("<II8d", 1000, 1, *[0.0] * 8)
    return head + body


def noise(chance: random.Random, size_bytes: int) -> bytes:
    """Bytes without a pattern, as compressed data looks."""
    return chance.randbytes(size_bytes)


MAKERS: dict[str, Make] = {
    "parquet": parquet,
    "orc": orc,
    "arrow": arrow,
    "feather_v1": feather_v1,
    "avro": avro,
    "sqlite": sqlite,
    "xlsx": xlsx,
    "ods": ods,
    "xls": xls,
    "npy": npy,
    "stata": stata,
    "pickle": pickled,
    "dbf": dbf,
    "shapefile": shapefile,
}
