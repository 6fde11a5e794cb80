"""What bytes are, whatever their name says: magic numbers first, then what each text format says of itself."""

from __future__ import annotations

from headwater.formats.finding import Guess
from headwater.formats.format import Ends, Format, Wrapping
from headwater.formats.kinds.magic import kinds
from headwater.formats.table import FORMATS, WRAPPINGS

OTHERS_MAX = 5
"""How many guesses are kept beside the best."""


def detect(ends: Ends) -> tuple[Guess, ...]:
    """The best guess first, then the others; `empty` and `unknown` are answers too."""
    if not ends.head:
        return (Guess("empty", 1.0, ("There are no bytes.",)),)
    modules: dict[Format | Wrapping, None] = dict.fromkeys((*WRAPPINGS.values(), *FORMATS.values()))
    found = [guess for module in modules if (guess := module.recognise(ends)) is not None]
    found += kinds(ends)
    best: dict[str, Guess] = {}
    for guess in sorted(found, key=lambda guess: -guess.confidence):
        best.setdefault(guess.value, guess)
    ranked = tuple(best.values())[: OTHERS_MAX + 1]
    return ranked or (Guess("unknown", 0.0, ("No kind that is known begins like this.",)),)
