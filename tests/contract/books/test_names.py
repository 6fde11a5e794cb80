from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.ports.books import ShownName
from headwater.terms import Time
from tests.contract.books.samples import an_id, at

NAMES = st.binary(min_size=1, max_size=4).filter(lambda data: b"/" not in data and b"\0" not in data)
ODD = ["a", "A", "a b", "ä", "%", "_", "'", "\udcff\udcfe", "\n", "z" * 255, "a.csv", "0", "~"]


def shown(folder: str, name: str, number: int | None = 1, **more) -> ShownName:
    """A name that shows a delivery; a folder without a number."""
    return ShownName(
        folder=folder,
        name=name,
        id=None if number is None else an_id(number),
        shown_at=more.pop("shown_at", at(1)),
        **more,
    )


async def everything(names, sender: str, folder: str, limit: int = 100) -> list[ShownName]:
    """A folder's names, page by page."""
    found: list[ShownName] = []
    while page := await names.listed(sender, folder, found[-1].name if found else "", limit):
        found += page
    return found


class TestShowing:
    async def test_a_name_shows_what_it_was_given(self, books):
        """Every column of it, for its sender and folder alone."""
        row = shown("/a/b", "x.csv", size_bytes=2**62, modified_at=2**32 - 1, mode=0o644)
        await books.names.show("acme", row)
        assert await books.names.shown("acme", "/a/b", "x.csv") == row
        for sender, folder, name in (("shop", "/a/b", "x.csv"), ("acme", "/a", "x.csv"), ("acme", "/a/b", "X.csv")):
            assert await books.names.shown(sender, folder, name) is None

    async def test_the_last_one_shown_stands(self, books):
        """In the order of the calls, whether they were waited for or not."""
        writing = [books.names.show("acme", shown("/a", "x", number)) for number in range(1, 20)]
        await writing[-1]
        assert (await books.names.shown("acme", "/a", "x")).id == an_id(19)
        assert len(await everything(books.names, "acme", "/a")) == 1

    async def test_a_hidden_name_is_gone_and_can_come_again(self, books):
        """Hiding what is not there is nothing."""
        await books.names.hide("acme", "/a", "x")
        books.names.show("acme", shown("/a", "x"))
        await books.names.hide("acme", "/a", "x")
        assert await books.names.shown("acme", "/a", "x") is None
        await books.names.show("acme", shown("/a", "x", 2))
        assert (await books.names.shown("acme", "/a", "x")).id == an_id(2)

    async def test_rows_outlive_the_process(self, engine):
        """They are found again when the books are opened again."""
        books = engine.open()
        await books.names.show("acme", shown("/a", "\udcff"))
        await books.close()
        books = engine.open()
        assert await books.names.shown("acme", "/a", "\udcff") == shown("/a", "\udcff")
        await books.close()

    @pytest.mark.parametrize("name", ODD)
    async def test_any_name_is_kept_as_it_is(self, books, name):
        """Also what is no UTF-8, or means something to SQL."""
        row = shown(f"/{name}", name)
        await books.names.show("acme", row)
        assert await books.names.shown("acme", f"/{name}", name) == row
        assert await books.names.listed("acme", f"/{name}", "", 10) == [row]
        assert await books.names.folders("acme", "/", 10) == [f"/{name}"]


class TestListing:
    async def test_names_come_in_the_order_of_their_bytes(self, books):
        """Page by page, each once, whatever the size of the page."""
        await asyncio.gather(*(books.names.show("acme", shown("/a", name)) for name in ODD))
        for limit in (1, 2, 5, 100):
            found = [row.name for row in await everything(books.names, "acme", "/a", limit)]
            assert found == sorted(ODD, key=lambda name: name.encode(errors="surrogateescape"))

    async def test_a_folder_lists_its_own_names_alone(self, books):
        """None of the folders below it or beside it, nor of other senders."""
        for folder in ("/a", "/a/b", "/ab", "/"):
            books.names.show("acme", shown(folder, "x"))
        await books.names.show("shop", shown("/a", "y"))
        assert await books.names.listed("acme", "/a", "", 10) == [shown("/a", "x")]
        assert await books.names.listed("acme", "/", "", 10) == [shown("/", "x")]

    async def test_folders_are_those_that_hold_names_and_those_that_were_made(self, books):
        """At any depth below, as whole paths; what only begins alike is another folder."""
        for folder in ("/a/b", "/a/b/c/d", "/ab/c", "/a", "/a0"):
            books.names.show("acme", shown(folder, "x"))
        await books.names.show("acme", shown("/a", "made", None))
        assert set(await books.names.folders("acme", "/a", 100)) == {"/a/b", "/a/b/c/d", "/a/made"}
        assert {"/a", "/a0", "/a/b", "/a/b/c/d", "/ab/c"} <= set(await books.names.folders("acme", "/", 100))
        assert await books.names.folders("shop", "/", 100) == []

    async def test_a_folder_holds_what_lies_in_it_or_below(self, books):
        """A name, or a folder that was made."""
        await books.names.show("acme", shown("/a/b", "x"))
        await books.names.show("acme", shown("/m", "made", None))
        for folder in ("/", "/a", "/a/b", "/m"):
            assert await books.names.holds("acme", folder)
        for folder in ("/a/b/x", "/a/bb", "/m/made", "/z"):
            assert not await books.names.holds("acme", folder)
        assert not await books.names.holds("shop", "/")

    @settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(steps=st.lists(st.tuples(st.sampled_from(["/", "/a", "/a/b"]), NAMES, st.booleans()), max_size=30))
    async def test_it_is_what_a_dictionary_is(self, engine, steps):
        """After any shows and hides."""
        books = engine.open()
        for folder in ("/", "/a", "/a/b"):
            for row in await everything(books.names, "acme", folder):
                await books.names.hide("acme", folder, row.name)
        model: dict[tuple[str, str], ShownName] = {}
        for folder, data, is_shown in steps:
            name = data.decode(errors="surrogateescape")
            if is_shown:
                model[folder, name] = shown(folder, name)
                books.names.show("acme", model[folder, name])
            else:
                model.pop((folder, name), None)
                books.names.hide("acme", folder, name)
        await books.names.show("nobody", shown("/", "last"))
        for folder in ("/", "/a", "/a/b"):
            wanted = [row for (of, _), row in model.items() if of == folder]
            found = await everything(books.names, "acme", folder, 7)
            assert found == sorted(wanted, key=lambda row: row.name.encode(errors="surrogateescape"))
        await books.close()


async def test_old_names_are_pruned(books):
    """What was shown before a moment goes, in as many steps as it takes; what was shown since stays."""
    old = [books.names.show("acme", shown("/a", f"{number:05}", shown_at=at(1))) for number in range(2500)]
    await asyncio.gather(*old)
    await books.names.show("acme", new := shown("/a", "new", shown_at=at(3)))
    again = msgspec.structs.replace(shown("/a", "00007"), shown_at=at(5))
    await books.names.show("acme", again)
    await books.names.prune(Time(at(3)))
    assert await everything(books.names, "acme", "/a") == [again, new]
