"""`headwater init`: a home, its keys, and a zone."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

from cyclopts import Parameter

from headwater.app import open_system
from headwater.cli.output import as_json, emit, facts, say
from headwater.cli.session import options
from headwater.errors import Refused
from headwater.home import Home
from headwater.zone.local import read_config
from headwater.zone.where import home_path


def init(
    *, zone: Annotated[str | None, Parameter(help="Where everything lands: a folder, or s3://bucket/prefix.")] = None
) -> None:
    """Makes a home, its keys and the zone. Done again, it changes nothing.

    A store is proved before the first landing: what is not safe to land in is refused, with the reason.
    """
    home = Home(home_path(options().home))
    home.make()
    if zone is not None:
        set_zone(home, zone)
    asyncio.run(_init(home))


async def _init(home: Home) -> None:
    async with open_system(home, read_config(home).config, may_found=True) as system:
        if as_json():
            emit({"home": str(home.path), "zone": system.store.name, "zone_id": system.zone_id})
            return
        facts([("home", home.path), ("zone", system.store.name), ("zone id", system.zone_id)])
        if home.recovery_key_path.exists():
            say(f"Keep {home.recovery_key_path} off this machine: it opens the backups of the books.")


def set_zone(home: Home, zone: str) -> None:
    """Writes the zone into the home's own configuration. Raises Refused("exists") where it says another."""
    text = home.config_path.read_text()
    line = f'zone = "{zone}"'
    if re.search(rf"^{re.escape(line)}$", text, re.MULTILINE):
        return
    if re.search(r"^zone *=", text, re.MULTILINE) or '"' in zone or "\n" in zone:
        raise Refused("exists", f"{home.config_path} names another zone. Change it there.")
    home.config_path.write_text(re.sub(r"^#zone = .*$", lambda _: line, text, count=1, flags=re.MULTILINE))
