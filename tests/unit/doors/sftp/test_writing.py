from __future__ import annotations

import asyncio
import os
import random

import pytest

from headwater.errors import Refused
from headwater.terms import Receipt
from tests.raw_sftp import (
    BAD_MESSAGE,
    EXTENDED,
    F_APPEND,
    F_CREAT,
    F_EXCL,
    F_READ,
    F_TRUNC,
    F_WRITE,
    FAILURE,
    GO_ON,
    NEW,
    NO_SUCH_FILE,
    OPEN,
    PERMISSION_DENIED,
    WRITE,
    sized,
    string,
    u32,
    u64,
)
from tests.unit.doors.sftp.world import FOLDER

PATH = f"{FOLDER}/a.csv"
MIB = 1 << 20


async def test_a_file_lands_with_its_close_and_not_before(door, client):
    """WRITEs alone land nothing; CLOSE does, as presumed, and its answer names the receipt."""
    handle = await client.open(PATH)
    assert (await client.write(handle, 0, b"abc")).is_ok
    assert await door.landed() == []

    answer = await client.close(handle)

    (receipt,) = await door.entries(Receipt)
    assert answer.sentence == f"Landed as {receipt.id}, sha256 {receipt.sha256}."
    assert await door.landed() == [("a.csv", b"abc")]
    assert (receipt.completeness, receipt.door) == ("presumed", "sftp")


@pytest.mark.parametrize(("said", "is_ok"), [(3, True), (2, False), (4, False)])
async def test_a_size_at_open_proves_or_refuses(door, client, said, is_ok):
    """A size that WinSCP says beforehand is the file's, or it does not land."""
    answer = await client.put(PATH, b"abc", attrs=sized(said))

    assert answer.is_ok == is_ok
    if is_ok:
        assert [each.completeness for each in await door.entries(Receipt)] == ["proven"]
    else:
        assert await door.landed() == []
        assert await door.held() == [("a.csv", "size_mismatch")]


async def test_writes_in_any_order_make_the_file(door, client):
    """Pipelined WRITEs that overtake each other land in the order of their offsets."""
    data = os.urandom(MIB)
    handle = await client.open(PATH)
    offsets = list(range(0, MIB, 10_000))
    random.Random(1).shuffle(offsets)
    numbers = [
        client.send(WRITE, string(handle), u64(offset), string(data[offset : offset + 10_000])) for offset in offsets
    ]
    assert all([(await client.answer(number)).is_ok for number in numbers])
    assert (await client.close(handle)).is_ok
    assert await door.landed() == [("a.csv", data)]


@pytest.mark.parametrize("temporary", [True, False])
@pytest.mark.parametrize("holes", [[(0, 3), (10, 3)], [(5, 3)], [(MIB, 1)], [(0, 1), (2, 1), (4, 1)]])
async def test_a_hole_is_never_filled(door, client, holes, temporary):
    """A file with a hole is refused at CLOSE, under a temporary name too; no zeros are made up, and it is evidence."""
    path = f"{PATH}.part" if temporary else PATH
    handle = await client.open(path)
    for offset, size in holes:
        assert (await client.write(handle, offset, b"x" * size)).is_ok

    answer = await client.close(handle)

    assert (answer.code, "missing" in answer.sentence) == (FAILURE, True)
    assert await door.landed() == []
    assert await door.held() == ([(path.rpartition("/")[2], "gap")] if holes[0][0] == 0 else [])
    assert (await client.rename(path, f"{FOLDER}/b.csv")).code == NO_SUCH_FILE


async def test_a_hole_is_not_synced(client):
    """fsync@openssh.com is no OK while bytes before others are missing: it means what it says."""
    handle = await client.open(PATH)
    await client.write(handle, 10, b"abc")
    assert (await client.ask(EXTENDED, string("fsync@openssh.com"), string(handle))).code == FAILURE
    await client.write(handle, 0, b"x" * 10)
    assert (await client.ask(EXTENDED, string("fsync@openssh.com"), string(handle))).is_ok


@pytest.mark.parametrize("offset", [9 * MIB, 2**31, 2**63 - 1, 2**63, 2**64 - 4, 2**64 - 1])
async def test_an_offset_that_is_absurd_is_refused(door, client, offset):
    """Far ahead of what came is no place for bytes: the WRITE is refused, and so is the CLOSE."""
    handle = await client.open(PATH)
    assert (await client.write(handle, offset, b"abc")).code == FAILURE
    assert (await client.close(handle)).code == FAILURE
    assert await door.landed() == []


