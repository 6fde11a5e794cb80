from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from headwater.testing.s3_double import S3Double


@pytest.fixture
def double() -> Iterator[S3Double]:
    """A running double with one bucket of each kind."""
    with S3Double() as running:
        running.create_bucket("b")
        running.create_bucket("versioned", versioning=True)
        running.create_bucket("locked", object_lock=True)
        running.create_bucket("public", public=True)
        yield running


@pytest.fixture
def s3(double) -> Any:
    """A client of it that never retries."""
    return double.client()
