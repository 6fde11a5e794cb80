"""What bytes are, whatever their name says: magic numbers first, then what each text format says of itself."""

from __future__ import annotations

from headwater.formats.finding import Guess
from headwater.formats.format import Ends
from headwater.formats.table import FORMATS, WRAPPINGS


def detect(ends: Ends) -> tuple[Guess, ...]:
    """The best guess first, then the others; `empty` and `unknown` are answers too."""
    if not ends.head:
        return (Guess("empty", 1.0, ("There are no bytes.",)),)
    found = [module.recognise(ends) for module in WRAPPINGS.values()]
    found += [module.recognise(ends) for module in FORMATS.values()]
    ranked = sorted((guess for guess in found if guess is not None), key=lambda guess: -guess.confidence)
    return tuple(ranked) or (Guess("unknown", 0.0, ("No kind that is known begins like this.",)),)