async def test_the_same_bytes_again_are_fine(door, client):
    """Overlapping WRITEs of the same bytes change nothing, in order or ahead."""
    data = bytes(range(200))
    handle = await client.open(PATH)
    for start, end in [(0, 50), (30, 90), (0, 90), (150, 200), (140, 200), (160, 170), (80, 150)]:
        assert (await client.write(handle, start, data[start:end])).is_ok
    assert (await client.close(handle)).is_ok
    assert await door.landed() == [("a.csv", data)]


@pytest.mark.parametrize(
    "writes",
    [
        [(0, b"aaaa"), (2, b"xx")],
        [(0, b"aaaa"), (2, b"xxaa")],
        [(10, b"aaaa"), (10, b"xxxx"), (0, b"-" * 10)],
        [(10, b"bbbb"), (0, b"a" * 12)],
        [(10, b"bbbb"), (12, b"cccc"), (0, b"a" * 10)],
        [(2, b"bb"), (0, b"aaaaaaaa")],
    ],
)
async def test_other_bytes_for_the_same_place_are_refused(door, client, writes):
    """Whoever writes other bytes over those that came is told so by a WRITE or at CLOSE, and nothing of it lands."""
    handle = await client.open(PATH)
    answers = [await client.write(handle, offset, data) for offset, data in writes]
    closed = await client.close(handle)

    assert closed.code == FAILURE
    assert not all(answer.is_ok for answer in answers)
    assert await door.landed() == []
    assert {reason for _, reason in await door.held()} <= {"wrong_offset"}


async def test_bytes_of_before_a_megabyte_cannot_be_written_again(door, client):
    """What was handed to the store is not rewritten, not even by the same bytes: it could not be told."""
    handle = await client.open(PATH)
    await client.write_all(handle, bytes(5 * MIB))
    assert (await client.write(handle, 0, b"x")).code == FAILURE
    assert (await client.close(handle)).code == FAILURE
    assert await door.landed() == []


async def test_crumbs_take_no_more_memory_than_bytes(door, client):
    """A file of single bytes, ahead and in order, is kept in few pieces, and what may run ahead counts each of them."""
    handle = await client.open(PATH)
    for offset in range(0, 20_000, 2):
        client.send(WRITE, string(handle), u64(offset), string(b"x"))
    last = await client.write(handle, 20_001, b"x")
    (upload,) = door.world.landing._live.values()
    assert last.is_ok
    assert door.world.landing.means.budget.memory_used > 200 * len(upload._ahead) > 10_000
    for offset in range(1, 20_000, 2):
        client.send(WRITE, string(handle), u64(offset), string(b"x"))
    assert (await client.write(handle, 20_000, b"x")).is_ok
    assert len(upload.pieces) < 20
    assert (await client.close(handle)).is_ok
    assert await door.landed() == [("a.csv", b"x" * 20_002)]
    assert door.world.landing.means.budget.memory_used == 0


async def test_crumbs_that_run_ahead_are_bounded(door, client):
    """However small the WRITEs, no more than 8 MiB of memory wait for the first missing byte."""
    handle = await client.open(PATH)
    numbers = [client.send(WRITE, string(handle), u64(2 * n + 1), string(b"x")) for n in range(50_000)]
    answers = [await client.answer(number) for number in numbers]
    assert not answers[-1].is_ok
    assert sum(answer.is_ok for answer in answers) < 8 * MIB / 256
    assert (await client.close(handle)).code == FAILURE


async def test_an_empty_file_lands(door, client):
    """CLOSE without a WRITE is a file of no bytes."""
    assert (await client.put(PATH, b"")).is_ok
    assert await door.landed() == [("a.csv", b"")]


# --- the line goes away ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 100_000, 5 * MIB])
async def test_a_cut_is_no_end_and_can_be_gone_on_with(door, size):
    """Without CLOSE nothing lands; STAT says how much is here, and the rest makes it one file, on any connection."""
    data = os.urandom(6 * MIB)
    client = await door.client()
    handle = await client.open(PATH)
    await client.write_all(handle, data[:size])
    await client.go_away()
    assert await door.landed() == []

    again = await door.client()
    assert await again.size(PATH) == size
    handle = await again.open(PATH, GO_ON)
    assert all(answer.is_ok for answer in await again.write_all(handle, data, size))
    assert (await again.close(handle)).is_ok

    assert await door.landed() == [("a.csv", data)]
    assert await door.held() == []


async def test_a_cut_file_of_which_only_the_end_is_missing_lands_by_it(door):
    """Who opens it to go on (APPEND), has nothing to add and closes it, has said the end; who only looks has not."""
    client = await door.client()
    handle = await client.open(PATH)
    await client.write(handle, 0, b"abc")
    await client.go_away()

    again = await door.client()
    assert not (await again.close(await again.open(PATH, GO_ON))).is_ok
    assert (await again.close(await again.open(PATH, F_WRITE | F_APPEND))).sentence.startswith("Landed as ")

    assert await door.landed() == [("a.csv", b"abc")]


