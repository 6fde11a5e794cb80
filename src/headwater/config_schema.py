"""What headwater.toml may say: one frozen tree, each key with its type, default and meaning.

`config.py` reads files by this tree alone, and `config_pages.py` makes reference, template and JSON Schema of it. A
field's key is its name without the unit: `resume_for_seconds` is written `resume_for`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from headwater.config_values import (
    ADDRESS,
    BOOKS,
    CERTIFICATE,
    COUNT,
    DURATION,
    FEED_ROOT,
    FLAG,
    LISTEN,
    NETWORK,
    PASSWORD,
    PATH,
    PATTERN,
    PORTS,
    SCHEDULE,
    SECRET,
    SIZE,
    SSH_KEY,
    TEXT,
    TIMEZONE,
    TOKEN,
    URL,
    ZONE,
    Address,
    DirectoryZone,
    Form,
    Ports,
    PostgresBooks,
    S3Zone,
    Secret,
    SqliteBooks,
    choice,
)
from headwater.terms import Durability

KeyPath = tuple[str, ...]
"""A key with the tables in which it stands: `("http", "listen")`."""

OVERRIDABLE = frozenset({(), ("http",), ("sftp",), ("ftp",), ("admin",)})
"""The tables whose values the environment can override; the first is the top."""

LATER_TABLES = frozenset({"hooks", "collect", "kafka", "buckets", "folders", "pulls", "channels"})
"""Tables of doors and pulls that a later version brings."""


class About(NamedTuple):
    """A key's meaning; an example as TOML, where the default makes none; the default in words, where it is no value."""

    meaning: str
    example: str = ""
    default: str = ""


def key_of(field: str) -> str:
    """The key of a field: its name without the unit."""
    return re.sub(r"_(seconds|bytes|sha256)(?=_max$|$)", "", field)


def variable_of(path: KeyPath) -> str | None:
    """The environment variable that overrides a value, if one does."""
    return "_".join(("HEADWATER", *path)).upper() if path[:-1] in OVERRIDABLE else None


class Shape(NamedTuple):
    """How a field is written: a value of a form, `many` of them, a table, tables by name, or a value or a table."""

    form: Form | None = None
    many: bool = False
    table: type[Table] | None = None
    named: bool = False


class Field(NamedTuple):
    """A field of a table, as the file sees it; `default` is `msgspec.NODEFAULT` where it must be set."""

    name: str
    key: str
    shape: Shape
    about: About
    default: Any


class Table(msgspec.Struct, frozen=True, kw_only=True, rename=key_of):
    """A table of the file."""


class S3(Table, frozen=True):
    """The S3 of the zone. Credentials come from the AWS chain only (profile, IRSA, ECS role), never from this file."""

    region: Annotated[str | None, About("The bucket's region.", '"eu-central-1"', "the AWS chain's")] = None
    endpoint: Annotated[str | None, URL, About("Only for S3 servers other than AWS.", '"https://s3.example"')] = None
    kms_key: Annotated[str | None, About("The KMS key that new objects are encrypted with.", '"arn:aws:kms:…"')] = None


class Keys(Table, frozen=True):
    """The node's own keys. All nodes of a cluster share them."""

    ledger: Annotated[
        Secret | None,
        SECRET,
        About("The key that signs the ledger.", '{ file = "keys/ledger" }', "`keys/ledger` in the home"),
    ] = None
    ssh_host: Annotated[
        tuple[Annotated[Secret, SECRET], ...],
        About("The SSH host keys.", '[{ file = "keys/ssh_host_ed25519" }]', "those in `keys/` in the home"),
    ] = ()


class TlsFiles(Table, frozen=True):
    """Certificate and key, in PEM files that are watched and read again when they change."""

    certificate: Annotated[Path, PATH, About("The certificate and its chain.", '"tls/landing.pem"')]
    key: Annotated[Path, PATH, About("Its private key.", '"tls/landing.key"')]
    client_ca: Annotated[
        Path | None, PATH, About("Whose client certificates identify senders.", '"tls/senders_ca.pem"')
    ] = None


Tls = Literal["none", "upstream"] | TlsFiles


class Http(Table, frozen=True):
    """The HTTP door and the read API."""

    listen: Annotated[Address | None, LISTEN, About('Address and port; `"off"` closes the door.')] = Address(
        "127.0.0.1", 8020
    )
    tls: Annotated[
        Tls,
        About(
            '`"none"`: in the clear, on loopback only; `"upstream"`: a proxy in front ends TLS; or PEM files.',
            '{ certificate = "tls/landing.pem", key = "tls/landing.key", client_ca = "tls/senders_ca.pem" }',
        ),
    ] = "none"
    trusted_proxies: Annotated[
        tuple[Annotated[str, NETWORK], ...],
        About("PROXY v1/v2 and Forwarded headers are believed from these networks only.", '["10.0.0.0/8"]'),
    ] = ()
    public_url: Annotated[
        str | None,
        URL,
        About("How senders reach this door, as guides print it.", '"https://landing.acme.example"', "where it listens"),
    ] = None


