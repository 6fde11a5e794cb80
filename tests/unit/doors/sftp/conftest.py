from __future__ import annotations

import pytest

from tests.unit.doors.sftp.world import Door
from tests.unit.web.world import World


@pytest.fixture
async def door(tmp_path):
    """The door over a world of its own."""
    world = World(tmp_path)
    await world.start()
    door = Door(world)
    yield door
    await door.close()
    await world.stop()


@pytest.fixture
async def client(door):
    """A session of `acme`."""
    return await door.client()
