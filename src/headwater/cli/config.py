"""`headwater config`: what headwater.toml says."""

from __future__ import annotations

import sys

import msgspec
from cyclopts import App

from headwater import config_pages
from headwater.cli.output import as_json, emit, say, shown, table, tell_problem
from headwater.cli.session import OK, USAGE, options
from headwater.config import ConfigProblems
from headwater.home import Home
from headwater.zone.local import read_config
from headwater.zone.where import home_path

app = App(name="config", help="Checks, shows and describes headwater.toml.")


@app.command
def check() -> int:
    """Says what is wrong with the configuration, each with its line and a suggestion."""
    try:
        loaded = read_config(_home())
    except ConfigProblems as error:
        if as_json():
            for problem in error.problems:
                emit(problem)
        else:
            for problem in error.problems:
                tell_problem("misconfigured", shown(str(problem)), as_json=False)
        return USAGE
    if not as_json():
        said = sum(origin != "default" for origin in loaded.origins.values())
        say(f"Nothing is wrong. {said} values are set, all others have their default.")
    return OK


@app.command
def show() -> None:
    """Shows every value that holds, and where it came from. Secrets are masked."""
    loaded = read_config(_home())
    values = config_pages.show(loaded.config, loaded.origins)
    if as_json():
        for one in values:
            emit(one._asdict())
    else:
        table(("key", "value", "from"), values, fold="value from")


@app.command
def schema() -> None:
    """Prints the JSON Schema of headwater.toml, for editors."""
    text = msgspec.json.format(msgspec.json.encode(config_pages.schema()), indent=0 if as_json() else 2)
    sys.stdout.write(text.decode().strip() + "\n")


def _home() -> Home:
    return Home(home_path(options().home))
