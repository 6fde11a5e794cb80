from __future__ import annotations

import asyncio

import pytest

from headwater.books.sqlite import SqliteBooks
from headwater.errors import Refused
from headwater.gate.route import Manners
from headwater.gate.underway import Underway, UploadsUnderway
from headwater.gate.view import Kind, Names, View, show_landed, split
from headwater.terms import Continues, Declared, Door, FeedName, Id, Offer, SenderRef, Time
from headwater.testing.manual_clock import START, ManualClock
from tests.contract.books.samples import a_receipt, an_id
from tests.unit.gate.world import Known, sender

DAILY, OTHER, ORDERS = FeedName("acme-crm", "daily"), FeedName("acme-crm", "other"), FeedName("shop", "orders")
FOLDER = "/acme-crm/daily"
LATER = Time(START + 60_000_000)


class Feeds(Known):
    """Three feeds; names in `other` are seen for an hour and stay."""

    def known(self):
        return [DAILY, OTHER, ORDERS]

    def manners(self, feed):
        return Manners(visible_seconds=3600.0, may_delete=False) if feed == OTHER else Manners()


class Ground:
    """Real books, and a view of them for `acme`."""

    def __init__(self, folder):
        self.clock = ManualClock()
        self.books = SqliteBooks(folder / "books.sqlite3")
        self.names = Names(self.books.names)
        self.underway = UploadsUnderway(self.clock)
        self.view = self.seen_by()

    def seen_by(self, name="acme", allow=("acme-crm/*",), **more):
        """What a sender sees."""
        return View(sender(name, allow, **more), Feeds(DAILY, OTHER, ORDERS), self.names, self.underway, self.clock)

    def upload(self, path):
        """A parked upload of 5 bytes."""
        left = Underway("acme", path, an_id(9), 5, START)
        left.park(LATER)
        self.underway.put(left)

    async def written(self):
        """What is on its way into the books has come."""
        await self.books.names.hide("nobody", "/", "x")
        await asyncio.sleep(0)


@pytest.fixture
async def ground(tmp_path):
    """Empty books."""
    ground = Ground(tmp_path)
    yield ground
    await ground.books.close()


async def listed(view, folder):
    """The names of a folder, with their kinds."""
    return [(node.name, node.kind) async for node in view.list(folder)]


async def test_a_delivery_stands_under_its_name_at_once(ground):
    """Before its row is written, and after."""
    ground.view.show(f"{FOLDER}/a.csv", an_id(1), 3, 1_700_000_000, 0o600)
    for _ in range(2):
        node = await ground.view.look(f"{FOLDER}/a.csv")
        assert (node.kind, node.size_bytes, node.changed_at, node.mode) == (Kind.DELIVERY, 3, 1_700_000_000, 0o600)
        assert await listed(ground.view, FOLDER) == [("a.csv", Kind.DELIVERY)]
        assert (await ground.view.row(f"{FOLDER}/a.csv")).id == an_id(1)
        await ground.written()


async def test_a_hidden_name_is_gone_at_once(ground):
    """Twice is as good as once, whatever is still on its way to the books."""
    ground.view.show(f"{FOLDER}/a.csv", an_id(1), 3)
    await ground.written()
    for _ in range(3):
        ground.view.hide(f"{FOLDER}/a.csv")
    for _ in range(2):
        assert await ground.view.look(f"{FOLDER}/a.csv") is None
        assert await listed(ground.view, FOLDER) == []
        await ground.written()


async def test_an_upload_stands_before_what_had_landed(ground):
    """Its size is what has come of it; each name is listed once."""
    ground.view.show(f"{FOLDER}/a.csv", an_id(1), 3)
    ground.upload(f"{FOLDER}/a.csv")
    node = await ground.view.look(f"{FOLDER}/a.csv")
    assert (node.kind, node.size_bytes) == (Kind.UPLOAD, 5)
    assert await listed(ground.view, FOLDER) == [("a.csv", Kind.UPLOAD)]


