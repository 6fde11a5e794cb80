"""Input that means harm, and a process with little memory and time that inspects it.

`python -m tests.corpus.hostile NAME` prints the finding as JSON, with the seconds and the memory that it took.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import resource
import struct
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import openpyxl

from headwater.formats.budget import Budget
from headwater.formats.examine import examine
from headwater.formats.finding import Finding
from headwater.ports.ranges import Ranges
from headwater.testing.memory_ranges import MemoryRanges

MEMORY_BYTES_MAX = 900 << 20
CPU_SECONDS_MAX = 60
BUDGET_BYTES = 256 << 20
BUDGET_SECONDS = 4.0
MIB = 1 << 20


class Looked(msgspec.Struct):
    """What the limited process says."""

    finding: Finding
    seconds: float
    peak_bytes: int


class Repeated:
    """`Ranges` over gigabytes that are nowhere: a head, a piece again and again, and a tail."""

    path: Path | None = None

    def __init__(self, piece: bytes, size_bytes: int, head: bytes = b"", tail: bytes = b"") -> None:
        self._unit = piece * (MIB // len(piece))
        self._head, self._tail = head, tail
        self._middle_bytes = size_bytes - len(head) - len(tail)
        self.size_bytes: int | None = size_bytes

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Any slice."""
        out = bytearray()
        for start, data in self._parts(offset):
            out += data[max(0, offset - start) :]
            if len(out) >= size_bytes:
                break
        return bytes(out[:size_bytes])

    def stream(self, offset: int = 0) -> Iterator[bytes]:
        """From there on."""
        for start, data in self._parts(offset):
            if piece := data[max(0, offset - start) :]:
                yield piece

    def _parts(self, offset: int) -> Iterator[tuple[int, bytes]]:
        start = len(self._head)
        if offset < start:
            yield 0, self._head
        unit = len(self._unit)
        first = max(0, offset - start) // unit
        for number in range(first, -(-self._middle_bytes // unit)):
            yield start + number * unit, self._unit[: self._middle_bytes - number * unit]
        if self._tail:
            yield start + self._middle_bytes, self._tail


def _memory(make: Callable[[], bytes]) -> Callable[[], Ranges]:
    return lambda: MemoryRanges(make())


def _zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def _gzip_bomb() -> bytes:
    return gzip.compress(b"\0" * (16 * MIB), mtime=0) * 256


def _zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("data.csv", "w") as member:
        for _ in range(40):
            member.write(b"0,0,0,0\n" * MIB)
    return out.getvalue()


def _zip_nested() -> bytes:
    data = b"a,b\n1,2\n" * 9
    for depth in range(12):
        data = _zip({f"{depth}_{n}.zip": data for n in range(4)}) if depth < 6 else _zip({"inner.zip": data})
    return data


def _zip_overlap() -> bytes:
    """All entries of the directory point at the same contents."""
    packed = _zip({"a.csv": b"0,0\n" * MIB})
    at = packed.index(b"PK\1\2")
    entry, end = packed[at : packed.index(b"PK\5\6")], packed[packed.index(b"PK\5\6") :]
    count = 5000
    entries = b"".join(entry.replace(b"a.csv", b"%05d" % number) for number in range(count))
    return packed[:at] + entries + end[:8] + struct.pack("<HHII", count, count, len(entries), at) + b"\0\0"


def _zip_many() -> bytes:
    return _zip({f"{n}.csv": b"" for n in range(40_000)})


def _zip_unsafe() -> bytes:
    return _zip(
        {"../../etc/cron.d/x": b"a,b\n1,2\n", "/etc/passwd": b"c,d\n", "C:\\boot.ini": b"e\n", "ok.csv": b"a,b\n1,2\n"}
    )


def _tar_lies() -> bytes:
    info = tarfile.TarInfo("big.csv")
    info.size = 1 << 62
    return info.tobuf(tarfile.GNU_FORMAT) + b"a,b\n1,2\n".ljust(512, b"\0")


def _laughs() -> bytes:
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 30))
    return f"<?xml version='1.0'?><!DOCTYPE r [{entities}]><r><x>&a29;</x></r>".encode()


def _blowup() -> bytes:
    return b'<!DOCTYPE r [<!ENTITY a "' + b"x" * 50_000 + b'">]><r>' + b"<y>" + b"&a;" * 50_000 + b"</y></r>"


def _external() -> bytes:
    return b'<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd">%p;]><r><x>&f;</x></r>'


