"""One command from its words to its exit code: whatever goes wrong is told in a sentence or two."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from cyclopts import CycloptsError, UnknownCommandError, UnusedCliTokensError

from headwater.cli.commands import COMMANDS, make_app
from headwater.cli.output import shown, tell_problem
from headwater.cli.session import INTERRUPTED, OK, USAGE, exit_code, told


def run(arguments: Sequence[str]) -> int:
    """The exit code. With --json among the words an error is one problem object, with --debug it has its traceback."""
    as_json, debug = "--json" in arguments, "--debug" in arguments
    try:
        words = {name for _, name, *_ in COMMANDS}
        app = make_app(brief=words.isdisjoint(arguments))
        result = app.meta(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
        return result if isinstance(result, int) else OK
    except CycloptsError as error:
        tell_problem("bad_request", _usage(error), as_json=as_json)
        return USAGE
    except BrokenPipeError:  # whoever read our output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        if debug:
            traceback.print_exc()
        tell_problem(*told(error), as_json=as_json)
        return exit_code(error)


def _usage(error: CycloptsError) -> str:
    words = list(error.command_chain or ())
    page = f"See `{' '.join(['headwater', *words])} --help`."
    if isinstance(error, UnknownCommandError | UnusedCliTokensError) and error.unused_tokens:
        known = [name for name in error.app or () if not name.startswith("-")]
        if known:
            from headwater.config_values import did_you_mean  # noqa: PLC0415 - only where it is needed

            word = error.unused_tokens[0]
            missing = shown(" ".join([*words, word]))
            return f"There is no command `{missing}`. {did_you_mean(word, known) or page}"
    text = " ".join(str(error).split())
    return f"{text.rstrip('.')}. {page}"