async def test_folders_are_what_a_sender_may_use(ground):
    """Its feeds that are known, and those named to it; nobody else's."""
    assert await listed(ground.view, "/") == [("acme-crm", Kind.FOLDER)]
    assert await listed(ground.view, "/acme-crm") == [("daily", Kind.FOLDER), ("other", Kind.FOLDER)]
    named = ground.seen_by("shop", ("shop/orders", "beta/new"))
    assert await listed(named, "/") == [("beta", Kind.FOLDER), ("shop", Kind.FOLDER)]
    assert await listed(named, "/beta") == [("new", Kind.FOLDER)]
    assert await named.look("/acme-crm") is None


async def test_who_may_create_feeds_has_one_to_begin_with(ground):
    """`files` in its own source."""
    first = ground.seen_by("first", ("*",), may_create_feeds=True)
    assert ("files", Kind.FOLDER) in await listed(first, "/first")


async def test_folders_come_of_what_lies_below(ground):
    """At any depth, of deliveries and of uploads, and of what was made; each is listed once."""
    ground.view.show(f"{FOLDER}/x/y/a.csv", an_id(1), 3)
    ground.upload(f"{FOLDER}/u/v/b.csv")
    await ground.view.make_folder(f"{FOLDER}/made")
    for _ in range(2):
        assert await listed(ground.view, FOLDER) == [(name, Kind.FOLDER) for name in ("made", "u", "x")]
        assert await listed(ground.view, f"{FOLDER}/x") == [("y", Kind.FOLDER)]
        assert await listed(ground.view, f"{FOLDER}/u/v") == [("b.csv", Kind.UPLOAD)]
        await ground.written()


async def test_a_made_folder_goes_when_it_is_empty(ground):
    """And no folder goes that is not of its own making, or holds something."""
    await ground.view.make_folder(f"{FOLDER}/made")
    with pytest.raises(Refused, match="already"):
        await ground.view.make_folder(f"{FOLDER}/made")
    ground.view.show(f"{FOLDER}/made/a.csv", an_id(1), 3)
    with pytest.raises(Refused, match="not empty"):
        await ground.view.remove_folder(f"{FOLDER}/made")
    ground.view.hide(f"{FOLDER}/made/a.csv")
    await ground.view.remove_folder(f"{FOLDER}/made")
    assert await ground.view.look(f"{FOLDER}/made") is None
    with pytest.raises(Refused, match="stays"):
        await ground.view.remove_folder(FOLDER)
    with pytest.raises(Refused, match="no folder"):
        await ground.view.remove_folder(f"{FOLDER}/none")


async def test_nothing_is_made_in_others_folders(ground):
    """Nor above all feeds."""
    for path in ("/shop/new", "/new", "/shop"):
        with pytest.raises(Refused, match="below"):
            await ground.view.make_folder(path)


async def test_names_are_shown_as_long_as_the_feed_says(ground):
    """Then they are gone from sight, in listings too; a folder that was made stays."""
    ground.view.show("/acme-crm/other/a.csv", an_id(1), 3)
    await ground.view.make_folder("/acme-crm/other/made")
    ground.clock.advance(3600.0)
    assert len(await listed(ground.view, "/acme-crm/other")) == 2
    ground.clock.advance(1.0)
    assert await listed(ground.view, "/acme-crm/other") == [("made", Kind.FOLDER)]
    assert await ground.view.look("/acme-crm/other/a.csv") is None
    assert await ground.view.row("/acme-crm/other/a.csv") is None


async def test_a_root_is_all_there_is(ground):
    """A sender with a root sees what lies below it as `/`, and nothing else by any path."""
    rooted = ground.seen_by(root=FOLDER)
    ground.view.show(f"{FOLDER}/a.csv", an_id(1), 3)
    ground.view.show("/acme-crm/other/b.csv", an_id(2), 3)
    assert rooted.whole("a.csv") == rooted.whole("/../../a.csv") == f"{FOLDER}/a.csv"
    assert await listed(rooted, rooted.whole("/")) == [("a.csv", Kind.DELIVERY)]
    assert rooted.seen(f"{FOLDER}/a.csv") == "/a.csv"
    assert rooted.seen(FOLDER) == "/"
    assert await rooted.look(rooted.whole("../other/b.csv")) is None


