"""Sound files of each format and variant, with the places where a cut leaves a sign."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import zstandard

from tests.corpus.detection import media, tables, texts
from tests.corpus.detection.words import Chance

Cut = Callable[[bytes, int], bool]


def anywhere(_: bytes, __: int) -> bool:
    """The format says where it ends, so no cut goes unseen."""
    return True


def nowhere(_: bytes, __: int) -> bool:
    """Only recognised: nothing is promised."""
    return False


@dataclass(frozen=True)
class Sample:
    """A sound file. `is_whole` tells cuts that take away nothing but what may be left out."""

    name: str
    data: bytes
    leaves_sign: Cut = anywhere
    is_whole: Cut = lambda data, cut: not data[cut:].strip()
    known_from: int = 8  # with fewer bytes nobody can tell which format it was to be


def _rows(width: int, codec: str = "utf-8") -> Cut:
    """Of delimited text without a quote: the last row has fewer fields than the others, which are three at least."""

    def leaves_sign(data: bytes, cut: int) -> bool:
        text = data[:cut].decode(codec, "ignore")
        *before, last = re.split(r"\r\n|\n", text)
        return len(before) > 3 and bool(last.strip("\r")) and last.count(",") + last.count(";") < width - 1

    return leaves_sign


def _quoted(data: bytes, cut: int) -> bool:
    """Of text in which every field is quoted: a quote is open, or the last row has fewer fields."""
    text = data[:cut].decode()
    *before, last = text.split('"\n"')
    return len(before) > 3 and (text.count('"') % 2 == 1 or last.count('","') < 3) and not text.endswith('"\n')


def _lines(data: bytes, cut: int) -> bool:
    """A line is cut: what a line end would stand behind is not all there."""
    return data[cut - 1 : cut] != b"\n" and data[cut : cut + 1] not in {b"\n", b"\r"}


def _fixed(data: bytes, cut: int) -> bool:
    return data.count(b"\n", 0, cut) > 5 and _lines(data, cut)


def _json_line(data: bytes, cut: int) -> bool:
    return _lines(data, cut)


def _avro(data: bytes, cut: int) -> bool:
    return not data[:cut].endswith(data[-16:])


def _open_text(data: bytes, cut: int) -> bool:
    """Of SQL whose writer leaves no mark: a quoted text or a bracket is open."""
    text = re.sub(rb"'[^']*'", b"", data[:cut])
    return b"'" in text or text.count(b"(") != text.count(b")")


def _zeros(data: bytes, cut: int) -> bool:
    """Of tar: two blocks of zeros are left, and nothing but zeros is gone."""
    return not data[cut:].strip(b"\0") and len(data[:cut]) - len(data[:cut].rstrip(b"\0")) >= 1536


def _never(_: bytes, __: int) -> bool:
    return False


def _begun(mark: bytes) -> Cut:
    """Of a dump that ends with its writer's mark: from where one can tell whose dump it is."""
    return lambda _, cut: cut > 150 and mark != b""


def _orders(count: int, joint: str, end: str = "\n") -> str:
    chance = Chance(count)
    head = joint.join(["id", "name", "town", "amount", "at"]) + end
    body = "".join(
        joint.join([str(n), chance.name, chance.town, f"{chance.uniform(1, 90):.2f}", chance.at()]) + end
        for n in range(count)
    )
    return head + body


def _all_quoted() -> bytes:
    chance = Chance(7)
    rows = [[str(n), f"{chance.name}, {chance.town}", chance.prose(2), chance.at()] for n in range(60)]
    return "".join('"' + '","'.join(row) + '"\n' for row in [["id", "who", "text", "at"], *rows]).encode()


def _records(count: int) -> list[dict[str, object]]:
    chance = Chance(count)
    return [chance.record() | {"where": {"town": chance.town, "tags": ["a", "b"]}} for _ in range(count)]


def _packed() -> list[Sample]:
    rows = _orders(400, ",").encode()
    twice = gzip.compress(rows, mtime=0)
    chance = Chance(3)
    return [
        Sample("gzip of CSV", gzip.compress(rows, mtime=0), is_whole=_never),
        Sample("gzip of two members", twice + twice, lambda _, cut: cut != len(twice), is_whole=_never),
        Sample("bzip2 of CSV", bz2.compress(rows), is_whole=_never),
        Sample("xz of CSV", lzma.compress(rows), is_whole=_never),
        Sample("zstd of CSV", _zstd(rows, checked=False), is_whole=_never),
        Sample("zstd with checksum", _zstd(rows, checked=True), is_whole=_never),
        Sample("lz4 of CSV", media.lz4(Chance(5)), is_whole=_never),
        Sample("zip of one", tables.zipped({"orders.csv": rows}), is_whole=_never),
        Sample(
            "zip of three",
            _zip_of_three(),
            is_whole=_never,
        ),
        Sample("tar", media.tar(chance), is_whole=_zeros, known_from=512),
        Sample("tar in gzip", gzip.compress(media.tar(chance), mtime=0), is_whole=_never),
        Sample("gzip of NDJSON", gzip.compress(texts.ndjson(chance), mtime=0), is_whole=_never),
    ]


