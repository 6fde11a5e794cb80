"""Where everything lies in the zone: keys from values and back, and which names and words may stand in them. Pure.

The layout, the slug and the refused words were decided by running the engines that read the zone; `docs/format.md`
states them for whoever writes a reader.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from fnmatch import fnmatchcase
from typing import Final, Literal, cast, get_args

import msgspec

from headwater.errors import Refused
from headwater.terms import FeedName, Id, Key, Position, Time, day_text, shown

Root = Literal["raw", "companion", "held"]
"""The folders that hold bytes of senders: data, what goes with data (`.md5`, `.ok`), evidence of what did not land."""

ZONE_KEY: Final = Key("zone.json")
"""Says which zone this is; created once, by whoever founds the zone."""

NAME_BYTES_MAX: Final = 1024
SLUG_BYTES_MAX: Final = 100
WORD_LENGTH_MAX: Final = 40
ID_ENDING_LENGTH_MIN: Final = 6

# --- keys -------------------------------------------------------------------------------------------------------------


class KeyParts(msgspec.Struct, frozen=True):
    """What a key says. `day` is the UTC day of opening, as `2026-11-23`."""

    root: Root
    feed: FeedName
    day: str
    id: Id
    slug: str


def raw_key(feed: FeedName, opened_at: Time, id: Id, slug: str) -> Key:
    """Where a delivery's bytes lie. `feed` as `parse_feed` gives it, `slug` as `slug` does."""
    return _key("raw", feed, opened_at, id, slug)


def companion_key(feed: FeedName, opened_at: Time, id: Id, slug: str) -> Key:
    """Where a companion's bytes lie: out of the way of engines that read all under `raw/`."""
    return _key("companion", feed, opened_at, id, slug)


def held_key(feed: FeedName, opened_at: Time, id: Id, slug: str) -> Key:
    """Where the evidence of an attempt that did not land lies."""
    return _key("held", feed, opened_at, id, slug)


def _key(root: Root, feed: FeedName, opened_at: Time, id: Id, slug: str) -> Key:
    return Key(f"{root}/lz_source={feed.source}/lz_feed={feed.feed}/lz_date={day_text(opened_at)}/{id}-{slug}")


def findings_key(feed: FeedName, day: str, number: int) -> Key:
    """Where findings of a feed's day lie: the file of this number, from 1."""
    place = f"lz_source={feed.source}/lz_feed={feed.feed}/lz_date={day}"
    return Key(f"findings/{place}/findings-{number:06}.parquet")


def manifest_key(feed: FeedName, position: Position) -> Key:
    """Where the effective set of a feed at a position is written down."""
    return Key(f"{_view(feed, position)}.json")


def symlink_key(feed: FeedName, position: Position) -> Key:
    """Where its addresses are: alone in a folder, as engines want it."""
    return Key(f"{_view(feed, position)}/symlink.txt")


def _view(feed: FeedName, position: Position) -> str:
    return f"views/lz_source={feed.source}/lz_feed={feed.feed}/{position:020}"


def incoming_prefix(id: Id) -> str:
    """What the keys of an unsealed upload's parts begin with."""
    return f"incoming/{id}/"


def log_name(zone_id: str, n: int) -> str:
    """The name of a zone's n-th log, from 1."""
    return f"{zone_id}-{n}"


def ledger_path(log: str, tail: str) -> Key:
    """Where a file of a log lies: `tail` is `head`, `checkpoint`, `tile/…`."""
    return Key(f"ledger/{log}/{tail}")


_KEY = re.compile(
    rf"({'|'.join(get_args(Root))})/lz_source=([^/]+)/lz_feed=([^/]+)/lz_date=([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})"
    rf"/([0-9a-f]{{32}})-([a-z0-9](?:[a-z0-9._-]{{0,{SLUG_BYTES_MAX - 2}}}[a-z0-9])?)"
)


def parse_key(key: str) -> KeyParts:
    """The parts of a key that `raw_key`, `companion_key` or `held_key` could have made; ValueError for any other."""
    found = _KEY.fullmatch(key)
    if found is None or ".." in key or _flaw(found[2]) or _flaw(found[3]):
        raise ValueError(f"{key!r} is not the key of a delivery, a companion or held evidence")
    root, source, feed, day, id, slug = found.groups()
    date.fromisoformat(day)  # ValueError for the 30th of February
    return KeyParts(cast("Root", root), FeedName(source, feed), day, Id(id), slug)


