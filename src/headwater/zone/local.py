"""A home without a server: the whole system in this process, without listeners."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from headwater import config
from headwater.app import open_system
from headwater.home import Home
from headwater.web.answers import App
from headwater.zone.in_process import InProcessTransport


def local_transport(path: Path) -> InProcessTransport:
    """A transport to the home at `path`, which is this process's alone until it is closed.

    Raises what opening a system raises; Misconfigured("in_use") when another process has the home.
    """
    home = Home(path)
    loaded = read_config(home)

    @asynccontextmanager
    async def opening() -> AsyncIterator[tuple[App, str]]:
        async with open_system(home, loaded.config) as system:
            yield system.asgi, system.home_token

    return InProcessTransport(str(home.path), opening)


def read_config(home: Home) -> config.Loaded:
    """The configuration of a home: that of HEADWATER_CONFIG, else its own. Raises Misconfigured."""
    chosen = Path(os.environ.get("HEADWATER_CONFIG") or home.config_path)
    return config.load(config.read(chosen), os.environ, home.path)
