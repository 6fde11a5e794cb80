from __future__ import annotations

import pytest

from headwater.errors import Refused
from headwater.gate.route import Routed, is_companion, route, route_path
from headwater.terms import FeedName, Role
from tests.unit.gate.world import Known, sender

SALES, ORDERS, UNSORTED = FeedName("acme-crm", "sales"), FeedName("beta", "orders"), FeedName("acme-crm", "unsorted")
KNOWN = Known(SALES, ORDERS)
FIRST = sender("first", ("*",), may_create_feeds=True)


def refused(call):
    """How a call was refused."""
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def test_a_known_feed_takes_its_files():
    """A file for a declared feed that the sender may use lands there, folders being part of its name."""
    assert route(sender(), SALES, "2026/11/sales.csv", KNOWN) == Routed(SALES, "2026/11/sales.csv")


def test_a_feed_named_in_allow_is_known():
    """A feed that `allow` names as it is needs no declaration."""
    assert route(sender("acme", ("acme-crm/new",)), FeedName("acme-crm", "new"), "x", KNOWN).feed.feed == "new"


def test_who_may_create_feeds_creates_them():
    """A sender that may create feeds lands in a feed that nobody knew."""
    assert route(FIRST, FeedName("first", "files"), "x", KNOWN) == Routed(FeedName("first", "files"), "x")


def test_an_unknown_feed_lands_in_unsorted():
    """A file for a feed that nobody declared lands in `unsorted` of its source, with the path kept."""
    routed = route(sender(), FeedName("acme-crm", "typo"), "a/x.csv", KNOWN)
    assert routed == Routed(UNSORTED, "a/x.csv", path="/acme-crm/typo/a/x.csv", unexpected=True)


def test_an_unknown_feed_beside_the_only_one_lands_in_unsorted_too():
    """Who may use one feed of a source and mistypes it loses nothing."""
    routed = route(sender("acme", ("acme-crm/sales",)), FeedName("acme-crm", "sale"), "x.csv", KNOWN)
    assert (routed.feed, routed.unexpected) == (UNSORTED, True)


@pytest.mark.parametrize("who", [sender(), FIRST, sender("acme", ("acme-crm/unsorted",))])
def test_what_is_sent_to_unsorted_is_unexpected(who):
    """The reserved feed takes what is sent to it by name, as unexpected, from everyone who may use the source."""
    assert route(who, UNSORTED, "x", Known(UNSORTED)) == Routed(UNSORTED, "x", "/acme-crm/unsorted/x", unexpected=True)


@pytest.mark.parametrize(
    ("allow", "feed"),
    [(("beta/*",), SALES), (("beta/*",), FeedName("acme-crm", "nothing")), (("acme-crm/other",), SALES), ((), SALES)],
)
def test_what_is_others_is_not_there(allow, feed):
    """Others' sources, known or not, and others' known feeds of one's own source are not found; one's own are named."""
    error = refused(lambda: route(sender("acme", allow), feed, "x", KNOWN))
    assert error.reason == "not_found"
    assert all(pattern in error.sentence for pattern in allow)


def test_who_is_no_sender_delivers_nothing():
    """A reader who may see the feed may still not deliver to it."""
    assert refused(lambda: route(sender(role=Role.READER), SALES, "x", KNOWN)).reason == "not_allowed"
    assert refused(lambda: route_path(sender(role=Role.READER), "/x", KNOWN)).reason == "not_allowed"


@pytest.mark.parametrize("name", ["", "../x", "/x", "a//b", "a/", ".", "a\0b", "x" * 5000])
def test_a_name_that_steps_out_is_refused(name):
    """Names that are empty, absolute, climbing, cut by NUL or too long land nowhere."""
    assert refused(lambda: route(sender(), SALES, name, KNOWN)).reason == "bad_name"


