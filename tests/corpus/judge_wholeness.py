"""What is said of cut files, and of sound ones: `python -m tests.corpus.judge_wholeness [--cuts N] [--misses]`.

Each sample is cut at 200 places, chosen by chance but the same each time. None may be called proven; where the format
leaves a sign there, suspect is right. Sound real files must almost never be suspect.
"""

from __future__ import annotations

import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from headwater.formats.budget import Budget
from headwater.formats.examine import examine
from headwater.formats.finding import Wholeness
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges
from tests.corpus.detection import media, real, tables, texts
from tests.corpus.detection.words import Chance
from tests.corpus.judge_csv import HERE, labels
from tests.corpus.wholeness.samples import Sample, samples

CUTS = 200
REAL_EACH_MAX = 150
UNSOUND = {"nul_padded_end", "ragged_short_rows", "short_rows_many", "header_record_trailer_record", "footer_row_count"}
"""Files of the dialect corpus that are whole, but where a person would ask the sender."""

DATA_SUFFIXES = {
    ".csv",
    ".json",
    ".xml",
    ".parquet",
    ".orc",
    ".gz",
    ".tsv",
    ".jsonl",
    ".avro",
    ".zip",
    ".svg",
    ".xlsx",
    ".bz2",
}


def wholeness(data: bytes) -> Wholeness:
    """What we say of these bytes."""
    return examine(MemoryRanges(data), lambda: Budget(64 << 20, 30, time.monotonic)).finding.wholeness


@dataclass
class Cut:
    """What became of the cuts of one sample."""

    sample: str
    verdicts: Counter[Completeness] = field(default_factory=Counter)
    signs: int = 0
    seen: int = 0
    proven_at: list[int] = field(default_factory=list)
    unseen_at: list[int] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)


def judge_cuts(sample: Sample, cuts: int) -> Cut:
    """Cuts it, and counts."""
    chance = Chance(zlib.crc32(sample.name.encode()))
    places = chance.sample(range(1, len(sample.data)), min(cuts, len(sample.data) - 1))
    cut = Cut(sample.name)
    for place in sorted(places):
        if sample.is_whole(sample.data, place):
            continue
        try:
            verdict = wholeness(sample.data[:place]).verdict
        except Exception as error:  # noqa: BLE001  (a parser that raises is named, and the others are judged all the same)
            cut.raised.append(f"{place}: {type(error).__name__}: {error}"[:200])
            continue
        cut.verdicts[verdict] += 1
        if verdict is Completeness.PROVEN:
            cut.proven_at.append(place)
        if place >= sample.known_from and sample.leaves_sign(sample.data, place):
            cut.signs += 1
            cut.seen += verdict is Completeness.SUSPECT
            cut.unseen_at += [] if verdict is Completeness.SUSPECT else [place]
    return cut


def sound(real_each_max: int = REAL_EACH_MAX) -> Iterator[tuple[str, bytes]]:
    """Sound files: the corpora's, and what the machine has."""
    for part in ("tune", "aside"):
        for label in labels(part):
            if all(label.decidable.values()) and label.file[:-4] not in UNSOUND:
                yield f"{part}/{label.file}", (HERE / part / label.file).read_bytes()
    for sample in samples():
        yield sample.name, sample.data
    for kind, make in (tables.MAKERS | media.MAKERS | texts.MAKERS).items():
        for number in range(3):
            yield f"made {kind} {number}", make(Chance(zlib.crc32(f"{kind} {number}".encode())))
    yield from _real(real_each_max)


def _real(each_max: int) -> Iterator[tuple[str, bytes]]:
    found: dict[str, list[Path]] = {}
    for place in real.PLACES:
        for path in sorted(place.rglob("*.*"))[: real.WALK_MAX] if place.exists() else ():
            is_sound = path.suffix in DATA_SUFFIXES and "bad" not in path.name
            if is_sound and path.is_file() and 100 < path.stat().st_size < 2_000_000:
                found.setdefault(path.suffix, []).append(path)
    for paths in found.values():
        for path in Chance(1).sample(paths, min(each_max, len(paths))):
            yield str(path), path.read_bytes()


def judge_sound(real_each_max: int = REAL_EACH_MAX) -> tuple[int, list[str]]:
    """How many were looked at, and which were suspect, and why."""
    total, wrong = 0, []
    for name, data in sound(real_each_max):
        total += 1
        try:
            found = wholeness(data)
        except Exception as error:  # noqa: BLE001  (as above)
            wrong.append(f"{name}: {type(error).__name__}: {error}"[:300])
            continue
        if found.verdict is Completeness.SUSPECT:
            reasons = " ".join(found.reasons)
            wrong.append(f"{name}: {reasons}"[:300] if not name.startswith("aside/") else "(set aside)")
    return total, wrong


def main() -> None:
    """Prints a table, and sums."""
    cuts = int(sys.argv[sys.argv.index("--cuts") + 1]) if "--cuts" in sys.argv else CUTS
    print(f"{'sample':30}{'proven':>8}{'presumed':>10}{'suspect':>9}{'signs':>7}{'seen':>7}")  # noqa: T201
    judged = [judge_cuts(sample, cuts) for sample in samples()]
    for cut in judged:
        counts = [cut.verdicts[each] for each in (Completeness.PROVEN, Completeness.PRESUMED, Completeness.SUSPECT)]
        print(f"{cut.sample:30}{counts[0]:8}{counts[1]:10}{counts[2]:9}{cut.signs:7}{cut.seen:7}")  # noqa: T201
        if "--misses" in sys.argv:
            for told, places in (("proven", cut.proven_at), ("not seen", cut.unseen_at), ("raised", cut.raised)):
                if places:
                    print(f"    {told} at {places[:12]}")  # noqa: T201
    signs = sum(cut.signs for cut in judged)
    print(f"proven: {sum(len(cut.proven_at) for cut in judged)}; raised: {sum(len(cut.raised) for cut in judged)}")  # noqa: T201
    print(f"seen where a sign is left: {100 * sum(cut.seen for cut in judged) / max(signs, 1):.2f} % of {signs}")  # noqa: T201
    total, wrong = judge_sound()
    print(f"sound files falsely suspect: {len(wrong)} of {total}, {100 * len(wrong) / total:.2f} %")  # noqa: T201
    if "--misses" in sys.argv:
        print("\n".join(wrong))  # noqa: T201


if __name__ == "__main__":
    main()
