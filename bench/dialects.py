"""How often a messy delimited file is read right, beside the sniffers of others: the dialect corpus of `tests/corpus`.

No race against time: percentages of hand-labelled files. `aside` is the part that nobody tuned a detector on.
"""

from __future__ import annotations

from race import Race, arguments

from tests.corpus import judge_csv


def main() -> None:
    """Both parts, each with its peers."""
    options = arguments(__doc__)
    race = Race("dialects")
    for part in ("tune", "aside"):
        ours, _ = judge_csv.judge_ours(part)
        others = {} if options.quick else judge_csv.judge_peers(part)
        for measure in (judge_csv.ALL, *judge_csv.MEASURES):
            beside = ", ".join(
                f"{name} {tally.percent(measure):.0f} %" for name, tally in others.items() if measure in tally.all
            )
            bar = 95.0 if measure == judge_csv.ALL and part == "aside" else None
            race.say(
                f"{measure}, {ours.all[measure]} files, {part}",
                ours.percent(measure),
                "%",
                bar=bar,
                peer=beside or None,
            )


if __name__ == "__main__":
    main()
