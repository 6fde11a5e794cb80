"""Fuzzing the SFTP door within one process: what its codec reads, and whole sessions over a real zone.

An input is a string of bytes that chooses: packets of every kind with likely and unlikely fields, noise, and lines that
break. Every request must be answered, once, and nothing may be a fault of ours; what was said yes to must be so.
README.md beside this file says how it is run.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from headwater.doors.sftp import wire
from headwater.doors.sftp.desk import Desk
from headwater.terms import Receipt
from tests import raw_sftp as raw
from tests.unit.doors.sftp.world import FOLDER, Client, Door
from tests.unit.web.world import World

T = TypeVar("T")
INPUT_BYTES_MAX = 1024
CASES_A_WORLD = 500
PATHS = [
    *[f"{FOLDER}/a", f"{FOLDER}/b", f"{FOLDER}/a.part", f"{FOLDER}/b.tmp"] * 5,
    *(f"{FOLDER}/{name}" for name in ("a", "b", "a.part", "b.tmp", "tmp/a", "x/y", "a.receipt.json", "a.tlog-proof")),
    *("/", "", "..", "/acme-crm", FOLDER, "/acme-crm/other/a", "/a", "/shop/orders/a", "/acme-crm/N o/a.part", "~/a"),
    *(f"{FOLDER}/\udcff", f"{FOLDER}/a\0b", f"{FOLDER}/{'n' * 300}", "/" + "d/" * 3000, f"{FOLDER}/a/"),
]
OFFSETS = [0, 1, 2, 5, 100, 65_536, 1 << 20, 9 << 20, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
SIZES = [0, 1, 2, 3, 10, 1000, 32_768, 70_000]
EXTENSIONS = [
    *("posix-rename@openssh.com", "statvfs@openssh.com", "fsync@openssh.com", "limits@openssh.com", "check-file-name"),
    *("check-file-handle", "lsetstat@openssh.com", "expand-path@openssh.com", "hardlink@openssh.com", "\udcfe"),
]
KINDS = [*[raw.WRITE] * 8, *[raw.OPEN] * 4, *[raw.CLOSE] * 4, *[raw.RENAME] * 2, *range(3, 22), *[raw.EXTENDED] * 2, 0]


class Choices:
    """Bytes that choose, until they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_over(self) -> bool:
        """Whether all were used."""
        return self._at >= len(self._data)

    def number(self) -> int:
        """A byte; 0 after the last one."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def one(self, of: Sequence[T]) -> T:
        """One of these."""
        return of[self.number() % len(of)]

    def some(self) -> bytes:
        """A few bytes as they stand."""
        begin = self._at + 1
        self._at = begin + self.number() % 32
        return self._data[begin : self._at]


class Asked(NamedTuple):
    """A request, and what a yes to it would mean."""

    number: int
    kind: int
    handle: bytes = b""
    offset: int = 0
    data: bytes = b""


class Session:
    """One line of a client: what it asked, and what of each file it was told is taken."""

    def __init__(self, door: Door, client: Client, choices: Choices, folder: str) -> None:
        self.client = client
        self._door = door
        self._choices = choices
        self._folder = folder
        self._handles: list[bytes] = []
        self._taken: dict[bytes, dict[int, bytes]] = {}
        self._asked: list[Asked] = []

    def step(self) -> None:
        """One request."""
        choices = self._choices
        kind = choices.one(KINDS)
        if kind in {raw.WRITE, raw.CLOSE} and not self._handles and choices.number() < 240:
            kind = raw.OPEN
        if kind == 0:
            self._ask(choices.number(), choices.some())
        elif kind == raw.WRITE:
            self._write(self._file())
        elif kind == raw.OPEN:
            usual = choices.one([raw.NEW, raw.NEW, raw.GO_ON, raw.F_READ, raw.F_WRITE, raw.F_WRITE | raw.F_APPEND])
            flags = usual if choices.number() < 200 else choices.number()
            self._ask(kind, self._path(), raw.u32(flags), self._attrs())
        elif kind in {raw.CLOSE, raw.FSTAT, raw.READDIR}:
            handle = self._file()
            self._ask(kind, raw.string(handle), handle=handle)
        elif kind == raw.READ:
            self._ask(kind, self._handle(), raw.u64(choices.one(OFFSETS)), raw.u32(choices.one(SIZES)))
        elif kind == raw.FSETSTAT:
            self._ask(kind, self._handle(), self._attrs())
        elif kind == raw.EXTENDED:
            self._ask(kind, *self._extension())
        else:
            more = {raw.RENAME: self._path, raw.SYMLINK: self._path, raw.SETSTAT: self._attrs, raw.MKDIR: self._attrs}
            self._ask(kind, self._path(), *([more[kind]()] if kind in more else []))

    def _ask(self, kind: int, *fields: bytes, handle: bytes = b"", offset: int = 0, data: bytes = b"") -> None:
        self._asked.append(Asked(self.client.send(kind, *fields), kind, handle, offset, data))

    def _write(self, handle: bytes) -> None:
        """Mostly what goes on where the last one ended; the bytes are those of their place, or others."""
        choices = self._choices
        waiting = [(each.offset, each.data) for each in self._asked if each.handle == handle]
        ends = [at + len(data) for at, data in (*self._taken.get(handle, {}).items(), *waiting)]
        end = max(ends, default=0)
        offset = min(2**64 - 1, choices.one([end, end, end, end + 3, max(0, end - 2), choices.one(OFFSETS)]))
        size, is_right = choices.one(SIZES), choices.number() < 220
        data = bytes((offset + at) % 251 for at in range(size)) if is_right else b"\xff" * size
        fields = (raw.string(handle), raw.u64(offset), raw.string(data))
        self._ask(raw.WRITE, *fields, handle=handle, offset=offset, data=data)

    def _path(self) -> bytes:
        return raw.string(self._choices.one(PATHS).replace(FOLDER, self._folder))

    def _handle(self) -> bytes:
        return raw.string(self._file())

    def _file(self) -> bytes:
        """A handle: mostly one of the last that were given."""
        if self._choices.number() < 16 or not self._handles:
            return self._choices.one([b"\0\0\0\x01", b"", b"nonsense"])
        return self._choices.one(self._handles[-3:])

    def _attrs(self) -> bytes:
        size, times = raw.u64(self._choices.one(SIZES)), raw.u32(self._choices.number() << 24) * 2
        said = [
            raw.NO_ATTRS,
            raw.NO_ATTRS,
            raw.u32(1) + size,
            raw.u32(8) + times,
            raw.u32(4) + times[:4],
            b"",
            b"\x80\0",
        ]
        return self._choices.one(said)

    def _extension(self) -> list[bytes]:
        name = self._choices.one(EXTENSIONS)
        fields = [self._handle()] if name.startswith(("fsync", "check-file-h")) else [self._path()]
        if name.startswith("posix"):
            fields.append(self._path())
        elif name.startswith("check"):
            fields.append(raw.string(self._choices.one(["sha256", "md5,sha1", "crc32"])) + bytes(20))
        elif name.startswith("lset"):
            fields.append(self._attrs())
        return [raw.string(name), *fields]

    async def answered(self) -> None:
        """Hears every answer, and looks whether a yes is so."""
        asked, self._asked = self._asked, []
        for each in asked:
            answer = await self.client.answer(each.number)
            if answer.kind == raw.HANDLE:
                self._handles.append(answer.string())
            elif each.kind == raw.WRITE and answer.is_ok and each.data:
                taken = self._taken.setdefault(each.handle, {})
                taken[each.offset] = max(taken.get(each.offset, b""), each.data, key=len)
            elif each.kind in {raw.CLOSE, raw.RENAME} and answer.is_ok and answer.sentence:
                await self._look(answer.sentence, self._taken.pop(each.handle, {}))
            if each.kind == raw.CLOSE:
                self._taken.pop(each.handle, None)
                self._handles = [handle for handle in self._handles if handle != each.handle]

    async def _look(self, sentence: str, taken: dict[int, bytes]) -> None:
        id_ = sentence.removeprefix("Landed as ")[:32]
        entered = await self._door.world.sequencer.holder(f"delivery:{id_}")
        assert entered is not None, sentence
        receipt = entered.entry
        assert isinstance(receipt, Receipt)
        data = self._door.bytes_of(receipt)
        base = receipt.continues.offset if receipt.continues else 0
        for offset, piece in taken.items():
            assert data[offset - base : offset - base + len(piece)] == piece, "other bytes landed than were taken"
        ends = [offset - base + len(piece) for offset, piece in taken.items()]
        assert not ends or len(data) == max(ends), f"{len(data)} bytes landed, {max(ends)} were taken"


class Faults(logging.Handler):
    """What the door logs as a fault of its own."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Notes it."""
        self.found.append(record)


