from __future__ import annotations

import asyncio
import hashlib

import pytest

from headwater.errors import Unavailable
from headwater.landing import Budget, budget
from headwater.landing.digest import Digester


async def test_memory_is_given_out_once_and_comes_back():
    """What does not fit in memory lies in the spool, and each part gives back what it took, from where it took it."""
    room = Budget(10, 10)
    first, second = await room.take(8), await room.take(8)
    assert (first.spooled, second.spooled) == (False, True)
    assert (room.memory_used, room.spool_used) == (8, 8)
    first.release()
    second.release()
    assert (room.memory_used, room.spool_used) == (0, 0)


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("pieces", [[], [b"a", b"bc"], [bytes(300_000), b"x"]])
async def test_a_part_is_its_bytes(slow, pieces, tmp_path):
    """In memory or in the spool a part gives back what was put into it, in order."""
    part = await Budget(1 << 20, 1 << 20, tmp_path).take(1 << 19, slow=slow)
    for piece in pieces:
        part.extend([piece])
    assert bytes(part.body()) == b"".join(pieces)
    assert part.size_bytes == len(b"".join(pieces))
    part.release()
    assert list(tmp_path.iterdir()) == []


async def test_who_waits_gets_the_room_that_comes_back():
    """While the spool is full a part waits, and has room as soon as another one gives it back."""
    room = Budget(0, 10)
    first = await room.take(10)
    waiting = asyncio.create_task(room.take(10))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    first.release()
    (await asyncio.wait_for(waiting, 5)).release()
    assert room.spool_used == 0


async def test_who_waits_too_long_is_told_to_come_again(monkeypatch):
    """A spool that stays full is busy: to be tried again, and nothing was taken."""
    monkeypatch.setattr(budget, "WAIT_SECONDS_MAX", 0.01)
    room = Budget(0, 10)
    part = await room.take(10)
    with pytest.raises(Unavailable) as caught:
        await room.take(1)
    part.release()
    assert (caught.value.reason, room.spool_used) == ("busy", 0)


async def test_a_spool_that_cannot_be_written_takes_nothing(tmp_path):
    """Where there is no folder for it the spool is busy, and its room is free again."""
    room = Budget(0, 10, tmp_path / "gone")
    with pytest.raises(Unavailable, match="cannot be written"):
        await room.take(10)
    assert room.spool_used == 0


@pytest.mark.parametrize("pieces", [[b"123456789"], [b"1234", b"", b"56789"]])
def test_a_crc32_is_the_usual_one(pieces):
    """A declared CRC-32 is checked against the one that everybody computes (of `123456789`: cbf43926)."""
    digester = Digester(lambda _data, value: value, ("crc32",))
    digester.update(pieces)
    assert digester.observed("crc32") == "cbf43926"


@pytest.mark.parametrize("cut", [1, 2, 4, 5, 9])
def test_a_beginning_is_digested_on_the_way(cut):
    """Of bytes whose beginning is to be known, the SHA-256 of just so many is kept, wherever the pieces end."""
    digester = Digester(lambda _data, value: value)
    digester.mark(cut)
    digester.update([b"12", b"34", b"56789"])
    assert digester.marked_sha256 == hashlib.sha256(b"123456789"[:cut]).hexdigest()
    assert digester.digests().sha256 == hashlib.sha256(b"123456789").hexdigest()


def test_a_digest_is_added_before_the_first_byte():
    """What a client will ask for can be computed on the way as well; once bytes have come it cannot be known."""
    digester = Digester(lambda _data, value: value)
    digester.add("md5")
    digester.update([b"12", b"3456789"])
    digester.add("sha1")
    assert digester.observed("md5") == hashlib.md5(b"123456789").hexdigest()
    assert digester.observed("sha1") is None
