"""Each test runs twice: on a zone in a directory, and on one in a bucket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.sftp.world import World, in_directory, on_s3


@pytest.fixture(scope="session", params=["directory", "s3"])
def served(request, tmp_path_factory) -> Iterator[World]:
    """One server for all tests; some kill it and start it anew."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "directory":
        with in_directory(folder) as world:
            yield world
    else:
        with on_s3(folder, request.getfixturevalue("versitygw")) as world:
            yield world


@pytest.fixture
def world(served, tmp_path) -> World:
    """The server, and what this test alone delivers to it."""
    served.begin(tmp_path)
    return served
