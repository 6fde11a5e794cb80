"""What is said of cut files and of sound ones: each of 40 formats and variants cut at 200 places, and real files.

No race against time, and no peer: nothing else asks whether a file is whole.
"""

from __future__ import annotations

from race import Race, arguments

from tests.corpus import judge_wholeness
from tests.corpus.wholeness.samples import samples


def main() -> None:
    """Cuts, then sound files."""
    options = arguments(__doc__)
    race = Race("wholeness")
    cuts = [judge_wholeness.judge_cuts(sample, 5 if options.quick else judge_wholeness.CUTS) for sample in samples()]
    tried = sum(cut.verdicts.total() for cut in cuts)
    race.say(
        f"proven, of {tried:,} cut files of {len(cuts)} formats and variants",
        sum(len(cut.proven_at) for cut in cuts),
        "files",
        bar=0,
    )
    race.say("broken off by an exception", sum(len(cut.raised) for cut in cuts), "files", bar=0)
    signs = sum(cut.signs for cut in cuts)
    race.say(
        f"suspect, of {signs:,} in which the cut leaves a sign",
        100 * sum(cut.seen for cut in cuts) / signs,
        "%",
        bar=99,
    )
    total, wrong = judge_wholeness.judge_sound(3 if options.quick else judge_wholeness.REAL_EACH_MAX)
    race.say(f"suspect, of {total:,} sound files", 100 * len(wrong) / total, "of 100", bar=1)


if __name__ == "__main__":
    main()
