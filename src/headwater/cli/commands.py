"""Every command, in one table: where it is, and what it does in a line. Nothing is imported until it is called."""

# ruff: noqa: PLC0415 - what a command does not need is not imported

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Group, Parameter

from headwater.cli.session import Options, begin
from headwater.cli.words import DASH

EVERYWHERE = Group("Everywhere", sort_key=9)
_START, _LAND, _TRUST, _PEOPLE, _KEEP = (
    Group(name, sort_key=key) for key, name in enumerate(("Start", "Land and look", "Prove", "People", "Keep"), 1)
)

COMMANDS = (
    (_START, "init", "init:init", "Makes a home, its keys and, on S3, the zone."),
    (_START, "serve", "serve:serve", "Runs the doors; makes a home where there is none."),
    (_START, "config", "config:app", "Checks, shows and describes headwater.toml."),
    (_LAND, "put", "put:put", "Lands files."),
    (_LAND, "ls", "ls:ls", "Lists deliveries, or with --attempts every try."),
    (_LAND, "changes", "changes:changes", "Lists what a reader must know, oldest first."),
    (_LAND, "show", "show:show", "Shows one delivery."),
    (_LAND, "inspect", "inspect:inspect", "Says what a file or a delivery is, whether it is whole, how to read it."),
    (_LAND, "get", "get:get", "Gets the bytes of a delivery, checked against its receipt."),
    (_LAND, "sql", "sql:sql", "Asks raw deliveries in SQL, in place, whatever their format."),
    (_LAND, "feeds", "feeds:app", "Lists feeds with their state."),
    (_TRUST, "proof", "proof:proof", "Writes an auditor's bundle for a delivery."),
    (_TRUST, "check-proof", "check_proof:check_proof", "Checks a bundle offline, without a home."),
    (_TRUST, "checkpoint", "checkpoint:checkpoint", "Gives today's signed checkpoint, to keep outside."),
    (_TRUST, "verify", "verify:verify", "Reads ledger and bytes again, and holds each against the other."),
    (_TRUST, "doctor", "doctor:doctor", "Says whether it is safe to land here, and what mends it."),
    (_PEOPLE, "senders", "senders:app", "Who may deliver: list, add, guide, check, rotate, revoke."),
    (_PEOPLE, "users", "users:app", "People and programs that do not deliver."),
    (_PEOPLE, "login", "login:login", "Saves the token of a server for the commands to come."),
    (_PEOPLE, "logout", "login:logout", "Forgets a saved token."),
    (_PEOPLE, "whoami", "login:whoami", "Says who you are to the server or home."),
    (_KEEP, "books", "books:app", "Backs up, restores and rebuilds the books."),
    (_KEEP, "keys", "keys:app", "Confirms that the recovery key is kept."),
    (EVERYWHERE, "--install-completion", "completion:install", "Makes your shell complete headwater's words."),
)

_EPILOGUE = "Exit codes: 0 done, 1 bad news, 2 wrong usage or configuration, 3 try again, 130 interrupted."


def make_app(*, brief: bool = False) -> App:
    """The command line's grammar. `brief`: only to list the commands, by the table; else each says all it says."""
    app = App(
        name="headwater",
        help="Where data begins: lands every delivery byte for byte, with a signed receipt.",
        version=_version,
        version_format="plaintext",
        help_format="plaintext" if brief else "markdown",
        help_epilogue=_EPILOGUE,
        default_parameter=Parameter(negative=""),
        result_action="return_value",
    )
    app["--help"].group = app["--version"].group = EVERYWHERE
    for number, (group, name, target, about) in enumerate(COMMANDS):
        help_ = about if brief else None
        app.command(f"headwater.cli.{target}", name=name, help=help_, group=group, sort_key=number)

    @app.meta.default
    def launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        server: Annotated[str | None, Parameter(group=EVERYWHERE)] = None,
        home: Annotated[str | None, Parameter(group=EVERYWHERE)] = None,
        token_file: Annotated[Path | None, Parameter(group=EVERYWHERE)] = None,
        config: Annotated[Path | None, Parameter(group=EVERYWHERE)] = None,
        json: Annotated[bool, Parameter(group=EVERYWHERE, show_default=False)] = False,
        debug: Annotated[bool, Parameter(group=EVERYWHERE, show_default=False)] = False,
    ) -> Any:
        """Runs a command.

        Parameters
        ----------
        server
            The server to work on, by its URL [HEADWATER_SERVER].
        home
            The home to work on [HEADWATER_HOME; default: the saved login, else ./headwater-home].
        token_file
            The file with the token for the server [HEADWATER_TOKEN has the token itself].
        config
            headwater.toml, or a folder of *.toml [HEADWATER_CONFIG; default: that of the home].
        json
            Write JSON: lists as one object a line, all else as one document.
        debug
            Show where in the program an error came from.
        """
        begin(Options(server, home, token_file, config, json=json, debug=debug))
        words = [DASH if word == "-" else word for word in tokens]
        command, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
        return command(*bound.args, **bound.kwargs)

    return app


def _version() -> str:
    from importlib.metadata import version

    return f"headwater {version('headwater')}"
