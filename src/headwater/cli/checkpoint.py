"""`headwater checkpoint`: what to keep outside."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headwater.cli.output import as_json, emit, remark, shown
from headwater.cli.session import open_zone
from headwater.ledger.note import Checkpoint


def checkpoint(
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="Write to this file.")] = None,
) -> None:
    """Gives today's signed checkpoint. Keep it where whoever runs this cannot change it: `verify --against` it later
    shows that the ledger only grew.
    """
    with open_zone() as zone:
        note = zone.checkpoint()
    if output is not None:
        output.write_text(note)
    said = Checkpoint.parse(note.partition("\n\n")[0] + "\n")
    if as_json():
        emit({"log": said.origin, "size": said.size, "root": said.root.hex(), "checkpoint": note})
    elif output is None:
        sys.stdout.write(note)
    else:
        remark(f"{shown(str(output))}: {said.size} entries of {said.origin}")
