"""Fills the templates of the cases: `[[t:%Y-%m-%d]]` becomes a date, `[[w:de]]` a word, the same each time."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

Pools = dict[str, list[str]]

_TOKEN = re.compile(r"\[\[(\w+)(?::(.*?))?\]\]")
_BEGIN = datetime(2024, 1, 3, 6, 0, tzinfo=UTC)
_LETTERS = "lorem ipsum dolor sit amet consetetur sadipscing elitr sed diam nonumy eirmod tempor "
_SHOWN = {0x2400 + code: code for code in range(0x20)} | {0x2420: 0x20}


class Filler:
    """Fills lines of one case. Its chance is seeded with the name of the case."""

    def __init__(self, name: str, pools: Pools) -> None:
        self._chance = random.Random(zlib.crc32(name.encode()))
        self._pools = pools
        self._at = _BEGIN + timedelta(days=self._chance.randrange(300))
        self._row = 0
        self._makers: dict[str, Callable[[list[str]], str]] = {
            "i": self._number,
            "n": lambda told: str(self._chance.randint(int(told[0]), int(told[1]))),
            "f": lambda told: f"{self._amount(told):.2f}",
            "fc": lambda told: f"{self._amount(told):.2f}".replace(".", ","),
            "fu": lambda told: f"{self._amount(told):,.2f}",
            "fe": lambda told: f"{self._amount(told):,.2f}".translate({44: 46, 46: 44}),
            "fs": lambda told: f"{self._amount(told):,.2f}".translate({44: 0xA0, 46: 44}),
            "g": lambda told: f"{self._amount(told):.{told[2]}f}",
            "h": lambda told: f"{self._chance.getrandbits(4 * int(told[0])):0{int(told[0])}x}",
            "t": lambda told: self._time(":".join(told)),
            "p": lambda told: self._chance.choice(":".join(told).split("¦")),
            "w": lambda told: self._chance.choice(self._pools[told[0]]),
            "long": lambda told: (_LETTERS * (int(told[0]) // len(_LETTERS) + 1))[: int(told[0])],
        }

    def lines(self, templates: Sequence[str], times: int) -> list[str]:
        """The templates filled, `times` over."""
        made = []
        for _ in range(times):
            for template in templates:
                made.append(_TOKEN.sub(self._filled, self._wide(template)).translate(_SHOWN))
                self._row += 1
        return made

    def restart(self) -> None:
        """Counts rows anew: a new part of the file begins."""
        self._row = 0

    def _filled(self, match: re.Match[str]) -> str:
        kind, told = match[1], match[2] or ""
        return self._makers[kind](told.split(":")) if kind in self._makers else match[0]

    def _wide(self, template: str) -> str:
        columns = re.search(r"\[\[(cols|vals):(\d+):(\w+)(\W)?\]\]", template)
        if columns is None:
            return template
        count, joint = int(columns[2]), columns[4] or ("," if columns[3] in {"q", "n"} else ";")
        if columns[1] == "cols":
            return joint.join(f"{columns[3]}{number}" for number in range(1, count + 1))
        token = {"n": "[[n:0:99]]", "fc": "[[fc:0:9]]", "f": "[[f:0:9]]", "h": "[[h:3]]"}[columns[3]]
        return joint.join([token] * count)

    def _amount(self, told: list[str]) -> float:
        return self._chance.uniform(float(told[0]), float(told[1]))

    def _number(self, told: list[str]) -> str:
        first = told[0] or "1"
        return f"{int(first) + self._row:0{len(first) if first.startswith('0') and len(first) > 1 else 1}d}"

    def _time(self, pattern: str) -> str:
        self._at += timedelta(seconds=self._chance.randrange(60, 40_000))
        pattern, quoted, _ = pattern.partition("|q")
        text = self._at.strftime(pattern)
        return f'"{text}"' if quoted else text