def _zip_of_three() -> bytes:
    return tables.zipped({f"{number}.csv": _orders(20 * number, ",").encode() for number in (1, 2, 3)})


def _zstd(data: bytes, *, checked: bool) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=checked).compress(data)


def _texts() -> list[Sample]:
    fixed = b"".join(b"%08d%-12s%10.2f20240501\n" % (n, Chance(n).thing.encode(), n * 1.5) for n in range(120))
    chance = Chance(11)
    return [
        Sample("CSV", _orders(150, ",").encode(), _rows(5)),
        Sample("CSV, semicolons, CRLF", _orders(150, ";", "\r\n").encode(), _rows(5)),
        Sample("CSV, cp1252", _orders(150, ";").encode("cp1252", "replace"), _rows(5, "cp1252")),
        Sample(
            "CSV, UTF-16",
            _orders(100, ",").encode("utf-16"),
            lambda data, cut: cut % 2 == 1 or _rows(5, "utf-16")(data, cut),
        ),
        Sample("CSV, all quoted", _all_quoted(), _quoted),
        Sample("fixed width", fixed, _fixed),
        Sample("NDJSON", b"".join(json.dumps(each).encode() + b"\n" for each in _records(60)), _json_line),
        Sample("JSON, array of records", json.dumps(_records(60)).encode()),
        Sample(
            "JSON, wrapped and indented", json.dumps({"data": _records(30), "next": None}, indent=2).encode() + b"\n"
        ),
        Sample("JSON, UTF-8 with BOM", json.dumps(_records(40), ensure_ascii=False).encode("utf-8-sig")),
        Sample("XML", _xml("utf-8")),
        Sample("XML, UTF-16", _xml("utf-16"), is_whole=_never),
        Sample("pg_dump", texts.pg_dump(chance), _begun(b"complete"), lambda data, cut: b"dump complete" in data[:cut]),
        Sample("mysqldump", texts.mysqldump(chance), _begun(b"Dump"), lambda data, cut: len(data) - cut < 22),
        Sample("SQLite .dump", texts.sqlite_dump(Chance(2)), lambda _, cut: cut > 60),
        Sample("T-SQL", _tsql(), _open_text),
    ]


def _xml(codec: str) -> bytes:
    chance = Chance(4)
    rows = "".join(f'<row id="{n}"><name>{chance.name}</name><town>{chance.town}</town></row>\n' for n in range(80))
    return f'<?xml version="1.0" encoding="{codec}"?>\n<rows>\n{rows}</rows>'.encode(codec)


def _tsql() -> bytes:
    chance = Chance(8)
    rows = "".join(
        f"INSERT [dbo].[T] ([Id], [Name]) VALUES ({n}, N'{chance.thing} and more')\r\nGO\r\n" for n in range(60)
    )
    return f"USE [Shop]\r\nGO\r\nCREATE TABLE [dbo].[T]([Id] [int], [Name] [nvarchar](50))\r\nGO\r\n{rows}".encode()


def _stream(*, is_file: bool) -> bytes:
    table, out = tables.arrow_table(Chance(6)), io.BytesIO()
    with (pa.ipc.new_file if is_file else pa.ipc.new_stream)(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=50)
    return out.getvalue()


def _binary() -> list[Sample]:
    chance = Chance(9)
    return [
        Sample("Parquet", tables.parquet(chance), is_whole=_never),
        Sample("ORC", tables.orc(chance), is_whole=_never),
        Sample("Arrow file", _stream(is_file=True), is_whole=_never),
        Sample("Arrow stream", _stream(is_file=False), lambda data, cut: cut < len(data) - 8, is_whole=_never),
        Sample("Avro", tables.avro(Chance(3)), _avro, is_whole=_never),
        Sample("SQLite", tables.sqlite(chance), is_whole=_never),
        Sample("xlsx", tables.xlsx(chance), is_whole=_never),
        Sample("ods", tables.ods(chance), is_whole=_never),
        Sample("xls", tables.xls(chance), nowhere, is_whole=_never),
        Sample("PNG", media.png(chance), nowhere, is_whole=_never),
        Sample("PDF", media.pdf(chance), nowhere),
        Sample("JPEG", media.jpeg(chance), nowhere, is_whole=_never),
    ]


def samples() -> list[Sample]:
    """All of them."""
    return [*_texts(), *_packed(), *_binary()]
