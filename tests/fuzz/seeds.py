"""Sound files of each kind, small, for `formats.py` to cut and change: those of the contract suite, and odder ones."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from tests.contract.formats import samples

DUMPS = Path(__file__).parent.parent / "data" / "dumps"
ENTITIES = '<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z SYSTEM "z.xml">]><a><b c="&x;">&x;&z;</b><b/></a>'
NAMESPACES = '<r xmlns:o="urn:o">' + '<e id="1"><o:t k="v">a</o:t><t>b</t><t><![CDATA[<c>]]></t></e>\n' * 9 + "</r>"


def seeds(name: str) -> list[bytes]:
    """Some of a kind; for `examine` one of each; none where nothing here makes them."""
    if name == "examine":
        made = [make() for _, make in samples.SAMPLES.values()]
        return [*made, *(make() for make in samples.WRAPPED.values()), *_MORE["zip"]()]
    found = [make() for kind, make in samples.SAMPLES.values() if kind == name]
    found += [make() for kind, make in samples.WRAPPED.items() if kind == name]
    return found + (_MORE[name]() if name in _MORE else [])


def _json() -> list[bytes]:
    """Values after each other are of one line each: cut after the first, those of many lines are a sound document."""
    rows = samples.records()[:9]
    return [
        json.dumps({"meta": {"n": 1}, "data": {"rows": rows}}).encode(),
        json.dumps(rows).encode("utf-16"),
        "\n".join(json.dumps(row) for row in rows).encode(),
        b"[{'a': 1, b: [1,2,], /* c */ \"d\": NaN}, // e\n]",
    ]


def _arrow_stream() -> list[bytes]:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, samples.table().schema) as writer:
        writer.write_table(samples.table())
    data: bytes = sink.getvalue().to_pybytes()
    return [data]


def _lz4() -> list[bytes]:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "lz4") as out:
        out.write(samples.csv())
    data: bytes = sink.getvalue().to_pybytes()
    return [data]


def _zip() -> list[bytes]:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as out:
        out.writestr("a/b.json", _json()[0])
        out.writestr("c.csv.gz", gzip.compress(samples.csv(), mtime=0))
    return [sink.getvalue()]


def _dumps(*suffixes: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(DUMPS.glob("*")) if path.suffix in suffixes]


_MORE: dict[str, Callable[[], list[bytes]]] = {
    "json": _json,
    "ndjson": lambda: [
        b"".join(json.dumps(row).encode() + b"\r\n" for row in samples.records()[:9]) + b"\n[1]\n{'a':1}\n"
    ],
    "xml": lambda: [NAMESPACES.encode(), ENTITIES.encode(), ('<?xml version="1.0"?>' + NAMESPACES).encode("utf-16")],
    "csv": lambda: [b"# made\nid|at|price\n" + b'1|"a|b"|2,5\n' * 9 + b"TRAILER|9"],
    "sql_dump": lambda: _dumps(".sql", ".dump", ".tar"),
    "sqlite": lambda: _dumps(".db"),
    "arrow": _arrow_stream,
    "gzip": lambda: [gzip.compress(b"a,b\n1,2\n", mtime=0) + gzip.compress(b"3,4\n", mtime=0)],
    "lz4": _lz4,
    "zip": _zip,
}
