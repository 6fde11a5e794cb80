"""A zone over each way to reach it."""

from __future__ import annotations

import pytest

import headwater
from tests.homes import make_home, serving


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home of this module's tests."""
    return make_home(tmp_path_factory.mktemp("zone") / "home")


@pytest.fixture(scope="module", params=["in this process", "by a server"])
def zone(request, home):
    """The home's zone, in this process or by a server: all tests that use it run both ways."""
    if request.param == "in this process":
        with headwater.open(home.path) as opened:
            yield opened
    else:
        with serving(home), headwater.open(home.path) as opened:
            yield opened
