"""How many files of the dialect corpus are read right: `python -m tests.corpus.judge_csv tune|aside|FOLDER`.

With `--ours` other tools are left out; `--misses` names the files that are not all right, which `aside` never does.
"""

from __future__ import annotations

import codecs
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from headwater.formats.budget import Budget
from headwater.formats.examine import examine
from headwater.formats.finding import Csv, Finding, FixedWidth
from headwater.testing.memory_ranges import MemoryRanges
from tests.corpus.make_csv import Label
from tests.corpus.peers_csv import Answers, peers

HERE = Path(__file__).parent / "csv"
MEASURES = {
    "delimiter": ("delimiter",),
    "quote": ("quote",),
    "encoding": ("encoding",),
    "header": ("skip_lines", "header_rows"),
    "columns": ("columns",),
    "rows": ("rows",),
}
"""The measures that make "all right", by the questions that they take."""

BESIDE = {"format": ("format",), "escape": ("escape",), "footer": ("footer_rows",)}
"""Measures that are said, and no part of it."""

ALL = "all right"


def labels(part: str) -> list[Label]:
    """What a person said of each file of a part, or of a folder with labels elsewhere."""
    return msgspec.json.Decoder(Label).decode_lines((HERE / part / "labels.jsonl").read_bytes())


def ours(data: bytes) -> Answers:
    """What our finding says, in the words of the labels."""
    ranges = MemoryRanges(data)
    finding = examine(ranges, lambda: Budget(64 << 20, 30, time.monotonic)).finding
    return {"format": finding.format, **_said(finding)}


def _said(finding: Finding) -> Answers:
    said: Answers = {
        "encoding": finding.encoding.name if finding.encoding else None,
        "columns": len(finding.schema[0].columns) if finding.schema else None,
        "rows": finding.rows,
    }
    dialect = finding.dialect
    if isinstance(dialect, Csv):
        return said | {
            "delimiter": dialect.delimiter,
            "quote": dialect.quote,
            "escape": dialect.escape,
            "skip_lines": dialect.skip_lines,
            "header_rows": dialect.header_rows,
            "footer_rows": dialect.footer_rows,
        }
    if isinstance(dialect, FixedWidth):
        return said | {
            "delimiter": "",
            "quote": "",
            "skip_lines": dialect.skip_lines,
            "header_rows": dialect.header_rows,
            "footer_rows": dialect.footer_rows,
        }
    return said


def is_right(label: Label, answers: Answers, question: str) -> bool | None:
    """Whether a question is answered right; None where there is nothing to judge."""
    if not label.decidable.get(question, True):
        return None
    right = getattr(label, question)
    if right is None:
        return None
    said = answers.get(question)
    if question == "encoding":
        return _codec(said) in {_codec(name) for name in right}
    return said in right


def _codec(name: object) -> str:
    try:
        return codecs.lookup(str(name)).name
    except LookupError:
        return ""


def scored(label: Label, answers: Answers, *, encoding: bool = True) -> dict[str, bool]:
    """Each measure that can be judged, and whether all are right. Without `encoding` the text was decoded for the tool."""  # noqa: E501
    found = {}
    for measure, questions in (MEASURES | BESIDE).items():
        judged = [is_right(label, answers, question) for question in questions]
        told = [each for each in judged if each is not None]
        if told and (encoding or measure != "encoding"):
            found[measure] = all(told)
    found[ALL] = all(right for measure, right in found.items() if measure in MEASURES)
    return found


class Tally:
    """How often each measure was right, of how many."""

    def __init__(self) -> None:
        self.right: dict[str, int] = {}
        self.all: dict[str, int] = {}

    def add(self, found: Mapping[str, bool]) -> None:
        """One file."""
        for measure, right in found.items():
            self.right[measure] = self.right.get(measure, 0) + right
            self.all[measure] = self.all.get(measure, 0) + 1

    def percent(self, measure: str) -> float:
        """How many were right."""
        return 100 * self.right.get(measure, 0) / self.all.get(measure, 1)

    def line(self, name: str) -> str:
        """For people."""
        shown = [*MEASURES, ALL, *BESIDE]
        cells = [f"{self.percent(each):5.1f}" if each in self.all else "    –" for each in shown]
        return f"{name:15}" + "".join(f"{cell:>11}" for cell in cells)


def judge_ours(part: str) -> tuple[Tally, list[str]]:
    """Our percentages, and each miss in words."""
    tally, misses = Tally(), []
    for label in labels(part):
        try:
            answers = ours((HERE / part / label.file).read_bytes())
        except Exception as error:  # noqa: BLE001  (a detector that raises is wrong, and the others are judged all the same)
            answers = {"format": f"{type(error).__name__}: {error}"}
        found = scored(label, answers)
        tally.add(found)
        wrong = [measure for measure, right in found.items() if not right and measure != ALL]
        told = [
            f"{question}: said {answers.get(question)!r}, is {getattr(label, question)}"
            for measure in wrong
            for question in (MEASURES | BESIDE)[measure]
            if is_right(label, answers, question) is False
        ]
        if not found[ALL] or wrong:
            misses.append(f"{label.file}{'' if found[ALL] else ' *'}: {'; '.join(told)}")
    return tally, misses


def judge_peers(part: str) -> dict[str, Tally]:
    """The percentages of the other tools."""
    tallies: dict[str, Tally] = {}
    with peers() as tools:
        for label in labels(part):
            path = HERE / part / label.file
            text = path.read_bytes().decode(label.encoding[0], errors="replace").lstrip("\ufeff")
            for name, tool in tools.items():
                answers = tool(path, text)
                found = scored(label, answers, encoding=name.startswith("DuckDB"))
                tally = tallies.setdefault(name, Tally())
                tally.add({measure: right for measure, right in found.items() if measure not in BESIDE})
    return tallies


def main() -> None:
    """Prints the table."""
    part = next((each for each in sys.argv[1:] if not each.startswith("-")), "tune")
    tally, misses = judge_ours(part)
    if "--misses" in sys.argv and part != "aside":
        print("\n".join(misses))  # noqa: T201  (what it is for)
    print(f"{part[-14:]:15}" + "".join(f"{each:>11}" for each in [*MEASURES, ALL, *BESIDE]))  # noqa: T201
    print(tally.line("ours"))  # noqa: T201
    if "--ours" not in sys.argv:
        for name, each in judge_peers(part).items():
            print(each.line(name))  # noqa: T201


if __name__ == "__main__":
    main()
