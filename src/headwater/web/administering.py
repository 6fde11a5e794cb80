"""Changing things: senders, users, and what counts as delivered. Each act is an entry in the ledger, with who."""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.config_values import DURATION
from headwater.errors import Refused
from headwater.gate.allow import Verb
from headwater.gate.credentials import NewSecrets
from headwater.gate.explain import explain
from headwater.gate.new_identity import NewIdentity
from headwater.gate.views import IdentityView, detail, view
from headwater.ledger.entries import Void
from headwater.ports.books import Identity
from headwater.terms import Role, State, Time
from headwater.web.answers import TEXT, Answer, App, json_answer
from headwater.web.asked import CheckAsked, Legacy, NewSender, NewUser, Reasoned, Revoke, Root, Rotate
from headwater.web.calls import Call
from headwater.web.reading import caught_up, find, visible
from headwater.web.shapes import IdentityMade, IdentityPage, Revoked, Secrets, plain

_COUNTED_DAYS: Final = 90


async def void(call: Call) -> App:
    """Takes a delivery out of the effective set; its bytes stay."""
    asked: Reasoned = call.body
    services = call.services
    found = await visible(call, Verb.OPERATE)
    await caught_up(services)
    if (known := await services.catalog.delivery(found.id)) is not None and known.now.state is State.VOID:
        return json_answer(plain(known))
    (entered,) = await services.ledger.append(Void(v=1, id=found.id, by=call.caller.name, reason=asked.reason))
    await caught_up(services, entered.place.position)
    return json_answer(plain(await find(services, found.id) or found))


# --- senders and users ------------------------------------------------------------------------------------------------


async def list_senders(call: Call) -> App:
    """All senders."""
    return _listed(call, senders=True)


async def list_users(call: Call) -> App:
    """All users."""
    return _listed(call, senders=False)


def _listed(call: Call, *, senders: bool) -> App:
    found = [one for one in call.services.identities.all() if (one.role is Role.SENDER) is senders]
    return json_answer(IdentityPage([_view(call, one) for one in found]))


async def add_sender(call: Call) -> App:
    """A new sender."""
    asked: NewSender = call.body
    fields = {name: getattr(asked, name) for name in asked.__struct_fields__ if name != "expires"}
    return await _added(call, NewIdentity(**fields, lifetime_seconds=_seconds(asked.expires)))


async def add_user(call: Call) -> App:
    """A new user."""
    asked: NewUser = call.body
    if asked.role is Role.SENDER:
        raise Refused("bad_request", "A sender is added at /v1/senders.")
    fields = {name: getattr(asked, name) for name in asked.__struct_fields__ if name != "expires"}
    return await _added(call, NewIdentity(**fields, lifetime_seconds=_seconds(asked.expires)))


async def _added(call: Call, new: NewIdentity) -> App:
    secrets = await call.services.senders.add(new, call.caller.name)
    return json_answer(_made(call, new.name, secrets), 201)


async def show(call: Call) -> App:
    """One sender or user, with what was turned away in its name."""
    services, identity = call.services, _named(call)
    now = services.clock.now()
    counts = await services.turned_away.counted(identity.name, Time(now - _COUNTED_DAYS * 86_400_000_000))
    return json_answer(detail(services.identities.with_uses(identity), now, counts, services.bans.listed()))


async def rotate(call: Call) -> App:
    """New credentials beside the old ones."""
    asked: Rotate = call.body
    name = _named(call).name
    secrets = await call.services.senders.rotate(
        name,
        call.caller.name,
        ssh_keys=asked.ssh_keys,
        ssh_ca=asked.ssh_ca,
        certificates=asked.certificates,
        overlap_seconds=DURATION.parse(asked.overlap),
    )
    return json_answer(_made(call, name, secrets))


async def revoke(call: Call) -> App:
    """Ends one credential, or all."""
    asked: Revoke = call.body
    gone = await call.services.senders.revoke(_named(call).name, call.caller.name, credential=asked.credential)
    return json_answer(Revoked(gone))


async def set_root(call: Call) -> App:
    """What the sender sees as its root folder."""
    asked: Root = call.body
    name = _named(call).name
    await call.services.senders.set_root(name, asked.root, call.caller.name)
    return json_answer(_view(call, _named(call)))


async def set_legacy(call: Call) -> App:
    """Whether the sender may use weak algorithms of SSH."""
    asked: Legacy = call.body
    name = _named(call).name
    await call.services.senders.set_legacy(name, call.caller.name, legacy=asked.legacy)
    return json_answer(_view(call, _named(call)))


async def guide(call: Call) -> App:
    """The page to send to a sender."""
    return Answer(200, call.services.guide(_named(call).name).encode(), TEXT)


async def check(call: Call) -> App:
    """What would happen if the sender came."""
    asked: CheckAsked = call.query
    services = call.services
    found = explain(
        _named(call), asked.address, asked.path, feeds=services.feeds, bans=services.bans, now=services.clock.now()
    )
    return json_answer(found)


def _view(call: Call, identity: Identity) -> IdentityView:
    return view(call.services.identities.with_uses(identity), call.services.clock.now())


def _named(call: Call) -> Identity:
    """The identity that the path names: a sender below /v1/senders, anybody else below /v1/users."""
    found = call.services.identities.identity(call.path["name"])
    if found is None or (found.role is Role.SENDER) is not call.scope["path"].startswith("/v1/senders/"):
        raise Refused("not_found")
    return found


def _made(call: Call, name: str, secrets: NewSecrets) -> IdentityMade:
    identity = call.services.identities.identity(name)
    if identity is None:
        raise Refused("not_found")
    shown = Secrets(**msgspec.structs.asdict(secrets))
    return IdentityMade(_view(call, identity), shown)


def _seconds(duration: str | None) -> float | None:
    return None if duration is None else DURATION.parse(duration)
