"""What `senders` and `users` share: how identities and their secrets are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headwater.cli.output import as_json, coloured, emit, facts, remark, say, shown, table, when
from headwater.gate.views import IdentityDetail, IdentityView
from headwater.web.shapes import IdentityMade, Revoked


def tell_all(identities: Sequence[IdentityView], nobody: str) -> None:
    """A list of identities."""
    if as_json():
        for one in identities:
            emit(one)
    elif identities:
        rows = [
            (
                one.name,
                one.role.value,
                coloured(one.state),
                ", ".join(one.allow) or "all",
                when(one.last_used_at) or "never",
                when(one.next_expiry_at),
            )
            for one in identities
        ]
        table(("name", "role", "state", "feeds", "last used (UTC)", "next expiry"), rows, fold="feeds")
    else:
        remark(nobody)


def tell_one(one: IdentityView) -> None:
    """One identity with its credentials."""
    if as_json():
        emit(one)
    else:
        _tell(one)


def tell_detail(one: IdentityDetail) -> None:
    """One identity with its credentials, what was turned away in its name, and who is banned."""
    if as_json():
        emit(one)
        return
    _tell(one)
    if one.refused:
        say()
        rows = [
            (shown(each.reason), each.door, each.address, f"{each.count:,}", when(each.last_at)) for each in one.refused
        ]
        table(("turned away", "door", "from", "times", "last (UTC)"), rows, right=("times",))
    for ban in one.bans:
        say(f"{ban.address} is banned for another {ban.seconds_left} s; that turns away wrong credentials alone.")


def _tell(one: IdentityView) -> None:
    facts(
        [
            ("Name", one.name),
            ("Role", one.role.value),
            ("State", coloured(one.state)),
            ("Feeds", ", ".join(one.allow) or "all"),
            ("Root", one.root),
            ("May make feeds", "yes" if one.may_create_feeds else None),
            ("Must show", " and ".join(one.factors).replace("_", " ") or None),
            ("Weak SSH algorithms", coloured("allowed") if one.legacy else None),
            ("From", ", ".join(one.addresses) or "any address"),
            ("Declared", "in headwater.toml" if one.declared else None),
            ("Last used", one.last_used_at or "never"),
        ]
    )
    say()
    rows: list[tuple[Any, ...]] = [
        (
            each.kind.replace("_", " "),
            each.fingerprint,
            coloured(each.state),
            when(each.first_used_at) or "never",
            when(each.last_used_at) or "never",
            when(each.revoked_at or each.expires_at),
        )
        for each in one.credentials
    ]
    table(("credential", "fingerprint", "state", "first used", "last used", "ends"), rows, fold="fingerprint")


def tell_made(made: IdentityMade, done: str) -> None:
    """An identity and its secrets, which nobody will see again."""
    if as_json():
        emit(made)
        return
    remark(f"{made.identity.name} was {done}.")
    if made.secrets.token or made.secrets.password:
        remark("This is shown once and cannot be had again:")
    facts([("token", made.secrets.token), ("password", made.secrets.password)])


def tell_revoked(name: str, gone: Revoked) -> None:
    """What ended."""
    if as_json():
        emit(gone)
    else:
        say(f"{name}: {', '.join(gone.revoked) or 'nothing'} ended, from now on and for ever.")