@pytest.mark.parametrize(
    ("path", "whole"),
    [
        ("", "/"),
        ("/", "/"),
        ("a", "/a"),
        ("//a//b/", "/a/b"),
        ("./a/./.", "/a"),
        ("../../a", "/a"),
        ("a/b/../c", "/a/c"),
        ("\udcff/…", "/\udcff/…"),
        ("a" * 4096, "/" + "a" * 4096),
        ("../" * 1365, "/"),
        ("...", "/..."),
        ("a\\..\\b", "/a\\..\\b"),
    ],
)
async def test_a_path_is_absolute_and_has_no_dots(ground, path, whole):
    """Nothing leads above the root."""
    assert ground.view.whole(path) == whole


@pytest.mark.parametrize("path", ["\0", "a\0/b", "a" * 4097, "é" * 2049, "a/" * 10_000])
async def test_what_is_no_path_is_refused(ground, path):
    """A NUL, or more than 4 KiB."""
    with pytest.raises(Refused) as refused:
        ground.view.whole(path)
    assert refused.value.reason == "bad_name"


def test_a_whole_path_has_a_folder_and_a_name():
    """The root has no name."""
    assert [split(path) for path in ("/", "/a", "/a/b")] == [("/", ""), ("/", "a"), ("/a", "b")]


async def test_a_large_folder_is_listed_whole(ground):
    """Over the pages of the books, with what is on its way to them."""
    for number in range(1100):
        ground.view.show(f"{FOLDER}/{number:04}", an_id(number), 1)
    await ground.written()
    for number in (1, 600, 1099):
        ground.view.hide(f"{FOLDER}/{number:04}")
    ground.view.show(f"{FOLDER}/new", an_id(2000), 1)
    names = [name for name, _ in await listed(ground.view, FOLDER)]
    assert len(names) == 1098
    assert sorted(names) == sorted({*names})
    assert "new" in names


# --- what lands ------------------------------------------------------------------------------------------------------


def offer(place, name="a.csv", **more):
    """What a door with folders offered."""
    return Offer(
        feed=DAILY, door=Door.SFTP, sender=SenderRef("acme", "k"), name=name, place=place, declared=Declared(), **more
    )


def receipt(name="a.csv", **more):
    """What landed of it."""
    return a_receipt(1, name, size_bytes=3, **more)


@pytest.mark.parametrize(
    ("offered", "landed", "path", "size"),
    [
        (offer(f"{FOLDER}/a.csv"), receipt(), f"{FOLDER}/a.csv", 3),
        (offer(f"{FOLDER}/tmp/a.csv", "tmp/a.csv"), receipt(), f"{FOLDER}/a.csv", 3),
        (offer("/acme-crm/x/a.part", "a.part"), receipt(path="/acme-crm/x/a.csv"), "/acme-crm/x/a.csv", 3),
        (offer(f"{FOLDER}/a.csv"), receipt(continues=Continues(Id("0" * 32), 7)), f"{FOLDER}/a.csv", 10),
        (offer(f"{FOLDER}/a.csv"), receipt(declared=Declared(mode=0o600)), f"{FOLDER}/a.csv", 3),
    ],
)
async def test_what_lands_is_shown_where_it_was_put(ground, offered, landed, path, size):
    """Under the path it was given; what a rename landed while its door was away, under its new name."""
    show_landed(ground.names, ground.clock, offered, landed)
    node = await ground.view.look(path)
    assert (node.kind, node.id, node.size_bytes, node.mode) == (Kind.DELIVERY, landed.id, size, landed.declared.mode)


async def test_a_time_that_was_declared_is_the_files(ground):
    """In whole seconds."""
    declared = Declared(modified_at="2023-11-14T22:13:20.000000Z")
    show_landed(ground.names, ground.clock, offer(f"{FOLDER}/a.csv"), receipt(declared=declared))
    assert (await ground.view.look(f"{FOLDER}/a.csv")).changed_at == 1_700_000_000


async def test_what_other_doors_landed_is_shown_to_nobody(ground):
    """They have no folders."""
    show_landed(ground.names, ground.clock, offer(None), receipt())
    assert await listed(ground.view, FOLDER) == []
