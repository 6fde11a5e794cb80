"""The door itself: one ASGI exchange, answered whatever happens. And its calls, as the API describes them."""

from __future__ import annotations

import logging
from typing import Any, Final

from headwater.doors.http.push import Push
from headwater.errors import HeadwaterError, Misconfigured
from headwater.gate.allow import Verb
from headwater.terms import Delivery
from headwater.web.answers import Receive, Scope, Send
from headwater.web.calls import Route
from headwater.web.services import Services

log = logging.getLogger("headwater.http")

_DIGEST: Final[dict[str, Any]] = {"type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$"}
_KEY: Final[dict[str, Any]] = {"type": "string", "pattern": "^[!-~]{1,200}$"}
_HEADERS: Final = (
    ("Content-Digest", "RFC 9530. Checked; what agrees proves the delivery whole.", _DIGEST),
    ("Repr-Digest", "RFC 9530; the same here as Content-Digest.", _DIGEST),
    ("Content-MD5", "RFC 1864. Checked.", {"type": "string", "pattern": "^[A-Za-z0-9+/]{21}[AQgw]==$"}),
    ("Idempotency-Key", "The same bytes under the same key land once, within 7 days, by sender and feed.", _KEY),
)
_REASONS: Final = (
    "bad_feed",
    "bad_name",
    "unsupported",
    "cut",
    "size_mismatch",
    "digest_mismatch",
    "too_large",
    "too_slow",
    "in_progress",
    "key_reused",
    "store_unavailable",
    "ledger_unavailable",
    "full",
    "draining",
)

ROUTES: Final = (
    Route(
        method="PUT",
        path="/v1/feeds/{source}/{feed}/{name}",
        verb=Verb.DELIVER,
        about="Lands the body as a file. `name` may hold `/`, and is percent-decoded once. 202 is no yes: ask again.",
        answer=Delivery,
        takes_bytes=True,
        headers=_HEADERS,
        status=201,
        statuses=(200, 202),
        reasons=_REASONS,
    ),
    Route(
        method="POST",
        path="/v1/feeds/{source}/{feed}",
        verb=Verb.DELIVER,
        about="Lands the body as a push without a name of its own: it is named by its attempt's id.",
        answer=Delivery,
        takes_bytes=True,
        headers=_HEADERS,
        status=201,
        statuses=(200, 202),
        reasons=_REASONS,
    ),
)


class HttpDoor:
    """An ASGI app for PUT and POST below `/v1/feeds/`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, to one answer."""
        push = Push(self._services, scope, receive)
        try:
            answer = await push.land()
        except HeadwaterError as error:
            answer = await push.refused(error)
        except Exception:  # whatever it was, the sender gets an answer and the log the whole story
            log.exception("fault", extra={"facts": {"attempt": push.attempt}})
            answer = await push.refused(Misconfigured("It is in the log of the server.", "internal"))
        self._services.metrics.requests.add(scope["method"], str(answer.status))
        if push.may_stay_open:
            await answer(scope, receive, send)
        else:
            await answer.send_and_close(send, push.linger())
