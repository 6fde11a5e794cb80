"""Finding a zone, or founding one: `zone.json`, the books that belong to it, and its first log."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import msgspec

from headwater.errors import Damaged, Misconfigured
from headwater.landing.digest import Checksum, Digester
from headwater.layout import ZONE_KEY, log_name
from headwater.ledger.note import Signer
from headwater.ports.books import FactBook
from headwater.ports.clock import Clock, Ids
from headwater.ports.store import ObjectCreator, ObjectReader
from headwater.ports.zone import ZoneStore
from headwater.sequencer import LogReader
from headwater.sequencer.founding import found_log
from headwater.terms import time_text

FORMAT = 1
"""The version of the zone on disk that this program writes; it reads every older one."""


class ZoneFile(msgspec.Struct, frozen=True):
    """`zone.json`: what a zone is called, in which format it is written, and when it was founded."""

    v: int
    zone: str
    format: int
    founded_at: str


async def read_zone(reader: ObjectReader) -> ZoneFile | None:
    """The zone's file, None where none was founded. Raises Misconfigured for a newer format, Damaged for nonsense."""
    if await reader.head(ZONE_KEY) is None:
        return None
    data = b"".join([piece async for piece in reader.read(ZONE_KEY)])
    try:
        zone = msgspec.json.decode(data, type=ZoneFile)
    except msgspec.DecodeError as error:
        raise Damaged(f"{ZONE_KEY} cannot be read: {error}.") from error
    if zone.format > FORMAT:
        raise Misconfigured(f"The zone is written in format {zone.format}; this version reads up to {FORMAT}. Upgrade.")
    return zone


async def found_zone(creator: ObjectCreator, clock: Clock, ids: Ids, crc64nvme: Checksum) -> ZoneFile:
    """Creates `zone.json`; nothing else of a zone exists before it."""
    now = clock.now()
    zone = ZoneFile(1, ids.new(now), FORMAT, time_text(now))
    body = [msgspec.json.encode(zone, order="sorted")]
    digester = Digester(crc64nvme)
    digester.update(body)
    await creator.create(ZONE_KEY, body, digester.digests())
    return zone


async def belonging(zone: ZoneFile | None, facts: FactBook, *, may_found: bool, name: str) -> None:
    """Holds the books against the zone. Raises Misconfigured("wrong_zone") when they are not of one zone."""
    known = await facts.fact("zone")
    if zone is None and known is not None:
        raise Misconfigured(
            f"The books belong to the zone {known}, but {name} holds none. Was the zone moved or emptied? "
            "Put it back, or start with new books.",
            "wrong_zone",
        )
    if zone is None and not may_found:
        raise Misconfigured(f"There is no zone in {name}. `headwater init` founds one.")
    if zone is not None and known is not None and known != zone.zone:
        raise Misconfigured(f"The books belong to the zone {known}, but {name} holds {zone.zone}.", "wrong_zone")


async def open_logs(
    store: ZoneStore, zone: ZoneFile, clock: Clock, key_of: Callable[[str], Signer], new_key: Callable[[str], Signer]
) -> tuple[LogReader, Signer]:
    """The zone's logs and the key of the newest, founding the first log where there is none yet.

    Raises Misconfigured when the key at hand is not the log's.
    """
    reader = LogReader(store.heads, store.files, zone.zone)
    await reader.refresh()
    if not reader.heads:
        log = log_name(zone.zone, 1)
        signer = _founding_key(log, key_of, new_key)
        await found_log(store.heads(log), store.files, signer, clock.now(), zone_id=zone.zone)
        await reader.refresh()
        return reader, signer
    log = reader.heads[-1].log
    signer = key_of(log)
    if signer.name != log:
        raise Misconfigured(
            f"The ledger key is that of {signer.name}, but the zone's log is {log}. Set [keys] ledger to the right one."
        )
    return reader, signer


def _founding_key(log: str, key_of: Callable[[str], Signer], new_key: Callable[[str], Signer]) -> Signer:
    """The key that a founding which was cut off had made, which may be published already; else a new one."""
    with contextlib.suppress(Misconfigured):
        signer = key_of(log)
        if signer.name == log:
            return signer
    return new_key(log)
