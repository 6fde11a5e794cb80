from __future__ import annotations

import pytest

from tests.unit.web.live import Live


@pytest.fixture
def live(tmp_path):
    """A server with a world of its own."""
    with Live(tmp_path) as running:
        yield running
