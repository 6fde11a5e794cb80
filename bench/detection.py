"""How often the kind of a file is recognised from its bytes alone, beside libmagic: the corpus of `tests/corpus`.

No race against time: 1,500 and more files of 80 kinds, made by their real writers where Python has them, and real ones.
"""

from __future__ import annotations

from race import Race, arguments

from tests.corpus import judge_detection


def main() -> None:
    """Once over all of them."""
    options = arguments(__doc__)
    race = Race("detection")
    figures, _, _ = judge_detection.judge(1 if options.quick else judge_detection.EACH)
    beside = None
    if "libmagic" in figures:
        kindly = figures["libmagic, kindly"]
        beside = f"libmagic {figures['libmagic']:.1f} %, and {kindly:.1f} % where it may say “text” or “data”"
    race.say(
        f"recognised, of {figures['files']:,} files of {figures['kinds']} kinds",
        figures["ours"],
        "%",
        bar=99.5,
        peer=beside,
    )


if __name__ == "__main__":
    main()