def id_ending(text: str) -> str:
    """The id, or the ending of one, in what a person gave: an id, its last ≥ 6 characters, an object's key or URL.

    Raises Refused("bad_request") for anything else.
    """
    ending = text.strip().rsplit("/", 1)[-1].lower()
    found = re.fullmatch(rf"([0-9a-f]{{32}})-.+|([0-9a-f]{{{ID_ENDING_LENGTH_MIN},32}})", ending)
    if found is None:
        raise Refused(
            "bad_request",
            f"{_quoted(text)} is not an id: give its 32 characters, at least the last {ID_ENDING_LENGTH_MIN} of them, "
            "or the object's key.",
        )
    return found[1] or found[2]


# --- the slug ---------------------------------------------------------------------------------------------------------

_MAGIC: Final = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst", b"BZh": "bz2", b"\xfd7zXZ\0": "xz"}
_COMPRESSIONS: Final = frozenset({"gz", "gzip", "zst", "zstd", "bz2", "bzip2", "xz"})
_TARS: Final = {"tgz": "gz", "tbz2": "bz2", "txz": "xz", "tzst": "zst"}
_SUFFIX: Final = re.compile(r"[a-z0-9]{1,10}")
_SUFFIXES_MAX: Final = 2
_MARKS: Final = "._-"


def slug(name: str, head: bytes) -> str:
    """The end of a delivery's key: the name in `[a-z0-9._-]`, ≤ 100 bytes, its suffix telling what the bytes are.

    `name` as `check_name` accepts it; `head` is the first ≥ 6 bytes of the content, or all of it. Only the last
    component of the name counts, any run of other characters becomes one `_`, and the compression suffix is added,
    normalised or dropped by the content's magic bytes, because engines believe the suffix alone.
    """
    last = re.split(rb"[/\\]", name.encode(errors="surrogateescape"))[-1].lower()
    text = re.sub(rb"[^a-z0-9.-]+", b"_", last).decode()
    first, *rest = (part.strip("_-") for part in text.split("."))
    parts = [part for part in rest if part]
    suffixes: list[str] = []
    while parts and len(suffixes) < _SUFFIXES_MAX and _SUFFIX.fullmatch(parts[-1]):
        suffixes.insert(0, parts.pop())
    end = "".join(f".{suffix}" for suffix in _true_suffixes(suffixes, head))
    stem = ".".join([first, *parts]).strip(_MARKS)
    return (stem[: SLUG_BYTES_MAX - len(end)].rstrip(_MARKS) or "x") + end


def _true_suffixes(suffixes: list[str], head: bytes) -> list[str]:
    compression = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)
    claimed = suffixes[-1] if suffixes else None
    if compression and claimed in _TARS and _TARS[claimed] == compression:
        return suffixes
    kept = suffixes[:-1] if claimed in _COMPRESSIONS else suffixes
    return [*kept, compression] if compression else kept


# --- names of files ---------------------------------------------------------------------------------------------------


def check_name(name: str) -> None:
    """Refuses a name that cannot be landed, with Refused("bad_name") and the rule that says so.

    Names are data: any Unicode, also bytes that are not UTF-8 as surrogate escapes (PEP 383), lands as it is. `/` makes
    folders in the name; what could walk out of a folder, or be none, is refused.
    """
    if flaw := _name_flaw(name):
        raise Refused("bad_name", f"The name {_quoted(name)} cannot be landed: {flaw}.")


def _name_flaw(name: str) -> str | None:
    try:
        size_bytes = len(name.encode(errors="surrogateescape"))
    except UnicodeEncodeError:
        return "it holds half a surrogate pair, which no bytes stand for"
    parts = name.split("/")
    rules = (
        (not name, "it is empty"),
        (size_bytes > NAME_BYTES_MAX, f"it has {size_bytes} bytes, and at most {NAME_BYTES_MAX} are taken"),
        ("\0" in name, "it holds a NUL character"),
        (name.startswith("/"), "it begins with '/', and names are relative to the feed"),
        ("" in parts, "a part of it, between two '/' or after the last one, is empty"),
        ("." in parts or ".." in parts, "a part of it is '.' or '..'"),
    )
    return next((flaw for broken, flaw in rules if broken), None)


# --- words: sources, feeds, senders -----------------------------------------------------------------------------------

