from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.care.replay import replayed
from headwater.ledger.entries import Admin
from headwater.ports.books import Credential, Identity
from headwater.terms import Role, Time, time_text

NEW: dict[str, Any] = {
    "role": "sender",
    "allow": ["acme/*"],
    "addresses": [],
    "root": None,
    "may_create_feeds": False,
    "credentials": ["token:new"],
}


def act(at: int, name: str, **detail: Any) -> Admin:
    """An entry of an administrative act."""
    return Admin(v=1, at=time_text(Time(at)), by="admin", act=name, subject="acme", detail=detail)


def credential(fingerprint: str, added_at: int = 1, **more: Any) -> Credential:
    """A token."""
    return Credential(kind="token", fingerprint=fingerprint, secret="…", added_at=Time(added_at), **more)


def acme(*credentials: Credential, added_at: int = 1, **more: Any) -> Identity:
    """A sender with these credentials."""
    return Identity(
        name="acme", role=Role.SENDER, allow=("acme/*",), credentials=credentials, added_at=Time(added_at), **more
    )


def only(identities, acts) -> Identity:
    """The one identity that a replay changes."""
    (changed,) = replayed(identities, acts).changed
    return changed


def test_who_was_added_since_comes_back_without_credentials():
    """No secret stands in the ledger: the sender is there again, and what it had is named as lost."""
    result = replayed([], [act(5, "senders.add", **NEW)])
    assert result.changed == (acme(added_at=5),)
    assert result.lost == (("acme", "token:new"),)


def test_what_must_be_shown_and_may_be_used_comes_back():
    """A restored sender demands what it demanded, and weak algorithms are allowed as they were last."""
    added = act(5, "senders.add", **NEW, factors=["ssh_key", "password"], legacy=True)
    assert only([], [added]) == acme(added_at=5, factors=("ssh_key", "password"), legacy=True)
    assert not only([], [added, act(6, "senders.legacy", **{"from": True, "to": False})]).legacy
    assert only([acme(added_at=1)], [act(6, "senders.legacy", **{"from": False, "to": True})]).legacy


def test_who_was_revoked_since_is_revoked():
    """Its identity and each credential carry the time of the act."""
    changed = only([acme(credential("token:a"))], [act(5, "senders.revoke", credential="all")])
    assert changed.revoked_at == 5
    assert [one.revoked_at for one in changed.credentials] == [5]


def test_one_credential_can_be_revoked():
    """The others go on working."""
    known = acme(credential("token:a"), credential("token:b"))
    changed = only([known], [act(5, "users.revoke", credential="token:a")])
    assert changed.revoked_at is None
    assert [one.revoked_at for one in changed.credentials] == [5, None]


def test_who_came_back_after_a_revocation_stays():
    """A backup taken after the sender was added anew is not undone by the older revocation."""
    known = acme(credential("token:a", revoked_at=Time(5)), credential("token:new", 7), added_at=7)
    acts = [act(5, "senders.revoke", credential="all"), act(7, "senders.add", **NEW)]
    assert replayed([known], acts).changed == ()


def test_who_was_revoked_and_added_anew_since_comes_back():
    """With the new terms, and with nothing but revoked credentials."""
    acts = [act(5, "senders.revoke", credential="all"), act(7, "senders.add", **(NEW | {"allow": ["other/*"]}))]
    changed = only([acme(credential("token:a"))], acts)
    assert (changed.revoked_at, changed.added_at, changed.allow) == (None, 7, ("other/*",))
    assert [one.revoked_at for one in changed.credentials] == [5]


def test_old_credentials_end_where_they_were_rotated():
    """The overlap counts from the act; an earlier end stays; the new credentials are lost."""
    known = acme(credential("token:a"), credential("token:b", expires_at=Time(9)), credential("token:c"))
    rotation = act(5, "senders.rotate", added=["token:new"], ending=["token:a", "token:b"], overlap_seconds=2)
    result = replayed([known], [rotation])
    assert [one.expires_at for one in result.changed[0].credentials] == [2_000_005, 9, None]
    assert result.lost == (("acme", "token:new"),)


def test_what_was_lost_and_then_revoked_is_not_missed():
    """Nobody is told to renew a credential that was taken away anyway."""
    rotation = act(5, "senders.rotate", added=["token:new"], ending=[], overlap_seconds=2)
    acts = [rotation, act(6, "senders.revoke", credential="token:new")]
    assert replayed([acme(credential("token:a"))], acts).lost == ()


def test_the_last_root_counts():
    """Of several changes the last one stands, and none that was older than the identity."""
    acts = [act(at, "senders.root", **{"from": None, "to": to}) for at, to in ((5, "/a/b"), (6, "/a/c"))]
    assert only([acme()], acts).root == "/a/c"
    assert replayed([acme(added_at=7)], acts).changed == ()


def test_other_acts_are_named():
    """What changes no identity is passed over, and said."""
    acts = [act(5, "bans.lift"), act(6, "senders.sing")]
    assert replayed([acme()], acts).passed_over == ("bans.lift", "senders.sing")


@pytest.mark.parametrize("name", ["senders.rotate", "senders.revoke", "senders.root"])
def test_an_act_on_nobody_changes_nothing(name):
    """An identity that the backup does not know and no entry adds is not invented."""
    detail = {"credential": "all", "added": [], "ending": [], "overlap_seconds": 0, "from": None, "to": "/a/b"}
    assert replayed([], [act(5, name, **detail)]).changed == ()


ACTS = st.lists(
    st.sampled_from(
        [
            ("senders.add", NEW),
            ("senders.revoke", {"credential": "all"}),
            ("senders.revoke", {"credential": "token:a"}),
            ("senders.rotate", {"added": ["token:r"], "ending": ["token:a"], "overlap_seconds": 3}),
            ("senders.root", {"from": None, "to": "/acme/x"}),
        ]
    ),
    max_size=8,
)


@given(ACTS)
def test_replaying_twice_changes_nothing_more(names):
    """A replay that starts too early, or runs again, ends with the same identities."""
    acts = [act(2 + at, name, **detail) for at, (name, detail) in enumerate(names)]
    known = acme(credential("token:a"))
    once = {each.name: each for each in (known, *replayed([known], acts).changed)}
    assert replayed(once.values(), acts).changed == ()


@given(ACTS)
def test_nobody_who_ends_revoked_is_let_in(names):
    """If the last of add and revoke-all is the revocation, the identity and all that it had are revoked."""
    acts = [act(2 + at, name, **detail) for at, (name, detail) in enumerate(names)]
    whole = [each for each in acts if each.act == "senders.add" or each.detail.get("credential") == "all"]
    known = acme(credential("token:a"))
    end = {each.name: each for each in (known, *replayed([known], acts).changed)}["acme"]
    if whole and whole[-1].act == "senders.revoke":
        assert end.revoked_at is not None
        assert all(one.revoked_at is not None for one in end.credentials)
    assert msgspec.structs.replace(end) == end
