"""The bytes of a delivery, the entries about it, and the proof of it."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.responses import StreamingResponse

from headwater.care.bundle import build_bundle
from headwater.care.proving import tlog_proof
from headwater.errors import Refused
from headwater.gate.allow import Verb
from headwater.terms import Delivery, Receipt, State
from headwater.web.answers import BYTES, TEXT, Answer, App, Headers, json_answer, problem
from headwater.web.asked import ProofAsked
from headwater.web.calls import Call
from headwater.web.reading import caught_up, visible
from headwater.web.shapes import EntryPage, EntryView

_RANGE: Final = re.compile(r"bytes=\s*(\d*)-(\d*)\s*")
_SAFE: Final = "!#$&+-.^_`|~"  # with letters and digits: attr-char of RFC 8187


async def content(call: Call) -> App:
    """The bytes as they landed, whole or one range of them (RFC 9110 §14). Nothing here encodes or believes a type."""
    found = await visible(call, Verb.READ_BYTES)
    receipt = found.receipt
    if found.now.state is State.ERASED:
        raise Refused("erased")
    tag = f'"{receipt.sha256}"'
    if _names(call.headers.get(b"if-none-match"), tag):
        return Answer(304, b"", BYTES, _about(found, tag))
    size_bytes = receipt.size_bytes
    headers = _about(found, tag)
    wanted = _range(call.headers, tag, size_bytes)
    if wanted is None:
        first, length, status = 0, size_bytes, 200
    else:
        first, length, status = wanted[0], wanted[1] - wanted[0], 206
        if length <= 0:
            out = (b"content-range", b"bytes */%d" % size_bytes)
            return problem(Refused("range_not_satisfiable", f"The delivery has {size_bytes} bytes."), headers=(out,))
        headers = (*headers, (b"content-range", b"bytes %d-%d/%d" % (first, wanted[1] - 1, size_bytes)))
    headers = (*headers, (b"content-length", b"%d" % length))
    read = call.services.objects.read(
        receipt.key,
        version=receipt.version,
        offset=first,
        size_bytes=0 if call.scope["method"] == "HEAD" else length,
    )
    return Streamed(status, headers, await begun(read))


async def entries(call: Call) -> App:
    """Every entry about a delivery."""
    services = call.services
    found = await visible(call, Verb.READ)
    await caught_up(services)
    about = await services.history.entries_about(found.id)
    views = [EntryView(place.log, place.index, place.position, msgspec.Raw(data)) for place, data in about]
    return json_answer(EntryPage(views))


async def proof(call: Call) -> App:
    """What an auditor needs: a zip, or the C2SP tlog-proof alone."""
    query: ProofAsked = call.query
    services = call.services
    found = await visible(call, Verb.PROOF)
    if query.bytes:
        await visible(call, Verb.READ_BYTES)
    await caught_up(services, found.position)
    entries = await services.history.entries_about(found.id)
    await services.checkpoint()
    if query.format == "tlog-proof":
        place, entry = entries[0]
        text = await tlog_proof(services.ledger_files, place, entry)
        return Answer(200, text.encode(), TEXT, _named(f"{found.id}.tlog-proof"))
    bundle = build_bundle(
        entries, services.log, services.ledger_files, content=services.objects if query.bytes else None
    )
    headers = ((b"content-type", b"application/zip"), *_named(f"{found.id}.proof.zip"))
    return Streamed(200, headers, await begun(bundle))


class Streamed(StreamingResponse):
    """Pieces as they come; it ends when its client goes away."""

    def __init__(self, status: int, headers: Headers, pieces: AsyncIterator[bytes]) -> None:
        super().__init__(pieces, status)
        self.raw_headers = list(headers)


async def begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same pieces, once the first of them is there: a failure to begin is still answered as one."""
    first = await anext(pieces, b"")

    async def all_pieces() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return all_pieces()


def _about(delivery: Delivery, tag: str) -> Headers:
    receipt: Receipt = delivery.receipt
    digest = base64.b64encode(bytes.fromhex(receipt.sha256))
    return (
        (b"content-type", BYTES),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
        (b"accept-ranges", b"bytes"),
        (b"etag", tag.encode()),
        (b"cache-control", b"private, no-transform, max-age=0"),
        (b"repr-digest", b"sha-256=:%s:" % digest),
        *_named(delivery.now.name.rpartition("/")[2]),
    )


def _named(name: str) -> Headers:
    """RFC 6266: a plain name for old clients, the true one in UTF-8 for all others."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%;' else "_" for c in name)
    exact = quote(name.encode(errors="surrogateescape"), safe=_SAFE)
    return ((b"content-disposition", f"attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}".encode()),)


def _names(value: bytes | None, tag: str) -> bool:
    """Whether a list of entity tags holds this one, weakly compared (RFC 9110 §13.1.2)."""
    if value is None:
        return False
    tags = [text.strip().removeprefix("W/") for text in value.decode("latin-1").split(",")]
    return tag in tags or "*" in tags


def _range(headers: Mapping[bytes, bytes], tag: str, size_bytes: int) -> tuple[int, int] | None:
    """The bytes [from, to) that are asked for; None for the whole; an empty range where there are none such.

    Several ranges, other units and what cannot be read are ignored, as RFC 9110 §14.2 allows; a range for other bytes
    than these (`If-Range`) too.
    """
    if headers.get(b"if-range", tag.encode()) != tag.encode():
        return None
    found = _RANGE.fullmatch(headers.get(b"range", b"").decode("latin-1"))
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        return max(0, size_bytes - int(found[2])), size_bytes
    first, last = int(found[1]), int(found[2]) if found[2] else size_bytes - 1
    if last < first and found[2]:
        return None
    return first, min(last + 1, size_bytes)
