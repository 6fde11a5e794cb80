"""A gigabyte inspected in full by a real worker: CSV, NDJSON, XML and two dumps, each beside a named peer.

The peers only read: DuckDB the same rows, with the dialect given, into a count of every column, by one thread as in our
worker, and by all; expat, which checks XML and hands nothing on. We count types, nulls, distinct values and wholeness.
They take turns; the files come from the page cache.
"""

from __future__ import annotations

import csv
import io
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape

import duckdb
from inspecting import BLOCK_ROWS, MIB, NAMES, inspect, memory_of_workers, rows, worker
from race import Race, arguments, scratch, take_turns

GIB = 1 << 30
ROUNDS = 3
COUNT_ALL = f"SELECT {', '.join(f'count({name})' for name in NAMES)} FROM "
DIALECT = "delim=',', quote='\"', escape='\"', header=true, auto_detect=true"


def csv_block(block: list[list[str]]) -> tuple[str, str, str]:
    """Head, rows and tail."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(block)
    return ",".join(NAMES) + "\n", out.getvalue(), ""


def ndjson_block(block: list[list[str]]) -> tuple[str, str, str]:
    """Head, rows and tail."""
    lines = []
    for row in block:
        record: dict[str, object] = dict(zip(NAMES, row, strict=True))
        record |= {"id": int(row[0]), "quantity": int(row[7]), "price": float(row[8]), "is_paid": row[9] == "true"}
        record["score"] = float(row[11]) if row[11] else None
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
    return "", "".join(lines), ""


def xml_block(block: list[list[str]]) -> tuple[str, str, str]:
    """Head, rows and tail."""
    made = "".join(
        "<order>"
        + "".join(f"<{name}>{escape(text)}</{name}>" for name, text in zip(NAMES, row, strict=True))
        + "</order>\n"
        for row in block
    )
    return '<?xml version="1.0" encoding="UTF-8"?>\n<orders>\n', made, "</orders>\n"


def pg_dump_block(block: list[list[str]]) -> tuple[str, str, str]:
    """Head, rows and tail."""
    head = "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 16.2\n\n"
    head += "SET client_encoding = 'UTF8';\n\n"
    head += "CREATE TABLE public.orders (\n" + ",\n".join(f"    {name} text" for name in NAMES) + "\n);\n\n\n"
    head += f"COPY public.orders ({', '.join(NAMES)}) FROM stdin;\n"
    body = "".join("\t".join(text or r"\N" for text in row) + "\n" for row in block)
    return head, body, "\\.\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n"


def mysqldump_block(block: list[list[str]]) -> tuple[str, str, str]:
    """Head, rows and tail."""
    head = "-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)\n--\n-- Host: localhost    Database: shop\n\n"
    head += "/*!40101 SET NAMES utf8mb4 */;\nCREATE TABLE `orders` (\n" + ",\n".join(
        f"  `{name}` text" for name in NAMES
    )
    head += "\n) ENGINE=InnoDB;\n"
    tuples = [
        "(" + ",".join("'" + text.replace('"', '\\"') + "'" if text else "NULL" for text in row) + ")" for row in block
    ]
    parts = [",".join(tuples[start : start + 5000]) for start in range(0, len(tuples), 5000)]
    return (
        head,
        "".join(f"INSERT INTO `orders` VALUES {part};\n" for part in parts),
        "-- Dump completed on 2024-05-01 10:00:00\n",
    )


def write(path: Path, parts: tuple[str, str, str], size_bytes: int) -> int:
    """A file of about this size; returns how often the block stands in it."""
    head, block, tail = (part.encode() for part in parts)
    times = max(1, (size_bytes - len(head) - len(tail)) // len(block))
    with path.open("wb") as file:
        file.write(head)
        for _ in range(times):
            file.write(block)
        file.write(tail)
    return times


def by_duckdb(source: str, threads: int) -> Callable[[], float]:
    """Seconds in which DuckDB reads every column once."""

    def seconds() -> float:
        with duckdb.connect(config={"threads": threads}) as connection:
            began = time.perf_counter()
            connection.execute(COUNT_ALL + source).fetchall()
            return time.perf_counter() - began

    return seconds


def by_expat(path: Path) -> Callable[[], float]:
    """Seconds in which expat finds that it is well-formed."""

    def seconds() -> float:
        began = time.perf_counter()
        with path.open("rb") as file:
            expat.ParserCreate().ParseFile(file)
        return time.perf_counter() - began

    return seconds


def main() -> None:
    """One kind after the other, so that one gigabyte at a time lies on the disk, and the peer's beside a dump."""
    options = arguments(__doc__)
    race = Race("inspect_large")
    size_bytes, block = (4 * MIB, rows(5000)) if options.quick else (GIB, rows())
    kinds = {
        "CSV": ("orders.csv", csv_block, 1.5),
        "NDJSON": ("orders.ndjson", ndjson_block, None),
        "XML": ("orders.xml", xml_block, None),
        "pg_dump": ("pg_orders.sql", pg_dump_block, None),
        "mysqldump": ("my_orders.sql", mysqldump_block, None),
    }
    for kind, (name, make, bar) in kinds.items():
        with scratch(options.disk) as disk:
            one_kind(race, kind, disk / name, make(block), size_bytes, bar, quick=options.quick)


def one_kind(
    race: Race, kind: str, path: Path, parts: tuple[str, str, str], size_bytes: int, bar: float | None, *, quick: bool
) -> None:
    """Writes the file, lets all take turns, and says the figures."""
    times = write(path, parts, size_bytes)
    source = f"read_ndjson('{path}')" if kind == "NDJSON" else f"read_csv('{path}', {DIALECT})"
    if kind not in {"CSV", "NDJSON"}:
        rows_alone = path.with_name("rows.csv")
        write(rows_alone, csv_block(rows(5000) if quick else rows()), size_bytes)
        source = f"read_csv('{rows_alone}', {DIALECT})"
    peers = {
        "DuckDB, one thread": by_duckdb(source, 1),
        "DuckDB, all threads": by_duckdb(source, os.cpu_count() or 1),
        **({"expat": by_expat(path)} if kind == "XML" else {}),
    }
    with worker() as at_work, memory_of_workers() as most:
        last = inspect(at_work, path)[1]
        taken = take_turns(1 if quick else ROUNDS, {"ours": lambda: inspect(at_work, path)[0], **peers})
    wanted = times * (5000 if quick else BLOCK_ROWS)
    middle = {side: statistics.median(seconds) for side, seconds in taken.items()}
    read = "all read" if last.is_all else "not all read"
    found = f"{last.format}, {last.rows or 0:,} of {wanted:,} rows, {read}"
    race.say(f"{kind}, {path.stat().st_size / 1e9:.2f} GB in full", middle["ours"], "s", peer=found)
    for side in peers:
        what = "the same rows as CSV" if "DuckDB" in side and kind not in {"CSV", "NDJSON"} else "the same file"
        ratio = statistics.median(our / other for our, other in zip(taken["ours"], taken[side], strict=True))
        held = bar if side == "DuckDB, one thread" else None
        race.say(f"{kind}, of {side}", ratio, "times", bar=held, peer=f"{what} in {middle[side]:.2f} s")
    race.say(f"{kind}, most memory of the worker", most[0] / MIB, "MiB", bar=500)


if __name__ == "__main__":
    main()
