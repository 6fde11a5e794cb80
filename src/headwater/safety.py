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

PROVEN = "store_proven"


def check_folder(root: Path, *, accept_volatile: bool) -> None:
    """Raises Misconfigured("unsafe_store") for a folder on a file system where what was synced may be lost."""
    probe = doctor.file_system(filesystem(root), told=accept_volatile)
    if not doctor.is_safe([probe]):
        raise Misconfigured(f"{root} is not safe to land in: {probe.seen} {probe.fix}".rstrip(), "unsafe_store")


async def check_bucket(store: S3ZoneStore, facts: FactBook, clock: Clock) -> None:
    """Proves every belief about an S3 store that must hold, once for each endpoint and bucket and list of beliefs.

    Raises Misconfigured("unsafe_store") with what does not hold.
    """
    from headwater.stores.s3_beliefs import BELIEFS, prove  # noqa: PLC0415 - brings the SDK

    proven = await facts.fact(PROVEN)
    subject = f"{store.name} at {store.endpoint} by {len(BELIEFS)} beliefs"
    if proven is not None and proven.startswith(f"{subject} on "):
        return
    results = await prove(store)
    broken = [result for result in results if result.belief.must and not result.holds]
    if broken:
        found = "; ".join(f"({result.belief.number}) {result.belief.sentence} {result.seen}" for result in broken)
        raise Misconfigured(f"{store.name} is not safe to land in. Not so: {found}", "unsafe_store")
    await facts.set_fact(PROVEN, f"{subject} on {time_text(clock.now())}")
