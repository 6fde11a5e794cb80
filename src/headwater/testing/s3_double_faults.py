"""Faults that a test plants in the S3 double."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from headwater.testing.s3_wire import Answer, S3Error

_CODES = {
    400: "BadRequest",
    403: "AccessDenied",
    404: "NoSuchKey",
    409: "ConditionalRequestConflict",
    412: "PreconditionFailed",
    429: "TooManyRequests",
    500: "InternalError",
    501: "NotImplemented",
    503: "SlowDown",
}


@dataclass(slots=True)
class Fault:
    """Something that goes wrong with the next calls that match.

    Attributes:
        operation: the S3 API's name, such as ``PutObject``; ``*`` is every operation.
        key_matches: a regular expression, searched for in the key; the empty one matches every key and no key.
        when: ``before`` answers without doing it; ``after`` does it, and then answers as if it had not worked.
        status: of the answer. None cuts the connection without an answer. 200 without a code is no fault:
            the call goes its way, which with ``hang_seconds`` is a slow call.
        code: the S3 error code; by default the usual one for the status. With status 200 it makes the body of a
            success into an error, as S3 may answer a Complete.
        times: how many calls it meets.
        hang_seconds: wait before the answer, after the deed when ``when`` is ``after``; other calls go on.
        hits: how many calls it has met.
        reached: set as soon as a call has met it, and its deed is done or left undone; a test waits for it.
    """

    operation: str
    key_matches: str = ""
    when: Literal["before", "after"] = "before"
    status: int | None = 500
    code: str | None = None
    times: int = 1
    hang_seconds: float = 0.0
    hits: int = 0
    reached: threading.Event = field(default_factory=threading.Event)

    @property
    def ends(self) -> bool:
        """Whether the call ends with this fault rather than with its own answer."""
        return self.status != HTTPStatus.OK or self.code is not None

    def answer(self) -> Answer | None:
        """What the client gets; None for a cut."""
        if self.status is None:
            return None
        code = self.code or _CODES.get(self.status, "InternalError")
        return S3Error(code, "A fault that a test planted", status=self.status).answer()


class Faults:
    """The planted faults, in the order they were planted; each call meets at most one."""

    def __init__(self, operations: Collection[str]) -> None:
        self._operations = operations
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Plant a fault; it counts its ``hits``. ValueError for an operation that could never meet it."""
        if fault.operation != "*" and fault.operation not in self._operations:
            raise ValueError(f"{fault.operation!r} is no operation that the double knows")
        re.compile(fault.key_matches)  # a wrong pattern fails here, in the test
        self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """From now on nothing goes wrong."""
        self._faults = []

    def take(self, operation: str, key: str) -> Fault | None:
        """The fault that this call meets, counted."""
        for fault in self._faults:
            if fault.hits < fault.times and fault.operation in {"*", operation} and re.search(fault.key_matches, key):
                fault.hits += 1
                return fault
        return None
