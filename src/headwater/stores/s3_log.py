"""The log of a zone in a bucket: its head is one object, replaced only by `If-Match`; its other files are create-only.

`ledger/<log>/head` is one frame (ledger/head.py) with every pending entry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from headwater.errors import Damaged
from headwater.layout import ledger_path
from headwater.ledger.head import Head, decode_frames, encode_frame
from headwater.ports.ledger import HeadTag, Overtaken, Unclear
from headwater.ports.store import KeyTaken
from headwater.stores.s3_calls import S3Calls
from headwater.stores.s3_errors import FAILURES, is_refusal, status, unavailable
from headwater.stores.s3_objects import checksum, create, fetch, remove, sent
from headwater.terms import Key


class S3Head:
    """`HeadStore` of one log. Any number of processes may have one: the store decides who wins."""

    lease_seconds: float | None = 15.0

    def __init__(self, calls: S3Calls, log: str) -> None:
        self._calls = calls
        self._key = ledger_path(log, "head")

    async def load(self) -> HeadTag | None:
        """As `HeadStore.load`."""
        found = await fetch(self._calls, self._key)
        if found is None:
            return None
        try:
            return HeadTag(decode_frames(found[0]), found[1])
        except (ValueError, msgspec.MsgspecError) as error:
            raise Damaged(f"{self._key} contradicts itself: {error}.") from error

    async def found(self, head: Head) -> HeadTag:
        """As `HeadStore.found`. Raises Unavailable when it is not there and could not be stored."""
        try:
            return await self._put(head, IfNoneMatch="*")
        except FAILURES as failure:
            if status(failure) == HTTPStatus.PRECONDITION_FAILED:
                raise Overtaken from failure
            if not is_refusal(failure) and (stored := await self.load()) is not None:
                if stored.head == head:
                    return stored
                raise Overtaken from failure
            raise unavailable(failure) from failure

    async def commit(self, head: Head, after: HeadTag) -> HeadTag:
        """As `HeadStore.commit`. Unavailable when the store refuses it outright (400, 403): the old head stands."""
        try:
            return await self._put(head, IfMatch=after.tag)
        except FAILURES as failure:
            if status(failure) == HTTPStatus.PRECONDITION_FAILED:
                raise Overtaken from failure
            if is_refusal(failure):
                raise unavailable(failure) from failure
            raise Unclear(str(unavailable(failure))) from failure

    async def _put(self, head: Head, **condition: str) -> HeadTag:
        frame = encode_frame(head, head.tiled)
        answer = await self._calls.once(
            self._calls.client.put_object,
            Key=self._calls.name(self._key),
            **sent([frame], checksum([frame])),
            **condition,
            **self._calls.encryption,
        )
        return HeadTag(head, answer["ETag"])


class S3LedgerFiles:
    """`LedgerFiles` of a zone in a bucket."""

    def __init__(self, calls: S3Calls) -> None:
        self._calls = calls

    async def read(self, path: str) -> bytes | None:
        """As `LedgerFiles.read`."""
        found = await fetch(self._calls, Key(path))
        return None if found is None else found[0]

    async def create(self, files: Sequence[tuple[str, bytes]]) -> None:
        """As `LedgerFiles.create`, all at once."""
        answers = await asyncio.gather(
            *(create(self._calls, Key(path), [data], checksum([data])) for path, data in files), return_exceptions=True
        )
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        for failure in failures:
            if isinstance(failure, KeyTaken):
                raise Damaged(f"{failure} stands with other bytes than the log has.") from failure
        for failure in failures:
            raise failure

    async def publish(self, path: str, data: bytes) -> None:
        """As `LedgerFiles.publish`; ValueError for anything but a `checkpoint`."""
        if path.rpartition("/")[2] != "checkpoint":
            raise ValueError(f"{path} is not a checkpoint: it is created once and never replaced")
        crc = checksum([data])

        def put(**parameters: Any) -> None:
            self._calls.client.put_object(**parameters, **sent([data], crc), **self._calls.encryption)

        try:
            await self._calls.ask(put, Key=self._calls.name(path))
        except FAILURES as failure:
            raise unavailable(failure) from failure

    async def prune(self, paths: Sequence[str]) -> None:
        """As `LedgerFiles.prune`."""
        for path in paths:
            if ".p/" not in path:
                raise ValueError(f"{path} is not a partial tile")
        await asyncio.gather(*(remove(self._calls, Key(path)) for path in paths))
