"""Reading the configuration again while doors are open: what can change without touching a transfer, does."""

from __future__ import annotations

from collections.abc import Callable

from headwater.app import System
from headwater.config_schema import Config
from headwater.errors import HeadwaterError
from headwater.gate.declared import declared_identity

AT_ONCE = frozenset({"senders", "sources"})
"""The tables that a running process takes up; the others are for its next start."""


async def reload(system: System, read: Callable[[], Config]) -> list[str]:
    """Takes up declared senders, sources and feeds; returns the keys that changed but wait for the next start.

    A configuration that does not hold changes nothing: it is raised, and told by /readyz until a good one was read.
    """
    try:
        config = read()
        declared = [declared_identity(name, sender) for name, sender in config.senders.items()]
    except HeadwaterError as error:
        system.problems[:] = [f"The configuration could not be read again: {error.sentence}"]
        raise
    await system.services.identities.refresh(declared)
    system.feeds.declare(config)
    system.problems.clear()
    running = system.config
    keys = (name for name in Config.__struct_fields__ if name not in AT_ONCE)
    return [name for name in keys if getattr(config, name) != getattr(running, name)]
