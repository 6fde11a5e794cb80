"""The corpora are what their designs say, and the detectors keep their bars on them; `tests/corpus` says more."""

from __future__ import annotations

import zlib
from functools import cache

import pytest

from headwater.formats.detect import detect
from headwater.formats.examine import ends_of
from headwater.testing.memory_ranges import MemoryRanges
from tests.corpus import judge_csv, judge_wholeness
from tests.corpus.detection import media, tables, texts
from tests.corpus.detection.words import Chance
from tests.corpus.judge_detection import ALSO
from tests.corpus.make_csv import Made, designs
from tests.corpus.wholeness.samples import samples

SIZE_BYTES_MAX = 1_500_000
CUTS = 8
SAMPLES = {sample.name: sample for sample in samples()}
MADE = tables.MAKERS | media.MAKERS | texts.MAKERS


@cache
def _cut(name: str) -> judge_wholeness.Cut:
    return judge_wholeness.judge_cuts(SAMPLES[name], CUTS)


@pytest.mark.parametrize("part", ["tune", "aside"])
def test_the_files_are_what_their_designs_make(part):
    """Each file of the dialect corpus, and its label, comes out of its design again, and no other file lies there."""
    found, pools = designs(part)
    made = {f"{design.name}.csv": Made(design, pools) for design in found}
    folder = judge_csv.HERE / part
    assert {path.name for path in folder.glob("*.csv")} == set(made)
    assert [name for name, each in made.items() if (folder / name).read_bytes() != each.data] == []
    assert judge_csv.labels(part) == [each.label() for each in made.values()]


def test_the_corpus_is_large_enough_and_small_enough():
    """There are 320 cases and more, of which 170 are set aside, and all of it takes less than 1.5 MB."""
    assert len(judge_csv.labels("aside")) >= 170
    assert len(judge_csv.labels("tune")) + len(judge_csv.labels("aside")) >= 320
    files = [path for part in ("csv", "cases") for path in judge_csv.HERE.with_name(part).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < SIZE_BYTES_MAX


@pytest.mark.parametrize("part", ["tune", "aside"])
def test_messy_delimited_files_are_read_right(part):
    """Delimiter, quote, header, encoding, columns and rows are all right for 95 of 100 files."""
    tally, _ = judge_csv.judge_ours(part)
    assert tally.percent(judge_csv.ALL) >= 95


@pytest.mark.parametrize("kind", MADE)
def test_a_kind_is_recognised_without_its_name(kind):
    """Five files of each kind are called what they are."""
    made = [MADE[kind](Chance(zlib.crc32(f"{kind} {number}".encode()))) for number in range(5)]
    assert {detect(ends_of(MemoryRanges(data)))[0].value for data in made} <= {kind, *ALSO.get(kind, ())}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.name)
def test_a_cut_file_is_never_called_proven(sample):
    """Cut at any place, a file is at best presumed to be whole; no cut breaks an examination off."""
    cut = _cut(sample.name)
    assert (cut.proven_at, cut.raised) == ([], [])


def test_where_a_cut_leaves_a_sign_it_is_seen():
    """Of all cuts that leave a sign, 98 of 100 and more make the file suspect."""
    cuts = [_cut(name) for name in SAMPLES]
    assert sum(cut.seen for cut in cuts) >= 0.98 * sum(cut.signs for cut in cuts)
