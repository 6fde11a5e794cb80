"""Twelve files and what `headwater inspect` writes of each: makes docs/how-to/inspect.md.

.venv/bin/python -m tests.end_to_end.letters > docs/how-to/inspect.md
"""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.contract.formats import samples

DUMPS = Path(__file__).resolve().parent.parent / "data" / "dumps"
COLUMNS = "110"

INTRODUCTION = """# What is this file?

`headwater inspect` looks at any file, or at any delivery by its id, and writes what it found like a good doctor: what
it is, whether it is whole, how it is written, what is in it, what looks wrong and what to tell the sender, and how to
read it. A file needs no home; a finding of a delivery is made by the server after landing, and never in its way.

`--json` gives the same to programs, `--engine polars` another engine's call, `--no-samples` shows no values. The exit
code is 1 where there is a sign that not all of it is here. [The reference](../reference/findings.md) has each field and
each problem.

Twelve files follow, with what is written of them. A test makes them again and compares.
"""


def german_csv() -> bytes:
    """A report out of an old system: a title, semicolons, decimal commas, cp1252, a trailer that counts."""
    rows = [("4711", "Müller & Söhne", "1.250,50", "03.11.2026"), ("4712", "Bäckerei Groß", "87,00", "04.11.2026")]
    rows += [(str(4713 + n), f"Kunde {n}", f"{n * 7},25", f"{5 + n:02d}.11.2026") for n in range(12)]
    lines = ["Umsatzliste Filiale Köln", "Stand: 30.11.2026", "", "Nr;Kunde;Betrag;Datum"]
    lines += [";".join(row) for row in rows] + [f"ANZAHL;{len(rows)}"]
    return ("\r\n".join(lines) + "\r\n").encode("cp1252")


def cut_csv() -> bytes:
    """The sender's disk was full."""
    return samples.csv()[:1500]


def wrapped_json() -> bytes:
    """What an API answers."""
    return json.dumps({"status": "ok", "data": samples.records(), "next": None}, indent=2).encode()


def broken_ndjson() -> bytes:
    """One line is not JSON."""
    lines = samples.ndjson().splitlines()
    lines[7] = b'{"id": 1007, "name": "Kunde 7", "amount": NaN, "day": "2026-11-08"}'
    lines[9] = lines[9][:-8]
    return b"\n".join(lines) + b"\n"


def bundle() -> bytes:
    """A zip with a table, a picture and a name that would climb out."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (
            ("orders.csv", samples.csv()),
            ("events.ndjson", samples.ndjson()),
            ("logo.png", b"\x89PNG\r\n\x1a\n" + bytes(60)),
            ("../../etc/cron.d/job", b"* * * * * root true\n"),
        ):
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 30, 9, 0, 0)), data)
    return sink.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "umsatz.csv": german_csv,
    "orders.csv": cut_csv,
    "terminal.dat": samples.fixed_width,
    "events.ndjson": broken_ndjson,
    "answer.json": wrapped_json,
    "feed.xml": samples.xml,
    "orders.parquet": samples.parquet,
    "backup.sql": (DUMPS / "pg_copy.sql").read_bytes,
    "shop.sqlite": samples.sqlite,
    "orders.xlsx": samples.xlsx,
    "prices.csv": lambda: gzip.compress(samples.csv(), mtime=0)[:-8],
    "bundle.zip": bundle,
}

ABOUT = {
    "backup.sql": "What pg_dump wrote of a small shop.",
    "prices.csv": "Called CSV, but gzip, and cut before its check sum.",
}


def letter(folder: Path, name: str, data: bytes) -> str:
    """What the command writes, with its exit code where it is not 0."""
    (folder / name).write_bytes(data)
    program = Path(sys.executable).with_name("headwater")
    done = subprocess.run(
        [program, "inspect", name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"COLUMNS": COLUMNS, "HEADWATER_HOME": str(folder / "none")},
    )
    lines = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
    return "\n".join([*lines, *([f"(exit code {done.returncode})"] if done.returncode else [])]).strip("\n")


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    with tempfile.TemporaryDirectory() as folder:
        for name, make in FILES.items():
            told = ABOUT.get(name) or (make.__doc__ or "").strip().splitlines()[0]
            text = letter(Path(folder), name, make())
            parts.append(f"## {name}\n\n{told}\n\n```\n$ headwater inspect {name}\n{text}\n```\n")
    return "\n".join(parts).replace("\n\n\n", "\n\n")


if __name__ == "__main__":
    sys.stdout.write(page())