_WORD: Final = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_MISREAD: Final = frozenset(
    ["null", "nan", "inf", "infinity", "true", "false", "epoch", "none", "default", "nul", "con", "prn", "aux"]
    + [f"{device}{n}" for device in ("com", "lpt") for n in range(10)]
)
_GUESSED_NUMBER: Final = re.compile(r"(t(ru?)?)?(f(a(ls?)?)?)?(n(ul?|a)?)?(na?|a)?-?[0-9]+")
_WORD_LENGTH_MIN: Final = 2


def check_word(word: str, kind: str = "feed") -> None:
    """Refuses what cannot name a source, a feed or a sender (`kind`), with Refused("bad_feed") and a proposal."""
    if flaw := _flaw(word):
        better = proposal(word, kind)
        raise Refused("bad_feed", f"{_quoted(word)} cannot name a {kind}: it {flaw}. '{better}' could.")


def _flaw(word: str) -> str | None:
    if not _WORD_LENGTH_MIN <= len(word) <= WORD_LENGTH_MAX:
        return f"must have {_WORD_LENGTH_MIN} to {WORD_LENGTH_MAX} characters"
    if not _WORD.fullmatch(word):
        return "must be of a-z and 0-9, begin with a letter, and may have single '_' or '-' inside"
    if word in _MISREAD or _GUESSED_NUMBER.fullmatch(word):
        return (
            "is a word that engines or file systems misread in a path, as a number, a null, a truth value or a device"
        )
    return None


def proposal(word: str, kind: str = "feed") -> str:
    """A word like this one that `check_word` accepts."""
    plain = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()
    text = re.sub(r"_*-[_-]*", "-", re.sub(r"[^a-z0-9-]+", "_", plain)).strip("_-")
    if not text:
        return kind
    if not text[0].isalpha():
        text = f"{kind}_{text}"
    cut = _cut(text, WORD_LENGTH_MAX)
    return f"{_cut(text, WORD_LENGTH_MAX - len(kind) - 1)}_{kind}" if _flaw(cut) else cut


def _cut(text: str, length: int) -> str:
    return text[:length].rstrip("_-")


def parse_feed(text: str) -> FeedName:
    """The feed written `source/feed`; Refused("bad_feed") with a proposal if it is none."""
    source, slash, feed = text.partition("/")
    if not slash:
        raise Refused(
            "bad_feed", f"{_quoted(text)} is not a feed: write source/feed, for instance 'source/{proposal(text)}'."
        )
    for word, kind in ((source, "source"), (feed, "feed")):
        if flaw := _flaw(word):
            better, _, rest = text.strip("/").partition("/")
            raise Refused(
                "bad_feed",
                f"{_quoted(text)} is not a feed: its {kind} {flaw}. "
                f"'{proposal(better, 'source')}/{proposal(rest)}' could be one.",
            )
    return FeedName(source, feed)


# --- patterns on feeds ------------------------------------------------------------------------------------------------

_PATTERN_HALF: Final = re.compile(r"[a-z0-9_*-]+")


def check_pattern(pattern: str) -> None:
    """Refuses what is not a pattern on feeds, with Refused("bad_feed").

    A pattern is `*`, or two halves around one `/`, each a word or characters of one with `*` for any number of others.
    """
    source, slash, feed = pattern.partition("/")
    if pattern == "*":
        return
    if not slash:
        raise Refused("bad_feed", f"{_quoted(pattern)} is no pattern on feeds: write '{proposal(source, 'source')}/*'.")
    for half, kind in ((source, "source"), (feed, "feed")):
        if "*" not in half:
            check_word(half, kind)
        elif not _PATTERN_HALF.fullmatch(half):
            raise Refused(
                "bad_feed", f"{_quoted(pattern)} is no pattern on feeds: its {kind} may hold a-z, 0-9, '_', '-', '*'."
            )


def matches(pattern: str, feed: FeedName) -> bool:
    """Whether a pattern that `check_pattern` accepts covers a feed. `*` never reaches over the `/`."""
    if pattern == "*":
        return True
    source, _, name = pattern.partition("/")
    return fnmatchcase(feed.source, source) and fnmatchcase(feed.feed, name)


_QUOTED_LENGTH_MAX: Final = 80


def _quoted(text: str) -> str:
    cut = text if len(text) <= _QUOTED_LENGTH_MAX else f"{text[:_QUOTED_LENGTH_MAX]}…"
    return f"'{shown(cut)}'"
