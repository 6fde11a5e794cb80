"""`headwater --install-completion`: completion for the shell in use."""

# ruff: noqa: PLC0415 - what a command does not need is not imported

from __future__ import annotations

from typing import Literal

from headwater.cli.output import say
from headwater.errors import Refused


def install(*, shell: Literal["bash", "zsh", "fish", "powershell"] | None = None) -> None:
    """Makes your shell complete headwater's words.

    Parameters
    ----------
    shell
        For this shell, instead of the one in use.
    """
    from cyclopts.completion.detect import ShellDetectionError

    from headwater.cli.commands import make_app

    try:
        path = make_app().install_completion(shell=shell)
    except ShellDetectionError:
        raise Refused("bad_request", "The shell in use cannot be told. Name it: --shell bash.") from None
    say(f"Written to {path}. It holds in the next shell.")
