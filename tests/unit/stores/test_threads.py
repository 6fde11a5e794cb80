"""The seam to blocking work."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from headwater.stores.threads import Threads


@pytest.fixture
def threads():
    """Two threads."""
    threads = Threads(2, "test")
    yield threads
    threads.close()


async def test_work_is_done_elsewhere(threads):
    """What the work returns is what the caller gets, and it ran in another thread."""
    assert await threads.run(lambda a, b: (a + b, threading.current_thread().name), 1, 2) == (3, "test")


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(1)])
async def test_what_work_raises_its_caller_gets(threads, error):
    """An exception of the work is raised at its caller, whatever its kind, and the thread lives on."""

    def work():
        raise error

    future = threads.start(work)
    await asyncio.wait([future])
    assert future.exception() is error
    assert await threads.run(int) == 0


async def test_a_cancelled_caller_goes_on_when_the_work_has_ended(threads):
    """Cancelling a caller, even twice, returns to it only after its work has ended."""
    began, go, ended = threading.Event(), threading.Event(), []

    def work():
        began.set()
        go.wait()
        ended.append(True)

    task = asyncio.create_task(threads.run(work))
    await asyncio.to_thread(began.wait)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


async def test_a_cancelled_caller_does_not_hear_of_failure(threads):
    """Work that fails after its caller was cancelled disturbs nobody."""
    go = threading.Event()

    def work():
        go.wait()
        raise ValueError

    task = asyncio.create_task(threads.run(work))
    await asyncio.sleep(0)
    task.cancel()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task


class Body:
    """Something that is large."""


async def test_an_idle_thread_keeps_nothing_alive(threads):
    """What was handed to a thread is free once the work is done."""
    body = Body()
    gone = weakref.ref(body)
    await threads.run(lambda body: None, body)
    await threads.run(int)
    await threads.run(int)
    del body
    gc.collect()
    assert gone() is None


async def test_closed_threads_end():
    """After close each thread ends when its work is done."""
    threads = Threads(2, "test-close")
    await threads.run(int)
    threads.close()
    for thread in threads._started:
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()
