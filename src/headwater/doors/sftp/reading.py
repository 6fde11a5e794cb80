"""Files and folders that a client reads: its own deliveries, their receipts and proofs, and listings."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from headwater.care.proving import tlog_proof
from headwater.doors.sftp.desk import Desk
from headwater.doors.sftp.wire import DATA_BYTES_MAX, Attrs, Named
from headwater.errors import Damaged, Refused
from headwater.gate.allow import Verb, allow
from headwater.gate.view import Kind, Node
from headwater.ledger.entries import encode
from headwater.ports.store import ObjectReader
from headwater.terms import Delivery, Id, Place, Receipt, State, shown
from headwater.web.reading import find
from headwater.web.shapes import plain

RECEIPT, PROOF = ".receipt.json", ".tlog-proof"
"""What is appended to a delivery's name to read its receipt, and the proof that this is in the ledger."""

_FOLDER_MODE, _FILE_MODE = 0o40755, 0o100644
_NAMES_TOGETHER: Final = 100


class Reading:
    """An open delivery. Reads that follow each other come from one stream, with the next piece already on its way."""

    def __init__(self, objects: ObjectReader, receipt: Receipt, whole: str) -> None:
        self._objects = objects
        self._receipt = receipt
        self.whole = whole
        self._stream: AsyncIterator[bytes] | None = None
        self._piece = b""
        self._at = 0  # where the piece begins
        self._next: asyncio.Task[bytes] | None = None

    @property
    def size_bytes(self) -> int:
        """How large it is."""
        return self._receipt.size_bytes

    async def read(self, offset: int, size_bytes: int) -> bytes:
        """At most so many bytes from an offset; none at the end. Raises Unavailable."""
        size_bytes = min(size_bytes, DATA_BYTES_MAX, self._receipt.size_bytes - offset)
        if size_bytes <= 0:
            return b""
        parts: list[bytes] = []
        while size_bytes > 0:
            if not self._at <= offset < self._at + len(self._piece):
                await self._turn_to(offset)
            begin = offset - self._at
            part = self._piece[begin : begin + size_bytes]
            parts.append(part)
            offset += len(part)
            size_bytes -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _turn_to(self, offset: int) -> None:
        if self._stream is None or self._next is None or offset != self._at + len(self._piece):
            await self.close()
            receipt = self._receipt
            self._stream = self._objects.read(receipt.key, version=receipt.version, offset=offset)
            self._next = asyncio.ensure_future(self._pull())
        self._piece, self._at = await self._next, offset
        if not self._piece:
            raise Damaged(f"The object {self._receipt.key} is shorter than its receipt says.")
        self._next = asyncio.ensure_future(self._pull())

    async def _pull(self) -> bytes:
        if self._stream is None:
            return b""
        return await anext(self._stream, b"")

    async def close(self) -> None:
        """Gives the stream back."""
        if self._next is not None:
            self._next.cancel()
            with contextlib.suppress(BaseException):
                await self._next
        if self._stream is not None:
            await self._stream.aclose()  # type: ignore[attr-defined]
        self._stream = self._next = None


class Small:
    """What is small and made on the spot: a receipt, a proof."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size_bytes = len(data)

    async def read(self, offset: int, size_bytes: int) -> bytes:
        """As `Reading.read`."""
        return self._data[offset : offset + min(size_bytes, DATA_BYTES_MAX)]

    async def close(self) -> None:
        """Nothing is open."""


class Listing:
    """An open folder."""

    def __init__(self, nodes: AsyncIterator[Node]) -> None:
        self._nodes = nodes
        self._first = True

    async def next(self) -> list[Named]:
        """The next names; none at the end."""
        names: list[Named] = []
        if self._first:
            self._first = False
            folder = Node(kind=Kind.FOLDER, name=".")
            names = [Named(name, attrs_of(folder)) for name in (".", "..")]
        while len(names) < _NAMES_TOGETHER:
            node = await anext(self._nodes, None)
            if node is None:
                break
            names.append(Named(node.name, attrs_of(node)))
        return names


def attrs_of(node: Node) -> Attrs:
    """What STAT says of it."""
    times = (node.changed_at, node.changed_at)
    if node.kind is Kind.FOLDER:
        return Attrs(size_bytes=0, owner=(0, 0), mode=_FOLDER_MODE, times=times)
    mode = _FILE_MODE if node.mode is None else 0o100000 | node.mode & 0o7777
    return Attrs(size_bytes=node.size_bytes, owner=(0, 0), mode=mode, times=tuple(t & 0xFFFFFFFF for t in times))  # type: ignore[arg-type]


async def delivery_at(desk: Desk, whole: str) -> Delivery:
    """The delivery that a path shows. Raises Refused where there is none, or it may not be seen."""
    row = await desk.view.row(whole)
    found = await find(desk.services, row.id) if row is not None and row.id is not None else None
    if found is None:
        raise Refused("not_found", f"There is no {shown(desk.view.seen(whole))}.")
    allow(desk.caller.identity, Verb.READ, found.receipt.feed_name, found.receipt.sender.name)
    return found


async def opened(desk: Desk, whole: str) -> Reading | Small:
    """Opens what a path shows for reading. Raises Refused; "erased" for what was forgotten."""
    node = await desk.view.look(whole)
    if node is None:
        return Small(await made(desk, whole))
    if node.kind is Kind.FOLDER:
        raise Refused("bad_request", f"{shown(desk.view.seen(whole))} is a folder.")
    if node.kind is Kind.UPLOAD:
        raise Refused("not_allowed", "This file has not landed yet; it can be read once it has.")
    delivery = await delivery_at(desk, whole)
    allow(desk.caller.identity, Verb.READ_BYTES, delivery.receipt.feed_name, delivery.receipt.sender.name)
    if delivery.now.state is State.ERASED:
        raise Refused("erased")
    return Reading(desk.services.objects, delivery.receipt, whole)


async def look(desk: Desk, whole: str) -> Attrs | None:
    """What STAT says of a path; receipts and proofs are not listed, and are there all the same."""
    node = await desk.view.look(whole)
    if node is not None:
        return attrs_of(node)
    try:
        data = await made(desk, whole)
    except Refused:
        return None
    return Attrs(size_bytes=len(data), owner=(0, 0), mode=0o100444)


async def made(desk: Desk, whole: str) -> bytes:
    """The receipt or the proof that a path asks for. Raises Refused("not_found") for any other."""
    if whole.endswith(RECEIPT):
        delivery = await delivery_at(desk, whole.removesuffix(RECEIPT))
        return msgspec.json.format(msgspec.json.encode(plain(delivery)), indent=2) + b"\n"
    if whole.endswith(PROOF):
        delivery = await delivery_at(desk, whole.removesuffix(PROOF))
        return await _proof(desk, delivery.id)
    raise Refused("not_found", f"There is no {shown(desk.view.seen(whole))}.")


async def _proof(desk: Desk, id: Id) -> bytes:
    services = desk.services
    entered = await services.ledger.holder(f"delivery:{id}")
    if entered is None:
        raise Refused("not_found")
    await services.checkpoint()
    place: Place = entered.place
    return (await tlog_proof(services.ledger_files, place, encode(entered.entry))).encode()
