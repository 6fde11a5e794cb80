"""What the head of a request says of a delivery: where it goes, what it is called, what is declared of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, unquote_to_bytes

from headwater.doors.http.digests import declared_digests
from headwater.errors import Refused
from headwater.layout import parse_feed
from headwater.terms import Declared, FeedName
from headwater.web.answers import MethodNotAllowed
from headwater.web.app import FILES

TEXT_CHARS_MAX: Final = 256
"""How much of a header is kept in a receipt or an attempt: an entry of the ledger is bounded."""

_ENDINGS: Final = {
    "application/json": ".json",
    "application/x-ndjson": ".ndjson",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "text/plain": ".txt",
    "application/vnd.apache.parquet": ".parquet",
    "application/gzip": ".gz",
    "application/zip": ".zip",
    "application/zstd": ".zst",
}


def check_method(raw_path: bytes, *, pushed: bool) -> None:
    """Raises MethodNotAllowed for a file with a name that is POSTed, and for a PUT where there is no room for one."""
    _, slash, name = raw_path[len(FILES) :].partition(b"/")[2].partition(b"/")
    if pushed and name:
        raise MethodNotAllowed("PUT", "A file with a name is sent by PUT; POST is for what has none.")
    if not pushed and not slash:
        raise MethodNotAllowed("GET, HEAD, POST", "A file is sent to a name below its feed; POST is for what has none.")


def target_of(raw_path: bytes) -> tuple[FeedName, str]:
    """The feed and the name that a path below `/v1/feeds/` says, percent-decoded once; the name may be empty.

    Bytes that are not UTF-8 come as surrogate escapes. Raises Refused("bad_feed").
    """
    source, _, rest = raw_path[len(FILES) :].partition(b"/")
    feed, _, name = rest.partition(b"/")
    return _feed(source, feed), _decoded(name)


@lru_cache(maxsize=4096)
def _feed(source: bytes, feed: bytes) -> FeedName:
    return parse_feed(f"{_decoded(source)}/{_decoded(feed)}")


def _decoded(text: bytes) -> str:
    return unquote_to_bytes(text).decode(errors="surrogateescape")


def readable(path: str) -> str:
    r"""A path as a receipt can hold it: bytes that are not UTF-8 as `\xff`. The name beside it stays exact."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")


def size_of(headers: Mapping[bytes, bytes]) -> int | None:
    """The declared length. The parser has refused what is no number."""
    value = headers.get(b"content-length")
    return None if value is None else int(value)


def declared_of(headers: Mapping[bytes, bytes], size_bytes: int | None) -> Declared:
    """What is declared of the bytes. Content-Encoding is kept as a word: nobody decodes what it speaks of.

    Raises Refused: "bad_request" for digests that cannot be read, for a part of a file (RFC 9110 §14.5 wants it refused
    where it is not understood), and for a body without any framing, which to the protocol is an empty one (RFC 9112
    §6.3); "unsupported" for a transfer coding but chunked (RFC 9112 §6.1).
    """
    if size_bytes is None and b"transfer-encoding" not in headers:
        raise Refused("bad_request", "Say where the file ends: by Content-Length, or by sending it in chunks.")
    if b"content-range" in headers:
        raise Refused("bad_request", "Parts of a file (Content-Range) are not taken here; send the whole.")
    if headers.get(b"transfer-encoding", b"chunked").strip().lower() != b"chunked":
        raise Refused(
            "unsupported", "No transfer coding but chunked is understood; a coding of the file may stay in it."
        )
    return Declared(
        size_bytes=size_bytes,
        digests=declared_digests(headers),
        content_type=text_of(headers, b"content-type"),
        content_encoding=text_of(headers, b"content-encoding"),
    )


def text_of(headers: Mapping[bytes, bytes], field: bytes) -> str | None:
    """The value of a header, at most `TEXT_CHARS_MAX` of it."""
    value = headers.get(field)
    return None if value is None else value.decode("latin-1")[:TEXT_CHARS_MAX]


def key_of(headers: Mapping[bytes, bytes]) -> str | None:
    """The idempotency key; quoted (as draft-ietf-httpapi-idempotency-key-header has it) or bare, it is the same."""
    value = headers.get(b"idempotency-key")
    if value is None:
        return None
    key = value.decode("latin-1").strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not 0 < len(key) <= TEXT_CHARS_MAX or not key.isprintable():
        raise Refused("bad_request", f"An Idempotency-Key has 1 to {TEXT_CHARS_MAX} printable characters.")
    return key


def ending_for(content_type: str | None) -> str:
    """How the name of a push ends that has none of its own, by its media type."""
    return _ENDINGS.get((content_type or "").partition(";")[0].strip().lower(), "")


def check_durability(query: bytes) -> None:
    """Takes `durability=zone`. Raises Refused("unsupported") for the other classes, which events will have."""
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name != "durability":
            raise Refused("bad_request", "The query may hold `durability` alone.")
        if value != "zone":
            raise Refused("unsupported", "Pushes land with durability=zone; there is no other class here yet.")
