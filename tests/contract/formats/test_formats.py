"""What every module of `formats/` keeps to: the contract of `formats/format.py`, on sound, cut and senseless bytes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.formats.budget import Budget
from headwater.formats.examine import ends_of, examine
from headwater.formats.finding import Description, Finding
from headwater.formats.format import Ends
from headwater.formats.table import FORMATS, ROWS, WRAPPINGS
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges
from tests.contract.formats.samples import NAMES, SAMPLES, WRAPPED
from tests.contract.formats.samples import ROWS as SAMPLE_ROWS

CUTS = 60
BYTES_MAX, SECONDS_MAX = 1 << 30, 60.0


def budget() -> Budget:
    """More than any sample wants, on a clock that stands still."""
    return Budget(BYTES_MAX, SECONDS_MAX, lambda: 0.0)


def look(data: bytes, name: str = "", *, piece_bytes: int = 1 << 20) -> Finding:
    """The finding of these bytes."""
    return examine(MemoryRanges(data, piece_bytes=piece_bytes), budget, name=name).finding


def sample(name: str) -> bytes:
    """A sound sample."""
    return SAMPLES[name][1]()


def cuts(data: bytes) -> list[int]:
    """Places to cut at, spread over all, the last byte among them."""
    return sorted({1 + (len(data) - 2) * n // CUTS for n in range(CUTS)} | {len(data) - 1})


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sound_sample_is_what_it_is(name):
    """Recognised without a name; its rows and columns are counted; nothing speaks against it."""
    finding = look(sample(name))
    assert finding.format == SAMPLES[name][0], (finding.evidence, finding.alternatives)
    assert finding.wholeness.verdict is not Completeness.SUSPECT, finding.wholeness
    if name != "text":
        assert finding.rows == SAMPLE_ROWS
        (table,) = finding.schema
        assert [column.name.lower().lstrip("@") for column in table.columns] == list(NAMES)


@pytest.mark.parametrize("name", WRAPPED)
def test_what_is_wrapped_is_what_it_was(name):
    """The layer is named and proves the end; the contents are the CSV."""
    finding = look(WRAPPED[name]())
    assert [layer.format for layer in finding.layers] == [name]
    assert finding.wholeness.verdict is Completeness.PROVEN, finding.wholeness
    inner = finding.members[0].finding if finding.members else finding
    assert inner is not None
    assert (inner.format, inner.rows) == ("csv", SAMPLE_ROWS)


@pytest.mark.parametrize(("name", "make"), [*((n, SAMPLES[n][1]) for n in SAMPLES), *WRAPPED.items()])
def test_what_is_cut_is_never_proven(name: str, make: Callable[[], bytes]):
    """Wherever it was cut, nothing is raised, and nobody calls it whole."""
    data = make()
    if name == "tar":  # two empty blocks are its end; what fills up the last record is no part of it
        data = data.rstrip(b"\0")
    called = {cut: look(data[:cut]).wholeness.verdict for cut in cuts(data)}
    assert [cut for cut, verdict in called.items() if verdict is Completeness.PROVEN] == []


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("piece_bytes", [1, 7, 1000])
def test_the_size_of_pieces_changes_nothing(name, piece_bytes):
    """The same finding, however the bytes come."""
    data = sample(name)[:20_000]
    assert look(data, piece_bytes=piece_bytes) == look(data)


@pytest.mark.parametrize("name", SAMPLES)
def test_what_breaks_off_is_described_as_far_as_it_came(name):
    """`Broken` in the middle: described, and not called whole."""
    data = sample(name)
    ranges = MemoryRanges(data, breaks_at=len(data) * 2 // 3)
    described = FORMATS[SAMPLES[name][0]].describe(ranges, budget())
    assert isinstance(described, Description)
    assert described.wholeness.verdict is Completeness.SUSPECT


@pytest.mark.parametrize("name", SAMPLES)
def test_a_budget_that_is_spent_ends_it(name):
    """What was not looked at is said, and nothing is proven by it, unless the proof stands at the end alone."""
    spent = Budget(0, SECONDS_MAX, lambda: 0.0)
    described = FORMATS[SAMPLES[name][0]].describe(MemoryRanges(sample(name), piece_bytes=100), spent)
    assert not described.is_all
    assert described.unread
    assert described.wholeness.verdict is not Completeness.PROVEN or name in {"parquet", "orc", "arrow", "xlsx"}


@pytest.mark.parametrize("name", [name for name in SAMPLES if SAMPLES[name][0] in ROWS])
def test_rows_are_given_as_described(name):
    """As many rows as were counted, under the columns that were described."""
    ranges = MemoryRanges(sample(name))
    module = SAMPLES[name][0]
    described = FORMATS[module].describe(ranges, budget())
    (table,) = described.tables
    batches = list(ROWS[module].batches(ranges, described, table.name, budget()))
    assert sum(batch.num_rows for batch in batches) == SAMPLE_ROWS
    assert {tuple(batch.schema.names) for batch in batches} == {tuple(column.name for column in table.columns)}


@settings(max_examples=60)
@given(st.sampled_from([*SAMPLES, *WRAPPED]), st.data())
def test_damage_raises_nothing(name, data):
    """Bytes changed, taken out or put in anywhere: there is always a finding, and it can be written as JSON."""
    whole = bytearray(SAMPLES[name][1]() if name in SAMPLES else WRAPPED[name]())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
        if not whole:
            break
    msgspec.json.encode(look(bytes(whole)))


@given(st.binary(max_size=400), st.sampled_from(["", "a.csv", "a.json.gz", "b.xml"]))
def test_senseless_bytes_have_a_finding(data, name):
    """Whatever comes, with whatever name."""
    msgspec.json.encode(look(data, name))


@given(st.binary(max_size=200))
def test_recognising_raises_nothing(data):
    """Each module, on any bytes, alone."""
    ends = Ends(data, data[-64:], len(data))
    for recognise in [*(each.recognise for each in FORMATS.values()), *(each.recognise for each in WRAPPINGS.values())]:
        guess = recognise(ends)
        assert guess is None or 0 < guess.confidence <= 1


def test_a_finding_is_read_back_as_it_was():
    """JSON and back."""
    finding = look(sample("csv"), "orders.csv")
    assert msgspec.json.decode(msgspec.json.encode(finding), type=Finding) == finding


def test_ends_of_what_breaks_are_what_can_be_had():
    """The head as far as it goes; no tail."""
    ends = ends_of(MemoryRanges(b"abcdef", breaks_at=4))
    assert (ends.head, ends.tail, ends.size_bytes) == (b"abcd", b"", None)


def test_what_is_heavy_is_imported_where_it_is_used():
    """To import the table of formats brings in no parser."""
    code = (
        "import sys, headwater.formats.table;"
        "print(*{'pyarrow', 'fastavro', 'python_calamine', 'zstandard', 'chardet', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
