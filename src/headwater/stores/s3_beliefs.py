"""What is believed of an S3 store, as a list: tests run it on every server, `headwater doctor` on the user's bucket.

All that this store does stands on these beliefs. A zone starts only where each that must hold does.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from headwater.errors import HeadwaterError
from headwater.stores import s3_probes as probes
from headwater.stores import s3_probes_reading as reading
from headwater.stores.s3_calls import S3Calls
from headwater.stores.s3_errors import FAILURES, unavailable
from headwater.stores.s3_ground import BeliefBroken, Ground

Probe = Callable[[Ground], Awaitable[str]]


class Belief(NamedTuple):
    """A numbered assumption about the store. `probe` says what it saw, or raises BeliefBroken with what it saw instead.

    `must`: nothing is safe in a store where it does not hold.
    """

    number: int
    sentence: str
    probe: Probe
    must: bool


class Proved(NamedTuple):
    """What became of a belief."""

    belief: Belief
    holds: bool
    seen: str


def _must(number: int, sentence: str, probe: Probe) -> Belief:
    return Belief(number, sentence, probe, must=True)


def _should(number: int, sentence: str, probe: Probe) -> Belief:
    return Belief(number, sentence, probe, must=False)


BELIEFS = (
    _must(1, "Creating where an object is gets 412 and changes nothing.", probes.create_once),
    _must(2, "Replacing an object by a stale ETag gets 412 and changes nothing.", probes.replace_by_tag),
    _must(3, "Of creates that race for a key exactly one wins.", probes.race_to_create),
    _must(4, "Of replacements that race after an ETag exactly one wins.", probes.race_to_replace),
    _should(5, "One key can be replaced 20 times a second.", probes.replace_quickly),
    _must(6, "A multipart upload becomes an object only where none is, also in a race.", probes.complete_once),
    _must(7, "Parts may have any size from 5 MiB on, and gaps in their numbers.", probes.unequal_parts),
    _must(8, "HEAD tells the CRC-64/NVME of the whole object, also of one made of parts.", probes.tells_checksum),
    _must(9, "A body with a wrong CRC-64/NVME is refused.", probes.wrong_checksum),
    _must(10, "A body with a wrong SHA-256 or MD5 is refused.", probes.wrong_digest),
    _must(11, "A multipart upload with a wrong CRC-64/NVME is refused.", probes.wrong_checksum_of_parts),
    _should(12, "A multipart upload with a wrong size is refused.", probes.wrong_size_of_parts),
    _must(13, "A listing shows what was created before it.", reading.list_after_create),
    _must(14, "What is stored is byte for byte what was sent.", reading.same_bytes),
    _must(15, "A range of an object is those bytes.", reading.range_of_bytes),
    _must(16, "The parts that were sent can be listed, with size and ETag.", probes.lists_parts),
    _must(17, "An aborted multipart upload never becomes an object.", probes.abort_is_final),
    _must(18, "A key where nothing is gets 404, not 403.", reading.absent_is_404),
    _must(19, "The store's clock is less than 15 minutes off.", reading.clock_is_near),
    _should(20, "The store's clock is at most 5 seconds off.", reading.clock_is_right),
    _should(21, "The bucket keeps versions.", reading.keeps_versions),
    _must(22, "Nobody reads without credentials.", reading.is_private),
    _must(23, "The way to the store is TLS, or does not leave this machine.", reading.is_encrypted),
    _should(24, "Framing that an SDK adds on the way is taken off without a trace.", reading.takes_framing_off),
)


async def prove(calls: S3Calls, *, now: Callable[[], float] = time.time) -> list[Proved]:
    """Probes every belief, one after the other, under `doctor/<a new name>/` of the zone, which it removes again.

    Takes a few seconds, about 12 MiB and 600 requests, 16 of them at a time; `calls` must have that many threads. What
    cannot be probed does not hold. `now` is this machine's clock, in seconds since 1970.
    """
    ground = Ground(calls, f"doctor/{secrets.token_hex(8)}", now)
    try:
        return [await _proved(belief, ground) for belief in BELIEFS]
    finally:
        await ground.clean()


async def _proved(belief: Belief, ground: Ground) -> Proved:
    try:
        return Proved(belief, holds=True, seen=await belief.probe(ground))
    except (BeliefBroken, HeadwaterError) as error:
        return Proved(belief, holds=False, seen=str(error))
    except FAILURES as failure:
        return Proved(belief, holds=False, seen=str(unavailable(failure)))