class Sftp(Table, frozen=True):
    """The SFTP door."""

    listen: Annotated[Address | None, LISTEN, About('Address and port; `"off"` closes the door.')] = Address(
        "127.0.0.1", 2022
    )
    public_address: Annotated[
        Address | None,
        ADDRESS,
        About("How senders reach this door, as guides print it.", '"sftp.acme.example:22"', "where it listens"),
    ] = None


class Ftp(Table, frozen=True):
    """The FTP and FTPS door."""

    listen: Annotated[Address | None, LISTEN, About('Address and port; `"off"` closes the door.')] = Address(
        "127.0.0.1", 2121
    )
    tls: Annotated[
        Literal["none"] | TlsFiles | None,
        About(
            'A table of PEM files, for FTPS. `"none"`: in the clear, for senders with `plain_ftp = true`.',
            '{ certificate = "tls/landing.pem", key = "tls/landing.key" }',
            "in the clear, on loopback only",
        ),
    ] = None
    passive_ports: Annotated[
        Ports | None, PORTS, About("The ports for data connections.", '"50000-50100"', "any free one")
    ] = None
    passive_address: Annotated[
        str | None,
        About("The address that passive answers name.", '"203.0.113.7"', "the one the client came to"),
    ] = None


class Admin(Table, frozen=True):
    """A listener of its own for the console, operators' calls and /metrics: when set, they answer only there."""

    listen: Annotated[
        Address | None, LISTEN, About("Address and port.", '"127.0.0.1:8021"', '`"off"`: they answer on the HTTP door')
    ] = None
    tls: Annotated[
        Tls,
        About("As of the HTTP door.", '{ certificate = "tls/admin.pem", key = "tls/admin.key" }'),
    ] = "none"


class Limits(Table, frozen=True):
    """What senders together, and each alone, may use."""

    memory_bytes: Annotated[int, SIZE, About("Memory for uploads on their way, all together.")] = 256 << 20
    spool_bytes: Annotated[
        int, SIZE, About("Disk in the temp folder for uploads that are slow or wait for memory.")
    ] = 8 << 30
    upload_bytes_max: Annotated[int, SIZE, About("The largest upload that is taken.")] = 5 << 40
    connections_max: Annotated[int, About("Connections at once, all doors together.")] = 4096
    connections_per_address_max: Annotated[int, About("Connections of one address at once.")] = 2000
    uploads_per_sender_max: Annotated[int, About("Uploads of one sender at once.")] = 1024
    requests_per_sender_max: Annotated[
        int | None, About("Requests or file operations of one sender in a second.", "100", "no limit")
    ] = None
    rate_per_sender_bytes_max: Annotated[
        int | None, SIZE, About("Bytes of one sender in a second.", '"50MiB"', "no limit")
    ] = None
    slowest_bytes: Annotated[
        int, SIZE, About("An upload with fewer bytes in a second than this, for all of `slow_for`, is cut off.")
    ] = 1 << 10
    slow_for_seconds: Annotated[float, DURATION, About("How long an upload may be slower than `slowest`.")] = 60.0
    park_for_seconds: Annotated[
        float, DURATION, About("How long a file under a temporary name waits for its rename after the session's end.")
    ] = 15 * 60.0
    resume_for_seconds: Annotated[
        float, DURATION, About("How long after its last byte a cut-off upload can be resumed.")
    ] = 24 * 3600.0
    drain_seconds: Annotated[float, DURATION, About("How long a stopping server lets open uploads go on.")] = 120.0
    answer_within_seconds: Annotated[
        float, DURATION, About("HTTP answers 202 when landing takes longer than this after the last byte.")
    ] = 50.0
    ban_after: Annotated[int, About("So many wrong credentials from one address, in a short time, ban it.")] = 20
    ban_for_seconds: Annotated[float, DURATION, About("How long a banned address is turned away.")] = 10 * 60.0


class SendCheckpoints(Table, frozen=True):
    """Signed checkpoints sent out, so that somebody outside can hold the ledger to them."""

    schedule: Annotated[str, SCHEDULE, About("When.", '"@hourly"')]
    to: Annotated[tuple[str, ...], About("The channels.", '["audit"]')]


