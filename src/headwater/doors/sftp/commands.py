"""What partners run over SSH beside SFTP: digests of their files, answered from what is known. There is no shell.

Clients such as rclone try out what there is: `md5sum` and `sha1sum` of nothing, `echo`. A command is split into words
as a POSIX shell would (shlex), looked up in one table, and run by nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shlex
from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

from headwater.doors.sftp.desk import Desk
from headwater.doors.sftp.reading import delivery_at
from headwater.doors.sftp.writing import parked_until, routed_at, waits_for_rename
from headwater.errors import HeadwaterError, Refused
from headwater.gate.allow import Verb, allow
from headwater.terms import Delivery, shown

COMMAND_CHARS_MAX: Final = 64 * 1024
FILES_MAX: Final = 1000
DIGESTS: Final = {"md5sum": "md5", "sha1sum": "sha1", "sha256sum": "sha256", "sha512sum": "sha512"}
"""The commands that give digests, as coreutils has them."""

_KNOWN_MAX: Final = 10_000
_NOT_FOUND: Final = 127
_SENTENCE: Final = "This is a landing zone: it takes files by sftp and scp, and gives their digests; it runs nothing.\n"


class Said(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: bytes = b""
    err: bytes = b""


async def run(desk: Desk, command: str) -> Said:
    """What a command says. Raises nothing."""
    try:
        words = shlex.split(command[:COMMAND_CHARS_MAX])
    except ValueError:
        return Said(2, err=b"The command cannot be read.\n")
    name, *arguments = words or [""]
    if name == "echo":
        return Said(0, out=f"{' '.join(arguments)}\n".encode(errors="surrogateescape"))
    if name in {"pwd", "cd"}:
        return Said(0, out=b"/\n" if name == "pwd" else b"")
    if name in DIGESTS:
        return await _digests(desk, DIGESTS[name], arguments)
    return Said(_NOT_FOUND, err=_SENTENCE.encode())


async def _digests(desk: Desk, algorithm: str, arguments: Sequence[str]) -> Said:
    paths = [each for each in arguments if not each.startswith("-") or each == "-"]
    if not paths or paths == ["-"]:  # of the standard input, which clients that try it out leave empty
        return Said(0, out=f"{hashlib.new(algorithm, usedforsecurity=False).hexdigest()}  -\n".encode())
    lines, errors = [], []
    for path in paths[:FILES_MAX]:
        try:
            digest = await digest_at(desk, desk.view.whole(path), algorithm)
        except HeadwaterError as error:
            errors.append(f"{shown(path)}: {error.sentence}\n")
        else:
            lines.append(f"{digest}  {path}\n")
    out = "".join(lines).encode(errors="surrogateescape")
    return Said(1 if errors else 0, out, "".join(errors).encode())


async def digest_at(desk: Desk, whole: str, algorithm: str) -> str:
    """The digest of what a path shows, in hex: a delivery, or an upload that waits for its name.

    SHA-256 stands in the receipt; others are computed from the stored bytes once. That the client asked of an upload is
    remembered: a name that it gives afterwards says that they agreed. Raises Refused, Unavailable.
    """
    underway = desk.services.underway.find(desk.caller.name, whole)
    if underway is not None:
        digest = await _digest_of_upload(desk, whole, algorithm)
        underway.checked[algorithm] = digest
    else:
        delivery = await delivery_at(desk, whole)
        digest = await _digest_of_delivery(desk, delivery, algorithm)
        await desk.retell(delivery.id, "checked", algorithm=algorithm)
    return digest


async def _digest_of_upload(desk: Desk, whole: str, algorithm: str) -> str:
    underway = desk.services.underway.find(desk.caller.name, whole)
    if underway is None or underway.upload is not None:
        raise Refused("in_progress", "The file is still being written.")
    if not waits_for_rename(desk, whole, routed_at(desk, whole)):
        raise Refused("in_progress", "The upload was cut off: go on with it, or begin it anew.")
    upload = await desk.services.landing.resume(underway.id)
    transcript = desk.transcript(upload.attempt.transcript)
    transcript.add("checked", algorithm=algorithm)
    upload.story = transcript.rows
    try:
        if upload.digester is not None and (known := upload.digester.observed(algorithm)):
            return known
        intake, found = desk.services.landing.means.intake, hashlib.new(algorithm, usedforsecurity=False)
        size_bytes = 0
        async for piece in intake.read_back(upload.id, upload.fix_key(b"")):
            size_bytes += len(piece)
            await asyncio.to_thread(found.update, piece)
        if size_bytes != upload.size_bytes:
            raise Refused("unsupported", "Its digest is known once it has its final name.")
        return found.hexdigest()
    finally:
        with contextlib.suppress(HeadwaterError):
            await upload.park(temporary=True)
            underway.park(parked_until(desk, temporary=True))


async def _digest_of_delivery(desk: Desk, delivery: Delivery, algorithm: str) -> str:
    receipt = delivery.receipt
    if algorithm == "sha256":
        return receipt.sha256
    if known := receipt.declared.digests.get(algorithm):
        return known
    allow(desk.caller.identity, Verb.READ_BYTES, receipt.feed_name, receipt.sender.name)
    digests = desk.digests
    if known := digests.get((receipt.id, algorithm)):
        return known
    pieces: AsyncIterator[bytes] = desk.services.objects.read(receipt.key, version=receipt.version)
    found = hashlib.new(algorithm, usedforsecurity=False)
    async for piece in pieces:
        await asyncio.to_thread(found.update, piece)
    if len(digests) >= _KNOWN_MAX:
        digests.clear()
    digests[receipt.id, algorithm] = found.hexdigest()
    return found.hexdigest()