class Ground:
    """A world for many cases; now and then a new one, for what lands is kept."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._door: Door | None = None
        self._folder = Path()
        self._cases = 0
        self._faults = Faults()
        for name in ("headwater", "asyncio"):
            logging.getLogger(name).addHandler(self._faults)

    def session(self, data: bytes) -> None:
        """One case. AssertionError where something is not as it must be."""
        self._runner.run(self._case(Choices(data)))

    async def _case(self, choices: Choices) -> None:
        door = await self._fresh()
        desk = await door.desk()
        folder = f"{FOLDER}/{self._cases}"  # each case finds it empty

        async def begun(desk: Desk | None) -> Session:
            return Session(door, await door.client(desk), choices, folder)

        sessions = [await begun(desk), await begun(None)]
        while not choices.is_over:
            session = choices.one(sessions)
            match choices.number() % 16:
                case 0:
                    await session.answered()
                    await session.client.go_away()
                    sessions[sessions.index(session)] = await begun(None)
                case 1:
                    session.client.raw(choices.some())  # from now on nobody knows where a packet begins
                    await session.client.go_away()
                    sessions[sessions.index(session)] = await begun(desk)
                case 2 | 3 | 4 | 5 | 6:
                    await session.answered()
                case _:
                    session.step()
        for session in sessions:
            await session.answered()
            await session.client.go_away()
        landing = door.world.landing
        assert not self._faults.found, self._faults.found[0].getMessage()
        assert not landing.open_uploads, "an upload was left open"
        assert not landing.means.budget.memory_used, "memory was not given back"
        assert not door.world.services.limits._overall.uploads, "a place was not given back"

    async def _fresh(self) -> Door:
        self._cases += 1
        if self._door is not None and self._cases % CASES_A_WORLD == 0:
            await self._door.landed()
            await self._door.close()
            await self._door.world.stop()
            shutil.rmtree(self._folder)
            self._door = None
        if self._door is None:
            self._folder = Path(tempfile.mkdtemp(prefix="headwater-fuzz-"))
            self._door = Door(World(self._folder))
            await self._door.world.start()
        return self._door


def decode(data: bytes) -> None:
    """The codec alone: any bytes are a request or a bad packet, as are the attributes in them."""
    for read in (wire.decode, wire.version_of, lambda packet: wire.Reader(packet).attrs()):
        try:
            read(data)
        except wire.BadPacket:
            continue


def main() -> int:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=["decode", "session"])
    parser.add_argument("cases", nargs="*", type=Path, help="run these cases again, and no others")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--atheris", action="store_true", help="guided by what inputs reach; must be installed")
    options = parser.parse_args()
    run: Callable[[bytes], None] = decode if options.target == "decode" else Ground().session
    if options.atheris:
        return _guided(run, options.seconds)
    for case in options.cases:
        run(case.read_bytes())
    chance, count, end = random.Random(options.seed), 0, time.monotonic() + options.seconds
    while not options.cases and time.monotonic() < end:
        data = chance.randbytes(chance.randrange(INPUT_BYTES_MAX))
        try:
            run(data)
        except BaseException:
            Path("case.bin").write_bytes(data)
            raise
        count += 1
    sys.stdout.write(f"{options.target}: {count:,} runs, nothing found\n")
    return 0


def _guided(run: Callable[[bytes], None], seconds: int) -> int:
    import atheris  # noqa: PLC0415 - installed for a run, and for nothing else

    atheris.instrument_all()
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", f"-max_len={INPUT_BYTES_MAX}", "-timeout=60", "-len_control=0"], run
    )
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
