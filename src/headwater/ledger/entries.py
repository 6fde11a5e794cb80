"""The kinds of entries, their canonical JSON, and the claims and conditions that each carries.

Canonical JSON: keys sorted, UTF-8, no white space, integers only, times as RFC 3339 text in microseconds. A leaf of the
tree is the hash of exactly these bytes; nobody re-encodes an entry to verify it.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from headwater.terms import Completeness, Evidence, FeedName, Follows, Id, Key, Receipt, SenderRef, Time, time_text

ENTRY_BYTES_MAX = 32 * 1024
"""The design's limit for one entry; the tile format itself would bear 65,535."""


class _Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="kind"):
    v: int
    at: str = ""


class Renamed(_Entry, frozen=True, kw_only=True, tag="renamed"):
    """The sender gave a sealed name another one."""

    id: Id
    name: str | None = None
    name_b64: str | None = None
    by: str


class Amended(_Entry, frozen=True, kw_only=True, tag="amended"):
    """Later knowledge of a delivery's completeness, with why (`withdrawn`, `prefix_of`, `companion` …)."""

    id: Id
    completeness: Completeness
    reason: str
    evidence: tuple[Evidence, ...] = ()
    claims: tuple[str, ...] = ()


class Held(_Entry, frozen=True, kw_only=True, tag="held"):
    """A try that did not land but whose bytes, or the first of them, are kept as evidence under `key`."""

    id: Id
    source: str
    feed: str
    door: str
    sender: SenderRef
    name: str | None = None
    name_b64: str | None = None
    reason: str
    key: Key | None = None
    size_bytes: int
    kept_bytes: int
    sha256: str | None = None
    evidence: tuple[Evidence, ...] = ()

    @property
    def feed_name(self) -> FeedName:
        """The feed as one value."""
        return FeedName(self.source, self.feed)


class Void(_Entry, frozen=True, kw_only=True, tag="void"):
    """A delivery taken out of the effective set; its bytes stay."""

    id: Id
    by: str
    reason: str


class Verdict(_Entry, frozen=True, kw_only=True, tag="verdict"):
    """What became of one expected arrival."""

    slot: str
    state: str
    evidence: tuple[Evidence, ...] = ()
    claims: tuple[str, ...] = ()


class Admin(_Entry, frozen=True, kw_only=True, tag="admin"):
    """An administrative act: who did what to which thing; never a secret."""

    by: str
    act: str
    subject: str
    detail: dict[str, Any] = {}


class Found(_Entry, frozen=True, kw_only=True, tag="found"):
    """An object under `raw/` or `companion/` with neither attempt nor receipt after 24 h, of unknown origin."""

    key: Key
    size_bytes: int


class ErasureOrdered(_Entry, frozen=True, kw_only=True, tag="erasure_ordered"):
    """Bytes that are going to be forgotten, on what basis, by whom."""

    id: Id
    by: str
    basis: str


class Erased(_Entry, frozen=True, kw_only=True, tag="erased"):
    """Bytes that were forgotten: no version of them is left."""

    id: Id
    versions: int


class Heartbeat(_Entry, frozen=True, kw_only=True, tag="heartbeat"):
    """Nothing else came: the log was alive at this time, so that absence can be proved."""


class Opened(_Entry, frozen=True, kw_only=True, tag="opened"):
    """The first entry of a log: after which log it comes, and that log's last signed checkpoint."""

    zone: str
    log: str
    previous: str | None = None
    checkpoint: str | None = None


class Closed(_Entry, frozen=True, kw_only=True, tag="closed"):
    """The last entry of a log: which log goes on, under which key, and why."""

    next: str
    vkey: str
    reason: str


Entry = (
    Receipt
    | Renamed
    | Amended
    | Held
    | Void
    | Verdict
    | Admin
    | Found
    | ErasureOrdered
    | Erased
    | Heartbeat
    | Opened
    | Closed
)
E = TypeVar("E", bound=Entry)

KINDS: dict[str, type[Entry]] = {str(kind.__struct_config__.tag): kind for kind in Entry.__args__}
"""Every kind of entry by its name in the ledger."""

_encoder = msgspec.json.Encoder(order="sorted")
_decoder: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """The canonical JSON. Raises ValueError over `ENTRY_BYTES_MAX`."""
    data = _encoder.encode(entry)
    if len(data) > ENTRY_BYTES_MAX:
        msg = f"an entry of {len(data)} bytes is over the limit of {ENTRY_BYTES_MAX}"
        raise ValueError(msg)
    return data


def decode(data: bytes) -> Entry:
    """The entry; unknown fields are ignored. Raises ValueError (msgspec.DecodeError) for what is not an entry."""
    return _decoder.decode(data)


def stamped(entry: E, at: Time) -> E:
    """The entry with the time at which it is entered."""
    field = "landed_at" if isinstance(entry, Receipt) else "at"
    return msgspec.structs.replace(entry, **{field: time_text(at)})


def time_of(entry: Entry) -> str:
    """When the entry was entered."""
    return entry.landed_at if isinstance(entry, Receipt) else entry.at


def claims_of(entry: Entry) -> tuple[str, ...]:
    """The names that this entry takes in its log; no later entry can take one of them."""
    match entry:
        case Receipt():
            return (f"delivery:{entry.id}", *entry.claims)
        case Held():
            return (f"held:{entry.id}",)
        case Verdict() | Amended():
            return entry.claims
        case Found():
            return (f"found:{entry.key}",)
        case _:
            return ()


def follows_of(entry: Entry) -> Follows | None:
    """The condition under which this entry may be entered, if it has one."""
    return entry.follows if isinstance(entry, Receipt) else None
