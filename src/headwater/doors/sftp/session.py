"""What each SFTP request does: one method a kind, from a request to its answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final

import msgspec

from headwater.doors.sftp import wire
from headwater.doors.sftp.commands import digest_at
from headwater.doors.sftp.desk import Desk
from headwater.doors.sftp.moving import describe_path, remove, rename, withdraw
from headwater.doors.sftp.reading import Listing, Reading, Small, attrs_of, look, opened
from headwater.doors.sftp.wire import Attrs, BadPacket, Code, Flags, Kind, Named, Request
from headwater.doors.sftp.writing import Writing
from headwater.errors import REASONS, HeadwaterError, Misconfigured, Refused
from headwater.gate.view import Kind as NodeKind
from headwater.gate.view import Node
from headwater.terms import Door, shown

log = logging.getLogger("headwater.sftp")

HANDLES_MAX: Final = 1024
"""Files and folders that one connection may have open at once."""

EXTENSIONS: Final = (
    ("posix-rename@openssh.com", "1"),
    ("statvfs@openssh.com", "2"),
    ("fstatvfs@openssh.com", "2"),
    ("fsync@openssh.com", "1"),
    ("lsetstat@openssh.com", "1"),
    ("limits@openssh.com", "1"),
    ("expand-path@openssh.com", "1"),
    ("check-file-handle", ""),
    ("check-file-name", ""),
)

_BLOCK_BYTES: Final = 4096
_ROOM_BLOCKS: Final = 1 << 36
_FILES: Final = 1 << 40
_NAME_BYTES_MAX: Final = 255
_LINKS: Final = "There are no links here."

_BY_HANDLE: Final = frozenset({Kind.READ, Kind.WRITE, Kind.FSTAT, Kind.FSETSTAT, Kind.READDIR, Kind.REALPATH})
"""What does not ask what a path shows, and so need not wait for a file that is being landed."""

File = Writing | Reading | Small | Listing


class Sftp:
    """One SFTP session. Requests are answered in order; only a CLOSE that lands a file lets others pass."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._files: dict[bytes, File] = {}
        self._number = 0
        self._landing: set[asyncio.Task[bytes]] = set()
        self._opened: Writing | None = None
        self._gone = False

    @property
    def is_landing(self) -> bool:
        """Whether a file is being landed, and its CLOSE not answered yet."""
        return bool(self._landing)

    # --- the quick way -----------------------------------------------------------------------------------------------

    def take(self, handle: bytes, offset: int, data: bytes) -> Writing | None:
        """Takes the bytes of a WRITE without waiting: None when they can be acknowledged at once, else the file that
        must be seen to first. Raises HeadwaterError.
        """
        file = self._files.get(handle)
        if type(file) is not Writing:
            raise Refused("bad_request", "This handle is not open for writing.")
        if file.upload is None and file.failure is None:
            return file  # its first write: what it is has to be looked up
        return file if file.take(offset, data) else None

    async def write(self, request: Request) -> bytes:
        """A WRITE that had to wait."""
        file = self._files.get(request.handle)
        if not isinstance(file, Writing):
            raise Refused("bad_request", "This handle is not open for writing.")
        try:
            if file.upload is None and file.failure is None:
                await file.begin(request.offset)
            if file.take(request.offset, request.data):
                await file.flush()
        except HeadwaterError as error:
            file.fail(error)
            raise
        return wire.ok(request.id)

    async def flush(self, file: Writing) -> None:
        """Waits until a file can take more."""
        try:
            await file.flush()
        except HeadwaterError as error:
            file.fail(error)
            raise

    # --- every request -----------------------------------------------------------------------------------------------

    async def answer(self, request: Request, later: Callable[[bytes], None]) -> bytes | None:
        """The answer to a request; None if it comes `later`. Raises nothing."""
        try:
            if request.kind is Kind.CLOSE:
                return await self._close(request, later)
            if request.kind not in _BY_HANDLE:
                await self.settled()
            return await self._ANSWERS[request.kind](self, request)
        except Exception as error:  # noqa: BLE001 - whatever it is, its client gets an answer
            return self.refusal(request, error)

    async def go_on(self) -> None:
        """What can be done once an answer is out, before the next request is looked at."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await asyncio.sleep(0)  # only then the answer is on its way
            try:
                await opened.prepare()
            except Exception as error:  # noqa: BLE001 - its client hears of it with its first WRITE
                self.refusal(Request(Kind.OPEN, 0, path=opened.whole), error)
                opened.fail(Misconfigured("It is in the log of the server.", "internal"))

    def refusal(self, request: Request, error: Exception) -> bytes:
        """The STATUS for what went wrong; counted where nobody else does."""
        if isinstance(error, BadPacket):
            return wire.status(request.id, Code.BAD_MESSAGE, f"The packet cannot be read: {error}.")
        if not isinstance(error, HeadwaterError):
            log.error("fault", exc_info=error, extra={"facts": {"door": "sftp", "request": request.kind.name}})
            error = Misconfigured("It is in the log of the server.", "internal")
        if request.kind not in {Kind.WRITE, Kind.CLOSE} and error.reason not in {"not_found", "exists"}:
            self._desk.services.turned_away.count(
                Door.SFTP,
                error.reason,
                sender=self._desk.caller.name,
                address=self._desk.caller.peer,
                detail=f"{request.kind.name} {shown(request.path)}",
            )
        return wire.status(request.id, Code(REASONS[error.reason].sftp), error.sentence)

    async def settled(self) -> None:
        """Waits for files that are just being landed: what paths show depends on them."""
        if self._landing:
            await asyncio.wait(self._landing)

    def gone(self) -> None:
        """The client is gone: it hears no answer any more."""
        self._gone = True

    async def end(self) -> None:
        """The channel is gone, and all that came is done. Files without a CLOSE are kept, to go on with."""
        await self.settled()
        files, self._files = self._files, {}
        for file in files.values():
            if isinstance(file, Writing):
                await file.cut()
            elif isinstance(file, Reading):
                await file.close()

    # --- handles -----------------------------------------------------------------------------------------------------

    def _handle(self, request: Request, file: File) -> bytes:
        self._number += 1
        handle = self._number.to_bytes(4, "big")
        self._files[handle] = file
        return wire.handle(request.id, handle)

    def _expect_room(self) -> None:
        if len(self._files) >= HANDLES_MAX:
            raise Refused("too_many", f"{HANDLES_MAX} files are open in this session already.")

    def _file(self, handle: bytes) -> File:
        file = self._files.get(handle)
        if file is None:
            raise Refused("bad_request", "There is no such handle.")
        return file

    async def _open(self, request: Request) -> bytes:
        self._expect_room()
        desk, flags = self._desk, request.flags
        desk.services.limits.request(desk.caller)
        whole = desk.view.whole(request.path)
        if flags & (Flags.WRITE | Flags.APPEND | Flags.CREAT | Flags.TRUNC):
            if request.path.endswith("/"):
                raise Refused("not_found", f"There is no folder {shown(desk.view.seen(whole))}.")
            if Flags.READ in flags and await desk.view.row(whole) is not None and Flags.TRUNC not in flags:
                raise Refused("unsupported", "A file that has landed is not changed; write it anew, or append.")
            # a size of zero is what clients send that know none
            attrs = msgspec.structs.replace(request.attrs, size_bytes=request.attrs.size_bytes or None)
            file = await Writing.opened(desk, whole, flags, attrs)
            self._opened = file
            return self._handle(request, file)
        return self._handle(request, await opened(desk, whole))

    async def _close(self, request: Request, later: Callable[[bytes], None]) -> bytes | None:
        file = self._file(request.handle)
        del self._files[request.handle]
        if not isinstance(file, Writing):
            if not isinstance(file, Listing):
                await file.close()
            return wire.ok(request.id)
        task = asyncio.create_task(self._landed(request, file))
        self._landing.add(task)

        def done(ended: asyncio.Task[bytes]) -> None:
            self._landing.discard(ended)
            later(ended.result())

        task.add_done_callback(done)
        return None

    async def _landed(self, request: Request, file: Writing) -> bytes:
        try:
            receipt = await file.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, its client gets an answer
            await file.cut()  # nothing, where it has ended
            return self.refusal(request, error)
        if receipt is None:
            return wire.ok(request.id)
        if self._gone and self._desk.closed.pop(file.whole, None) is not None:
            with contextlib.suppress(HeadwaterError):
                await withdraw(self._desk, receipt.id, "gone_before_the_answer")
        return wire.status(request.id, Code.OK, f"Landed as {receipt.id}, sha256 {receipt.sha256}.")

    async def _read(self, request: Request) -> bytes:
        file = self._file(request.handle)
        if isinstance(file, Writing | Listing):
            raise Refused("bad_request", "This handle is not open for reading.")
        data = await file.read(request.offset, request.size_bytes)
        if not data:
            return wire.status(request.id, Code.EOF, "The end of the file.")
        return wire.data(request.id, data)

    # --- looking -----------------------------------------------------------------------------------------------------

    async def _stat(self, request: Request) -> bytes:
        whole = self._desk.view.whole(request.path)
        attrs = await look(self._desk, whole)
        if attrs is None:
            raise Refused("not_found", f"There is no {shown(self._desk.view.seen(whole))}.")
        return wire.attrs(request.id, attrs)

    async def _fstat(self, request: Request) -> bytes:
        file = self._file(request.handle)
        if isinstance(file, Listing):
            return wire.attrs(request.id, attrs_of(Node(kind=NodeKind.FOLDER, name="")))
        return wire.attrs(request.id, attrs_of(Node(kind=NodeKind.UPLOAD, name="", size_bytes=file.size_bytes)))

    async def _opendir(self, request: Request) -> bytes:
        self._expect_room()
        whole = self._desk.view.whole(request.path)
        node = await self._desk.view.look(whole)
        if node is None or node.kind is not NodeKind.FOLDER:
            raise Refused("not_found", f"There is no folder {shown(self._desk.view.seen(whole))}.")
        return self._handle(request, Listing(self._desk.view.list(whole)))

    async def _readdir(self, request: Request) -> bytes:
        listing = self._file(request.handle)
        if not isinstance(listing, Listing):
            raise Refused("bad_request", "This handle is no folder's.")
        names = await listing.next()
        if not names:
            return wire.status(request.id, Code.EOF, "The end of the folder.")
        return wire.names(request.id, names)

    async def _realpath(self, request: Request) -> bytes:
        view = self._desk.view
        return wire.names(request.id, [Named(view.seen(view.whole(request.path)), Attrs(), "-")])

    # --- changing ----------------------------------------------------------------------------------------------------

    async def _setstat(self, request: Request) -> bytes:
        await describe_path(self._desk, self._desk.view.whole(request.path), request.attrs)
        return wire.ok(request.id)

    async def _fsetstat(self, request: Request) -> bytes:
        file = self._file(request.handle)
        if isinstance(file, Writing):
            file.describe(request.attrs)
        return wire.ok(request.id)

    async def _remove(self, request: Request) -> bytes:
        await remove(self._desk, self._desk.view.whole(request.path))
        return wire.ok(request.id)

    async def _rename(self, request: Request) -> bytes:
        view = self._desk.view
        receipt = await rename(self._desk, view.whole(request.path), view.whole(request.other))
        if receipt is None:
            return wire.ok(request.id)
        return wire.status(request.id, Code.OK, f"Landed as {receipt.id}, sha256 {receipt.sha256}.")

    async def _mkdir(self, request: Request) -> bytes:
        await self._desk.view.make_folder(self._desk.view.whole(request.path))
        return wire.ok(request.id)

    async def _rmdir(self, request: Request) -> bytes:
        await self._desk.view.remove_folder(self._desk.view.whole(request.path))
        return wire.ok(request.id)

    async def _refuse_link(self, request: Request) -> bytes:
        return wire.status(request.id, Code.OP_UNSUPPORTED, _LINKS)

    # --- extensions --------------------------------------------------------------------------------------------------

    async def _extended(self, request: Request) -> bytes:
        known = self._EXTENSIONS.get(request.extension)
        if known is None:
            return wire.status(request.id, Code.OP_UNSUPPORTED, f"{shown(request.extension)} is not known here.")
        return await known(self, request, wire.Reader(request.rest))

    async def _posix_rename(self, request: Request, rest: wire.Reader) -> bytes:
        return await self._rename(Request(Kind.RENAME, request.id, path=rest.text(), other=rest.text()))

    async def _fsync(self, request: Request, rest: wire.Reader) -> bytes:
        file = self._file(rest.blob())
        if isinstance(file, Writing):
            await file.sync()
        return wire.ok(request.id)

    async def _lsetstat(self, request: Request, rest: wire.Reader) -> bytes:
        return await self._setstat(Request(Kind.SETSTAT, request.id, path=rest.text(), attrs=rest.attrs()))

    async def _limits(self, request: Request, _: wire.Reader) -> bytes:
        numbers = (wire.PACKET_BYTES_MAX, wire.DATA_BYTES_MAX, wire.DATA_BYTES_MAX, HANDLES_MAX)
        return wire.extended(request.id, *map(wire.u64, numbers))

    async def _statvfs(self, request: Request, _: wire.Reader) -> bytes:
        """There is no disk to speak of: clients that ask whether there is room are told that there is."""
        numbers = (_BLOCK_BYTES, _BLOCK_BYTES, *[_ROOM_BLOCKS] * 3, *[_FILES] * 3, 0, 0, _NAME_BYTES_MAX)
        return wire.extended(request.id, *map(wire.u64, numbers))

    async def _expand_path(self, request: Request, rest: wire.Reader) -> bytes:
        path = rest.text()
        return await self._realpath(Request(Kind.REALPATH, request.id, path=path.removeprefix("~").lstrip("/") or "/"))

    async def _check_name(self, request: Request, rest: wire.Reader) -> bytes:
        return await self._checked(request, self._desk.view.whole(rest.text()), rest)

    async def _check_handle(self, request: Request, rest: wire.Reader) -> bytes:
        file = self._file(rest.blob())
        if not isinstance(file, Reading):
            raise Refused("unsupported", "Close the file first; then ask by its name.")
        return await self._checked(request, file.whole, rest)

    async def _checked(self, request: Request, whole: str, rest: wire.Reader) -> bytes:
        """check-file (draft-ietf-secsh-filexfer-extensions-00 §3): the digest of a whole file, in one block."""
        names, start, length, block = rest.text().split(","), rest.u64(), rest.u64(), rest.u32()
        size_bytes = (await look(self._desk, whole) or Attrs()).size_bytes
        if start or block or length not in {0, size_bytes}:
            raise Refused("unsupported", "Digests are given of whole files, in one block.")
        algorithm = next((name for name in names if name in {"sha256", "sha512", "sha1", "md5"}), None)
        if algorithm is None:
            raise Refused("unsupported", f"Of {', '.join(map(shown, names))} none is known here.")
        digest = await digest_at(self._desk, whole, algorithm)
        return wire.extended(request.id, wire.text("check-file"), wire.text(algorithm), bytes.fromhex(digest))

    _ANSWERS: ClassVar[dict[Kind, Callable[[Any, Request], Awaitable[bytes]]]] = {
        Kind.OPEN: _open,
        Kind.READ: _read,
        Kind.WRITE: write,
        Kind.STAT: _stat,
        Kind.LSTAT: _stat,
        Kind.FSTAT: _fstat,
        Kind.SETSTAT: _setstat,
        Kind.FSETSTAT: _fsetstat,
        Kind.OPENDIR: _opendir,
        Kind.READDIR: _readdir,
        Kind.REMOVE: _remove,
        Kind.MKDIR: _mkdir,
        Kind.RMDIR: _rmdir,
        Kind.REALPATH: _realpath,
        Kind.RENAME: _rename,
        Kind.READLINK: _refuse_link,
        Kind.SYMLINK: _refuse_link,
        Kind.EXTENDED: _extended,
    }

    _EXTENSIONS: ClassVar[dict[str, Callable[[Any, Request, wire.Reader], Awaitable[bytes]]]] = {
        "posix-rename@openssh.com": _posix_rename,
        "fsync@openssh.com": _fsync,
        "lsetstat@openssh.com": _lsetstat,
        "limits@openssh.com": _limits,
        "statvfs@openssh.com": _statvfs,
        "fstatvfs@openssh.com": _statvfs,
        "expand-path@openssh.com": _expand_path,
        "check-file-name": _check_name,
        "check-file-handle": _check_handle,
    }
