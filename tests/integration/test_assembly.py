from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from headwater.app import _open_ground, back_up_if_due, open_system
from headwater.reloading import reload
from headwater.terms import Position
from headwater.zone.local import read_config
from tests.homes import SAFE_HERE, make_home


async def test_the_books_are_backed_up_once_a_day(tmp_path):
    """The truth of the books is sealed into the zone when a day has gone, and not again before the next."""
    home = await asyncio.to_thread(make_home, tmp_path / "home")
    async with AsyncExitStack() as stack:
        ground = await _open_ground(stack, home, read_config(home).config, may_found=False)

        assert await back_up_if_due(home, ground, Position(3))
        assert not await back_up_if_due(home, ground, Position(3))

    assert len(list((tmp_path / "home/zone/backup").iterdir())) == 1


async def test_a_reload_takes_up_senders_and_feeds(tmp_path):
    """A sender that the file declares is known after a reload, and gone after the next; other keys are named."""
    home = await asyncio.to_thread(make_home, tmp_path / "home")
    async with open_system(home, read_config(home).config) as system:
        home.config_path.write_text(f'{SAFE_HERE}[limits]\ndrain = "1s"\n[senders.acme]\nallow = ["acme-crm/*"]\n')
        waiting = await reload(system, lambda: read_config(home).config)
        known = system.services.identities.identity("acme")
        home.config_path.write_text(SAFE_HERE)
        await reload(system, lambda: read_config(home).config)

        assert waiting == ["limits"]
        assert known is not None
        assert known.declared
        assert system.services.identities.identity("acme") is None
