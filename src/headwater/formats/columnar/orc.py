"""ORC (Apache ORC specification, v1): the tail and nothing else: postscript, footer, stripes, statistics."""

from __future__ import annotations

import zlib
from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.columnar.arrow_schema import schema_problems
from headwater.formats.columnar.avro_rows import snappy
from headwater.formats.columnar.orc_schema import columns_of
from headwater.formats.columnar.protobuf import Fields, Malformed, fields_of, number, texts
from headwater.formats.finding import Columnar, Description, Guess, Problem, Table, Wholeness
from headwater.formats.format import TAIL_BYTES, Ends
from headwater.formats.layers import lz4_block
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

MAGIC: Final = b"ORC"
FOOTER_BYTES_MAX: Final = 64 * 1024 * 1024

_CODECS: Final = ("none", "zlib", "snappy", "lzo", "lz4", "zstd", "brotli")
_UNPACKED_HERE: Final = frozenset({0, 1, 2, 4, 5})
_BLOCK_BYTES_MAX: Final = 64 * 1024 * 1024
_WRITERS: Final = ("ORC Java", "ORC C++", "Presto", "Scritchley Go", "Trino", "CUDF")


def recognise(ends: Ends) -> Guess | None:
    """By its magic number at the beginning, with a postscript at the end or no end known."""
    head, tail = ends.head, ends.tail
    if head.startswith(MAGIC):
        ends_so = len(tail) > 1 and tail[-1] <= len(tail) - 1 and tail[-4:-1] == MAGIC
        if ends_so:
            return Guess("orc", 1.0, ("It begins and ends with the mark of ORC.",))
        is_text = all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head[:64])  # noqa: PLR2004  (ASCII that prints)
        return None if is_text else Guess("orc", 0.9, ("It begins with the mark of ORC.",))
    return None


def describe(ranges: Ranges, budget: Budget) -> Description:
    """See `Format.describe`. At most four requests, whatever the size."""
    try:
        return _described(ranges, budget)
    except Broken as broken:
        return _suspect(broken.sentence)


def _described(ranges: Ranges, budget: Budget) -> Description:  # noqa: PLR0911  (each fault ends it)
    size_bytes = ranges.size_bytes
    if size_bytes is None:
        return _suspect("The end of the ORC file, where its footer stands, cannot be reached.")
    tail_bytes = min(TAIL_BYTES, size_bytes)
    tail = budget.read(ranges, size_bytes - tail_bytes, tail_bytes)
    script_bytes = tail[-1] if tail else 0
    try:
        script = fields_of(tail[-1 - script_bytes : -1])
    except Malformed:
        script = {}
    if script_bytes >= len(tail) or texts(script, 8000) != [MAGIC]:
        return _suspect("The file ends without the mark of ORC and without its footer: it is cut.")
    footer_bytes, metadata_bytes, codec = number(script, 1), number(script, 5), number(script, 2)
    footer_at = size_bytes - 1 - script_bytes - footer_bytes
    stripes_end = footer_at - metadata_bytes
    if stripes_end < len(MAGIC):
        return _suspect(
            "The footer of the ORC file would be larger than the file: bytes are missing or damaged.",
            Problem("damaged_footer", "The footer states a length that cannot be."),
        )
    if footer_bytes > FOOTER_BYTES_MAX:
        reason = f"Its footer has {footer_bytes:,} bytes; more than 64 MiB are not read."
        return Description(Wholeness(Completeness.PRESUMED, (reason,)), Columnar(), is_all=False, unread=reason)
    if codec not in _UNPACKED_HERE:
        reason = f"Its footer is compressed with codec {codec}, which is not unpacked here."
        return Description(Wholeness(Completeness.PRESUMED, (reason,)), Columnar(), is_all=False, unread=reason)
    packed = budget.read(ranges, footer_at, footer_bytes)
    try:
        footer = fields_of(_unpacked(packed, codec, min(number(script, 3), _BLOCK_BYTES_MAX)))
        return _read(footer, codec, stripes_end)
    except (Malformed, ValueError) as error:
        return _suspect(
            "The footer of the ORC file, without which nothing of it can be read, is damaged.",
            Problem("damaged_footer", f"The footer cannot be read. {error}".strip(), at=footer_at),
        )


