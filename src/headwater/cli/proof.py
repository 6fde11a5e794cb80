"""`headwater proof`: what an auditor takes away."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from headwater.cli.output import as_json, emit, say, shown
from headwater.cli.session import open_zone


def proof(
    id: str,
    /,
    *,
    with_bytes: Annotated[bool, Parameter(name="--bytes", show_default=False, help="Put the file in, too.")] = False,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Write to this file. Default: ID.proof.zip.")
    ] = None,
    form: Annotated[
        Literal["zip", "tlog-proof"], Parameter(name="--format", help="The bundle, or the bare C2SP proof.")
    ] = "zip",
) -> None:
    """Writes an auditor's bundle: the receipt's exact bytes and their proof, all that was entered about the delivery
    later with its own, public keys, and a plain README.

    Parameters
    ----------
    id
        The delivery's id, an ending of it of 6 characters or more, or its object's key or URL.
    """
    with open_zone() as zone:
        found = zone.delivery(id)
        bare = form == "tlog-proof"
        target = output or Path(f"{found.id}.tlog-proof" if bare else f"{found.id}.proof.zip")
        path = zone.proof(found.id, target, with_bytes=with_bytes, bare=bare)
    if as_json():
        emit({"path": shown(str(path)), "id": found.id})
        return
    say(shown(str(path)))
    say(f"To check it anywhere: headwater check-proof {shown(shlex.quote(str(path)))} --file FILE --trust KEY")
