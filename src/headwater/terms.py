"""The nouns of Headwater: frozen values and names, nothing that acts. Read this first.

One word for one thing, in code, command line, docs and ledger. Sizes are bytes, times are microseconds since the Unix
epoch in UTC (`Time`) and RFC 3339 text with microseconds and `Z` in JSON, digests are lower-case hex.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NewType, Protocol

import msgspec

Id = NewType("Id", str)
"""A UUIDv7 as 32 lower-case hex characters. An attempt that lands gives its id to the delivery: they are one."""

Key = NewType("Key", str)
"""Where an object lies in the zone, relative to its root: `raw/lz_source=…/lz_feed=…/lz_date=…/<id>-<slug>`."""

Time = NewType("Time", int)
"""Microseconds since 1970-01-01T00:00:00Z."""

Position = NewType("Position", int)
"""An entry's place in the zone, from 1, counted through all its logs without a break."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_text(at: Time) -> str:
    """`2026-11-23T09:30:00.000000Z` for a `Time`."""
    seconds, micros = divmod(at, 1_000_000)
    return f"{_second_text(seconds)}.{micros:06d}Z"


@lru_cache(maxsize=64)
def _second_text(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def time_value(text: str) -> Time:
    """The `Time` of an RFC 3339 text with an offset; ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"{text!r} has no offset from UTC"
        raise ValueError(msg)
    return Time((moment - _EPOCH) // timedelta(microseconds=1))


def day_text(at: Time) -> str:
    """The UTC day of a `Time`, as `2026-11-23`."""
    return _second_text(at // 1_000_000)[:10]


class Door(StrEnum):
    """How a delivery came: a way in that we serve, or (last four) one that we go and get."""

    HTTP = "http"
    SFTP = "sftp"
    FTP = "ftp"
    UPLOADS = "uploads"
    HOOKS = "hooks"
    COLLECT = "collect"
    KAFKA = "kafka"
    BUCKET = "bucket"
    FOLDER = "folder"
    CLI = "cli"
    FILES = "files"
    WEB = "web"
    REST = "rest"
    DATABASE = "database"


class Outcome(StrEnum):
    """The state of an attempt: `open → parked → sealing →` one of the last four."""

    OPEN = "open"
    PARKED = "parked"
    SEALING = "sealing"
    LANDED = "landed"
    HELD = "held"
    REFUSED = "refused"
    REPEATED = "repeated"


class Fidelity(StrEnum):
    """What the object's bytes are to the bytes that were sent."""

    VERBATIM = "verbatim"
    FRAMED = "framed"
    RENDERED = "rendered"


class Completeness(StrEnum):
    """What we know about the delivery being whole; `proven` only by a number or digest that the sender gave."""

    PROVEN = "proven"
    PRESUMED = "presumed"
    SUSPECT = "suspect"
    PARTIAL = "partial"


class Durability(StrEnum):
    """What a yes means: `zone` object and entry; `journal` synced in the zone's journal; `local` on this node only."""

    ZONE = "zone"
    JOURNAL = "journal"
    LOCAL = "local"


class State(StrEnum):
    """What a delivery counts for now; `effective` is what readers want."""

    EFFECTIVE = "effective"
    REPEAT = "repeat"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    VOID = "void"
    ERASED = "erased"


class Role(StrEnum):
    """What an identity is for; see `gate.allow`."""

    SENDER = "sender"
    READER = "reader"
    OPERATOR = "operator"
    ADMIN = "admin"
    AUDITOR = "auditor"
    ERASER = "eraser"


class FeedName(msgspec.Struct, frozen=True, order=True):
    """One standing stream of deliveries of a source, written `source/feed`."""

    source: str
    feed: str

    def __str__(self) -> str:
        return f"{self.source}/{self.feed}"


class SenderRef(msgspec.Struct, frozen=True):
    """Who delivered, as a receipt says it: the sender's name and the fingerprint of the credential it showed."""

    name: str
    credential: str


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fact about wholeness: what was declared and what we observed, both as text; they agree when equal."""

    kind: str
    declared: str = ""
    observed: str = ""


class Declared(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the sender said of the bytes, believed by nobody and kept as it was said."""

    size_bytes: int | None = None
    digests: dict[str, str] = {}  # algorithm (sha256, md5, crc64nvme …) → lower-case hex
    content_type: str | None = None
    content_encoding: str | None = None
    modified_at: str | None = None
    mode: int | None = None


class Digests(msgspec.Struct, frozen=True):
    """What we computed over the bytes that are stored."""

    size_bytes: int
    sha256: str
    crc64nvme: str


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """The range of events that a segment gathers; `stream` names the journal or the partition."""

    stream: str
    first: int
    last: int
    count: int


class Continues(msgspec.Struct, frozen=True):
    """An append to a sealed name: these bytes go on at `offset` of the delivery `id`."""

    id: Id
    offset: int


class Follows(msgspec.Struct, frozen=True):
    """A condition on a stream kept by the ledger: it must stand at `after`, and stands at `to` once entered."""

    stream: str
    after: int
    to: int


class Offer(msgspec.Struct, frozen=True):
    """What a door or pull knows before the bytes. `name` is data, never a path; bytes that are not UTF-8 come as
    surrogate escapes (PEP 383).
    """

    feed: FeedName
    door: Door
    sender: SenderRef
    name: str
    declared: Declared = Declared()
    companion: bool = False
    durability: Durability = Durability.ZONE
    fidelity: Fidelity = Fidelity.VERBATIM
    idempotency_key: str | None = None
    path: str | None = None  # where an unsorted file was put
    continues: Continues | None = None
    segment: Segment | None = None
    cursor: str | None = None  # a pull's cursor, moved by this delivery
    claims: tuple[str, ...] = ()
    follows: Follows | None = None
    place: str | None = None  # the path in the sender's own folders, by which it finds a parked upload again
    peer: str | None = None  # address; kept with the attempt, never in a receipt
    agent: str | None = None  # the client's own words about itself; likewise
    resumable: bool = False  # the door can go on where a cut line stopped: bytes are parked, not held
    size_bytes_max: int | None = None  # the sender's limit
    expected_name: str | None = None  # what a temporary name will become; the key's ending is made of it
    wrong: str | None = None  # a reason known before the first byte: the bytes go to held/, not to raw/


class Receipt(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="kind", tag="receipt"):
    """The fact of a delivery, exactly as entered in the ledger, never changed. Canonical JSON of at most 32 KiB.

    `landed_at` is empty in a draft: the sequencer sets it. No peer address, user agent or transcript stands here.
    """

    v: int
    id: Id
    source: str
    feed: str
    door: Door
    sender: SenderRef
    name: str | None = None
    name_b64: str | None = None
    path: str | None = None
    declared: Declared = Declared()
    opened_at: str
    landed_at: str = ""
    key: Key
    version: str | None = None
    size_bytes: int
    sha256: str
    crc64nvme: str
    fidelity: Fidelity
    completeness: Completeness
    evidence: tuple[Evidence, ...] = ()
    durability: Durability
    previous: Id | None = None
    repeat_of: Id | None = None
    continues: Continues | None = None
    segment: Segment | None = None
    cursor: str | None = None
    idempotency_key: str | None = None
    claims: tuple[str, ...] = ()
    follows: Follows | None = None

    @property
    def feed_name(self) -> FeedName:
        """The feed as one value."""
        return FeedName(self.source, self.feed)

    @property
    def digests(self) -> Digests:
        """Size and digests as one value."""
        return Digests(self.size_bytes, self.sha256, self.crc64nvme)


class Place(msgspec.Struct, frozen=True):
    """Where an entry stands: `log` and `index` as proofs need them, `position` as readers count."""

    log: str
    index: int
    position: Position


class Now(msgspec.Struct, frozen=True):
    """What is known of a delivery now, after all later entries."""

    name: str
    completeness: Completeness
    state: State
    amended_by: tuple[Position, ...] = ()


class Delivery(msgspec.Struct, frozen=True):
    """What landed, as users get it: the receipt, its place, and what is known now."""

    receipt: Receipt
    log: str
    index: int
    position: Position
    now: Now

    @property
    def id(self) -> Id:
        """The receipt's id."""
        return self.receipt.id

    @property
    def name(self) -> str:
        """The name as it is known now."""
        return self.now.name

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes, lower-case hex."""
        return self.receipt.sha256


def name_fields(name: str) -> dict[str, Any]:
    """`{"name": …}` for a name that is UTF-8, else `{"name_b64": …}`."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return {"name_b64": base64.b64encode(name.encode(errors="surrogateescape")).decode()}
    return {"name": name}


class Named(Protocol):
    """An entry that says a name: a receipt, `renamed`, `held`."""

    @property
    def name(self) -> str | None:
        """The name, where it is UTF-8."""
        ...

    @property
    def name_b64(self) -> str | None:
        """The bytes of the name, where it is not."""
        ...


def name_of(entry: Named) -> str:
    """The name that was sent; bytes that are not UTF-8 as surrogate escapes."""
    if entry.name_b64 is not None:
        return base64.b64decode(entry.name_b64).decode(errors="surrogateescape")
    return entry.name or ""


def shown(name: str) -> str:
    """A name fit for text that must be valid UTF-8 and must not steer a terminal: what cannot be shown is escaped."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in name)
