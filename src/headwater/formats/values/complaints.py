"""Problems gathered while records stream by: the first of each kind is told, the others are counted."""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.formats.finding import PROBLEMS_MAX, Problem

EXAMPLES_MAX: Final = 3
_EXAMPLE_CHARS_MAX: Final = 120


class Complaints:
    """The problems of one file, in order of first sight, one for each code and column."""

    def __init__(self) -> None:
        self._problems: dict[tuple[str, str], Problem] = {}

    def note(
        self,
        code: str,
        sentence: str,
        *,
        row: int | None = None,
        at: int | None = None,
        column: str = "",
        example: str = "",
        count: int = 1,
    ) -> None:
        """Tells it, or counts it where it was told before. The sentence speaks of the first one alone."""
        known = self._problems.get((code, column))
        examples: tuple[str, ...] = (example[:_EXAMPLE_CHARS_MAX],) if example else ()
        if known is None:
            if len(self._problems) < PROBLEMS_MAX:
                problem = Problem(str(code), sentence, count=count, column=column, row=row, at=at, examples=examples)
                self._problems[code, column] = problem
            return
        if len(known.examples) < EXAMPLES_MAX and not set(examples) <= set(known.examples):
            examples = (*known.examples, *examples)
        else:
            examples = known.examples
        self._problems[code, column] = msgspec.structs.replace(
            known, count=known.count + count, examples=examples, row=known.row if known.row is not None else row
        )

    def add_to(self, code: str, words: str) -> None:
        """Says more of the problems with a code, if there are any."""
        for key, known in self._problems.items():
            if key[0] == code:
                self._problems[key] = msgspec.structs.replace(known, sentence=f"{known.sentence} {words}")

    def problems(self) -> tuple[Problem, ...]:
        """All of them."""
        return tuple(self._problems.values())
