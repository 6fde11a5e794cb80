"""The values of headwater.toml: what each is in the program, and the form in which it is written in the file.

Durations are written "30m" and become seconds, sizes "128MiB" and become bytes. A parser raises `Wrong` with what the
value must be, for the person who wrote it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import json
import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from headwater.errors import Refused
from headwater.layout import check_pattern, parse_feed

MASK: Final = "••••"
"""What stands for a secret wherever one would be shown."""


class Secret:
    """A secret as text, which shows itself to nobody by accident: only `reveal` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be pickled")


class DirectoryZone(msgspec.Struct, frozen=True):
    """A zone in a folder of this machine."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


class S3Zone(msgspec.Struct, frozen=True):
    """A zone in a bucket, under a prefix without slashes at its ends; the prefix may be empty."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


class SqliteBooks(msgspec.Struct, frozen=True):
    """Books in a file of this machine."""

    path: Path


class PostgresBooks(msgspec.Struct, frozen=True):
    """Books in PostgreSQL. A connection string is kept as a secret, as most hold a password."""

    dsn: Secret


class Address(msgspec.Struct, frozen=True):
    """A host, as a name or an IP address, and a port; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class Ports(msgspec.Struct, frozen=True):
    """A range of ports, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


class Wrong(ValueError):
    """A value that cannot be taken: what it must be, and what might have been meant."""

    def __init__(self, sentence: str, suggestion: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.suggestion = suggestion


class Form(msgspec.Struct, frozen=True, eq=False):
    """How a value is written in the file, and read from there."""

    words: str
    parse: Callable[[Any], Any]
    schema: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "string"})
    write: Callable[[Any], str] = lambda value: quoted(str(value))
    is_path: bool = False
    holds_secret: Callable[[str], bool] = lambda _text: False

    @property
    def is_text(self) -> bool:
        """Whether it is written as a TOML string."""
        return self.schema.get("type") not in {"boolean", "integer"}


def quoted(text: str) -> str:
    """A text as TOML writes it."""
    return json.dumps(text, ensure_ascii=False)


def did_you_mean(word: str, known: list[str]) -> str:
    """A question that names the nearest of the known words; empty if none is near."""
    near = get_close_matches(word, known, n=1)
    return f"Did you mean {quoted(near[0])}?" if near else ""


REFERENCE: Final[dict[str, Any]] = {"$ref": "#/$defs/reference"}
"""The JSON Schema of `{ env = "NAME" }` and `{ file = "PATH" }`, as `config_pages.schema` defines it."""

# --- plain values -----------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise Wrong("must be a text in quotes, and not empty")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("must be true or false")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Wrong("must be a whole number from 1")
    return value


def choice(options: list[str], made: Callable[[str], Any] = str) -> Form:
    """The form of one of a few words."""
    words = "one of " + ", ".join(quoted(option) for option in options)

    def parse(value: Any) -> Any:
        if value not in options:
            raise Wrong(f"must be {words}", did_you_mean(str(value), options))
        return made(value)

    return Form(words, parse, {"enum": options})


TEXT = Form("text", _text)
FLAG = Form("`true` or `false`", _flag, {"type": "boolean"}, lambda value: str(value).lower())
COUNT = Form("whole number from 1", _count, {"type": "integer", "minimum": 1}, str)

# --- durations and sizes ----------------------------------------------------------------------------------------------

