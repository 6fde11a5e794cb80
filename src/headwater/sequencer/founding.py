"""The first entry of a log, and waiting for the lease of the one who writes it."""

from __future__ import annotations

from headwater.errors import Damaged, Misconfigured
from headwater.layout import ledger_path, log_name
from headwater.ledger.entries import Opened, encode, stamped
from headwater.ledger.head import Head, new_head
from headwater.ledger.note import Signer
from headwater.ports.clock import Clock
from headwater.ports.ledger import HeadStore, HeadTag, LedgerFiles, Overtaken, Unclear
from headwater.terms import Time


async def found_log(
    store: HeadStore,
    files: LedgerFiles,
    signer: Signer,
    at: Time,
    *,
    zone_id: str,
    number: int = 1,
    before: tuple[Head, str] | None = None,
) -> HeadTag:
    """Creates the log `<zone id>-<number>` with its `opened` entry; `before` is the closed log and its last checkpoint.

    Publishes its public key beside it first, so that no log ever stands without. Repeatable after a crash.
    """
    log = log_name(zone_id, number)
    await files.create([(ledger_path(log, "vkey"), f"{signer.vkey}\n".encode())])
    head = new_head(log, before[0].base + before[0].size if before else 0, "")
    opened = Opened(
        v=1, zone=zone_id, log=log, previous=before[0].log if before else None, checkpoint=before[1] if before else None
    )
    time = max(at, before[0].time if before else 0)
    try:
        return await store.found(head.appended([encode(stamped(opened, Time(time)))], time))
    except Overtaken:
        stored = await store.load()
        if stored is None:
            raise Misconfigured(f"The ledger {log} was founded and vanished again.") from None
        return stored


async def wait_until_free(store: HeadStore, stored: HeadTag, writer: str, clock: Clock) -> HeadTag:
    """Returns the head once no other node holds the log: a lock protects it, it was given back, its holder is an
    earlier process of this node, or its holder showed no sign of life for the whole lease by our own clock.

    Raises Misconfigured("in_use") as soon as the holder moves.
    """
    lease_seconds = store.lease_seconds
    node = writer.partition(" ")[0]
    if lease_seconds is None or not stored.head.writer or stored.head.writer.partition(" ")[0] == node:
        return stored
    until = clock.monotonic() + lease_seconds
    while clock.monotonic() < until:
        await clock.sleep(min(1.0, lease_seconds / 10))
        latest = await store.load()
        if latest is None or latest.tag != stored.tag:
            raise Misconfigured(
                f"The ledger {stored.head.log} is being written by {stored.head.writer}. "
                "Stop it first, or give this node a zone of its own.",
                "in_use",
            )
    return stored


async def take_over(store: HeadStore, stored: HeadTag, writer: str, clock: Clock, retry_seconds: float) -> HeadTag:
    """Makes `writer` the one who writes the log, whatever answers get lost on the way.

    Raises Misconfigured("in_use") when another one was quicker.
    """
    ours = stored.head.taken_over(writer)
    while True:
        try:
            return await store.commit(ours, stored)
        except (Overtaken, Unclear):
            latest = await store.load()
        if latest is None:
            raise Damaged(f"The head of {ours.log} vanished while it was written.")
        if same_commit(latest.head, ours):
            return latest
        if not same_commit(latest.head, stored.head):
            raise Misconfigured(f"{latest.head.writer} has just taken over the ledger {ours.log}.", "in_use")
        stored = latest
        await clock.sleep(retry_seconds)


def same_commit(one: Head, other: Head) -> bool:
    """Whether two heads are the same commit: each commit changes the size, the epoch, the beat or what is tiled."""
    return (one.epoch, one.size, one.root, one.tiled, one.beat, one.writer) == (
        other.epoch,
        other.size,
        other.root,
        other.tiled,
        other.beat,
        other.writer,
    )
