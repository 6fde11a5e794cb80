from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest

from headwater.errors import Unavailable
from headwater.gate import passwords as room
from headwater.gate.passwords import NOBODYS, REMEMBERED_SECONDS, Passwords
from headwater.gate.refusals import TryLater
from headwater.testing.manual_clock import ManualClock
from tests.unit.gate.world import Entropy


@pytest.fixture
def clock():
    """A clock that stands still."""
    return ManualClock()


@pytest.fixture
def passwords(clock):
    """Passwords checked in two threads."""
    with ThreadPoolExecutor(2) as threads:
        yield Passwords(threads, Entropy(), b"k" * 32, clock)


@pytest.fixture
def checks(monkeypatch):
    """The hashes that argon2 was asked about, in order."""
    asked = []
    verify = argon2.PasswordHasher.verify

    def counted(self, known, password):
        asked.append(known)
        return verify(self, known, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    return asked


async def test_a_password_belongs_to_its_hash_alone(passwords):
    """The right hash among several is found; a wrong password finds none."""
    hashes = [await passwords.hash("one"), await passwords.hash("two")]
    assert await passwords.match("two", hashes, 2, "p") == hashes[1]
    assert await passwords.match("three", hashes, 2, "p") is None


async def test_two_hashes_of_one_password_differ(passwords):
    """Each hash has a salt of its own, from the chance that was handed in, in argon2id's standard form."""
    first, second = await passwords.hash("one"), await passwords.hash("one")
    assert first != second
    assert first.startswith("$argon2id$v=19$")


def test_nobodys_hash_costs_what_a_real_one_costs():
    """What unknown names are checked against has the parameters of new hashes, in full length."""
    assert not room._HASHER.check_needs_rehash(NOBODYS)
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        room._HASHER.verify(NOBODYS, "anything")


@pytest.mark.parametrize("known", [0, 1, 2])
async def test_a_wrong_password_costs_the_same_for_all(passwords, checks, known):
    """With no hash, one, or two, a wrong password takes as many checks as were asked for."""
    hashes = [await passwords.hash(str(n)) for n in range(known)]
    assert await passwords.match("wrong", hashes, 2, "p") is None
    assert len(checks) == 2


async def test_a_right_password_is_checked_once_a_minute(passwords, checks, clock):
    """Within 60 seconds a success is remembered; later it is checked again."""
    known = await passwords.hash("one")
    for _ in range(3):
        assert await passwords.match("one", [known], 1, "p") == known
    assert len(checks) == 1
    clock.advance(REMEMBERED_SECONDS)
    assert await passwords.match("one", [known], 1, "p") == known
    assert len(checks) == 2


async def test_what_is_remembered_is_neither_password_nor_another_hash(passwords, checks):
    """A remembered success opens nothing for another password or another hash, and holds no password."""
    known, other = await passwords.hash("one"), await passwords.hash("two")
    await passwords.match("one", [known], 1, "p")
    assert await passwords.match("two", [known], 1, "p") is None
    assert await passwords.match("one", [other], 1, "p") is None
    assert all(b"one" not in proof for proof in passwords._remembered)


async def test_memory_of_successes_is_bounded(passwords, monkeypatch):
    """Only so many successes are remembered; the oldest goes first."""
    monkeypatch.setattr(room, "_REMEMBERED_MAX", 2)
    hashes = [await passwords.hash(str(n)) for n in range(3)]
    for n, known in enumerate(hashes):
        await passwords.match(str(n), [known], 1, "p")
    assert [passwords.recall(str(n), [known]) for n, known in enumerate(hashes)] == [None, *hashes[1:]]


async def test_a_damaged_hash_matches_nothing(passwords):
    """A hash that cannot be read is no reason to fail, and opens nothing."""
    assert await passwords.match("one", ["damaged"], 1, "p") is None


async def test_a_password_that_is_no_text_is_only_wrong(passwords):
    """Bytes that are not UTF-8 are a wrong password."""
    assert await passwords.match("\udcff", [await passwords.hash("one")], 1, "p") is None


@pytest.fixture
def stuck(clock):
    """Passwords whose every check waits until `go` is set."""
    go = threading.Event()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(go.wait)
        yield Passwords(threads, Entropy(), b"k" * 32, clock), go
        go.set()


async def test_one_address_cannot_fill_the_queue(stuck):
    """Four checks of one party wait, its fifth is refused for now, and another's is taken."""
    passwords, go = stuck
    waiting = [asyncio.create_task(passwords.match("x", [], 1, "foe")) for _ in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(TryLater) as caught:
        await passwords.match("x", [], 1, "foe")
    assert caught.value.reason == "too_many"
    waiting.append(asyncio.create_task(passwords.match("x", [], 1, "friend")))
    go.set()
    assert await asyncio.gather(*waiting) == [None] * 5
    assert await passwords.match("x", [], 1, "foe") is None


async def test_the_queue_is_bounded(stuck):
    """The 65th waiting check is not taken: the server says it is busy."""
    passwords, go = stuck
    waiting = [asyncio.create_task(passwords.match("x", [], 1, f"p{n // 4}")) for n in range(64)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as caught:
        await passwords.match("x", [], 1, "late")
    assert caught.value.reason == "busy"
    for task in waiting[1:]:
        task.cancel()
    go.set()
    assert await waiting[0] is None


async def test_who_goes_away_keeps_its_place_until_the_work_is_done(stuck):
    """Coming and going does not make room: a check counts until argon2 is done with it."""
    passwords, go = stuck
    for _ in range(4):
        task = asyncio.create_task(passwords.match("x", [], 1, "foe"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    with pytest.raises(TryLater):
        await passwords.match("x", [], 1, "foe")
    last = asyncio.create_task(passwords.match("x", [], 1, "friend"))
    go.set()
    await last
    assert await passwords.match("x", [], 1, "foe") is None
