"""The arithmetic of parts."""

from __future__ import annotations

import itertools

import pytest
from awscrt.checksums import crc64nvme
from hypothesis import given
from hypothesis import strategies as st

from headwater.ports.books import Part
from headwater.stores.s3_parts import (
    PART_NUMBER_MAX,
    combined,
    contiguous,
    declared_part_bytes,
    end_of,
    is_closed,
    part_bytes,
)

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40


def _parts_of(size_bytes):
    count = 0
    while size_bytes > 0:
        count += 1
        size_bytes -= part_bytes(count)
    return count


def test_sixty_gib_of_unknown_size_fit():
    """60 GiB whose size nobody declared take 1,000 parts of 8 MiB, 1,000 of 32 MiB and 335 of 64 MiB."""
    assert _parts_of(60 * GIB) == 1000 + 1000 + 335
    assert [part_bytes(number) // MIB for number in (1, 1000, 1001, 2000, 2001, 10_000)] == [8, 8, 32, 32, 64, 64]


def test_what_fits_without_a_declared_size():
    """Without a declared size 539 GiB fit into the 10,000 parts that S3 allows."""
    assert sum(part_bytes(number) for number in range(1, PART_NUMBER_MAX + 1)) // GIB == 539


@pytest.mark.parametrize("size_bytes", [0, 1, 8 * MIB, 74 * GIB, 75 * GIB, 539 * GIB, 5 * TIB, 48 * TIB])
def test_a_declared_size_fits(size_bytes):
    """An upload of a declared size has at most 9,500 parts, each of 8 MiB to S3's 5 GiB, up to 46 TiB."""
    part = declared_part_bytes(size_bytes) or 0
    assert 8 * MIB <= part <= 5 * GIB or size_bytes > 46 * TIB
    assert -(-size_bytes // part) <= 9_500


def test_no_declared_size_is_no_part_size():
    """Where no size was declared, the number of a part decides how large it is."""
    assert declared_part_bytes(None) is None


def _row(number, offset, size_bytes=8, etag="e"):
    return Part(number, offset, size_bytes, etag, None)


@pytest.mark.parametrize(
    ("rows", "numbers"),
    [
        ([], []),
        ([_row(1, 0), _row(2, 8), _row(3, 16)], [1, 2, 3]),
        ([_row(3, 16), _row(1, 0), _row(2, 8)], [1, 2, 3]),  # in any order
        ([_row(1, 0), _row(2, 8, etag=None), _row(3, 16)], [1]),  # a gap: 2 was only taken
        ([_row(2, 8), _row(3, 16)], []),  # nothing from 0 on
        ([_row(1, 0), _row(2, 8, etag=None), _row(3, 16), _row(4, 8), _row(5, 16)], [1, 4, 5]),  # sent again by another
        ([_row(1, 0), _row(2, 8), _row(3, 8)], [1, 3]),  # twice: the later holder's
        ([_row(1, 0), _row(2, 8), _row(3, 16), _row(4, 8, 4)], [1, 2, 3]),  # what reaches farther
        ([_row(1, 0), _row(2, 8), _row(9, 16, etag=None)], [1, 2]),
        ([_row(1, 8), _row(2, 0)], [2]),  # numbers must rise with the offsets
    ],
)
def test_a_chain_has_no_gap(rows, numbers):
    """Of the rows of one or more holders those count that hold the bytes from 0 on, with rising numbers."""
    assert [row.number for row in contiguous(rows)] == numbers


def _is_chain(rows):
    return [row.offset for row in rows] == [end_of(rows[:n]) for n in range(len(rows))]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3), st.booleans()), max_size=8))
def test_a_chain_is_the_longest(rows):
    """No other choice of committed rows, in the order of their numbers, reaches farther from 0 without a gap."""
    parts = [Part(n, offset, size, "e" if sent else None) for n, (offset, size, sent) in enumerate(rows, 1)]
    sent = [part for part in parts if part.etag]
    choices = [choice for n in range(len(sent) + 1) for choice in itertools.combinations(sent, n) if _is_chain(choice)]
    chain = contiguous(parts)
    assert tuple(chain) in choices
    assert end_of(chain) == max(map(end_of, choices))


@given(st.lists(st.binary(max_size=50), max_size=8))
def test_checksums_of_parts_combine(bodies):
    """The checksums of parts add up to that of their bytes."""
    offsets = itertools.accumulate(map(len, bodies), initial=0)
    rows = [
        Part(n, offset, len(body), "e", f"{crc64nvme(body):016x}")
        for n, (offset, body) in enumerate(zip(offsets, bodies, strict=False), 1)
    ]
    assert combined(rows) == f"{crc64nvme(b''.join(bodies)):016x}"


def test_a_small_part_is_the_last():
    """A part of less than 5 MiB cannot be followed by another."""
    assert not is_closed([])
    assert not is_closed([_row(1, 0, 8 * MIB)])
    assert is_closed([_row(1, 0, 8 * MIB), _row(2, 8 * MIB, 5 * MIB - 1)])
