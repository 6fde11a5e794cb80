"""Parquet (apache/parquet-format 2.11): the footer and nothing else, so that the size of a file does not matter."""

from __future__ import annotations

from typing import Final

from headwater.formats.budget import Budget
from headwater.formats.columnar.parquet_footer import Footer, read_footer
from headwater.formats.columnar.thrift import Malformed
from headwater.formats.finding import Columnar, Description, Guess, Problem, Table, Wholeness
from headwater.formats.format import TAIL_BYTES, Ends
from headwater.ports.ranges import Broken, Ranges
from headwater.terms import Completeness

MAGIC: Final = b"PAR1"
ENCRYPTED: Final = b"PARE"
FOOTER_BYTES_MAX: Final = 64 * 1024 * 1024

_END_BYTES: Final = 8
_PAGE_HEAD_BYTES: Final = 64


def recognise(ends: Ends) -> Guess | None:
    """By its magic number; at the end alone where the beginning is damaged."""
    if ends.head.startswith((MAGIC, ENCRYPTED)):
        return Guess("parquet", 1.0, ("It begins with the mark of Parquet.",))
    if ends.tail.endswith((MAGIC, ENCRYPTED)) and len(ends.tail) > _END_BYTES:
        length = int.from_bytes(ends.tail[-_END_BYTES:-4], "little")
        if 0 < length < (ends.size_bytes or 0):
            return Guess("parquet", 0.9, ("It ends with the mark of Parquet; the one at the beginning is missing.",))
    return None


def describe(ranges: Ranges, budget: Budget) -> Description:
    """See `Format.describe`. At most five requests, whatever the size."""
    try:
        return _described(ranges, budget)
    except Broken as broken:
        return _suspect(broken.sentence)


def _described(ranges: Ranges, budget: Budget) -> Description:
    size_bytes = ranges.size_bytes
    if size_bytes is None:
        return _suspect("The end of the Parquet file, where its footer stands, cannot be reached.")
    head = budget.read(ranges, 0, len(MAGIC))
    tail_bytes = min(TAIL_BYTES, size_bytes)
    tail = budget.read(ranges, size_bytes - tail_bytes, tail_bytes)
    mark = tail[-4:]
    if mark not in {MAGIC, ENCRYPTED} or size_bytes < _END_BYTES + len(MAGIC):
        return _suspect("The file ends without the mark of Parquet and without its footer: it is cut.")
    footer_bytes = int.from_bytes(tail[-_END_BYTES:-4], "little")
    footer_at = size_bytes - _END_BYTES - footer_bytes
    if footer_at < len(MAGIC):
        return _suspect(
            f"Its footer would have {footer_bytes:,} bytes, more than the whole file: bytes are missing or damaged.",
            Problem("damaged_footer", "The footer states a length that cannot be.", at=size_bytes - _END_BYTES),
        )
    if mark == ENCRYPTED:
        return _encrypted(head)
    return _with_footer(ranges, budget, head, tail, footer_at)


def _with_footer(ranges: Ranges, budget: Budget, head: bytes, tail: bytes, footer_at: int) -> Description:
    footer_bytes = int.from_bytes(tail[-_END_BYTES:-4], "little")
    if footer_bytes > FOOTER_BYTES_MAX:
        reason = f"Its footer has {footer_bytes:,} bytes; more than 64 MiB are not read."
        return Description(Wholeness(Completeness.PRESUMED, (reason,)), Columnar(), is_all=False, unread=reason)
    footer = tail[-_END_BYTES - footer_bytes : -_END_BYTES]
    if len(footer) < footer_bytes:
        footer = budget.read(ranges, footer_at, footer_bytes)
    try:
        return _read(ranges, budget, read_footer(footer, footer_at, budget), head)
    except Malformed as error:
        return _suspect(
            "The footer of the Parquet file, without which nothing of it can be read, is damaged.",
            Problem("damaged_footer", f"The footer cannot be read: {error}.", at=footer_at + error.at),
        )


def _read(ranges: Ranges, budget: Budget, footer: Footer, head: bytes) -> Description:
    problems = list(footer.problems())
    reasons: list[str] = []
    if head != MAGIC:
        reasons.append("The first bytes are not those of a Parquet file.")
    if footer.fault:
        reasons.append(footer.fault)
        problems.append(Problem("damaged_footer", footer.fault))
    if footer.is_encrypted:
        problems.append(Problem("encrypted", "Columns of the Parquet file are encrypted; they need their keys."))
    checks = ""
    if footer.first_page_at is not None and not reasons:
        checks = _page_checks(budget.read(ranges, footer.first_page_at, _PAGE_HEAD_BYTES))
    if reasons:
        wholeness = Wholeness(Completeness.SUSPECT, tuple(reasons))
    else:
        parts = "all parts that its footer names lie inside" if footer.is_all else "not all its parts were checked"
        sentence = f"The Parquet file has its marks at both ends, and {parts}."
        wholeness = Wholeness(Completeness.PROVEN, (sentence + checks,))
    dialect = Columnar(
        footer.created_by, str(footer.version), footer.groups, tuple(footer.codecs), is_encrypted=footer.is_encrypted
    )
    unread = "The values were not read, only the footer that describes them."
    return Description(
        wholeness,
        dialect,
        tables=(Table("", footer.columns(), footer.rows, "stated"),),
        problems=tuple(problems),
        is_all=False,
        unread=unread,
    )


def _page_checks(head: bytes) -> str:
    """Whether the header of the first page (Thrift's compact protocol) has the field of a checksum, the fourth."""
    at, field = 0, 0
    for _ in range(4):
        if at >= len(head) or head[at] & 0x0F != 5 or not head[at] >> 4:  # noqa: PLR2004  (a 32-bit integer)
            return ""
        field += head[at] >> 4
        if field == 4:  # noqa: PLR2004  (PageHeader.crc)
            return " Its pages carry checksums."
        at += 1
        while at < len(head) and head[at] & 0x80:
            at += 1
        at += 1
    return ""


def _encrypted(head: bytes) -> Description:
    reason = "The Parquet file is encrypted: it has its mark at the end, and nothing more can be checked."
    return Description(
        Wholeness(Completeness.PRESUMED if head == ENCRYPTED else Completeness.SUSPECT, (reason,)),
        Columnar(is_encrypted=True),
        problems=(Problem("encrypted", "The Parquet file is encrypted; without its keys nobody can read it."),),
        is_all=False,
        unread="It is encrypted.",
    )


def _suspect(reason: str, *problems: Problem) -> Description:
    return Description(
        Wholeness(Completeness.SUSPECT, (reason,)),
        Columnar(),
        problems=problems,
        is_all=False,
        unread="Without its footer nothing of it can be read.",
    )
