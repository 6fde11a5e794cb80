"""Each test runs twice: on a zone in a directory, and on one in a bucket."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.sftp.world import ZONES, World, serve

served = pytest.fixture(serve, scope="session", params=ZONES, name="served")


@pytest.fixture
def world(served: World, tmp_path: Path) -> World:
    """The server, and what this test alone delivers to it."""
    served.begin(tmp_path)
    return served
