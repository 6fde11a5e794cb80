"""What the suites of the books write: one of each, and more by small changes."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from headwater.ledger.entries import Entry, encode
from headwater.ports.books import Attempt, Credential, Identity
from headwater.terms import (
    Completeness,
    Door,
    Durability,
    FeedName,
    Fidelity,
    Id,
    Key,
    Offer,
    Outcome,
    Place,
    Position,
    Receipt,
    Role,
    SenderRef,
    Time,
    name_fields,
    time_text,
)

SENDER = SenderRef("acme", "SHA256:key")
DAILY, HOURLY, OTHER = FeedName("acme-crm", "daily"), FeedName("acme-crm", "hourly"), FeedName("beta", "daily")
START = Time(1_795_000_000_000_000)
LOG = "0198c0de-1"


def an_id(n: int) -> Id:
    """The n-th id; its ending is another one's neither by number nor by chance."""
    return Id(f"{n:016x}{hashlib.sha256(b'%d' % n).hexdigest()[:16]}")


def at(seconds: int) -> Time:
    """So many seconds after the start."""
    return Time(START + seconds * 1_000_000)


def an_offer(feed: FeedName = DAILY, sender: str = "acme", **changes: Any) -> Offer:
    """An offer of `sales.csv`."""
    return msgspec.structs.replace(Offer(feed, Door.SFTP, SenderRef(sender, "SHA256:key"), "sales.csv"), **changes)


def an_attempt(n: int, *, offer: Offer | None = None, **changes: Any) -> Attempt:
    """The n-th try, opened in second n."""
    fields: dict[str, Any] = {"id": an_id(n), "outcome": Outcome.OPEN, "offer": offer or an_offer(), "opened_at": at(n)}
    return Attempt(**fields | changes)


def a_receipt(n: int, name: str = "sales.csv", body: str = "", *, feed: FeedName = DAILY, **changes: Any) -> Receipt:
    """The n-th delivery, landed in second n; its bytes are `body`."""
    fields: dict[str, Any] = {
        "v": 1,
        "id": an_id(n),
        "source": feed.source,
        "feed": feed.feed,
        "door": Door.SFTP,
        "sender": SENDER,
        "opened_at": time_text(at(n)),
        "landed_at": time_text(at(n)),
        "key": Key(f"raw/lz_source={feed.source}/lz_feed={feed.feed}/lz_date=2026-11-23/{an_id(n)}-sales.csv"),
        "size_bytes": len(body),
        "sha256": sha256(body),
        "crc64nvme": "0" * 16,
        "fidelity": Fidelity.VERBATIM,
        "completeness": Completeness.PRESUMED,
        "durability": Durability.ZONE,
    }
    return Receipt(**fields | name_fields(name) | changes)


def sha256(body: str) -> str:
    """The digest of these bytes."""
    return hashlib.sha256(body.encode()).hexdigest()


def placed(*entries: Entry, after: int = 0) -> list[tuple[Place, bytes]]:
    """Entries as the ledger gives them, from the position behind `after`."""
    return [
        (Place(LOG, position - 1, Position(position)), encode(entry))
        for position, entry in enumerate(entries, start=after + 1)
    ]


def a_credential(fingerprint: str = "SHA256:key", **changes: Any) -> Credential:
    """A token with a secret that is easily found where it should not be."""
    fields: dict[str, Any] = {"kind": "token", "secret": "5ec2e7" * 10, "added_at": START}
    return Credential(fingerprint=fingerprint, **fields | changes)


def an_identity(name: str = "acme", **changes: Any) -> Identity:
    """A sender with one credential."""
    fields: dict[str, Any] = {"role": Role.SENDER, "allow": ("acme-crm/*",), "credentials": (a_credential(),)}
    return Identity(name=name, **fields | changes)