def _xz_greedy() -> bytes:
    packed = bytearray(lzma.compress(b"a,b\n1,2\n", format=lzma.FORMAT_XZ))
    # the block header: size, flags, filter id, size of properties, and the dictionary: 40 is 4 GiB - 1
    packed[16] = 40
    packed[20:24] = struct.pack("<I", zlib.crc32(packed[12:20]))
    return bytes(packed)


def _parquet_lies(length: int) -> bytes:
    return b"PAR1" + b"\x15\x04" * 200 + struct.pack("<I", length) + b"PAR1"


def _thrift_lies() -> bytes:
    footer = b"\x15\x02\x19\xfc\xff\xff\xff\xff\x0f" + b"\x18\xff\xff\xff\xff\x07" * 9
    return b"PAR1" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def _avro_lies() -> bytes:
    schema = b'{"type":"record","name":"r","fields":[{"name":"a","type":"string"}]}'
    head = b"Obj\x01\x02\x16avro.schema" + bytes([len(schema) * 2 & 0x7F | 0x80, len(schema) * 2 >> 7]) + schema + b"\0"
    return head + b"S" * 16 + b"\xfe" * 9 + b"\x01" + b"\xfe" * 9 + b"\x01" + b"\xfe" * 8 + b"\x7f" + b"x" * 50


def _arrow_lies() -> bytes:
    return (
        b"ARROW1\0\0\xff\xff\xff\xff"
        + struct.pack("<i", 0x7FFFFFF0)
        + b"\x10\0\0\0" * 90
        + struct.pack("<i", 0x7FFFFF00)
        + b"ARROW1"
    )


def _sqlite_lies() -> bytes:
    head = b"SQLite format 3\0" + struct.pack(
        ">HBBBBBBIIIIIIIIIII", 512, 1, 1, 0, 64, 32, 32, 1, 0xFFFFFFF0, 1, 1, 1, 4, 0, 0, 1, 0, 0
    )
    page = (
        head.ljust(100, b"\0") + b"\x05" + struct.pack(">HHHBI", 0, 1, 500, 0, 1)
    )  # an inner page, whose child is itself
    return (
        (page + struct.pack(">H", 500)).ljust(500, b"\0") + struct.pack(">I", 1) + b"\1".ljust(8, b"\0") + b"\0" * 512
    )


def _pgdump_lies() -> bytes:
    return b"PGDMP\x01\x0f\x00\x04\x08\x01" + b"\x00\xff\xff\xff\x7f" * 40


def _wide() -> bytes:
    return (",".join(f"c{n}" for n in range(1_000_000)) + "\n" + "1," * 999_999 + "1\n").encode()


def _cut_characters() -> Ranges:
    rows = "".join(f"{n},Łódź 🇵🇱 日本,ÿé\n" for n in range(3000))
    return MemoryRanges(("id,ort,ü\n" + rows).encode(), piece_bytes=1021)


def _sheet_bomb() -> bytes:
    """A workbook of one sheet with 20 million cells: some hundred KiB that unpack to 500 MiB."""
    book, out = io.BytesIO(), io.BytesIO()
    openpyxl.Workbook().save(book)
    with zipfile.ZipFile(book) as sound, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb:
        for name in sound.namelist():
            if not name.endswith("sheet1.xml"):
                bomb.writestr(name, sound.read(name))
        with bomb.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            space = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
            sheet.write(b"<worksheet " + space + b"><sheetData>")
            for _ in range(20):
                sheet.write(b"<row><c><v>1</v></c></row>" * MIB)
            sheet.write(b"</sheetData></worksheet>")
    return out.getvalue()