class Inspect(Table, frozen=True):
    """Inspection: what each delivery is, whether it is whole, how to read it. Made after landing, never in its way."""

    enabled: Annotated[bool, About("Whether deliveries are inspected.")] = True
    workers: Annotated[int | None, About("Processes that inspect at once.", "2", "one for two cores, at least one")] = (
        None
    )
    memory_bytes: Annotated[int, SIZE, About("What one of them may use.")] = 2 << 30
    time_seconds: Annotated[
        float, DURATION, About("How long one delivery may be looked at; a finding says what was not.")
    ] = 300.0
    samples: Annotated[
        bool, About("Whether findings keep some values of each column: samples, the smallest and the largest.")
    ] = True


class LedgerSettings(Table, frozen=True):
    """The ledger."""

    public: Annotated[bool, About("Whether anybody may read checkpoints, tiles and keys over HTTP.")] = False
    send_checkpoints: Annotated[
        SendCheckpoints | None,
        About("Sends signed checkpoints out.", '{ schedule = "@hourly", to = ["audit"] }', "nowhere"),
    ] = None


class Expect(Table, frozen=True):
    """When a feed's deliveries are due, and what they hold."""

    schedule: Annotated[str | None, SCHEDULE, About("When deliveries are due, as cron.", '"0 6 * * 1-5"')] = None
    timezone: Annotated[str, TIMEZONE, About("Of the schedule, and of the feed's day.")] = "UTC"
    grace_seconds: Annotated[float, DURATION, About("How much later still is on time.")] = 0.0
    files: Annotated[int, About("Files in each slot.")] = 1
    rows_min: Annotated[int | None, About("Fewer rows than this are suspect.", "1000", "no bound")] = None


Format = Literal["csv", "tsv", "parquet", "json", "ndjson", "xml", "sql", "avro", "orc", "arrow", "excel"]


class Feed(Table, frozen=True):
    """A feed and its contract, all of it optional."""

    format: Annotated[Format | None, About("What the files are.", '"csv"', "what inspection finds")] = None
    companions: Annotated[
        tuple[str, ...],
        About("Names of what goes with a file and is no data itself.", '["{name}.md5"]'),
    ] = ()
    expect: Annotated[
        Expect,
        About(
            "When deliveries are due, and what they hold.",
            '{ schedule = "0 6 * * 1-5", timezone = "Europe/Berlin", grace = "30m", files = 1, rows_min = 1000 }',
        ),
    ] = Expect()
    notify: Annotated[tuple[str, ...], About("Channels that hear of this feed.", '["ops"]')] = ()
    retain_seconds: Annotated[float | None, DURATION, About("How long deliveries are kept.", '"400d"', "for ever")] = (
        None
    )
    durability: Annotated[
        Durability | None, About("What a yes means.", '"zone"', "`zone` for files, `journal` for events")
    ] = None
    delete: Annotated[Literal["hide", "deny"], About("What a sender's delete does: hides the name, or is refused.")] = (
        "hide"
    )
    visible_for_seconds: Annotated[float, DURATION, About("How long a sender sees what it has landed.")] = 7 * 86400.0
    temp_names: Annotated[
        tuple[str, ...],
        About("Patterns of names that a sender renames when it is done, besides the usual ones.", '["*.uploading"]'),
    ] = ()


class Source(Table, frozen=True):
    """An outside system that data comes from."""

    kind: Annotated[
        Literal["crm", "partner", "api", "database", "marketing", "public"] | None, About("What it is.", '"crm"')
    ] = None
    owner: Annotated[str | None, About("Whom to ask about it.", '"sales-ops@acme.example"')] = None
    feeds: Annotated[dict[str, Feed], About("Its feeds, by name.", "daily_sales")] = {}


FACTOR = choice(["ssh_key", "password"])