@pytest.mark.parametrize("offset", [1, 2, 4, 100])
async def test_to_go_on_at_another_place_is_refused_and_tells_which(door, offset):
    """Bytes are missing or there already: the sentence says where to go on, and it still can be gone on with there."""
    client = await door.client()
    await client.write(await client.open(PATH), 0, b"abc")
    await client.go_away()

    again = await door.client()
    handle = await again.open(PATH, GO_ON)
    answer = await again.write(handle, offset, b"def")
    assert (answer.code, "go on at 3" in answer.sentence) == (FAILURE, True)
    assert (await again.close(handle)).code == FAILURE

    handle = await again.open(PATH, GO_ON)
    assert (await again.write(handle, 3, b"def")).is_ok
    assert (await again.close(handle)).is_ok
    assert await door.landed() == [("a.csv", b"abcdef")]


async def test_to_begin_anew_keeps_the_cut_one_as_evidence(door):
    """TRUNC, or offset 0, is another file; what was cut is held as withdrawn."""
    for flags in (NEW, GO_ON):
        client = await door.client()
        await client.write(await client.open(PATH), 0, b"abc")
        await client.go_away()
        again = await door.client()
        assert (await again.put(PATH, b"xyz", flags)).is_ok

    assert await door.landed() == [("a.csv", b"xyz")] * 2
    assert await door.held() == [("a.csv", "withdrawn")] * 2


@pytest.mark.parametrize("name", ["a.csv", "a.csv.part"])
@pytest.mark.parametrize("flags", [NEW, GO_ON])
async def test_who_was_overtaken_gets_no_yes(door, name, flags):
    """When another connection takes a name over, the first is told so, and the second is not disturbed by it."""
    path = f"{FOLDER}/{name}"
    first, second = await door.client(), await door.client()
    old = await first.open(path)
    await first.write(old, 0, b"abc")
    new = await second.open(path, flags)
    assert (await second.write(new, 0 if flags == NEW else 3, b"def")).is_ok

    assert not (await first.write(old, 3, b"xyz")).is_ok
    assert not (await first.close(old)).is_ok
    await second.go_away()
    third = await door.client()
    there = 3 if flags == NEW else 6
    assert await third.size(path) == there
    handle = await third.open(path, GO_ON)
    await third.write(handle, there, b"ghi")
    assert (await third.close(handle)).is_ok
    if name.endswith(".part"):
        assert (await third.rename(path, PATH)).is_ok
    assert await door.landed() == [("a.csv", b"defghi" if flags == NEW else b"abcdefghi")]


async def test_a_close_that_nobody_hears_is_taken_back(door):
    """A client that goes between CLOSE and its answer cannot know: what landed is withdrawn, its next try counts."""
    client = await door.client()
    handle = await client.open(PATH)
    await client.write(handle, 0, b"abc")
    client.send(4, string(handle))
    await client.go_away()

    (receipt,) = await door.entries(Receipt)
    assert await door.amended() == [(receipt.id, "withdrawn")]


# --- what stands there already ---------------------------------------------------------------------------------------


async def test_to_append_is_a_delivery_of_what_is_new(door, client):
    """Bytes from the end of a landed file on are a delivery that continues it; the name shows the whole size."""
    assert (await client.put(PATH, b"abc")).is_ok
    handle = await client.open(PATH, F_WRITE | F_APPEND)
    assert (await client.write(handle, 3, b"def")).is_ok
    assert (await client.close(handle)).is_ok

    first, second = await door.entries(Receipt)
    assert (second.continues.id, second.continues.offset) == (first.id, 3)
    assert await door.landed() == [("a.csv", b"abc"), ("a.csv", b"def")]
    assert await client.size(PATH) == 6


async def test_a_first_part_is_said_to_be_one(door, client):
    """An earlier delivery of the name whose bytes are the beginning of the new one's is amended so."""
    await client.put(PATH, b"abc")
    await client.put(PATH, b"abcdef")
    await client.put(PATH, b"xyz")

    first, *_ = await door.entries(Receipt)
    assert await door.amended() == [(first.id, "prefix_of")]


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (F_WRITE | F_CREAT | F_EXCL, FAILURE),
        (F_WRITE | F_CREAT | F_EXCL | F_TRUNC, FAILURE),
        (F_READ | F_WRITE, 8),
    ],
)
async def test_a_landed_file_is_not_opened_to_be_changed(client, flags, code):
    """EXCL finds it, and to read and write at once is for files on a disk."""
    await client.put(PATH, b"abc")
    assert (await client.ask(OPEN, string(PATH), u32(flags), bytes(4))).code == code


