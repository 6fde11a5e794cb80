"""`headwater check-proof`: a bundle held against a key, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from headwater.care.checking import LIMITS, Check, Result, check_bundle, holds
from headwater.cli.output import BAD, GOOD, as_json, emit, say, shown, stdout
from headwater.cli.session import BAD_NEWS, OK
from headwater.errors import Refused
from headwater.ledger.note import NoteError

_SIGNS = {Result.OK: ("ok", GOOD), Result.FAILED: ("FAILED", BAD), Result.UNCHECKED: ("not checked", "")}


def check_proof(
    bundle: Annotated[
        Path, Parameter(name="BUNDLE", help="A bundle or a .tlog-proof, as `headwater proof` writes it.")
    ],
    /,
    *,
    file: Annotated[Path | None, Parameter(help="The file that the receipt is about.")] = None,
    trust: Annotated[
        str | None, Parameter(help="The ledger's public key that you were given, or a file with it.")
    ] = None,
) -> int:
    """Checks offline, without a home: the file has the receipt's digest, the receipt is in the log, the log's key is
    the one that you were given. Without --trust it prints the key's fingerprint and ends with 1.
    """
    try:
        checks = check_bundle(bundle, file, None if trust is None else _key(trust))
    except NoteError as error:
        raise Refused("bad_request", f"--trust is no public key of a ledger: {error}.") from error
    fine = holds(checks)
    if as_json():
        emit({"ok": fine, "checks": checks, "limits": LIMITS})
        return OK if fine else BAD_NEWS
    for check in checks:
        _tell(check)
    say()
    say("What this does not prove", style="bold")
    for limit in LIMITS:
        say(f"  {limit}")
    return OK if fine else BAD_NEWS


def _tell(check: Check) -> None:
    sign, colour = _SIGNS[check.result]
    stdout().print(Text(sign.ljust(13), style=colour) + Text(shown(check.sentence)), soft_wrap=True)


def _key(trust: str) -> str:
    path = Path(trust)
    try:
        return path.read_text().strip() if path.is_file() else trust
    except OSError:  # a key is too long, or too odd, for the name of a file
        return trust
