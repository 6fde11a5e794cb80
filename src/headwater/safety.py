"""Refusing to land in an unsafe place: what must hold of the store is proved before the first landing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headwater.care import doctor
from headwater.errors import Misconfigured
from headwater.ports.books import FactBook
from headwater.ports.clock import Clock
from headwater.stores.zone_lock import filesystem
from headwater.terms import time_text

if TYPE_CHECKING:
    from headwater.stores.s3_zone import S3ZoneStore

PROVEN = "node.store_proven"


def check_folder(root: Path, *, accept_volatile: bool) -> None:
    """Raises Misconfigured("unsafe_store") for a folder on a file system where what was synced may be lost."""
    probe = doctor.file_system(filesystem(root), told=accept_volatile)
    if not doctor.is_safe([probe]):
        raise Misconfigured(f"{root} is not safe to land in: {probe.seen} {probe.fix}".rstrip(), "unsafe_store")


async def check_bucket(store: S3ZoneStore, endpoint: str | None, facts: FactBook, clock: Clock) -> None:
    """Proves every belief about an S3 store that must hold: once for each bucket, endpoint and list of beliefs.

    Raises Misconfigured("unsafe_store") with what does not hold.
    """
    if await proven_at(store, endpoint, facts):
        return
    from headwater.stores.s3_beliefs import prove  # noqa: PLC0415 - brings the SDK

    probes = [doctor.belief(each.belief, holds=each.holds, seen=each.seen) for each in await prove(store.calls)]
    if not doctor.is_safe(probes):
        first, *others = doctor.reasons(probes)
        more = f" And {len(others)} more: `headwater doctor` tells all." if others else ""
        raise Misconfigured(f"{store.name} is not safe to land in. {first}{more}", "unsafe_store")
    await facts.set_fact(PROVEN, f"{_subject(store, endpoint)} at {time_text(clock.now())}")


async def proven_at(store: S3ZoneStore, endpoint: str | None, facts: FactBook) -> str | None:
    """When this store was proved by the beliefs of this version; None if it was not."""
    subject, _, at = (await facts.fact(PROVEN) or "").rpartition(" at ")
    return at if subject == _subject(store, endpoint) else None


def _subject(store: S3ZoneStore, endpoint: str | None) -> str:
    from headwater.stores.s3_beliefs import BELIEFS  # noqa: PLC0415 - brings the SDK

    return f"{store.name} on {endpoint or 'AWS'} by {len(BELIEFS)} beliefs"
