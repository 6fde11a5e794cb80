"""Fuzzing what looks into deliveries: a target for each format and each wrapping, and for the whole path of a finding.

An input is a string of bytes that chooses: a sound file of the target's kind which is cut, or changed in places, or
noise. Whatever the bytes: no exception but Broken, an end within seconds, memory under a limit, and no cut that is
called proven. README.md beside this file says how it is run.
"""

from __future__ import annotations

import argparse
import random
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from headwater.formats.budget import Budget
from headwater.formats.detect import detect
from headwater.formats.examine import ends_of, examine
from headwater.formats.finding import Wholeness
from headwater.formats.table import FORMATS, ROWS, WRAPPINGS
from headwater.ports.ranges import Broken
from headwater.terms import Completeness
from headwater.testing.memory_ranges import MemoryRanges
from tests.fuzz.seeds import seeds

INPUT_BYTES_MAX = 2048
CASE_SECONDS_MAX = 30
MEMORY_BYTES_MAX = 3 * 1024**3  # of addresses: pyarrow and its kin map much that they never touch
BUDGET_BYTES, BUDGET_SECONDS = 64 * 1024 * 1024, 10.0
PIECES = [1 << 20, 1 << 20, 4096, 100, 7]
NUMBERS = [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"]
MARKS = [b"[", b"{", b'"', b"<", b"\n", b"\0", b"\\", b"'", b",", b"\xff"]
TARGETS = ["examine", *FORMATS, *WRAPPINGS]


class Choices:
    """Bytes that choose, until they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_over(self) -> bool:
        """Whether all were used."""
        return self._at >= len(self._data)

    def number(self, below: int = 256) -> int:
        """A number below another; 0 after the last byte."""
        size = 1 if below <= 256 else 4
        chosen = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(chosen, "big") % below if below else 0

    def one(self, of: Sequence[bytes]) -> bytes:
        """One of these."""
        return of[self.number(len(of))]

    def rest(self) -> bytes:
        """All that is left."""
        rest = self._data[self._at :]
        self._at = len(self._data)
        return rest


class Target:
    """One of what is fuzzed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._seeds = seeds(name) or [b""]

    def run(self, data: bytes) -> None:
        """One case. AssertionError where something is not as it must be."""
        choices = Choices(data)
        piece_bytes = PIECES[choices.number(len(PIECES))]
        match choices.number(8):
            case 0:
                self._look(choices.rest(), piece_bytes)
            case 1 | 2:
                sound = choices.one(self._seeds)
                cut = sound[: choices.number(max(1, len(sound.rstrip(b"\0\r\n ")) - 1))]
                if cut and sound[len(cut) :].startswith(sound[:4]):
                    return  # between two parts of a compression: each is whole by itself
                for verdict in self._look(cut, piece_bytes):
                    assert verdict.verdict is not Completeness.PROVEN, f"{len(cut)} of {len(sound)} bytes are proven"
            case 3:
                sound = choices.one(self._seeds)
                ranges = MemoryRanges(sound, piece_bytes=piece_bytes, breaks_at=choices.number(len(sound) + 1))
                self._look_at(ranges)
            case _:
                self._look(changed(choices.one(self._seeds), choices, self._seeds), piece_bytes)

    def _look(self, data: bytes, piece_bytes: int) -> list[Wholeness]:
        return list(self._look_at(MemoryRanges(data, piece_bytes=piece_bytes)))

    def _look_at(self, ranges: MemoryRanges) -> list[Wholeness]:
        ends = ends_of(ranges)
        if self.name == "examine":
            detect(ends)
            return [examine(ranges, budget).finding.wholeness]
        module = (FORMATS | WRAPPINGS)[self.name]
        module.recognise(ends)
        if self.name in WRAPPINGS:
            opened = WRAPPINGS[self.name].open(ranges, budget())
            for contents in filter(None, [opened.contents, *(member.contents for member in opened.members)]):
                drain(contents.stream())
            return [opened.wholeness]
        described = FORMATS[self.name].describe(ranges, budget())
        if self.name in ROWS:
            for table in described.tables[:3]:
                drain(ROWS[self.name].batches(ranges, described, table.name, budget()))
        return [described.wholeness]


def drain(pieces: Iterator[object]) -> None:
    """Reads it to its end, or to where it is broken."""
    try:
        for number, _ in enumerate(pieces):
            if number > 1000:
                return
    except Broken:
        return


def changed(data: bytes, choices: Choices, others: Sequence[bytes]) -> bytes:
    """A file with places that are other than they were."""
    found = bytearray(data)
    for _ in range(64):
        if choices.is_over or not found:
            break
        at = choices.number(len(found))
        match choices.number(7):
            case 0:
                found[at] = choices.number()
            case 1:
                found[at] ^= 1 << choices.number(8)
            case 2:
                del found[at : at + choices.number(64)]
            case 3:
                found[at:at] = found[at : at + choices.number()]
            case 4:
                other = choices.one(others)
                begin = choices.number(len(other) + 1)
                found[at:at] = other[begin : begin + choices.number(64)]
            case 5:
                found[at : at + 4] = choices.one(NUMBERS)
            case _:
                found[at:at] = choices.one(MARKS) * choices.number(40)
    return bytes(found)


def budget() -> Budget:
    """What a case may read."""
    return Budget(BUDGET_BYTES, BUDGET_SECONDS, time.monotonic)


def main() -> int:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("cases", nargs="*", type=Path, help="run these cases again, and no others")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--atheris", action="store_true", help="guided by what inputs reach; must be installed")
    options = parser.parse_args()
    target = Target(options.target)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    if options.atheris:
        return _guided(target.run, options.seconds)
    signal.signal(signal.SIGALRM, _too_long)
    for case in options.cases:
        target.run(case.read_bytes())
    chance, count, end = random.Random(options.seed), 0, time.monotonic() + options.seconds
    while not options.cases and time.monotonic() < end:
        data = chance.randbytes(chance.randrange(INPUT_BYTES_MAX))
        signal.alarm(CASE_SECONDS_MAX)
        try:
            target.run(data)
        except BaseException:
            Path(f"{options.target}.bin").write_bytes(data)
            raise
        count += 1
    signal.alarm(0)
    sys.stdout.write(f"{options.target}: {count:,} runs, nothing found\n")
    return 0


def _too_long(number: int, frame: FrameType | None) -> None:
    raise AssertionError(f"a case takes more than {CASE_SECONDS_MAX} s")


def _guided(run: Callable[[bytes], None], seconds: int) -> int:
    import atheris  # noqa: PLC0415 - installed for a run, and for nothing else

    atheris.instrument_all()
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}", "-timeout=60", "-len_control=0"], run
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
