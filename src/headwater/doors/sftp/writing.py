"""A file that a client writes, from OPEN to CLOSE, through the waist. Only CLOSE is an end."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import ExitStack
from typing import Final

import msgspec

from headwater.doors.sftp.desk import Desk
from headwater.doors.sftp.wire import Attrs, Flags
from headwater.errors import HeadwaterError, Refused, Unavailable
from headwater.gate.route import Routed, route_path
from headwater.gate.temporary import expected_name, is_temporary
from headwater.gate.transcript import Transcript
from headwater.gate.underway import Underway
from headwater.gate.view import Kind, Node
from headwater.landing import Upload
from headwater.ledger.entries import Amended
from headwater.terms import (
    Completeness,
    Continues,
    Declared,
    Door,
    Evidence,
    Id,
    Offer,
    Receipt,
    Time,
    shown,
    time_text,
)

_MICROS: Final = 1_000_000
CLOSED: Final = "close"
RCLONE: Final = "rclone"
"""The client that asks for the MD5 of each file before it gives it its name: parts in S3 cannot be read for it."""


def routed_at(desk: Desk, whole: str) -> Routed:
    """Where a file put at a path goes."""
    return route_path(desk.caller.identity, desk.view.seen(whole), desk.services.feeds)


def told_path(routed: Routed) -> str | None:
    """Where an unexpected file was put, as a receipt can say it: in text."""
    return None if routed.path is None else routed.path.encode(errors="surrogateescape").decode(errors="replace")


def waits_for_rename(desk: Desk, whole: str, routed: Routed) -> bool:
    """Whether a path is a temporary one. A folder `tmp` above the feeds is one too, unless it is a known feed."""
    known = not routed.unexpected and desk.services.feeds.declared(routed.feed)
    name = routed.name if known else whole.strip("/")
    return is_temporary(name, desk.services.feeds.manners(routed.feed).temp_names)


class Writing:
    """An open file. Made by `opened`; ended by `close`, or by `cut` when the line is gone."""

    def __init__(self, desk: Desk, whole: str, routed: Routed, flags: Flags, attrs: Attrs) -> None:
        self._desk = desk
        self._routed = routed
        self._flags = flags
        self._attrs = attrs
        self._stack = ExitStack()
        self._passage = desk.services.limits.enter(desk.caller, attrs.size_bytes)
        self._underway: Underway | None = None
        self._base = 0
        self._writes = 0
        self._continues: Continues | None = None
        self._before: Node | None = None
        self._transcript: Transcript = desk.transcript()
        self.whole = whole
        self.upload: Upload | None = None
        self.pause_seconds = 0.0
        self.failure: HeadwaterError | None = None

    @classmethod
    async def opened(cls, desk: Desk, whole: str, flags: Flags, attrs: Attrs) -> Writing:
        """Opens a path for writing. Raises Refused.

        With TRUNC it is a new file at once. Without, the first write says whether the client begins anew (offset 0:
        `scp` does not say TRUNC), goes on with what is parked here, or appends to what has landed.
        """
        routed = routed_at(desk, whole)
        node = await desk.view.look(whole)
        if node is not None and node.kind is Kind.FOLDER:
            raise Refused("exists", f"{shown(desk.view.seen(whole))} is a folder.")
        if node is not None and Flags.EXCL in flags:
            raise Refused("exists", f"There is {shown(desk.view.seen(whole))} already.")
        if node is None and Flags.CREAT not in flags:
            raise Refused("not_found", f"There is no {shown(desk.view.seen(whole))}.")
        file = cls(desk, whole, routed, flags, attrs)
        file._before = node
        file._transcript.add("open", path=desk.view.seen(whole), flags=flags.name, size_bytes=attrs.size_bytes)
        file._stack.enter_context(file._passage)
        return file

    async def prepare(self) -> None:
        """Begins what is a new file in any case, while the client reads the answer to its OPEN."""
        if self.upload is None and (Flags.TRUNC in self._flags or self._before is None):
            try:
                await self.begin(0)
            except HeadwaterError as error:
                self.fail(error)

    # --- bytes -------------------------------------------------------------------------------------------------------

    def take(self, offset: int, data: bytes) -> bool:
        """Takes bytes; True when `flush` is to be awaited before the answer. Raises Refused; begun it must be."""
        if self.failure is not None:
            raise self.failure
        upload = self.upload
        if upload is None:
            raise Refused("bad_request")
        if offset < self._base:
            raise Refused("wrong_offset", f"These bytes go on at {self._base}.")
        self._writes += 1
        self.pause_seconds = self._passage.received(len(data), 0.0)
        return upload.take(offset - self._base, data) or self.pause_seconds > 0

    async def flush(self) -> None:
        """Hands on what was taken. Raises Unavailable; the file is then lost to its client, its bytes are kept."""
        if self.upload is not None and self.upload.pieces:
            await self.upload.flush()
        if self.pause_seconds > 0:
            await self._desk.services.clock.sleep(self.pause_seconds)
            self.pause_seconds = 0.0

    def fail(self, error: HeadwaterError) -> None:
        """Nothing good can come of it any more: every answer from now on says why, that of CLOSE above all."""
        self.failure = self.failure or error

    async def sync(self) -> None:
        """Makes durable what came (fsync@openssh.com). Raises Refused("gap") where some of it cannot be yet."""
        if self.failure is not None:
            raise self.failure
        if self.upload is not None:
            await self.upload.settle()
            await self.upload.sync()

    async def begin(self, offset: int) -> None:
        """Decides, by the first offset, what these bytes are: a file of its own, or the rest of one."""
        desk = self._desk
        parked = desk.services.underway.find(desk.caller.name, self.whole)
        if offset and parked is not None:
            await self._resume(parked, offset)
            return
        landed = await desk.view.row(self.whole) if offset and parked is None else None
        if landed is not None and landed.id is not None and landed.size_bytes == offset:
            self._continues, self._base = Continues(landed.id, offset), offset
        if parked is not None:
            await self._supersede(parked)
        self.upload = upload = await desk.services.landing.open(self._offer(), soon=True)
        upload.story = self._transcript.rows
        self._underway = Underway(desk.caller.name, self.whole, upload.id, 0, upload.attempt.opened_at, upload)
        self._underway.modified_at = self._attrs.times[1] if self._attrs.times else None
        self._underway.mode = self._attrs.mode
        desk.services.underway.put(self._underway)
        desk.services.metrics.uploads_open[Door.SFTP] += 1
        self._stack.callback(self._count_down)
        if self._before is not None and self._before.kind is Kind.DELIVERY and upload.digester is not None:
            upload.digester.mark(self._before.size_bytes)
        if RCLONE in desk.agent and upload.digester is not None:
            upload.digester.add("md5")

    def _count_down(self) -> None:
        self._desk.services.metrics.uploads_open[Door.SFTP] -= 1

    async def _resume(self, parked: Underway, offset: int) -> None:
        landing = self._desk.services.landing
        try:
            upload = await landing.resume(parked.id)
        except Refused:
            self._desk.services.underway.remove(parked)
            raise
        if offset != upload.size_bytes:
            size_bytes = upload.size_bytes
            parked.park(parked_until(self._desk))
            await upload.park()
            raise Refused("wrong_offset", f"{size_bytes} bytes are here; go on at {size_bytes}, or begin anew at 0.")
        self.upload = parked.upload = upload
        parked.checked.clear()
        self._transcript = self._desk.transcript(upload.attempt.transcript, self._transcript.rows())
        upload.story = self._transcript.rows
        self._underway = parked
        self._transcript.add("resumed", offset=offset)
        self._desk.services.metrics.uploads_open[Door.SFTP] += 1
        self._stack.callback(self._count_down)

    async def _supersede(self, parked: Underway) -> None:
        """The sender begins anew: what was parked here ends as evidence."""
        landing = self._desk.services.landing
        self._desk.services.underway.remove(parked)
        with contextlib.suppress(HeadwaterError):  # it expired, or recovery has it
            upload = await landing.resume(parked.id)
            try:
                await upload.drop("withdrawn", "The sender began this file anew.")
            except BaseException:  # it would stay open for ever
                await upload.park()
                raise

    def _offer(self) -> Offer:
        desk, routed, attrs = self._desk, self._routed, self._attrs
        temporary = waits_for_rename(desk, self.whole, routed)
        return Offer(
            feed=routed.feed,
            door=Door.SFTP,
            sender=desk.caller.sender,
            name=routed.name,
            declared=Declared(
                size_bytes=attrs.size_bytes,
                modified_at=time_of(attrs.times[1]) if attrs.times else None,
                mode=None if attrs.mode is None else attrs.mode & 0o7777,
            ),
            companion=routed.companion,
            path=told_path(routed),
            place=self.whole,
            continues=self._continues,
            peer=desk.caller.peer,
            agent=desk.agent,
            resumable=True,
            expected_name=expected_name(routed.name) if temporary else None,
        )

    # --- what is said of it ------------------------------------------------------------------------------------------

    @property
    def size_bytes(self) -> int:
        """How much there is of it, as its client counts."""
        if self.upload is not None:
            return self._base + self.upload.size_bytes
        return self._before.size_bytes if self._before is not None else 0

    def describe(self, attrs: Attrs) -> None:
        """Takes what the client says: its own time and mode are kept, a size that is the true one is fine.

        Raises Refused for another size: nothing is cut off or filled up here.
        """
        if attrs.size_bytes is not None and attrs.size_bytes != self.size_bytes:
            raise Refused("unsupported", f"{self.size_bytes} bytes have come; a file is not cut or filled here.")
        if self._underway is None:
            return
        self._underway.modified_at = attrs.times[1] if attrs.times else self._underway.modified_at
        self._underway.mode = attrs.mode if attrs.mode is not None else self._underway.mode
        if self.upload is not None:
            describe(self.upload, self._underway)

    # --- ends --------------------------------------------------------------------------------------------------------

    async def close(self) -> Receipt | None:
        """The explicit end: lands the file, or parks it where its name is a temporary one.

        Returns only when that is durable. Raises what keeps it from being so.
        """
        desk = self._desk
        with self._stack:
            if self.failure is not None:
                await self._end_failed(self.failure)
                raise self.failure
            if self.upload is None:
                if self._before is not None and not self._says_the_end():
                    return None  # opened, not written: nothing has changed
                await self.begin(self.size_bytes)
            upload, underway = self.upload, self._underway
            if upload is None or underway is None or upload.ended:  # the server is stopping, or another one writes it
                raise Unavailable("draining") if desk.services.landing.draining else Refused("overtaken")
            if underway.path != self.whole:  # renamed while it was written
                self._transcript.add("rename", new=desk.view.seen(underway.path))
                self.whole, self._routed = underway.path, routed_at(desk, underway.path)
                await upload.move_to(self._routed.feed, path=told_path(self._routed), companion=self._routed.companion)
                describe(upload, underway)
            self._transcript.add("close", writes=self._writes, size_bytes=upload.size_bytes)
            try:
                if waits_for_rename(desk, self.whole, self._routed):
                    await upload.settle()
                    underway.park(parked_until(desk, temporary=True))
                    await upload.park(temporary=True)
                    return None
                return await self._seal(upload, underway)
            except HeadwaterError as error:
                if self.upload is not None and not self.upload.ended:  # it did not come as far as the zone
                    await self._end_failed(error)
                elif isinstance(error, Refused):
                    self._count_refused(error)
                raise

    def _says_the_end(self) -> bool:
        """Whether to open and close it without a write is the end of a cut upload: where it was opened to be gone on
        with (APPEND). A client that only looks, and closes, has not said that all is there: it gets no yes.
        """
        parked = self._desk.services.underway.find(self._desk.caller.name, self.whole)
        if parked is None or parked.upload is not None:
            return False
        if Flags.APPEND not in self._flags:
            raise Refused("cut", f"Nothing was written; the upload waits, to be gone on with at {parked.size_bytes}.")
        return True

    async def _seal(self, upload: Upload, underway: Underway) -> Receipt:
        marked = upload.digester
        evidence = (Evidence(CLOSED),)
        try:
            receipt = self._desk.landed(await upload.seal(*evidence, name=self._routed.name))
        finally:
            if upload.ended:
                self._desk.services.underway.remove(underway)
        self._desk.closed[underway.path] = receipt.id
        before = self._before
        if before is not None and before.id is not None and marked is not None and marked.marked_sha256 is not None:
            await note_prefix(self._desk, before.id, marked.marked_sha256, receipt)
        return receipt

    async def _end_failed(self, error: HeadwaterError) -> None:
        """After a failed write: what came is kept where it can go on, held where it cannot."""
        upload, underway = self.upload, self._underway
        if upload is None or underway is None or upload.ended:
            return
        self._transcript.add("close", failed=error.reason)
        with contextlib.suppress(HeadwaterError):
            if isinstance(error, Unavailable):
                underway.park(parked_until(self._desk))
                await upload.park()
            else:
                self._count_refused(error)
                self._desk.services.underway.remove(underway)
                await upload.drop(error.reason, error.sentence)

    def _count_refused(self, error: HeadwaterError) -> None:
        self._desk.services.metrics.failed.add(Door.SFTP, error.reason)
        attempt = self.upload.id if self.upload else None
        self._desk.note("not_landed", attempt=attempt, reason=error.reason, sentence=error.sentence)

    async def cut(self) -> None:
        """The line is gone without an end: the bytes are kept, to go on with."""
        with self._stack:
            upload, underway = self.upload, self._underway
            if upload is None or underway is None or upload.ended:
                return
            self._transcript.add("cut", size_bytes=upload.size_bytes, writes=self._writes)
            underway.park(parked_until(self._desk))
            self._desk.note("parked", attempt=upload.id, size_bytes=upload.size_bytes, reason="cut")
            with contextlib.suppress(HeadwaterError):  # recovery parks it then
                await asyncio.shield(upload.park())


def parked_until(desk: Desk, *, temporary: bool = False) -> Time:
    """Until when what is parked now can go on."""
    rules = desk.services.landing.means.rules
    seconds = rules.park_seconds if temporary else rules.resume_seconds
    return Time(desk.services.clock.now() + int(seconds * _MICROS))


def was_closed(upload: Upload) -> bool:
    """Whether its client has ended a parked upload where it stands now; its transcript knows, also after a restart."""
    return any(
        row["event"] == "close" and row.get("size_bytes") == upload.size_bytes for row in upload.attempt.transcript
    )


def time_of(seconds: int) -> str:
    """A client's own time, as a receipt says it."""
    return time_text(Time(seconds * _MICROS))


