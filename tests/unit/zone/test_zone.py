from __future__ import annotations

import hashlib
import io
import itertools
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

import headwater
from headwater import NoDelivery, Refused
from headwater.care.checking import check_bundle, holds
from headwater.errors import Misconfigured
from headwater.terms import name_of
from headwater.zone.calls import name_target
from headwater.zone.zone import literal
from tests.homes import make_home

FEEDS = (f"first/feed{number}" for number in itertools.count())


@pytest.fixture
def feed():
    """A feed of this test's own."""
    return next(FEEDS)


def until(look):
    """What `look` finds, as soon as it finds anything: a server learns a moment later that a line was cut."""
    deadline = time.monotonic() + 10
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


# --- landing ----------------------------------------------------------------------------------------------------------


def test_bytes_land_proven(zone, feed):
    """Bytes land under their name, with the size and the digest that were declared agreeing."""
    landed = zone.land(feed, b"id,amount\n", name="sales.csv")

    assert (landed.name, str(landed.feed), landed.size_bytes) == ("sales.csv", feed, 10)
    assert landed.sha256 == hashlib.sha256(b"id,amount\n").hexdigest()
    assert landed.completeness == "proven"
    assert landed.outcome == "landed"
    assert landed.bytes() == b"id,amount\n"


def test_a_file_of_several_pieces_lands_whole(zone, feed, tmp_path):
    """A file of many pieces is the same bytes when it is read back."""
    path = tmp_path / "big.bin"
    path.write_bytes(bytes(range(256)) * 20_000)

    landed = zone.land(feed, path)

    assert landed.name == "big.bin"
    assert landed.bytes() == path.read_bytes()
    assert landed.receipt.declared.digests == {"sha256": landed.sha256}


def test_a_stream_is_presumed(zone, feed):
    """The end of a stream is no proof that all of it came: it declares nothing and is presumed."""
    landed = zone.land(feed, io.BytesIO(b"x" * 3_000_000), name="stream")

    assert (landed.completeness, landed.size_bytes) == ("presumed", 3_000_000)
    assert landed.receipt.declared.size_bytes is None


def test_an_empty_file_lands(zone, feed, tmp_path):
    """A file without a byte is a delivery like others."""
    path = tmp_path / "empty"
    path.touch()

    assert zone.land(feed, path).size_bytes == 0


@pytest.mark.parametrize("name", ["a b+c%41.csv", "dir/ä/日本 .csv", "?q#f&x=y", "\udcff\udcfe.bin", 'it\'s "quoted"'])
def test_names_are_exact(zone, name):
    """A name arrives as it was given, whatever it holds, also bytes that are not UTF-8."""
    landed = zone.land("first/names", b"x", name=name)

    assert name_of(landed.receipt) == name
    assert zone.delivery(landed.id).receipt == landed.receipt


def test_the_same_under_one_key_lands_once(zone, feed):
    """The same bytes again under an idempotency key return the first delivery; other bytes are refused."""
    first = zone.land(feed, b"a", name="n", idempotency_key=f"key-{feed}-{zone.name}")
    again = zone.land(feed, b"a", name="n", idempotency_key=f"key-{feed}-{zone.name}")

    assert (again.id, again.outcome) == (first.id, "repeated")
    with pytest.raises(Refused) as refusal:
        zone.land(feed, b"b", name="n", idempotency_key=f"key-{feed}-{zone.name}")
    assert refusal.value.reason == "key_reused"


def test_once_skips_what_stands_there(zone, feed, tmp_path):
    """With once, a file whose name and digest stand in the feed is not sent; a changed one is."""
    path = tmp_path / "[a]*.csv"
    path.write_bytes(b"1")
    first = zone.land(feed, path, once=True)
    again = zone.land(feed, path, once=True)
    path.write_bytes(b"2")
    changed = zone.land(feed, path, once=True)

    assert (again.id, again.outcome) == (first.id, "repeated")
    assert (changed.outcome, len(zone.deliveries(feed))) == ("landed", 2)


def test_once_needs_a_digest(zone, feed):
    """A stream's digest is not known before it is sent, so once refuses it."""
    with pytest.raises(Refused, match="stream"):
        zone.land(feed, io.BytesIO(b"x"), name="n", once=True)


def test_what_broke_while_it_was_read_is_raised_and_kept(zone, feed):
    """An error of the source comes out as itself; what came before it is held as evidence, not landed."""

    class Broken(io.RawIOBase):
        def __init__(self):
            self._left = 3

        def read(self, _size=-1):
            self._left -= 1
            if not self._left:
                raise OSError(5, "Input/output error")
            return b"x" * 100_000

    with pytest.raises(OSError, match="Input/output"):
        zone.land(feed, Broken(), name="broken")

    assert len(zone.deliveries(feed)) == 0
    (attempt,) = until(lambda: [one for one in zone.attempts(feed) if one.outcome != "open"])
    assert (attempt.outcome, attempt.reason) == ("held", "cut")