_MILLISECONDS: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_BYTES: Final = {"TiB": 1 << 40, "GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "B": 1}
_DURATION: Final = r"^[0-9]{1,12}(ms|s|m|h|d)$"
_SIZE: Final = r"^0*[1-9][0-9]{0,17}(B|KiB|MiB|GiB|TiB)$"


def _duration(value: Any) -> float:
    text = str(value)
    if not isinstance(value, str) or not re.fullmatch(_DURATION[1:-1], text):
        raise Wrong('must be a duration such as "30m": a whole number and one of ms, s, m, h, d')
    number, unit = _number_and_unit(text)
    return number * _MILLISECONDS[unit] / 1000


def _size(value: Any) -> int:
    text = str(value)
    if isinstance(value, str) and re.fullmatch(_SIZE[1:-1], text):
        number, unit = _number_and_unit(text)
        return number * _BYTES[unit]
    meant = re.fullmatch(r"([0-9]+) ?([KMGT])i?[Bb]?", text)
    raise Wrong(
        'must be a size such as "128MiB": a whole number and one of B, KiB, MiB, GiB, TiB',
        f'Did you mean "{meant[1]}{meant[2]}iB"?' if meant else "",
    )


def _number_and_unit(text: str) -> tuple[int, str]:
    number = text.rstrip("BKMGTibdhms")
    return int(number), text[len(number) :]


def _written(value: int, units: dict[str, int]) -> str:
    unit = next(unit for unit, size in units.items() if value % size == 0)
    return quoted(f"{value // units[unit]}{unit}") if value else quoted(f"0{list(units)[-2]}")


DURATION = Form(
    'duration, such as `"30m"`',
    _duration,
    {"type": "string", "pattern": _DURATION},
    lambda seconds: _written(round(seconds * 1000), _MILLISECONDS),
)
SIZE = Form(
    'size, such as `"128MiB"`',
    _size,
    {"type": "string", "pattern": _SIZE},
    lambda size_bytes: _written(size_bytes, _BYTES),
)

# --- places -----------------------------------------------------------------------------------------------------------

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def _path(value: Any) -> Path:
    text = _text(value)
    if text.startswith("~"):
        raise Wrong("must be a whole path: '~' is not understood here")
    if "://" in text:
        raise Wrong("must be a path")
    return Path(text)


def _zone(value: Any) -> DirectoryZone | S3Zone:
    text = _text(value)
    if not text.startswith("s3://"):
        if "://" in text:
            raise Wrong('must be a folder, or "s3://bucket/prefix"')
        return DirectoryZone(_path(text))
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    prefix = prefix.rstrip("/")
    if not _BUCKET.fullmatch(bucket) or any(part in {"", ".", ".."} for part in prefix.split("/") if prefix):
        raise Wrong('must name a bucket and a prefix as "s3://bucket/prefix", without empty parts, "." or ".."')
    return S3Zone(bucket, prefix)


_POSTGRES: Final = ("postgresql://", "postgres://")


def _books(value: Any) -> SqliteBooks | PostgresBooks:
    text = _text(value)
    if text.startswith(_POSTGRES):
        return PostgresBooks(Secret(text))
    if "://" in text:
        raise Wrong("must be the path of a SQLite file, or postgresql://…")
    return SqliteBooks(_path(text))


def _has_password(text: str) -> bool:
    if not text.startswith(_POSTGRES):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return True  # nobody can tell
    return parts.password is not None or "password" in parse_qs(parts.query)


def _url(value: Any) -> str:
    text = _text(value)
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise Wrong('must be a URL such as "https://landing.example", without user or password')
    return text.rstrip("/")


PATH = Form("path", _path, is_path=True)
ZONE = Form("folder or `s3://bucket/prefix`", _zone, is_path=True)
BOOKS = Form(
    "path or `postgresql://…`",
    _books,
    write=lambda books: quoted(str(books.path) if isinstance(books, SqliteBooks) else MASK),
    is_path=True,
    holds_secret=_has_password,
)
URL = Form("URL", _url)

# --- addresses --------------------------------------------------------------------------------------------------------

_ADDRESS: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})")
_PORT_MAX: Final = 65535


def _address(value: Any) -> Address:
    text = str(value)
    found = _ADDRESS.fullmatch(text)
    wrong = Wrong(
        'must be an address and a port, such as "127.0.0.1:8020" or "[::1]:8020"',
        f'Did you mean "127.0.0.1:{text.lstrip(":")}"?' if re.fullmatch(r":?[0-9]{1,5}", text) else "",
    )
    if not isinstance(value, str) or found is None or int(found[3]) > _PORT_MAX:
        raise wrong
    host = found[1] or found[2]
    if found[1] or re.fullmatch(r"[0-9.]+", host):
        try:
            host = str(ipaddress.ip_address(host))
        except ValueError:
            raise wrong from None
    return Address(host, int(found[3]))


def _listen(value: Any) -> Address | None:
    return None if value == "off" else _address(value)


def _network(value: Any) -> str:
    text = _text(value)
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        meant = f'Did you mean "{ipaddress.ip_network(text, strict=False)}"?'
    except ValueError:
        meant = ""
    raise Wrong('must be a network such as "198.51.100.0/24", or one IP address', meant)


def _ports(value: Any) -> Ports:
    found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", str(value))
    if not found or not 0 < int(found[1]) <= int(found[2]) <= _PORT_MAX:
        raise Wrong('must be a range of ports such as "50000-50100"')
    return Ports(int(found[1]), int(found[2]))


