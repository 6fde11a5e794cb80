"""The read API and the operators' calls: one table, from which requests are taken, OpenAPI is made and tests walk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from headwater.gate.allow import Verb
from headwater.gate.explain import Explanation
from headwater.gate.views import IdentityDetail, IdentityView
from headwater.terms import Delivery
from headwater.web import administering, asked, content, findings, reading, shapes, standing, verifying
from headwater.web.answers import BYTES, TEXT, App
from headwater.web.calls import Call, Open, Route

_ZIP: Final = b"application/zip"
_FEED: Final = ("bad_feed",)
_NEW: Final = ("exists", "bad_feed")

_Handler = Callable[[Call], Awaitable[App]]


def _get(path: str, verb: Verb | Open, about: str, answer: Any, handler: _Handler, **more: Any) -> Route:
    return Route(method="GET", path=path, verb=verb, about=about, answer=answer, handler=handler, **more)


def _act(path: str, verb: Verb, about: str, body: Any, answer: Any, handler: _Handler, **more: Any) -> Route:
    return Route(
        method="POST",
        path=path,
        verb=verb,
        about=about,
        body=body,
        answer=answer,
        handler=handler,
        apart=True,
        **{"reasons": ("exists",), **more},
    )


READING: Final = (
    _get(
        "/v1/deliveries",
        Verb.READ,
        "Lists deliveries, newest first, or oldest first after a position.",
        shapes.DeliveryPage,
        reading.deliveries,
        query=asked.DeliveriesAsked,
        reasons=_FEED,
    ),
    _get(
        "/v1/changes",
        Verb.CHANGES,
        "Lists what a reader must know, oldest first; can wait for it.",
        shapes.ChangePage,
        reading.changes,
        query=asked.ChangesAsked,
        reasons=_FEED,
    ),
    _get("/v1/deliveries/{id}", Verb.READ, "Shows one delivery.", Delivery, reading.delivery),
    _get(
        "/v1/deliveries/{id}/content",
        Verb.READ_BYTES,
        "Gives the bytes as they landed, whole or one range of them.",
        BYTES,
        content.content,
        reasons=("erased", "range_not_satisfiable"),
    ),
    _get(
        "/v1/deliveries/{id}/entries",
        Verb.READ,
        "Shows every entry about one delivery, oldest first: the receipt, then what became known later.",
        shapes.EntryPage,
        content.entries,
    ),
    _get(
        "/v1/deliveries/{id}/findings",
        Verb.READ,
        "Shows what inspection found, the newest finding first; none where it has not come so far. "
        "Who may not read the bytes sees no values of them.",
        shapes.FindingPage,
        findings.findings,
    ),
    _get(
        "/v1/deliveries/{id}/proof",
        Verb.PROOF,
        "Gives an auditor's bundle, or the tlog-proof alone.",
        _ZIP,
        content.proof,
        query=asked.ProofAsked,
        also=TEXT,
    ),
    _get(
        "/v1/attempts",
        Verb.ATTEMPTS,
        "Lists attempts, newest first. With `key`: did the upload with this idempotency key land?",
        shapes.AttemptPage,
        reading.attempts,
        query=asked.AttemptsAsked,
        reasons=_FEED,
    ),
    _get("/v1/attempts/{id}", Verb.ATTEMPTS, "Shows one attempt.", shapes.AttemptView, reading.attempt),
    _get("/v1/feeds", Verb.STATUS, "Lists feeds with their state.", shapes.FeedPage, reading.feeds),
    _get("/v1/feeds/{source}/{feed}", Verb.STATUS, "Shows one feed.", shapes.FeedView, reading.feed, reasons=_FEED),
    _get(
        "/v1/feeds/{source}/{feed}/findings",
        Verb.READ,
        "Shows the newest finding of each delivery of a feed, newest delivery first: its schemas over time.",
        shapes.FindingPage,
        findings.feed_findings,
        query=asked.FeedFindingsAsked,
        reasons=_FEED,
    ),
    _get(
        "/v1/checkpoint",
        Verb.CHECKPOINT,
        "Gives a signed checkpoint of the ledger, to keep outside.",
        TEXT,
        standing.checkpoint,
    ),
    _get(
        "/v1/verify",
        Verb.LEDGER_ENTRIES,
        "Reads ledger and bytes again, one run at a time: a JSON object a line (progress, problem), the report last. "
        "An object that nothing explains after 24 hours is a problem once, and is entered as `found`.",
        TEXT,
        verifying.verify,
        query=asked.VerifyAsked,
        reasons=("bad_feed", "too_many", "store_unavailable"),
    ),
    _get("/v1/whoami", Open.TO_KNOWN, "Says who you are to this server.", shapes.Whoami, standing.whoami),
    _get(
        "/ledger/{log}/{file}",
        Open.LOOSE,
        "Gives a log's checkpoint, public key (`vkey`), tiles and entry bundles (c2sp.org/tlog-tiles).",
        BYTES,
        standing.ledger_file,
        also=TEXT,
    ),
    _get("/healthz", Open.TO_ALL, "Says that the process is alive.", shapes.Alive, standing.healthz),
    _get("/readyz", Open.TO_ALL, "Says whether this node can land: 503, and why not.", shapes.Ready, standing.readyz),
    _get(
        "/metrics",
        Open.LOOSE,
        "What is measured, for Prometheus. From loopback without a token.",
        TEXT,
        standing.metrics,
        apart=True,
    ),
)

OPERATING: Final = (
    _act(
        "/v1/deliveries/{id}/void",
        Verb.OPERATE,
        "Takes a delivery out of the effective set; its bytes stay.",
        asked.Reasoned,
        Delivery,
        administering.void,
    ),
    _act(
        "/v1/deliveries/{id}/findings",
        Verb.OPERATE,
        "Inspects a delivery once more, now; the finding is added to the earlier ones.",
        None,
        shapes.FindingView,
        findings.again,
        reasons=("erased", "method_not_allowed", "store_unavailable"),
    ),
    _get(
        "/v1/senders",
        Verb.ADMIN,
        "Lists senders with last use and next expiry.",
        shapes.IdentityPage,
        administering.list_senders,
        apart=True,
    ),
    _act(
        "/v1/senders",
        Verb.ADMIN,
        "Adds a sender. The secrets made for it are shown once.",
        asked.NewSender,
        shapes.IdentityMade,
        administering.add_sender,
        status=201,
        reasons=_NEW,
    ),
    _get(
        "/v1/senders/{name}",
        Verb.ADMIN,
        "Shows a sender: credentials and their use, and what was turned away in its name.",
        IdentityDetail,
        administering.show,
        apart=True,
    ),
    _act(
        "/v1/senders/{name}/rotate",
        Verb.ADMIN,
        "Gives a sender new credentials beside the old ones.",
        asked.Rotate,
        shapes.IdentityMade,
        administering.rotate,
    ),
    _act(
        "/v1/senders/{name}/revoke",
        Verb.ADMIN,
        "Ends one credential of a sender, or all.",
        asked.Revoke,
        shapes.Revoked,
        administering.revoke,
    ),
    _act(
        "/v1/senders/{name}/root",
        Verb.ADMIN,
        "Makes a feed what the sender sees as its root folder.",
        asked.Root,
        IdentityView,
        administering.set_root,
        reasons=_FEED,
    ),
    _act(
        "/v1/senders/{name}/legacy",
        Verb.ADMIN,
        "Lets a sender use SSH algorithms that were given up as weak, or no longer.",
        asked.Legacy,
        IdentityView,
        administering.set_legacy,
    ),
    _get(
        "/v1/senders/{name}/guide",
        Verb.ADMIN,
        "Gives a page to send to a sender: addresses, folders, a line for each client.",
        TEXT,
        administering.guide,
        apart=True,
    ),
    _get(
        "/v1/senders/{name}/check",
        Verb.ADMIN,
        "Says whether a sender would be let in, where its file would land, and which rule says no.",
        Explanation,
        administering.check,
        query=asked.CheckAsked,
        apart=True,
    ),
    _get(
        "/v1/users",
        Verb.ADMIN,
        "Lists users: people and programs that do not deliver.",
        shapes.IdentityPage,
        administering.list_users,
        apart=True,
    ),
    _act(
        "/v1/users",
        Verb.ADMIN,
        "Adds a user. The secrets made for it are shown once.",
        asked.NewUser,
        shapes.IdentityMade,
        administering.add_user,
        status=201,
        reasons=_NEW,
    ),
    _get(
        "/v1/users/{name}",
        Verb.ADMIN,
        "Shows a user: credentials and their use, and what was turned away in its name.",
        IdentityDetail,
        administering.show,
        apart=True,
    ),
    _act(
        "/v1/users/{name}/rotate",
        Verb.ADMIN,
        "Gives a user new credentials beside the old ones.",
        asked.Rotate,
        shapes.IdentityMade,
        administering.rotate,
    ),
    _act(
        "/v1/users/{name}/revoke",
        Verb.ADMIN,
        "Ends one credential of a user, or all.",
        asked.Revoke,
        shapes.Revoked,
        administering.revoke,
    ),
)

ROUTES: Final = (*READING, *OPERATING)
"""What this room answers; a door's calls stand in its own table."""