def test_a_wrong_feed_is_refused_before_a_byte_is_sent(zone):
    """A feed that is none is refused with a proposal."""
    with pytest.raises(Refused, match="could be one"):
        zone.land("First/Files", b"", name="x")


def test_a_refusal_does_not_wait_for_the_body(zone):
    """A body that nobody wants is not sent to its end."""
    sent = []

    class Endless(io.RawIOBase):
        def read(self, _size=-1):
            sent.append(1)
            assert len(sent) < 2_000, "nobody stopped us"
            return b"x" * 65_536

    with pytest.raises(Refused) as refusal:
        zone.land("first/files", Endless(), name="a/../b")
    assert refusal.value.reason == "bad_name"


@pytest.mark.parametrize("what", [3, None, object()])
def test_only_bytes_paths_and_files_land(zone, what):
    """Anything else is a TypeError."""
    with pytest.raises(TypeError, match="give a path"):
        zone.land("first/files", what)


def test_bytes_need_a_name(zone):
    """Bytes have no name of their own."""
    with pytest.raises(Refused, match="needs one"):
        zone.land("first/files", b"x")


# --- looking ----------------------------------------------------------------------------------------------------------


def test_deliveries_are_found_by_what_is_asked(zone, feed):
    """Newest first, at most the limit, by name and time; None is no limit."""
    landed = [zone.land(feed, str(n).encode(), name=f"n{n}.csv") for n in range(4)]

    assert [one.id for one in zone.deliveries(feed, limit=2)] == [landed[3].id, landed[2].id]
    assert [one.id for one in zone.deliveries(feed, name="n[01]*", limit=None)] == [landed[1].id, landed[0].id]
    assert len(zone.deliveries(feed, since=landed[2].landed_at)) == 2
    assert len(zone.deliveries(feed, until=landed[2].receipt.landed_at)) == 2
    assert len(zone.deliveries(feed, since=timedelta(hours=1))) == 4
    assert len(zone.deliveries(feed, since=datetime.now(UTC) + timedelta(days=1))) == 0


def test_a_delivery_is_found_by_its_ending_and_its_key(zone, feed):
    """An id, an ending of it, its key or its URL name one delivery; what is not there raises NoDelivery."""
    landed = zone.land(feed, b"x", name="n")

    for word in (landed.id, landed.id[-8:], landed.receipt.key, f"s3://bucket/prefix/{landed.receipt.key}"):
        assert zone.delivery(word).id == landed.id
    with pytest.raises(NoDelivery):
        zone.delivery("0" * 31 + "f")


def test_the_latest_is_whole_and_counts(zone, feed):
    """The latest delivery is the newest effective one; a feed without any raises NoDelivery."""
    with pytest.raises(NoDelivery):
        zone.latest(feed)
    first = zone.land(feed, b"1", name="n")
    zone.land(feed, b"1", name="n")  # a repeat

    assert zone.latest(feed).id == first.id


def test_changes_come_in_order_and_go_on_after_a_position(zone, feed):
    """Changes are read in order, all of them; after a position only what came later."""
    landed = [zone.land(feed, str(n).encode(), name=f"n{n}") for n in range(3)]
    changes = list(zone.changes(feed, after=0))

    assert [(one.kind, one.delivery.id) for one in changes] == [("landed", one.id) for one in landed]
    assert [one.position for one in zone.changes(feed, after=changes[1].position)] == [changes[2].position]
    assert list(zone.changes(feed, after=changes[2].position)) == []


def test_a_repeat_that_counts_from_now_on_is_a_change(zone, feed):
    """Whoever reads by position gets the repeat when its first delivery is taken out, and is told of both."""
    first, repeat = (zone.land(feed, b"same", name=name) for name in "ab")
    after = repeat.known.position
    zone.calls.request(
        "POST", f"/v1/deliveries/{first.id}/void", {"content-type": "application/json"}, b'{"reason": "wrong"}'
    )
    changes = list(zone.changes(feed, after=after))

    assert [(one.kind, one.delivery.id) for one in changes] == [("void", first.id), ("landed", repeat.id)]
    assert changes[0].position == changes[1].position
    assert zone.latest(feed).id == repeat.id


def test_feeds_are_counted(zone, feed):
    """A feed is listed with what landed in it."""
    zone.land(feed, b"12345", name="n")

    (found,) = [one for one in zone.feeds() if one.feed == feed]
    assert (found.deliveries, found.size_bytes) == (1, 5)


# --- bytes ------------------------------------------------------------------------------------------------------------