ADDRESS = Form("host and port", _address)
LISTEN = Form(
    'address and port, or `"off"`', _listen, write=lambda address: quoted("off" if address is None else str(address))
)
NETWORK = Form("network or IP address", _network)
PORTS = Form("range of ports", _ports, {"type": "string", "pattern": r"^[0-9]{1,5}-[0-9]{1,5}$"})

# --- names and times --------------------------------------------------------------------------------------------------


def _pattern(value: Any) -> str:
    text = _text(value)
    try:
        check_pattern(text)
    except Refused as refused:
        raise Wrong(refused.sentence) from refused
    return text


def _feed_root(value: Any) -> str:
    text = _text(value)
    try:
        return f"/{parse_feed(text.removeprefix('/'))}"
    except Refused as refused:
        raise Wrong(refused.sentence) from refused


def _schedule(value: Any) -> str:
    text = _text(value)
    if not re.fullmatch(r"@(hourly|daily|weekly|monthly|yearly)|[-0-9A-Za-z*/,#?]+( +[-0-9A-Za-z*/,#?]+){4}", text):
        raise Wrong('must be a schedule as cron writes it, such as "0 6 * * 1-5" or "@hourly"')
    return text


def _timezone(value: Any) -> str:
    text = _text(value)
    try:
        ZoneInfo(text)
    except (ValueError, OSError, LookupError):
        raise Wrong(
            'must be a time zone such as "Europe/Berlin"', did_you_mean(text, sorted(available_timezones()))
        ) from None
    return text


PATTERN = Form("pattern on `source/feed`", _pattern)
FEED_ROOT = Form("`/source/feed`", _feed_root)
SCHEDULE = Form("cron schedule", _schedule)
TIMEZONE = Form("time zone", _timezone)

# --- secrets and credentials ------------------------------------------------------------------------------------------

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")
_TOKEN_LENGTH_MIN: Final = 32
_ARGON2ID: Final = re.compile(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{43}")


def _token(value: Any) -> str:
    text = _text(value)
    if text.startswith("sha256:"):
        digest = text.removeprefix("sha256:")
        if not _SHA256.fullmatch(digest):
            raise Wrong("must be sha256: and 64 hex characters")
        return digest.lower()
    if len(text) < _TOKEN_LENGTH_MIN or not text.isascii() or not text.isprintable():
        raise Wrong(f"must be a token of at least {_TOKEN_LENGTH_MIN} printable ASCII characters")
    return hashlib.sha256(text.encode()).hexdigest()


def _password(value: Any) -> str:
    text = _text(value)
    if not _ARGON2ID.fullmatch(text):
        raise Wrong(
            "must be the argon2id hash of a password at the usual cost, so that no name is told from another by time: "
            '"$argon2id$v=19$m=19456,t=2,p=1$…$…", as `argon2 SALT -id -k 19456 -t 2 -p 1 -e` makes one'
        )
    return text


def _certificate(value: Any) -> str:
    digest = _text(value).replace(":", "")
    if not _SHA256.fullmatch(digest):
        raise Wrong("must be a certificate's SHA-256 fingerprint, 64 hex characters")
    return digest.lower()


def _ssh_key(value: Any) -> str:
    text = _text(value).strip()
    kind, _, rest = text.partition(" ")
    body = rest.partition(" ")[0]
    try:
        blob = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        blob = b""
    if not kind or blob[:4] != len(kind).to_bytes(4) or blob[4 : 4 + len(kind)] != kind.encode(errors="replace"):
        raise Wrong(
            'must be a public SSH key such as "ssh-ed25519 AAAA…", as the file whose name ends in .pub holds it'
        )
    return text


SECRET = Form(
    "secret",
    lambda value: Secret(_text(value)),
    REFERENCE,
    write=lambda _secret: quoted(MASK),
    holds_secret=lambda _text: True,
)
TOKEN = Form(
    '`"sha256:…"` or secret',
    _token,
    write=lambda _token: quoted(MASK),
    holds_secret=lambda text: not text.startswith("sha256:"),
)
PASSWORD = Form(
    "argon2id hash",
    _password,
    write=lambda _hash: quoted(MASK),
    holds_secret=lambda text: not text.startswith("$argon2id$"),
)
CERTIFICATE = Form("SHA-256 fingerprint", _certificate)
SSH_KEY = Form("public SSH key", _ssh_key)