class Sender(Table, frozen=True):
    """An identity that may deliver. Declared here, it is read-only elsewhere."""

    allow: Annotated[
        tuple[Annotated[str, PATTERN], ...], About("Patterns of the feeds that it may deliver to.", '["acme-crm/*"]')
    ]
    ssh_keys: Annotated[
        tuple[Annotated[str, SSH_KEY], ...],
        About(
            "Public keys, as in authorized_keys.",
            '["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]',
        ),
    ] = ()
    tokens_sha256: Annotated[
        tuple[Annotated[str, TOKEN], ...],
        About(
            'Bearer tokens: `"sha256:…"`, the lower-case hex SHA-256 of one, or a reference to the token itself.',
            '[{ env = "ACME_TOKEN" }]',
        ),
    ] = ()
    ssh_ca: Annotated[
        tuple[Annotated[str, SSH_KEY], ...],
        About(
            "Public keys of who signs its SSH certificates, which must be made out to its name.",
            '["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]',
        ),
    ] = ()
    passwords: Annotated[
        tuple[Annotated[str, PASSWORD], ...],
        About(
            "Hashes of passwords, by argon2id at the cost m=19456,t=2,p=1.",
            '["$argon2id$v=19$m=19456,t=2,p=1$YW4gZXhhbXBsZSdzIG93bg$2fkDgtx4bCM7ChP7gN3+tAa1GRnHX14DjOIRuzDV89w"]',
        ),
    ] = ()
    certificates_sha256: Annotated[
        tuple[Annotated[str, CERTIFICATE], ...],
        About(
            "SHA-256 fingerprints of client certificates.",
            '["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]',
        ),
    ] = ()
    addresses: Annotated[
        tuple[Annotated[str, NETWORK], ...],
        About("The networks that it may come from.", '["198.51.100.0/24"]', "any"),
    ] = ()
    root: Annotated[
        str | None, FEED_ROOT, About("The feed that is its root folder in SFTP and FTP.", '"/acme-crm/daily_sales"')
    ] = None
    plain_ftp: Annotated[bool, About("Whether it may use FTP without TLS.")] = False
    may_create_feeds: Annotated[
        bool, About("Whether a feed that nobody declared lands under its own name, not in `unsorted`.")
    ] = False
    factors: Annotated[
        tuple[Annotated[str, FACTOR], ...],
        About(
            "What it must show together, key (or SSH certificate) and password: it can come by SFTP alone then.",
            '["ssh_key", "password"]',
            "any one credential is enough",
        ),
    ] = ()
    legacy: Annotated[
        bool, About("Whether it may use SSH algorithms that were given up as weak: SHA-1, CBC. `doctor` names it.")
    ] = False


class Config(Table, frozen=True):
    """The whole configuration."""

    zone: Annotated[
        DirectoryZone | S3Zone,
        ZONE,
        About(
            "Where everything lands: a folder, or `s3://bucket/prefix`.",
            '"s3://acme-raw/landing"',
            "`zone/` in the home",
        ),
    ] = DirectoryZone(Path("zone"))
    books: Annotated[
        SqliteBooks | PostgresBooks,
        BOOKS,
        About(
            "The rows beside the zone: a SQLite file, or `postgresql://…`.",
            '{ env = "HEADWATER_BOOKS_DSN" }',
            "`books.sqlite3` in the home",
        ),
    ] = SqliteBooks(Path("books.sqlite3"))
    accept_volatile: Annotated[
        bool,
        About(
            "Whether a zone in a folder may lie on tmpfs, overlay or a network file system, where what was synced may "
            "be lost all the same."
        ),
    ] = False
    s3: S3 = S3()
    keys: Keys = Keys()
    http: Http = Http()
    sftp: Sftp = Sftp()
    ftp: Ftp = Ftp()
    admin: Admin = Admin()
    limits: Limits = Limits()
    ledger: LedgerSettings = LedgerSettings()
    inspect: Inspect = Inspect()
    sources: Annotated[dict[str, Source], About("Outside systems, by name.", "acme-crm")] = {}
    senders: Annotated[dict[str, Sender], About("Identities that may deliver, by name.", "acme")] = {}


@cache
def fields_of(table: type[Table]) -> tuple[Field, ...]:
    """The fields of a table, in the order in which they are written."""
    return tuple(
        Field(info.name, info.encode_name, shape_of(info.type), _about(info.type), _default(info))
        for info in msgspec.structs.fields(table)
    )


def _default(info: msgspec.structs.FieldInfo) -> Any:
    return info.default if info.default_factory is msgspec.NODEFAULT else info.default_factory()


def _about(annotation: Any) -> About:
    notes = getattr(annotation, "__metadata__", ())
    return next((note for note in notes if isinstance(note, About)), About(""))


def shape_of(annotation: Any) -> Shape:
    """The shape that a field's type says, or the form that stands beside it."""
    notes = getattr(annotation, "__metadata__", ())
    kind = annotation.__origin__ if notes else annotation
    form = next((note for note in notes if isinstance(note, Form)), None) or _form_of(kind)
    if form:
        return Shape(form)
    origin, args = get_origin(kind), [arg for arg in get_args(kind) if arg is not NoneType]
    if origin is dict:
        return Shape(table=args[1], named=True)
    if origin is tuple:
        return Shape(shape_of(args[0]).form, many=True)
    if origin in {Union, UnionType}:
        shapes = [shape_of(arg) for arg in args]
        return Shape(
            next((shape.form for shape in shapes if shape.form), None),
            table=next((shape.table for shape in shapes if shape.table), None),
        )
    return Shape(table=kind)


def _form_of(kind: Any) -> Form | None:
    if get_origin(kind) is Literal:
        return choice(list(get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return choice([member.value for member in kind], kind)
    return {str: TEXT, bool: FLAG, int: COUNT}.get(kind)