async def test_what_is_not_there_is_not_made_without_being_asked_to(client):
    """WRITE without CREAT is no such file."""
    assert (await client.ask(OPEN, string(PATH), u32(F_WRITE), bytes(4))).code == NO_SUCH_FILE


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/acme-crm/daily", FAILURE),
        ("/", NO_SUCH_FILE),
        ("", BAD_MESSAGE),
        (f"{FOLDER}/{'n' * 5000}", BAD_MESSAGE),
        (f"{FOLDER}/a\0b.csv", BAD_MESSAGE),
        ("/acme-crm/daily/" + "d/" * 2040 + "x", BAD_MESSAGE),
    ],
)
async def test_places_where_nothing_can_land_are_refused(door, client, path, code):
    """Folders, and what is no name: OPEN is refused and nothing is kept."""
    answer = await client.put_refused(path, b"abc")
    assert (answer.code, bool(answer.sentence)) == (code, True)
    assert await door.landed() == []


@pytest.mark.parametrize("path", ["/shop/orders/a.csv", "/a.csv", "/acme-crm/a.csv", "/acme-crm/No feed/a.csv"])
async def test_a_file_put_at_no_feed_of_its_sender_is_unsorted(door, client, path):
    """It lands all the same, in the feed for such files, with the path it was put at; and is shown there."""
    assert (await client.put(path, b"abc")).is_ok
    (receipt,) = await door.entries(Receipt)
    assert (receipt.source, receipt.feed, receipt.name, receipt.path) == ("acme-crm", "unsorted", "a.csv", path)
    assert await client.size(path) == 3


async def test_an_operator_puts_nothing(door):
    """Somebody with another role may not deliver."""
    client = await door.client(await door.desk("operator"))
    assert (await client.put_refused(PATH, b"abc")).code == PERMISSION_DENIED


@pytest.mark.parametrize(
    "path", ["/acme-crm/daily/../other/./a.csv", "//acme-crm//other/a.csv", "/../acme-crm/other/a.csv"]
)
async def test_dots_lead_nowhere_else(door, client, path):
    """`.`, `..` and `//` are taken out of a path; above the root there is nothing."""
    assert (await client.put(path, b"abc")).is_ok
    (receipt,) = await door.entries(Receipt)
    assert (receipt.feed, receipt.name) == ("other", "a.csv")


@pytest.mark.parametrize("where", [FOLDER, "/acme-crm/never heard of"])
async def test_a_name_that_is_not_utf_8_lands_as_it_is(door, where):
    """Bytes that are no text are kept as bytes, through a cut, a temporary name and a rename."""
    client = await door.client()
    name = b"\xff\xfe caf\xe9.csv"
    path = where.encode() + b"/" + name
    handle = await client.open(path + b".part")
    await client.write(handle, 0, b"abc")
    await client.go_away()
    client = await door.client()
    handle = await client.open(path + b".part", GO_ON)
    await client.write(handle, 3, b"def")
    assert (await client.close(handle)).is_ok
    answer = await client.ask(18, string(path + b".part"), string(path))

    assert answer.is_ok, answer.sentence
    assert await door.landed() == [(name.decode(errors="surrogateescape"), b"abcdef")]
    assert await client.size(path) == 6


async def test_two_files_of_one_connection_do_not_mix(door, client):
    """WRITEs to many handles, all at once, go each to its own file."""
    handles = [await client.open(f"{FOLDER}/{number}.bin") for number in range(20)]
    for offset in range(0, 1000, 100):
        for number, handle in enumerate(handles):
            client.send(WRITE, string(handle), u64(offset), string(bytes([number]) * 100))
    answers = await asyncio.gather(*(client.close(handle) for handle in handles))
    assert all(answer.is_ok for answer in answers)
    assert sorted(await door.landed()) == sorted((f"{n}.bin", bytes([n]) * 1000) for n in range(20))


@pytest.mark.parametrize("pieces", [[(3, b"def")], [(0, b"abc")], [(0, b"abc"), (6, b"ghi")]])
@pytest.mark.parametrize("first", ["seal", "resume"])
async def test_a_close_that_is_overtaken_in_its_midst_lands_all_or_nothing(door, client, pieces, first):
    """Whoever takes an upload over while its holder ends it: it lands as it was, or not at all."""
    handle = await client.open(PATH)
    for offset, data in pieces:
        assert (await client.write(handle, offset, data)).is_ok
    landing = door.world.landing
    (upload,) = landing._live.values()
    calls = [upload.seal(), landing.resume(upload.id)]
    ended = await asyncio.gather(*(calls if first == "seal" else reversed(calls)), return_exceptions=True)

    whole = pieces == [(0, b"abc")] and first == "seal"
    assert await door.landed() == ([("a.csv", b"abc")] if whole else [])
    assert any(isinstance(each, Refused) for each in ended)
    for left in list(landing._live.values()):
        await left.drop("cut")