def test_bytes_are_saved_whole_under_their_own_name(zone, feed, tmp_path, monkeypatch):
    """Without a path the file has its own last name, in the working folder, and no file is overwritten so."""
    monkeypatch.chdir(tmp_path)
    landed = zone.land(feed, b"abc", name="deep/er/n.csv")

    assert landed.save().read_bytes() == b"abc"
    with pytest.raises(Refused) as refusal:
        landed.save()
    assert refusal.value.reason == "exists"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["n.csv"]


def test_bytes_that_are_not_the_receipts_are_told(zone, home, feed, tmp_path):
    """Where the zone's bytes were changed, reading raises Damaged, and no file is left."""
    landed = zone.land(feed, b"abc", name="n")
    path = home.path / "zone" / landed.receipt.key
    path.chmod(0o600)
    path.write_bytes(b"abd")

    with pytest.raises(headwater.Damaged, match="not those of its receipt"):
        landed.save(tmp_path / "copy")
    with pytest.raises(headwater.Damaged):
        landed.bytes()
    assert list(tmp_path.iterdir()) == []


def test_a_delivery_can_be_read_in_part(zone, feed):
    """What is opened and closed early raises nothing: only the end of the bytes is held against the receipt."""
    landed = zone.land(feed, b"x" * 3_000_000, name="n")

    with landed.open() as file:
        assert file.read(3) == b"xxx"


def test_the_proof_is_one(zone, feed, tmp_path):
    """The bundle that a zone writes holds against the ledger's key, with the bytes in it."""
    landed = zone.land(feed, b"abc", name="n")
    path = zone.proof(landed.id, tmp_path / "proof.zip", with_bytes=True)
    with zipfile.ZipFile(path) as archive:
        key = archive.read("keys.txt").decode()

    assert holds(check_bundle(path, None, key))
    assert zone.checkpoint().startswith(landed.known.log)


# --- how it looks -----------------------------------------------------------------------------------------------------


def test_what_is_printed_is_safe_and_short(zone, feed):
    """A name can neither steer a terminal nor a notebook."""
    zone.land(feed, b"x", name="<b>\x1b[31m.csv")
    found = zone.deliveries(feed)

    assert "\x1b" not in repr(found) + repr(found[0]) + repr(zone.changes(feed))
    assert "&lt;b&gt;" in found._repr_html_()
    assert "&lt;b&gt;" in found[0]._repr_html_()
    assert "&lt;b&gt;" in zone.changes(feed)._repr_html_()
    assert repr(zone.deliveries(feed, name="nothing")) == "no deliveries"


def test_a_glob_for_one_name_matches_it_alone():
    """Characters that mean something in a glob stand for themselves."""
    assert literal("a*b[c]?") == "a[*]b[[]c][?]"


def test_slashes_stay_in_the_path():
    """A name's slashes are kept, all else is encoded, once."""
    assert name_target("a/b c%.csv") == "a/b%20c%25.csv"


# --- opening ----------------------------------------------------------------------------------------------------------


def test_importing_headwater_loads_next_to_nothing():
    """`import headwater` brings none of the parts; the first name that is used does."""
    code = "import sys, headwater; assert not {'msgspec', 'urllib3', 'asyncio'} & set(sys.modules); headwater.open"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_is_an_attribute_error():
    """The package has what it says, and nothing else."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        headwater.nothing  # noqa: B018
    assert {"open", "Zone", "Refused"} <= set(dir(headwater))


def test_a_home_belongs_to_one_at_a_time(tmp_path, monkeypatch):
    """A home that another has is refused, with who has it, after it was waited for."""
    home = make_home(tmp_path / "home")
    monkeypatch.setattr("headwater.zone.reach.LOCK_SECONDS_MAX", 0.2)
    with headwater.open(home.path), pytest.raises(Misconfigured, match="in use by process") as error:
        headwater.open(home.path)

    assert error.value.reason == "in_use"
    headwater.open(home.path).close()


def test_what_a_killed_server_left_is_not_believed(tmp_path):
    """A run.json whose process is gone does not keep commands from the home."""
    home = make_home(tmp_path / "home")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (home.path / "run.json").write_text(f'{{"pid": {gone.pid}, "http": "http://127.0.0.1:9"}}')

    with headwater.open(home.path) as zone:
        assert zone.name == str(home.path)


def test_a_bare_zone_is_read_only(tmp_path):
    """The folder of a zone opens without a home: everything can be read and proved, nothing lands."""
    home = make_home(tmp_path / "home")
    with headwater.open(home.path) as zone:
        landed = zone.land("first/files", b"abc", name="n")
    with headwater.open(home.path / "zone") as bare:
        assert [one.id for one in bare.deliveries()] == [landed.id]
        assert bare.latest("first/files").bytes() == b"abc"
        assert [one.delivery.id for one in bare.changes()] == [landed.id]
        assert bare.proof(landed.id, tmp_path / "proof.zip").stat().st_size > 0
        with pytest.raises(Refused, match="nothing lands in it"):
            bare.land("first/files", b"abc", name="n")