def _read(footer: Fields, codec: int, stripes_end: int) -> Description:
    """What the footer says. Raises Malformed."""
    columns = columns_of(footer)
    rows, content_end = number(footer, 6), number(footer, 2)
    fault = _fault(footer, stripes_end)
    if not fault and content_end and content_end > stripes_end:
        fault = f"The footer states {content_end:,} bytes of contents; {stripes_end:,} are there."
    sentence = "The ORC file has its mark at the end, and all stripes that its footer names lie inside."
    verdict = Completeness.SUSPECT if fault else Completeness.PROVEN
    problems = [*schema_problems(column.name for column in columns)]
    if fault:
        problems.append(Problem("damaged_footer", fault))
    is_encrypted = bool(footer.get(10))
    if is_encrypted:
        problems.append(Problem("encrypted", "Columns of the ORC file are encrypted; they need their keys."))
    writer = number(footer, 9)
    version = (texts(footer, 12) or [b""])[-1].decode("utf-8", "replace")
    created_by = f"{_WRITERS[writer] if writer < len(_WRITERS) else 'ORC'} {version}".strip()
    return Description(
        Wholeness(verdict, (fault or sentence,)),
        Columnar(
            created_by,
            "",
            len(texts(footer, 3)),
            (_CODECS[codec],) if 0 < codec < len(_CODECS) else (),
            is_encrypted=is_encrypted,
        ),
        tables=(Table("", columns, rows, "stated"),),
        problems=tuple(problems),
        is_all=False,
        unread="The values were not read, only the footer that describes them.",
    )


def _fault(footer: Fields, stripes_end: int) -> str:
    """What is wrong with the stripes; "" where all lie inside and have the rows stated. Raises Malformed."""
    rows = 0
    for place, data in enumerate(texts(footer, 3), 1):
        stripe = fields_of(data)
        start, sizes = number(stripe, 1), [number(stripe, field) for field in (2, 3, 4)]
        if not start <= start + sum(sizes) <= stripes_end:
            return f"Stripe {place:,} would lie outside of the file."
        rows += number(stripe, 5)
    if rows != number(footer, 6):
        return f"Its stripes have {rows:,} rows together, and the footer states {number(footer, 6):,}."
    return ""


def _unpacked(data: bytes, codec: int, block_bytes: int) -> bytes:
    """The footer without its compression, chunk by chunk. Raises ValueError."""
    if codec == 0:
        return data
    parts: list[bytes] = []
    at, total = 0, 0
    while at < len(data):
        head = int.from_bytes(data[at : at + 3], "little")
        size_bytes = head >> 1
        chunk = data[at + 3 : at + 3 + size_bytes]
        if len(chunk) < size_bytes or not size_bytes:
            raise Malformed
        parts.append(chunk if head & 1 else _unpack(chunk, codec, block_bytes))
        total += len(parts[-1])
        if total > FOOTER_BYTES_MAX:
            raise ValueError("It unpacks to more than 64 MiB.")
        at += 3 + size_bytes
    return b"".join(parts)


def _unpack(chunk: bytes, codec: int, block_bytes: int) -> bytes:
    name = _CODECS[codec] if codec < len(_CODECS) else ""
    if name == "zlib":
        try:
            return zlib.decompressobj(-15).decompress(chunk, block_bytes or _BLOCK_BYTES_MAX)
        except zlib.error as error:
            raise ValueError(str(error)) from None
    if name == "zstd":
        import zstandard  # noqa: PLC0415  (heavy)

        try:
            reader = zstandard.ZstdDecompressor(max_window_size=_BLOCK_BYTES_MAX).stream_reader(chunk)
            return reader.read(block_bytes or _BLOCK_BYTES_MAX)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from None
    if name == "snappy":
        return snappy(chunk)
    return lz4_block.unpacked(chunk, block_bytes or _BLOCK_BYTES_MAX)


def _suspect(reason: str, *problems: Problem) -> Description:
    return Description(
        Wholeness(Completeness.SUSPECT, (reason,)),
        Columnar(),
        problems=problems,
        is_all=False,
        unread="Without its footer nothing of it can be read.",
    )
