from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.doors.sftp.packets import QUEUED_BYTES_MAX, QUEUED_REQUESTS_MAX, Packets
from headwater.doors.sftp.session import Sftp
from headwater.doors.sftp.wire import PACKET_BYTES_MAX
from tests.raw_sftp import (
    BAD_MESSAGE,
    CLOSE,
    HANDLE,
    INIT,
    OP_UNSUPPORTED,
    OPEN,
    REALPATH,
    STAT,
    VERSION,
    WRITE,
    packet,
    string,
    u32,
    u64,
)
from tests.unit.doors.sftp.world import FOLDER, Client, Line

PATH = f"{FOLDER}/a.csv"


def whole_put(data: bytes, piece: int) -> bytes:
    """INIT, and a file put by a client that waits for nothing: its first handle is known."""
    handle = string(b"\0\0\0\x01")
    writes = [
        packet(WRITE, u32(at + 2), handle, u64(at), string(data[at : at + piece])) for at in range(0, len(data), piece)
    ]
    opening = packet(INIT, u32(3)) + packet(OPEN, u32(1), string(PATH), u32(0x1A), bytes(4))
    return opening + b"".join(writes) + packet(CLOSE, u32(10**6), handle)


@pytest.mark.parametrize("step", [1, 3, 7, 4096, 1 << 20])
async def test_a_stream_in_any_pieces_is_the_same_stream(door, step):
    """Byte by byte or all at once: the file lands, and every request gets its answer."""
    data = bytes(range(250)) * 20
    stream = whole_put(data, 1000)
    client = Client(await door.desk())
    for at in range(0, len(stream), step):
        client.packets.data(stream[at : at + step])
    answers = [await client.answer(number) for number in [1, *range(2, 5002, 1000), 10**6]]

    assert answers[0].kind == HANDLE
    assert all(answer.is_ok for answer in answers[1:])
    assert await door.landed() == [("a.csv", data)]
    await client.go_away()


async def test_a_stream_that_the_client_ends_with_is_done(door):
    """What came whole before the line went away is done in its order: a CLOSE that came is an end."""
    client = Client(await door.desk())
    client.packets.data(whole_put(b"abc" * 1000, 100))
    await client.go_away()
    assert await door.landed() == [("a.csv", b"abc" * 1000)]


async def test_answers_come_in_the_order_of_the_requests(client):
    """Quick and slow requests, known and unknown ones: no answer overtakes another."""
    handle = await client.open(PATH)
    before = len(client.order)
    numbers = []
    for number in range(50):
        numbers.append(client.send(WRITE, string(handle), u64(number * 3), string(b"abc")))
        numbers.append(client.send(STAT, string(PATH)))
        numbers.append(client.send(REALPATH, string(f"/{number}")))
        numbers.append(client.send(77))
    for number in numbers:
        await client.answer(number)
    assert client.order[before:] == numbers


async def test_what_paths_show_waits_for_a_close(client):
    """A STAT behind a CLOSE sees what has landed, though the CLOSE is answered when it has."""
    handle = await client.open(PATH)
    client.send(WRITE, string(handle), u64(0), string(b"abc"))
    closing, looking = client.send(CLOSE, string(handle)), client.send(STAT, string(PATH))
    assert (await client.answer(looking)).size_bytes == 3
    assert (await client.answer(closing)).is_ok


# --- what is no SFTP -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, PACKET_BYTES_MAX + 1, 1 << 30, 2**31, 2**32 - 1])
async def test_a_length_beyond_any_packet_ends_the_channel(client, length):
    """Nothing is kept for it: four bytes are enough to know."""
    client.raw(u32(length) + b"x" * 100)
    assert client.line.is_closed
    client.raw(b"x" * 100_000)
    assert client.packets._have_bytes < 200


