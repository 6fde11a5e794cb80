"""`HeadStore`, on every store."""

from __future__ import annotations

import asyncio

import pytest

from headwater.ledger.head import new_head
from headwater.ports.ledger import Overtaken
from tests.contract.stores.samples import body

LOG = "zone-1"
NEW = new_head(LOG, 0, "first")


async def test_no_log_is_none(zone_store):
    """The head of a log that was never founded is None."""
    assert await zone_store.heads(LOG).load() is None


async def test_a_founded_head_is_loaded(zone_store):
    """What was founded is loaded as it was, here and in another process."""
    head = NEW.appended([b"one", b"two"], 5)
    tag = await zone_store.heads(LOG).found(head)
    assert tag.head == head
    assert await zone_store.heads(LOG).load() == tag
    loaded = await (await zone_store.reopen()).heads(LOG).load()
    assert loaded is not None
    assert loaded.head == head


async def test_a_log_is_founded_once(zone_store):
    """Founding a log that stands raises Overtaken, here and in another process, and changes nothing."""
    tag = await zone_store.heads(LOG).found(NEW.appended([b"one"], 5))
    again = await zone_store.reopen()
    for store in (again, again):
        with pytest.raises(Overtaken):
            await store.heads(LOG).found(new_head(LOG, 7, "second"))
    loaded = await again.heads(LOG).load()
    assert loaded is not None
    assert loaded.head == tag.head


async def test_a_commit_is_what_is_loaded(zone_store):
    """After a commit its head is loaded, with every pending entry, here and in another process."""
    heads = zone_store.heads(LOG)
    tag = await heads.found(NEW)
    for n in range(5):
        tag = await heads.commit(tag.head.appended([b"entry %d" % n, b""], n), tag)
    tag = await heads.commit(tag.head.tiled_to(6), tag)
    tag = await heads.commit(tag.head.beaten().appended([body(30_000)], 9), tag)
    assert (await heads.load()) == tag
    loaded = await (await zone_store.reopen()).heads(LOG).load()
    assert loaded is not None
    assert loaded.head == tag.head


async def test_an_old_tag_is_overtaken(zone_store):
    """A commit after any head but the stored one raises Overtaken and changes nothing."""
    heads = zone_store.heads(LOG)
    first = await heads.found(NEW)
    second = await heads.commit(first.head.appended([b"one"], 1), first)
    with pytest.raises(Overtaken):
        await heads.commit(first.head.appended([b"other"], 1), first)
    assert await heads.load() == second
    await heads.commit(second.head.appended([b"two"], 2), second)


async def test_a_writer_that_slept_is_overtaken(zone_store):
    """A writer that another process has taken the log from raises Overtaken at its next commit, and enters nothing."""
    sleeper = zone_store.heads(LOG)
    asleep = await sleeper.found(NEW)
    heads = (await zone_store.reopen()).heads(LOG)
    tag = await heads.load()
    tag = await heads.commit(tag.head.taken_over("second"), tag)
    with pytest.raises(Overtaken):
        await sleeper.commit(asleep.head.appended([b"late"], 1), asleep)
    tag = await heads.commit(tag.head.appended([b"two"], 2), tag)
    loaded = await (await zone_store.reopen()).heads(LOG).load()
    assert loaded is not None
    assert loaded.head == tag.head


async def test_one_of_many_commits_wins(zone_store):
    """Of commits that race after the same head one succeeds, and its head is the stored one."""
    heads = zone_store.heads(LOG)
    tag = await heads.found(NEW)
    answers = await asyncio.gather(
        *(heads.commit(tag.head.appended([b"%d" % n], 1), tag) for n in range(8)), return_exceptions=True
    )
    won = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert [type(answer) for answer in answers if isinstance(answer, BaseException)] == [Overtaken] * 7
    assert [await heads.load()] == won


async def test_logs_do_not_mix(zone_store):
    """Two logs of a zone have each their own head."""
    one, two = zone_store.heads("zone-1"), zone_store.heads("zone-2")
    first = await one.found(new_head("zone-1", 0, "w"))
    second = await two.found(new_head("zone-2", 7, "w"))
    first = await one.commit(first.head.appended([b"x"], 1), first)
    assert (await one.load(), await two.load()) == (first, second)


async def test_many_commits_are_all_kept(zone_store):
    """However much was committed, the head has exactly the entries that were not tiled."""
    heads = zone_store.heads(LOG)
    tag = await heads.found(NEW)
    for n in range(300):
        head = tag.head.appended([body(32_000, n)], n)
        tag = await heads.commit(head if n % 50 else head.tiled_to(max(head.tiled, n - 3)), tag)
    loaded = await (await zone_store.reopen()).heads(LOG).load()
    assert loaded is not None
    assert loaded.head == tag.head