def describe(upload: Upload, underway: Underway, place: str | None = None) -> None:
    """Puts what the client says by now among what it declared, before the upload is sealed: time, mode and path."""
    declared = upload.offer.declared
    if underway.modified_at is not None:
        declared = msgspec.structs.replace(declared, modified_at=time_of(underway.modified_at))
    if underway.mode is not None:
        declared = msgspec.structs.replace(declared, mode=underway.mode & 0o7777)
    upload.offer = msgspec.structs.replace(upload.offer, declared=declared, place=place or underway.path)


async def note_prefix(desk: Desk, before: Id, marked_sha256: str, receipt: Receipt) -> None:
    """An earlier delivery of the name that proves to be the first part of this one is said to be so."""
    found = await desk.services.ledger.holder(f"delivery:{before}")
    earlier = found.entry if found is not None else None
    if not isinstance(earlier, Receipt) or not earlier.size_bytes or earlier.size_bytes >= receipt.size_bytes:
        return
    if earlier.sha256 != marked_sha256:
        return
    proven = earlier.completeness is Completeness.PROVEN
    await desk.services.ledger.append(
        Amended(
            v=1,
            id=earlier.id,
            completeness=Completeness.PROVEN if proven else Completeness.SUSPECT,
            reason="prefix_of",
            evidence=(Evidence("prefix_of", observed=receipt.id),),
        )
    )
