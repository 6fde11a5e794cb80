"""`headwater get`: the bytes of a delivery."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headwater.cli.output import Bar, as_json, emit, shown, stderr
from headwater.cli.session import open_zone
from headwater.cli.words import DASH
from headwater.zone.delivery import size_text


def get(
    id: str,
    /,
    *,
    output: Annotated[
        str | None, Parameter(name=["--output", "-o"], help="Write to this file; - is stdout. Default: its own name.")
    ] = None,
) -> None:
    """Gets the bytes of a delivery, checked against the receipt while they are written: a file is there whole or not.

    Parameters
    ----------
    id
        Its id, an ending of it of 6 characters or more, or its object's key or URL.
    """
    with open_zone() as zone:
        found = zone.delivery(id)
        with Bar(shown(found.name), found.size_bytes) as bar:
            done_bytes = 0

            def seen(size_bytes: int) -> None:
                nonlocal done_bytes
                done_bytes += size_bytes
                bar.show(done_bytes)

            if output == DASH:
                for piece in found.pieces():
                    sys.stdout.buffer.write(piece)
                    seen(len(piece))
                sys.stdout.buffer.flush()
                return
            path = found.save(None if output is None else Path(output), seen)
    if as_json():
        emit({"path": shown(str(path)), "size_bytes": found.size_bytes, "sha256": found.sha256})
    else:
        size = size_text(found.size_bytes)
        stderr().print(f"{shown(str(path))}  {size}  the SHA-256 is that of the receipt", soft_wrap=True)
