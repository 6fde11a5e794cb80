from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headwater.books.sqlite import SqliteBooks
from tests.contract.books.engines import ENGINES, Engine


@pytest.fixture(params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """A place for books, empty at first."""
    return ENGINES[request.param](tmp_path)


@pytest.fixture
async def books(engine: Engine) -> AsyncIterator[SqliteBooks]:
    """Open books without a row."""
    books = engine.open()
    yield books
    await books.close()