@pytest.mark.parametrize(
    ("who", "path", "expected"),
    [
        (sender(), "/acme-crm/sales/a/x.csv", Routed(SALES, "a/x.csv")),
        (sender(), "/acme-crm/typo/x", Routed(UNSORTED, "x", "/acme-crm/typo/x", unexpected=True)),
        (sender(), "/acme-crm/x.csv", Routed(UNSORTED, "x.csv", "/acme-crm/x.csv", unexpected=True)),
        (sender(), "/x.csv", Routed(UNSORTED, "x.csv", "/x.csv", unexpected=True)),
        (sender(), "/in/Box 1/x.csv", Routed(UNSORTED, "x.csv", "/in/Box 1/x.csv", unexpected=True)),
        (sender(), "/acme-crm/Bad Feed/x", Routed(UNSORTED, "x", "/acme-crm/Bad Feed/x", unexpected=True)),
        (sender(root="/acme-crm/sales"), "/x.csv", Routed(SALES, "x.csv")),
        (sender(root="/acme-crm/sales"), "/a/b/x.csv", Routed(SALES, "a/b/x.csv")),
        (FIRST, "/first/files/x", Routed(FeedName("first", "files"), "x")),
        (FIRST, "/first/x", Routed(FeedName("first", "unsorted"), "x", "/first/x", unexpected=True)),
    ],
)
def test_a_path_leads_to_a_feed(who, path, expected):
    """Below the sender's root, `/source/feed/name` is that feed, anything else `unsorted` of the sender's source."""
    assert route_path(who, path, KNOWN) == expected


@pytest.mark.parametrize(
    ("who", "path"),
    [
        (sender("acme", ("acme-crm/*", "beta/*")), "/x.csv"),
        (sender("acme", ("acme-crm/*", "beta/*")), "/gamma/orders/x.csv"),
        (FIRST, "/x.csv"),
        (sender("acme", ()), "/x.csv"),
    ],
)
def test_with_several_sources_the_folders_are_listed(who, path):
    """Where a file could belong to several sources, it is refused with the folders there are."""
    error = refused(lambda: route_path(who, path, KNOWN))
    assert error.reason == "not_found"
    assert "SOURCE/FEED" in error.sentence or all(pattern in error.sentence for pattern in who.allow)


def test_a_source_that_cannot_be_one_is_refused_with_a_proposal():
    """Who may use every source learns how a folder may be called."""
    error = refused(lambda: route_path(FIRST, "/Acme CRM/x.csv", KNOWN))
    assert error.reason == "bad_feed"
    assert "acme_crm" in error.sentence


def test_a_path_that_ends_in_a_folder_has_no_name():
    """A path without a file name is refused."""
    assert refused(lambda: route_path(sender(), "/", KNOWN)).reason == "bad_name"


@pytest.mark.parametrize(
    "name",
    [
        *("x.csv.md5", "X.CSV.SHA256", "a/b/x.ok", "done", "x.done", "batch.ctl", "SHA256SUMS", "md5sums.txt"),
        *("_SUCCESS", "manifest", "manifest.json", "load.manifest", "x.crc", "a\nb.md5"),
    ],
)
def test_the_usual_companions_are_recognised(name):
    """Checksums, end marks, control files and manifests go with other files."""
    assert is_companion(name)
    assert route(sender(), SALES, name, KNOWN).companion
    assert route(sender(), FeedName("acme-crm", "typo"), name, KNOWN).companion


@pytest.mark.parametrize(
    "name", ["x.csv", "md5.csv", "ok.txt", "shipping_manifest.csv", "x.md5.gz", "ok/x.csv", "book", "x.json"]
)
def test_data_is_no_companion(name):
    """Names that only contain such a word are data."""
    assert not is_companion(name)


def test_a_feeds_own_companions_are_recognised():
    """The patterns of a feed's contract count beside the usual names, with nothing special in them but {name}."""
    patterns = ("{name}.count", "end_[{name}].txt")
    assert is_companion("a/x.csv.count", patterns)
    assert is_companion("end_[x.csv].txt", patterns)
    assert not is_companion(".count", patterns)
    assert not is_companion("x.csv_count", patterns)
    assert not is_companion("end_x.txt", patterns)
    assert route(sender(), SALES, "x.count", Known(SALES, companions=patterns)).companion
