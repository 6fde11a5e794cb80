"""The parts of a multipart upload: how large the n-th is, and what a row of them adds up to. Pure.

Amazon S3 User Guide, "Multipart upload limits": 10,000 parts of 5 MiB to 5 GiB, the last one of any size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from awscrt.checksums import combine_crc64nvme

from headwater.ports.books import Part

PART_BYTES = 8 << 20
PART_NUMBER_MAX = 10_000
_DECLARED_PARTS_MAX = 9_500  # the rest is for numbers that a crash took
_PART_BYTES_MIN = 5 << 20
_GROWTH = ((1_000, PART_BYTES), (2_000, 32 << 20), (PART_NUMBER_MAX, 64 << 20))


def declared_part_bytes(size_bytes: int | None) -> int | None:
    """How large each part is where the upload's size was declared; None where it was not."""
    return None if size_bytes is None else max(PART_BYTES, -(-size_bytes // _DECLARED_PARTS_MAX))


def part_bytes(number: int) -> int:
    """How large the part of this number is where no size was declared: an upload of 539 GiB has room."""
    return next(size_bytes for last, size_bytes in _GROWTH if number <= last)


def contiguous(rows: Iterable[Part]) -> list[Part]:
    """Of the committed parts those that hold the bytes from 0 on without a gap, as far as they reach, by number.

    Numbers rise with the offsets. Where two holders of an upload sent the same bytes, the later one's part counts.
    """
    ways: dict[int, _Way | None] = {0: None}
    for row in sorted(rows, key=lambda row: row.number):
        if row.etag is not None and row.offset in ways:
            ways[row.offset + row.size_bytes] = _Way(row, ways[row.offset])
    way = ways[max(ways)]
    chain = []
    while way is not None:
        chain.append(way.last)
        way = way.before
    return chain[::-1]


class _Way(NamedTuple):
    """A row of parts from 0 on, by its last one."""

    last: Part
    before: _Way | None


def is_closed(chain: Sequence[Part]) -> bool:
    """Whether the last part is too small to be followed by another: it was sent by a commit."""
    return bool(chain) and chain[-1].size_bytes < _PART_BYTES_MIN


def end_of(chain: Sequence[Part]) -> int:
    """How many bytes a contiguous row of parts holds."""
    return chain[-1].offset + chain[-1].size_bytes if chain else 0


def combined(chain: Iterable[Part]) -> str:
    """The CRC-64/NVME of the bytes of all these parts, from those of each."""
    crc = 0
    for part in chain:
        crc = combine_crc64nvme(crc, int(part.crc64nvme or "", 16), part.size_bytes)
    return f"{crc:016x}"
