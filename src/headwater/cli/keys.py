"""`headwater keys`: the key that is kept off the machine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from headwater.care.keys import RecoveryKey, RecoveryPublic
from headwater.cli.output import as_json, emit, say
from headwater.cli.session import local_home
from headwater.cli.words import DASH
from headwater.errors import Misconfigured
from headwater.home import write_secret

app = App(name="keys", help="Confirms that the recovery key is kept.")


@app.command
def confirm_recovery(
    file: Annotated[Path, Parameter(name="FILE", help="The recovery key, from where it is kept; - reads stdin.")], /
) -> None:
    """Confirms that the recovery key is kept: it is held against its public part, and `doctor` reminds no more."""
    home = local_home()
    key = RecoveryKey.parse((Path("/dev/stdin") if str(file) == DASH else file).read_text())
    if key.public != RecoveryPublic.parse(home.secret("recovery.pub").decode()):
        raise Misconfigured("This is the recovery key of another home.")
    write_secret(home.keys / "recovery.confirmed", f"{datetime.now(UTC):%Y-%m-%d}\n")
    if as_json():
        emit({"confirmed": key.public.fingerprint})
        return
    say(f"Confirmed: {key.public.fingerprint}.")
    if home.recovery_key_path.exists():
        say(f"Now remove {home.recovery_key_path} from this machine.")
