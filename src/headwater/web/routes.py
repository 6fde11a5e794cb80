"""The read API and the operators' calls: one table, from which requests are taken, OpenAPI is made and tests walk."""

from __future__ import annotations

from typing import Final

from headwater.gate.allow import Verb
from headwater.gate.explain import Explanation
from headwater.gate.views import IdentityView
from headwater.terms import Delivery
from headwater.web import administering, content, reading, standing
from headwater.web.answers import BYTES, TEXT
from headwater.web.calls import Open, Route
from headwater.web.shapes import (
    Alive,
    AttemptPage,
    AttemptsAsked,
    AttemptView,
    ChangePage,
    ChangesAsked,
    CheckAsked,
    DeliveriesAsked,
    DeliveryPage,
    FeedPage,
    FeedView,
    IdentityMade,
    IdentityPage,
    NewSender,
    NewUser,
    ProofAsked,
    Ready,
    Reasoned,
    Revoke,
    Revoked,
    Root,
    Rotate,
    Whoami,
)

_ZIP: Final = b"application/zip"

READING: Final = (
    Route(
        method="GET",
        path="/v1/deliveries",
        verb=Verb.READ,
        about="Lists deliveries, newest first, or oldest first after a position.",
        query=DeliveriesAsked,
        answer=DeliveryPage,
        handler=reading.deliveries,
        reasons=("bad_feed",),
    ),
    Route(
        method="GET",
        path="/v1/changes",
        verb=Verb.CHANGES,
        about="Lists what a reader must know, oldest first; can wait for it.",
        query=ChangesAsked,
        answer=ChangePage,
        handler=reading.changes,
        reasons=("bad_feed",),
    ),
    Route(
        method="GET",
        path="/v1/deliveries/{id}",
        verb=Verb.READ,
        about="Shows one delivery.",
        answer=Delivery,
        handler=reading.delivery,
    ),
    Route(
        method="GET",
        path="/v1/deliveries/{id}/content",
        verb=Verb.READ_BYTES,
        about="Gives the bytes as they landed, whole or one range of them.",
        answer=BYTES,
        handler=content.content,
        reasons=("erased", "range_not_satisfiable"),
    ),
    Route(
        method="GET",
        path="/v1/deliveries/{id}/proof",
        verb=Verb.PROOF,
        about="Gives an auditor's bundle, or the tlog-proof alone.",
        query=ProofAsked,
        answer=_ZIP,
        handler=content.proof,
    ),
    Route(
        method="POST",
        path="/v1/deliveries/{id}/void",
        verb=Verb.OPERATE,
        about="Takes a delivery out of the effective set; its bytes stay.",
        body=Reasoned,
        answer=Delivery,
        handler=administering.void,
        apart=True,
    ),
    Route(
        method="GET",
        path="/v1/attempts",
        verb=Verb.ATTEMPTS,
        about="Lists attempts, newest first. With `key`: did the upload with this idempotency key land?",
        query=AttemptsAsked,
        answer=AttemptPage,
        handler=reading.attempts,
        reasons=("bad_feed",),
    ),
    Route(
        method="GET",
        path="/v1/attempts/{id}",
        verb=Verb.ATTEMPTS,
        about="Shows one attempt and what happened in it.",
        answer=AttemptView,
        handler=reading.attempt,
    ),
    Route(
        method="GET",
        path="/v1/feeds",
        verb=Verb.STATUS,
        about="Lists feeds with their state.",
        answer=FeedPage,
        handler=reading.feeds,
    ),
    Route(
        method="GET",
        path="/v1/feeds/{source}/{feed}",
        verb=Verb.STATUS,
        about="Shows one feed.",
        answer=FeedView,
        handler=reading.feed,
        reasons=("bad_feed",),
    ),
    Route(
        method="GET",
        path="/v1/checkpoint",
        verb=Verb.CHECKPOINT,
        about="Gives a signed checkpoint of the ledger, to keep outside.",
        answer=TEXT,
        handler=standing.checkpoint,
    ),
    Route(
        method="GET",
        path="/v1/whoami",
        verb=Open.TO_KNOWN,
        about="Says who you are to this server.",
        answer=Whoami,
        handler=standing.whoami,
    ),
    Route(
        method="GET",
        path="/ledger/{log}/{file}",
        verb=Open.LOOSE,
        about="Gives a log's checkpoint, public key (`vkey`), tiles and entry bundles (c2sp.org/tlog-tiles).",
        answer=BYTES,
        handler=standing.ledger_file,
    ),
    Route(
        method="GET",
        path="/healthz",
        verb=Open.TO_ALL,
        about="Says that the process is alive.",
        answer=Alive,
        handler=standing.healthz,
    ),
    Route(
        method="GET",
        path="/readyz",
        verb=Open.TO_ALL,
        about="Says whether this node can land just now: 503, and why not.",
        answer=Ready,
        handler=standing.readyz,
    ),
    Route(
        method="GET",
        path="/metrics",
        verb=Open.LOOSE,
        about="What is measured, for Prometheus. From loopback without a token.",
        answer=TEXT,
        handler=standing.metrics,
        apart=True,
    ),
)


def _administering() -> tuple[Route, ...]:
    routes: list[Route] = []
    for kind, one in (("senders", "sender"), ("users", "user")):
        senders = kind == "senders"
        ways = (
            ("GET", "", f"Lists {kind} with last use and next expiry.", IdentityPage, None,
             administering.list_senders if senders else administering.list_users),
            ("POST", "", f"Adds a {one}. The secrets made for it are shown once.", IdentityMade,
             NewSender if senders else NewUser, administering.add_sender if senders else administering.add_user),
            ("GET", "/{name}", f"Shows a {one}.", IdentityView, None, administering.show),
            ("POST", "/{name}/rotate", f"Gives a {one} new credentials beside the old ones.", IdentityMade, Rotate,
             administering.rotate),
            ("POST", "/{name}/revoke", f"Ends one credential of a {one}, or all.", Revoked, Revoke,
             administering.revoke),
        )  # fmt: skip
        for method, path, about, answer, body, handler in ways:
            routes.append(
                Route(
                    method=method,
                    path=f"/v1/{kind}{path}",
                    verb=Verb.ADMIN,
                    about=about,
                    answer=answer,
                    body=body,
                    handler=handler,
                    status=201 if (method, path) == ("POST", "") else 200,
                    reasons=("exists", "bad_feed") if body else (),
                    apart=True,
                )
            )
    return tuple(routes)


ADMINISTERING: Final = (
    *_administering(),
    Route(
        method="POST",
        path="/v1/senders/{name}/root",
        verb=Verb.ADMIN,
        about="Makes a feed what the sender sees as its root folder.",
        body=Root,
        answer=IdentityView,
        handler=administering.set_root,
        reasons=("bad_feed",),
        apart=True,
    ),
    Route(
        method="GET",
        path="/v1/senders/{name}/guide",
        verb=Verb.ADMIN,
        about="Gives a page to send to a sender: addresses, folders, a line for each client.",
        answer=TEXT,
        handler=administering.guide,
        apart=True,
    ),
    Route(
        method="GET",
        path="/v1/senders/{name}/check",
        verb=Verb.ADMIN,
        about="Says whether a sender would be let in, where its file would land, and which rule says no.",
        query=CheckAsked,
        answer=Explanation,
        handler=administering.check,
        apart=True,
    ),
)

ROUTES: Final = (*READING, *ADMINISTERING)
"""What this room answers; a door's calls stand in its own table."""