PARQUET_LIKE = b"PAR1" + b"\0" * 90 + b"PAR1"
CASES: dict[str, tuple[str, Callable[[], Ranges]]] = {
    "gzip_bomb": ("a.csv.gz", _memory(_gzip_bomb)),
    "zip_bomb": ("a.zip", _memory(_zip_bomb)),
    "zip_nested": ("a.zip", _memory(_zip_nested)),
    "zip_overlap": ("a.zip", _memory(_zip_overlap)),
    "zip_many": ("a.zip", _memory(_zip_many)),
    "zip_unsafe": ("a.zip", _memory(_zip_unsafe)),
    "tar_lies": ("a.tar", _memory(_tar_lies)),
    "xz_greedy": ("a.xz", _memory(_xz_greedy)),
    "zstd_greedy": ("a.zst", _memory(lambda: b"\x28\xb5\x2f\xfd\0\xa8" + b"\1\0\0" * 9)),
    "gzip_junk": ("a.csv.gz", _memory(lambda: gzip.compress(b"a,b\n1,2\n3,4\n5,6\n", mtime=0) + b"and more" * 99)),
    "laughs": ("a.xml", _memory(_laughs)),
    "blowup": ("a.xml", _memory(_blowup)),
    "external": ("a.xml", _memory(_external)),
    "xml_deep": ("a.xml", _memory(lambda: b"<node>" * 3_000_000)),
    "xml_attribute": ("a.xml", lambda: Repeated(b"x", 3 << 30, b'<r><a b="', b'"/></r>')),
    "json_deep": ("a.json", _memory(lambda: b"[" * 10_000_000)),
    "json_deep_objects": ("a.json", _memory(lambda: b'{"a":' * 5_000_000)),
    "json_long_text": ("a.json", lambda: Repeated(b"x", 3 << 30, b'[{"a":"', b'"}]')),
    "ndjson_long_line": ("a.ndjson", lambda: Repeated(b'{"a":1},', 3 << 30, b'{"a":1}\n{"a":2}\n[', b"1]\n")),
    "one_line": ("a.csv", lambda: Repeated(b"abcdefgh", 4 << 30)),
    "one_row": ("a.csv", lambda: Repeated(b"12345,7,", 4 << 30)),
    "open_quote": ("a.csv", lambda: Repeated(b"a,b\n1,2\n", 4 << 30, b'a,b\n1,2\n3,"')),
    "wide": ("a.csv", _memory(_wide)),
    "nul_file": ("a.csv", lambda: Repeated(b"\0", 4 << 30)),
    "nul_bytes": ("a.csv", _memory(lambda: b"a,b,c\n" + b"1,x\0y,3\n" * 5000)),
    "cut_characters": ("a.csv", _cut_characters),
    "sql_open_text": (
        "a.sql",
        lambda: Repeated(b"abc\n", 3 << 30, b"-- MySQL dump 10.13\nINSERT INTO `t` VALUES (1,'"),
    ),
    "sql_deep": ("a.sql", _memory(lambda: b"INSERT INTO t VALUES " + b"(" * 1_000_000)),
    "parquet_lies": ("a.parquet", _memory(lambda: _parquet_lies(0xFFFFFFF0))),
    "parquet_long_footer": ("a.parquet", _memory(lambda: _parquet_lies(390))),
    "thrift_lies": ("a.parquet", _memory(_thrift_lies)),
    "avro_lies": ("a.avro", _memory(_avro_lies)),
    "arrow_lies": ("a.arrow", _memory(_arrow_lies)),
    "orc_lies": (
        "a.orc",
        _memory(lambda: b"ORC" + b"\x08\xff\xff\xff\xff\x0f" * 40 + b"\x08\xff\xff\xff\x7f\x10\0ORC\xf0"),
    ),
    "sqlite_lies": ("a.db", _memory(_sqlite_lies)),
    "pgdump_lies": ("a.dump", _memory(_pgdump_lies)),
    "sheet_bomb": ("a.xlsx", _memory(_sheet_bomb)),
    "name_csv_is_parquet": ("a.csv", _memory(lambda: PARQUET_LIKE)),
    "name_csv_is_gzip": ("a.csv", _memory(lambda: gzip.compress(b"a,b\n1,2\n3,4\n", mtime=0))),
    "name_gzip_is_csv": ("a.csv.gz", _memory(lambda: b"a,b\n1,2\n3,4\n5,6\n")),
    "name_json_is_xml": ("a.json", _memory(lambda: b"<rows><r><a>1</a></r><r><a>2</a></r></rows>")),
}


def looked(case: str) -> Looked:
    """The finding, under limits; what makes the input is no part of the time, but of the memory."""
    name, make = CASES[case]
    ranges = make()
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    begun = time.monotonic()
    finding = examine(ranges, lambda: Budget(BUDGET_BYTES, BUDGET_SECONDS, time.monotonic), name=name).finding
    return Looked(finding, time.monotonic() - begun, _peak_bytes())


def _peak_bytes() -> int:
    """The most memory this process had; ru_maxrss would count what its parent had when it was forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


if __name__ == "__main__":
    os.write(1, msgspec.json.encode(looked(sys.argv[1])))
