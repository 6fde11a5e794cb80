"""One request on its way: who sends it, the bytes as they come, and what became of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Final

from headwater.doors.http.heads import (
    check_durability,
    check_method,
    declared_of,
    ending_for,
    key_of,
    readable,
    size_of,
    target_of,
    text_of,
)
from headwater.errors import HeadwaterError, Refused
from headwater.gate.identify import Caller
from headwater.gate.limits import Passage
from headwater.gate.route import route
from headwater.gate.transcript import harmless
from headwater.landing import Upload
from headwater.logs import note
from headwater.ports.ledger import Entered
from headwater.terms import Completeness, Door, Evidence, Id, Offer, Outcome, Receipt, Role, shown, time_text
from headwater.web.answers import Answer, Receive, Scope, attempt_header, json_answer, problem
from headwater.web.calls import admit, peer_of
from headwater.web.reading import find, fresh
from headwater.web.services import Services
from headwater.web.shapes import Sealing, plain

log = logging.getLogger("headwater.http")

LINGER_BYTES_MAX: Final = 64 * 1024
LINGER_SECONDS_MAX: Final = 2.0
"""How much, and how long, a refused body is taken in before the connection is closed."""

_ASK_AGAIN_SECONDS: Final = 5
_PUSHED: Final = "push"


class Push:
    """A request to land something. `over` says that its body was read to its end."""

    def __init__(self, services: Services, scope: Scope, receive: Receive) -> None:
        self._services = services
        self._scope = scope
        self._receive = receive
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self._began_at = services.clock.now()
        self._began = services.clock.monotonic()
        self._caller: Caller | None = None
        self._upload: Upload | None = None
        self._door = Door.HTTP
        self.over = False

    @property
    def attempt(self) -> Id | None:
        """The attempt's id, once there is one."""
        return None if self._upload is None else self._upload.id

    @property
    def may_stay_open(self) -> bool:
        """Whether the connection can serve further requests: the body was read, or is little that nobody needs."""
        if self.over:
            return True
        size_bytes = size_of(self._headers)
        little = size_bytes is not None and size_bytes <= LINGER_BYTES_MAX
        return little and self._upload is None and b"expect" not in self._headers

    async def land(self) -> Answer:
        """Takes the body, and lands it. Raises HeadwaterError for everything that did not end well."""
        services = self._services
        self._caller = caller = await admit(services, self._scope, self._headers)
        if caller.identity.role is Role.ADMIN and caller.name == services.settings.home_user:
            self._door = Door.CLI  # its key says so: whatever a request claims of itself, anybody could
        services.limits.request(caller)
        offer, late_name = self._offer(caller)
        with services.limits.enter(caller, offer.declared.size_bytes) as passage:
            self._upload = upload = await services.landing.open(offer)
            services.metrics.uploads_open[self._door] += 1
            try:
                await self._take(upload, passage)
                return await self._sealed(upload, f"{upload.id}{late_name}" if late_name is not None else None)
            finally:
                services.metrics.uploads_open[self._door] -= 1

    def _offer(self, caller: Caller) -> tuple[Offer, str | None]:
        """The offer, and how the name ends that a push gets when it is sealed."""
        headers = self._headers
        pushed = self._scope["method"] == "POST"
        check_method(self._scope["raw_path"], pushed=pushed)
        feed, name = target_of(self._scope["raw_path"])
        declared = declared_of(headers, size_of(headers))
        ending = None
        if pushed:
            check_durability(self._scope["query_string"])
            ending = ending_for(declared.content_type)
            name = f"{_PUSHED}{ending}"
        elif not name:
            raise Refused("bad_name", "The path ends before the name of the file.")
        routed = route(caller.identity, feed, name, self._services.feeds)
        offer = Offer(
            feed=routed.feed,
            door=self._door,
            sender=caller.sender,
            name=routed.name,
            declared=declared,
            companion=routed.companion,
            idempotency_key=key_of(headers),
            path=None if routed.path is None else readable(routed.path),
            peer=caller.peer,
            agent=text_of(headers, b"user-agent"),
        )
        return offer, ending

    # --- the body ----------------------------------------------------------------------------------------------------

    async def _take(self, upload: Upload, passage: Passage) -> None:
        """Every byte of the body, to its explicit end. What fails on the way is kept as evidence."""
        try:
            await self._pump(upload, passage)
        except BaseException:
            async with upload:  # ends it, by the reason of what is raised
                raise

    async def _pump(self, upload: Upload, passage: Passage) -> None:
        clock, receive = self._services.clock, self._receive
        with self._services.watch.enter() as wait:
            try:
                while not self.over:
                    wait.seconds = passage.patience_seconds
                    wait.since = since = clock.monotonic()
                    message = await receive()
                    wait.since = None
                    if message["type"] == "http.disconnect":
                        raise Refused("cut")
                    self.over = not message.get("more_body", False)
                    if data := message.get("body", b""):
                        pause_seconds = passage.received(len(data), clock.monotonic() - since)
                        await upload.write(upload.size_bytes, data)
                        if pause_seconds > 0:
                            await clock.sleep(pause_seconds)
                if broken := self._scope["state"].get("broken"):
                    raise Refused("cut", broken)
            except asyncio.CancelledError:
                if not wait.overdue:
                    raise
                wait.task.uncancel()
                raise passage.too_slow() from None

    async def linger(self) -> None:
        """Takes in what a refused sender has on its way, within bounds."""
        left_bytes = LINGER_BYTES_MAX
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS_MAX):
                while left_bytes > 0:
                    message = await self._receive()
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return
                    left_bytes -= len(message.get("body", b""))

    # --- the end -----------------------------------------------------------------------------------------------------

    async def _sealed(self, upload: Upload, name: str | None) -> Answer:
        services = self._services
        size_bytes = upload.offer.declared.size_bytes
        observed = str(upload.size_bytes)
        evidence = () if size_bytes is None else (Evidence("content_length", str(size_bytes), observed),)
        limit = asyncio.timeout(services.settings.answer_within_seconds)
        ended = services.clock.monotonic()
        try:
            async with limit:
                entered = await services.landing.shielded(self._seal(upload, evidence, name))
        except TimeoutError:
            if not limit.expired():
                raise
            return self._not_yet(upload)
        services.metrics.seal_seconds.observe(services.clock.monotonic() - ended, self._door)
        return await self._landed(upload, entered)

    async def _seal(self, upload: Upload, evidence: tuple[Evidence, ...], name: str | None) -> Entered:
        async with upload:
            return await self._services.landing.seal(upload, evidence, name)

    async def _landed(self, upload: Upload, entered: Entered) -> Answer:
        services, receipt = self._services, entered.entry
        if not isinstance(receipt, Receipt):
            raise TypeError(receipt)
        headers = [(b"location", f"/v1/deliveries/{receipt.id}".encode()), attempt_header(upload.id)]
        if upload.repeats is not None:
            services.metrics.repeated.add(self._door)
            self._note("repeated", receipt, 200)
            delivery = await find(services, receipt.id) or await fresh(services, entered)
            return json_answer(plain(delivery), 200, [*headers, (b"idempotent-replayed", b"true")])
        services.metrics.landed.add(self._door)
        services.metrics.landed_bytes.add(self._door, by=receipt.size_bytes)
        self._note("landed", receipt, 201)
        return json_answer(plain(await fresh(services, entered)), 201, headers)

    def _not_yet(self, upload: Upload) -> Answer:
        """It has all come, but is not landed: no yes, and no no either."""
        self._note("sealing", None, 202)
        headers = [
            (b"location", f"/v1/attempts/{upload.id}".encode()),
            (b"retry-after", b"%d" % _ASK_AGAIN_SECONDS),
            attempt_header(upload.id),
        ]
        return json_answer(Sealing(upload.id, Outcome.SEALING), 202, headers)

    async def refused(self, error: HeadwaterError) -> Answer:
        """The answer to what did not land; counted, logged, and with the attempt's own story if there is one."""
        answer = problem(error, self.attempt)
        services, caller = self._services, self._caller
        services.metrics.failed.add(self._door, error.reason)
        if self._upload is not None:
            with contextlib.suppress(HeadwaterError):
                await services.landing.means.attempts.move(
                    self._upload.id, self._upload.fence, transcript=self._transcript(error, answer.status)
                )
        elif caller is not None:
            detail = f"{self._scope['method']} {self._scope['path']}"
            services.turned_away.count(self._door, error.reason, sender=caller.name, address=caller.peer, detail=detail)
        level = logging.WARNING if answer.status >= 500 else logging.INFO  # noqa: PLR2004
        self._note("not_landed", None, answer.status, level=level, reason=error.reason, sentence=error.sentence)
        return answer

    def _transcript(self, error: HeadwaterError, status: int) -> tuple[dict[str, Any], ...]:
        """What the client said and what we answered."""
        headers, upload = self._headers, self._upload
        heads = (b"content-length", b"transfer-encoding", b"content-encoding", b"expect", b"user-agent")
        said = {field.decode(): harmless(headers[field].decode("latin-1")) for field in heads if field in headers}
        seconds = round(self._services.clock.monotonic() - self._began, 6)
        return (
            {"at": time_text(self._began_at), "event": "request", "method": self._scope["method"], **said},
            {
                "at": time_text(self._services.clock.now()),
                "event": "answer",
                "received_bytes": 0 if upload is None else upload.size_bytes,
                "whole": self.over,
                "seconds": seconds,
                "status": status,
                "reason": error.reason,
            },
        )

    def _note(
        self, event: str, receipt: Receipt | None, status: int, *, level: int = logging.INFO, **more: Any
    ) -> None:
        upload = self._upload
        offer = None if upload is None else upload.offer
        completeness: Completeness | None = None if receipt is None else receipt.completeness
        note(
            log,
            event,
            level=level,
            attempt=self.attempt,
            door=self._door.value,
            sender=None if self._caller is None else self._caller.name,
            feed=None if offer is None else f"{offer.feed.source}/{offer.feed.feed}",
            name=None if offer is None else shown(offer.name),
            size_bytes=None if receipt is None else receipt.size_bytes,
            completeness=None if completeness is None else completeness.value,
            status=status,
            **more,
            peer=peer_of(self._scope),
            seconds=round(self._services.clock.monotonic() - self._began, 6),
        )
