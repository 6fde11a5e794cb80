from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.books.sqlite import SqliteBooks, pages
from headwater.books.sqlite.pages import change_page, delivery_page, feed_numbers
from headwater.ledger.entries import Void
from headwater.ports.catalog import DeliveryQuery
from headwater.terms import Position
from tests.contract.books.engines import SqliteEngine
from tests.contract.books.histories import WALKS, a_long_history, histories, queries
from tests.contract.books.model import Model
from tests.contract.books.samples import DAILY, HOURLY, OTHER, a_receipt, an_id, at, placed
from tests.contract.books.test_catalog import Kept, walked

SMALL, LARGE = 500, 5000
QUESTIONS = {
    "everything": DeliveryQuery(),
    "a feed": DeliveryQuery(feed=HOURLY),
    "a source": DeliveryQuery(source="beta"),
    "patterns": DeliveryQuery(feeds=("beta/*",)),
    "effective": DeliveryQuery(state="effective"),
    "few": DeliveryQuery(state="void"),
    "none of this": DeliveryQuery(sender="zoe"),
    "two filters that never meet": DeliveryQuery(state="void", feed=OTHER),
    "a time": DeliveryQuery(since=at(200), until=at(210), feed=DAILY),
    "a name": DeliveryQuery(feed=DAILY, name_glob="name-0100*"),
}


def steps(connection: sqlite3.Connection, run) -> int:
    """How many instructions SQLite takes, in hundreds."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    connection.set_progress_handler(tick, 100)
    run()
    connection.set_progress_handler(None, 100)
    return count


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory):
    """Connections to a catalog and to one ten times as large."""
    folder = tmp_path_factory.mktemp("catalogs")

    def entries(deliveries):
        for n in range(1, deliveries + 1):
            yield a_receipt(n, f"name-{n:04d}", feed=(DAILY, HOURLY, OTHER)[n % 3 if n % 2 else 0])
        yield from (Void(v=1, id=an_id(n), by="op", reason="wrong") for n in (6, 60, 66))

    async def fill(deliveries):
        books = SqliteBooks(folder / str(deliveries))
        await books.catalog.apply(placed(*entries(deliveries)))
        await books.close()

    connections = []
    for deliveries in (SMALL, LARGE):
        asyncio.run(fill(deliveries))
        connections.append(sqlite3.connect(folder / str(deliveries)))
    yield connections
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("depth", [None, 300, 20])
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_page_costs_what_it_holds(catalogs, question, depth):
    """Ten times as many deliveries do not make a page under any filter and at any depth cost twice as much."""
    query = msgspec.structs.replace(QUESTIONS[question], before=depth, limit=20)
    small, large = (steps(catalog, lambda c=catalog: delivery_page(c, query)) for catalog in catalogs)
    assert large <= 2 * small + 10


@pytest.mark.parametrize("after", [0, 250, 380])
def test_a_page_of_changes_costs_what_it_holds(catalogs, after):
    """The same for changes of a feed, also where the next one is far away."""

    def ask(catalog):
        return steps(
            catalog, lambda: change_page(catalog, feed_numbers(catalog, None, None, OTHER), Position(after), 20)
        )

    small, large = map(ask, catalogs)
    assert large <= 2 * small + 10


@pytest.fixture
def kept(tmp_path):
    """Books that stay open from one example to the next."""
    with closing(Kept(SqliteEngine(tmp_path), "kept")) as kept:
        yield kept


@pytest.mark.parametrize("near", [0, 40, 1000])
@pytest.mark.parametrize("query", [query for query in WALKS if query.name_glob], ids=str)
def test_where_many_names_match_walks_are_the_same(monkeypatch, kept, query, near):
    """Forward and backward, page by page, among the nearest positions and along the merge."""
    monkeypatch.setattr(pages, "_NAMES_MAX", -1)
    monkeypatch.setattr(pages, "_NEAR_POSITIONS", near)
    entries = a_long_history()
    for start in ({}, {"after": Position(99)}, {"before": Position(99)}):
        whole = msgspec.structs.replace(query, **start, limit=10**6)
        found = walked(kept, entries, msgspec.structs.replace(whole, limit=3))
        assert found == Model(entries).deliveries(whole)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=histories(), asked=st.lists(queries(), max_size=12), near=st.integers(0, 40))
def test_where_many_names_match_the_page_is_the_same(monkeypatch, kept, entries, asked, near):
    """Looking for names along the merge gives what looking in the index of names gives: what the definitions say."""
    monkeypatch.setattr(pages, "_NAMES_MAX", -1)
    monkeypatch.setattr(pages, "_NEAR_POSITIONS", near)
    asked = [msgspec.structs.replace(query, name_glob=glob) for query in asked for glob in ("a*", "*.csv")]

    async def ask(catalog):
        return [await catalog.deliveries(query) for query in asked]

    assert kept.filled(entries, ask) == [Model(entries).deliveries(query) for query in asked]