async def test_a_packet_that_never_ends_is_kept_once(client):
    """Bytes of the largest packet, one by one, are joined when all are there, and are answered then."""
    body = b"\x07" + u32(5) + string(b"x" * (PACKET_BYTES_MAX - 9))
    client.raw(u32(len(body)))
    for at in range(0, len(body) - 1, 1000):
        client.raw(body[at : min(at + 1000, len(body) - 1)])
        assert client.packets._have_bytes <= PACKET_BYTES_MAX + 4
    client._future(5)
    client.raw(body[-1:])
    assert (await client.answer(5)).code == BAD_MESSAGE  # a path of 256 KiB


@pytest.mark.parametrize(
    "first", [packet(STAT, u32(1), string("/")), packet(VERSION, u32(3)), b"GET / HTTP/1.1\r\n\r\n"]
)
async def test_who_does_not_begin_with_init_is_no_client(door, first):
    """The channel is closed, without a word."""
    client = Client(await door.desk())
    client.packets.data(first)
    await client.packets.settled()
    assert client.line.is_closed
    assert client.line.written_bytes == 0
    await client.go_away()


@pytest.mark.parametrize(
    "body", [b"", b"\0", b"\0\0\0\x05abc", b"\xff\xff\xff\xff", b"\0\0\0\x04\0\0\0\x01" + bytes(9)]
)
@pytest.mark.parametrize("kind", [*range(3, 21), 200])
async def test_a_bad_packet_is_answered_and_the_next_one_served(client, kind, body):
    """A packet whose inside is wrong costs its sender this one request."""
    number = client.send(kind, body)
    answer = await client.answer(number)
    assert answer.kind != HANDLE or kind in {OPEN, 11}
    assert (await client.ask(REALPATH, string("."))).string(4) == b"/"


async def test_a_packet_without_an_id_is_answered_to_none(client):
    """Its id is said to be 0: something must be said."""
    waiting = client._future(0)
    client.raw(packet(WRITE, b"ab"))
    assert (await waiting).code == BAD_MESSAGE


async def test_a_second_init_is_an_unknown_request(client):
    """It does not begin anew."""
    answer = client._future(3)
    client.raw(packet(INIT, u32(3)))
    assert (await answer).code == OP_UNSUPPORTED


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_after_a_greeting_are_survived(pieces):
    """Whatever comes: it is answered, or the channel is closed; nothing is raised, and little is kept."""

    async def feed() -> None:
        line, room = Line(), asyncio.Event()
        room.set()
        packets = Packets(Sftp(None), line, room)  # type: ignore[arg-type]  # nothing in here comes to a desk
        packets.data(packet(INIT, u32(3)))
        await packets.settled()
        for piece in pieces:
            packets.data(b"\0\0\0" + bytes([len(piece)]) + (b"\x7f" + piece)[: len(piece)])
            packets.data(piece)
        await packets.settled()
        assert packets._have_bytes <= PACKET_BYTES_MAX + 4

    asyncio.run(feed())


# --- too much of it --------------------------------------------------------------------------------------------------


async def test_a_client_that_does_not_read_is_not_served(client):
    """While there is no room for answers nothing is done and little is taken in; then all goes on in order."""
    handle = await client.open(PATH)
    await client.write(handle, 0, b"abc")
    client.room.clear()
    written = client.line.written_bytes
    numbers = []
    while not client.line.is_paused:
        numbers.append(client.send(WRITE, string(handle), u64(3), string(b"")))
        assert len(numbers) < 10_000
    assert client.line.written_bytes == written
    assert client.packets._queued_bytes <= QUEUED_BYTES_MAX + PACKET_BYTES_MAX
    assert len(client.packets._queue) <= QUEUED_REQUESTS_MAX + 1

    client.room.set()
    assert all([(await client.answer(number)).is_ok for number in numbers])
    assert not client.line.is_paused
    assert client.order[-len(numbers) :] == numbers


async def test_requests_that_come_faster_than_they_are_done_wait_with_the_client(client):
    """More than 1 MiB of requests, or 1,024 of them, are not queued: the client is not read from any more."""
    numbers = [client.send(STAT, string("/" + "d" * 3000)) for _ in range(2000)]
    assert client.line.is_paused
    for number in numbers:
        await client.answer(number)
    assert not client.line.is_paused
