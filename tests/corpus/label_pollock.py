"""Labels the survey sample of Pollock, 97 files of open data annotated by others, so that `judge_csv` can judge by it.

`python -m tests.corpus.label_pollock FOLDER`, where FOLDER is `survey_sample` of a checkout of the benchmark; then
`python -m tests.corpus.judge_csv FOLDER/csv`. Pollock has no licence, so nothing of it stands here. Vitagliano, Hameed,
Jiang, Reisener, Wu, Naumann: Pollock, a data loading benchmark, PVLDB 16(8), 2023.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import msgspec

from tests.corpus.make_csv import FIELDS, Label, codecs_of


def label(path: Path) -> Label | None:
    """What the annotation says of one file; None where it has none."""
    told = path.parents[1] / "parameters" / f"{path.name}_parameters.json"
    clean = path.parents[1] / "clean" / path.name
    if not told.exists() or not clean.exists() or not path.stat().st_size:
        return None
    said: dict[str, Any] = msgspec.json.decode(told.read_bytes())
    data = path.read_bytes()
    text = data.decode(said["encoding"], errors="replace")
    header_rows, columns = int(said["header_lines"]), said.get("n_columns", len(said["column_names"]))
    with clean.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = sum(any(cell.strip() for cell in row) for row in csv.reader(file)) - 1  # it always has one header row
    quote = said["quotechar"]
    return Label(
        file=path.name,
        format=["csv"],
        delimiter=[said["delimiter"]] if columns > 1 else None,
        quote=["", '"'] if quote not in text or not quote else [quote],
        escape=None,
        encoding=[*codecs_of(data, text), said["encoding"]],
        skip_lines=[int(said["preamble_lines"])],
        header_rows=[header_rows],
        columns=[columns],
        rows=[rows],
        footer_rows=[int(said["footnote_lines"])],
        decidable=dict.fromkeys(FIELDS, True) | {"encoding": False},  # a program guessed it
    )


def main() -> None:
    """Writes `labels.jsonl` beside the files."""
    csv.field_size_limit(1 << 30)
    folder = Path(sys.argv[1]).resolve() / "csv"
    found = [made for path in sorted(folder.iterdir()) if path.is_file() and (made := label(path)) is not None]
    (folder / "labels.jsonl").write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in found))


if __name__ == "__main__":
    main()
