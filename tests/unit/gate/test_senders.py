from __future__ import annotations

import asyncio

import msgspec
import pytest

from headwater.errors import Refused, Unavailable
from headwater.gate.new_identity import NewIdentity, first_sender
from headwater.gate.refusals import NotLetIn, Why
from headwater.ledger.entries import Admin, encode
from headwater.terms import Role, Time, time_text
from headwater.testing.manual_clock import START
from tests.unit.gate.test_credentials import KEY
from tests.unit.gate.world import ELSEWHERE, HOME, LONG, World, sender

ACME = NewIdentity(name="acme", allow=("acme-crm/*",), token=True)
OTHER_KEY = KEY[:-4] + "AAAB"
CERTIFICATE = "ab" * 32


@pytest.fixture
async def world():
    """A gate without identities."""
    return await World().start()


def why(world, token, peer=HOME):
    """`None` if the token is let in, else why not."""
    try:
        world.identities.by_token(token, peer, secure=True)
    except NotLetIn as refusal:
        return refusal.why
    return None


async def refused(call):
    """The reason for which a call was refused."""
    with pytest.raises(Refused) as caught:
        await call
    return caught.value.reason


# --- adding -----------------------------------------------------------------------------------------------------------


async def test_who_was_added_is_let_in_and_entered(world):
    """Adding makes a token that works, a row with the entry's time, and one entry that says who did what."""
    secrets = await world.senders.add(ACME, "ada")
    assert why(world, secrets.token) is None
    identity = world.book.rows["acme"]
    assert (identity.role, identity.allow, identity.added_at) == (Role.SENDER, ("acme-crm/*",), START)
    (entry,) = world.log.entries
    assert (entry.by, entry.act, entry.subject) == ("ada", "senders.add", "acme")
    assert entry.detail["credentials"] == [identity.credentials[0].fingerprint]


async def test_no_secret_is_stored_or_entered(world):
    """Neither token nor password, nor what they are checked against, stands in the ledger; the books hold hashes."""
    new = NewIdentity(name="acme", allow=("*",), token=True, password=True, ssh_keys=(KEY,))
    secrets = await world.senders.add(new, "ada")
    await world.senders.rotate("acme", "ada")
    await world.senders.revoke("acme", "ada")
    entered = b"".join(map(encode, world.log.entries)).decode()
    for credential in world.book.rows["acme"].credentials:
        assert credential.secret not in entered
        assert secrets.token not in credential.secret
        assert secrets.password not in credential.secret
    assert secrets.token not in entered
    assert secrets.password not in entered


async def test_a_password_that_was_made_works(world):
    """The password is returned once and opens the identity by name."""
    secrets = await world.senders.add(NewIdentity(name="acme", allow=("*",), password=True), "ada")
    assert secrets.token is None
    caller = await world.identities.by_basic("acme", secrets.password, HOME, secure=True)
    assert caller.credential.startswith("password:")


async def test_what_must_be_shown_together_must_be_there(world):
    """Who is to show key and password is given both, in whatever order they are named; nothing else can be demanded."""
    both = NewIdentity(name="acme", allow=("*",), factors=("password", "ssh_key"))
    replace = msgspec.structs.replace
    assert await refused(world.senders.add(replace(both, ssh_keys=(KEY,)), "ada")) == "bad_request"
    assert await refused(world.senders.add(replace(both, password=True), "ada")) == "bad_request"
    odd = NewIdentity(name="acme", allow=("*",), factors=("ssh_key", "token"), ssh_keys=(KEY,), token=True)
    assert await refused(world.senders.add(odd, "ada")) == "bad_request"
    assert world.log.entries == []
    await world.senders.add(replace(both, password=True, ssh_ca=(KEY,)), "ada")
    assert world.book.rows["acme"].factors == ("ssh_key", "password")
    assert tuple(world.log.entries[0].detail["factors"]) == ("ssh_key", "password")


async def test_weak_algorithms_are_allowed_and_taken_back(world):
    """Each is an act of its own, entered with what was and what is now."""
    await world.senders.add(msgspec.structs.replace(ACME, legacy=True), "ada")
    assert world.book.rows["acme"].legacy
    await world.senders.set_legacy("acme", "ada", legacy=False)
    assert not world.book.rows["acme"].legacy
    entry = world.log.entries[-1]
    assert (entry.act, entry.detail) == ("senders.legacy", {"from": True, "to": False})


async def test_a_key_that_is_a_ca_too_can_be_ended_alone(world):
    """One public key as both: each is named by its whole fingerprint."""
    await world.senders.add(NewIdentity(name="acme", allow=("*",), ssh_keys=(KEY,), ssh_ca=(KEY,)), "ada")
    key, ca = [one.fingerprint for one in world.book.rows["acme"].credentials]
    assert await world.senders.revoke("acme", "ada", credential=key) == (key,)
    assert [one.revoked_at is None for one in world.book.rows["acme"].credentials] == [False, True]
    assert ca == f"ssh_ca:{key}"


async def test_credentials_end_with_their_lifetime(world):
    """`--expires` counts from the entry's time, for each credential."""
    secrets = await world.senders.add(NewIdentity(name="acme", allow=("*",), token=True, lifetime_seconds=60), "ada")
    world.clock.advance(59)
    assert why(world, secrets.token) is None
    world.clock.advance(1)
    assert why(world, secrets.token) is Why.EXPIRED


async def test_the_first_sender_comes_from_loopback_only(world):
    """The sender of a fresh home may deliver everywhere and create feeds, and only from this machine."""
    secrets = await world.senders.add(first_sender(KEY), "headwater")
    assert why(world, secrets.token, "127.0.0.1") is None
    assert why(world, secrets.token, "::1") is None
    assert why(world, secrets.token, ELSEWHERE) is Why.ADDRESS
    identity = world.identities.identity("first")
    assert (identity.allow, identity.may_create_feeds) == (("*",), True)
    assert {one.kind for one in identity.credentials} == {"token", "ssh_key"}


@pytest.mark.parametrize(
    ("allow", "root", "expected"),
    [
        (("acme-crm/sales",), None, "/acme-crm/sales"),
        (("acme-crm/*",), None, None),
        (("acme-crm/sales", "acme-crm/orders"), None, None),
        (("acme-crm/*",), "acme-crm/sales", "/acme-crm/sales"),
        (("acme-crm/*",), "/acme-crm/sales", "/acme-crm/sales"),
    ],
)
async def test_a_sender_of_one_feed_gets_it_as_root(world, allow, root, expected):
    """Exactly one feed becomes the root by itself; any feed that the sender may use can be told."""
    await world.senders.add(NewIdentity(name="acme", allow=allow, root=root, token=True), "ada")
    assert world.book.rows["acme"].root == expected


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ({"name": "Acme Inc."}, "bad_feed"),
        ({"allow": ()}, "bad_request"),
        ({"allow": (), "role": Role.READER}, "bad_request"),
        ({"allow": ("Acme/*",)}, "bad_feed"),
        ({"addresses": ("everywhere",)}, "bad_request"),
        ({"root": "/beta/orders"}, "bad_request"),
        ({"root": "/beta"}, "bad_feed"),
        ({"lifetime_seconds": 0}, "bad_request"),
        ({"ssh_keys": ("none",)}, "bad_request"),
        ({"certificates": ("none",)}, "bad_request"),
        ({"token": False}, "bad_request"),
    ],
)
async def test_what_cannot_be_is_refused_before_it_is_entered(world, new, reason):
    """Wrong names, patterns, ranges, roots, keys, and identities without a credential leave no trace."""
    values = {"name": "acme", "allow": ("acme-crm/*",), "token": True} | new
    assert await refused(world.senders.add(NewIdentity(**values), "ada")) == reason
    assert world.log.entries == []
    assert world.book.rows == {}


async def test_an_operator_sees_every_feed_unless_told_otherwise(world):
    """A role that is no sender and no reader gets all feeds by default; its acts are entered as users'."""
    await world.senders.add(NewIdentity(name="olga", role=Role.OPERATOR, token=True), "ada")
    assert world.book.rows["olga"].allow == ("*",)
    assert world.log.entries[0].act == "users.add"


async def test_nobody_is_added_twice(world):
    """A name that stands is refused, whoever asks at the same time; one entry, one identity."""
    answers = await asyncio.gather(*[world.senders.add(ACME, "ada") for _ in range(3)], return_exceptions=True)
    assert sorted(getattr(answer, "reason", "added") for answer in answers) == ["added", "exists", "exists"]
    assert len(world.log.entries) == 1


async def test_a_certificate_is_one_identitys(world):
    """A client certificate that somebody has cannot be given to somebody else; an SSH key can, for it comes with a
    name.
    """
    new = NewIdentity(name="acme", certificates=(CERTIFICATE,), ssh_keys=(KEY,), allow=("*",))
    await world.senders.add(new, "ada")
    assert await refused(world.senders.add(msgspec.structs.replace(new, name="beta"), "ada")) == "exists"
    await world.senders.add(NewIdentity(name="beta", ssh_keys=(KEY,), allow=("*",)), "ada")


# --- rotating ---------------------------------------------------------------------------------------------------------


async def test_old_and_new_overlap(world):
    """After a rotation both tokens work, the old one until the overlap ends."""
    old = await world.senders.add(ACME, "ada")
    new = await world.senders.rotate("acme", "ada", overlap_seconds=60)
    world.clock.advance(59)
    assert (why(world, old.token), why(world, new.token)) == (None, None)
    world.clock.advance(1)
    assert (why(world, old.token), why(world, new.token)) == (Why.EXPIRED, None)
    detail = world.log.entries[-1].detail
    fingerprints = [one.fingerprint for one in world.book.rows["acme"].credentials]
    assert detail == {"ending": fingerprints[:1], "added": fingerprints[1:], "overlap_seconds": 60}


async def test_rotation_renews_the_lifetime_and_never_prolongs_the_old(world):
    """The new token lives as long as the old one was to; the old one does not outlive its own end."""
    old = await world.senders.add(NewIdentity(name="acme", allow=("*",), token=True, lifetime_seconds=LONG), "ada")
    world.clock.advance(LONG - 10)
    new = await world.senders.rotate("acme", "ada", overlap_seconds=60)
    world.clock.advance(10)
    assert (why(world, old.token), why(world, new.token)) == (Why.EXPIRED, None)
    world.clock.advance(LONG - 11)
    assert why(world, new.token) is None
    world.clock.advance(1)
    assert why(world, new.token) is Why.EXPIRED


async def test_rotating_twice_leaves_lasting_credentials_lasting(world):
    """Where credentials do not end, those made by rotations do not end either."""
    await world.senders.add(ACME, "ada")
    await world.senders.rotate("acme", "ada")
    newest = await world.senders.rotate("acme", "ada")
    world.clock.advance(100 * LONG)
    assert why(world, newest.token) is None


async def test_what_expired_can_be_renewed_and_is_not_entered_as_ending(world):
    """A sender whose token has ended gets a new one."""
    await world.senders.add(NewIdentity(name="acme", allow=("*",), token=True, lifetime_seconds=10), "ada")
    world.clock.advance(11)
    assert why(world, (await world.senders.rotate("acme", "ada")).token) is None
    assert world.log.entries[-1].detail["ending"] == []


async def test_a_rotation_with_keys_replaces_keys_alone(world):
    """A new public key or certificate lets the old ones of its kind end, and touches no token."""
    new = NewIdentity(name="acme", allow=("*",), token=True, ssh_keys=(KEY,), certificates=(CERTIFICATE,))
    secrets = await world.senders.add(new, "ada")
    made = await world.senders.rotate("acme", "ada", ssh_keys=[OTHER_KEY], certificates=["cd" * 32], overlap_seconds=0)
    assert (made.token, made.password) == (None, None)
    ends = {one.secret: one.expires_at for one in world.book.rows["acme"].credentials if one.kind != "token"}
    assert ends == {KEY: START, CERTIFICATE: START, OTHER_KEY: None, "cd" * 32: None}
    assert why(world, secrets.token) is None


async def test_passwords_rotate_too(world):
    """Where there was a password, rotating makes a new one."""
    await world.senders.add(NewIdentity(name="acme", allow=("*",), password=True), "ada")
    secrets = await world.senders.rotate("acme", "ada")
    assert (await world.identities.by_basic("acme", secrets.password, HOME, secure=True)).name == "acme"


async def test_rotating_needs_something_to_rotate(world):
    """A sender with keys alone needs its new key; a key that it has, or had, is refused; an unknown name too."""
    await world.senders.add(NewIdentity(name="acme", allow=("*",), ssh_keys=(KEY,)), "ada")
    assert await refused(world.senders.rotate("acme", "ada")) == "bad_request"
    assert await refused(world.senders.rotate("acme", "ada", ssh_keys=[KEY])) == "exists"
    assert await refused(world.senders.rotate("nobody", "ada")) == "not_found"
    assert len(world.log.entries) == 1


# --- revoking ---------------------------------------------------------------------------------------------------------


async def test_a_revoked_identity_is_out_at_once(world):
    """All its credentials are refused from then on, and what was revoked is told."""
    secrets = await world.senders.add(ACME, "ada")
    assert await world.senders.revoke("acme", "ada") == (world.book.rows["acme"].credentials[0].fingerprint,)
    assert why(world, secrets.token) is Why.REVOKED
    assert await refused(world.senders.revoke("acme", "ada")) == "not_found"


async def test_one_credential_is_revoked_alone(world):
    """A credential is named by its fingerprint or the ending of one; the others go on working."""
    old = await world.senders.add(ACME, "ada")
    new = await world.senders.rotate("acme", "ada")
    shown = world.book.rows["acme"].credentials[0].fingerprint
    assert await world.senders.revoke("acme", "ada", credential=shown[-6:]) == (shown,)
    assert (why(world, old.token), why(world, new.token)) == (Why.REVOKED, None)
    assert world.log.entries[-1].detail == {"credential": shown, "added_at": time_text(START)}
    for wrong in (shown, shown[-5:], "token:", "000000"):
        assert await refused(world.senders.revoke("acme", "ada", credential=wrong)) == "not_found"


async def test_a_revoked_name_can_come_back(world):
    """Added again it has new credentials and rights; the old token stays revoked; a key that was revoked is refused."""
    first = await world.senders.add(NewIdentity(name="acme", allow=("*",), token=True, ssh_keys=(KEY,)), "ada")
    await world.senders.revoke("acme", "ada")
    again = NewIdentity(name="acme", allow=("beta/*",), token=True, ssh_keys=(KEY,))
    assert await refused(world.senders.add(again, "ada")) == "exists"
    second = await world.senders.add(NewIdentity(name="acme", allow=("beta/*",), token=True), "ada")
    assert (why(world, first.token), why(world, second.token)) == (Why.REVOKED, None)
    assert world.identities.identity("acme").allow == ("beta/*",)
    await world.senders.revoke("acme", "ada")
    assert why(world, second.token) is Why.REVOKED


async def test_the_root_changes_by_its_own_act(world):
    """A root is set and taken away, entered with what it was, and never one outside the sender's feeds."""
    await world.senders.add(ACME, "ada")
    await world.senders.set_root("acme", "/acme-crm/sales", "ada")
    assert world.identities.identity("acme").root == "/acme-crm/sales"
    assert await refused(world.senders.set_root("acme", "/beta/sales", "ada")) == "bad_request"
    await world.senders.set_root("acme", None, "ada")
    assert world.identities.identity("acme").root is None
    assert world.log.entries[-1].detail == {"from": "/acme-crm/sales", "to": None}


async def test_declared_identities_are_changed_in_their_file():
    """Every act on a declared identity is refused with the TOML to paste, and leaves no trace."""
    world = await World(declared=(sender(declared=True),)).start()
    acts = [
        world.senders.add(ACME, "ada"),
        world.senders.rotate("acme", "ada"),
        world.senders.revoke("acme", "ada"),
        world.senders.set_root("acme", None, "ada"),
    ]
    for act in acts:
        with pytest.raises(Refused, match=r"\[senders\.acme\]"):
            await act
    assert world.log.entries == []


# --- bad days ---------------------------------------------------------------------------------------------------------


async def test_without_its_entry_no_act_has_an_effect(world):
    """While the ledger cannot be written, nothing changes."""
    secrets = await world.senders.add(ACME, "ada")
    before = dict(world.book.rows)
    world.log.down = True
    for act in (
        world.senders.add(NewIdentity(name="beta", allow=("*",), token=True), "ada"),
        world.senders.rotate("acme", "ada"),
        world.senders.revoke("acme", "ada"),
        world.senders.set_root("acme", "/acme-crm/sales", "ada"),
    ):
        with pytest.raises(Unavailable):
            await act
    assert world.book.rows == before
    assert why(world, secrets.token) is None


@pytest.mark.parametrize("one", [False, True])
async def test_a_revocation_that_stopped_after_its_entry_is_redone(world, one):
    """The process dies between entry and books: the next one reads the entry and the token is out. Twice is as once."""
    secrets = await world.senders.add(ACME, "ada")
    shown = world.book.rows["acme"].credentials[0].fingerprint
    world.book.down = True
    with pytest.raises(Unavailable):
        await world.senders.revoke("acme", "ada", credential=shown if one else None)
    world.book.down = False
    after = await world.restart().start()
    assert why(after, secrets.token) is None
    assert [await after.senders.redo(entry) for entry in world.log.entries] == [False, True]
    assert why(after, secrets.token) is Why.REVOKED
    assert (after.book.rows["acme"].revoked_at is None) == one
    assert [await after.senders.redo(entry) for entry in world.log.entries] == [False, False]


async def test_redoing_an_old_revocation_spares_who_came_back(world):
    """Within one microsecond revoked, added again, revoked, added again and rotated: redoing it all changes nothing."""
    for _ in range(2):
        secrets = await world.senders.add(ACME, "ada")
        await world.senders.revoke("acme", "ada")
        assert why(world, secrets.token) is Why.REVOKED
    secrets = await world.senders.add(ACME, "ada")
    rotated = await world.senders.rotate("acme", "ada")
    before = dict(world.book.rows)
    assert not any([await world.senders.redo(entry) for entry in world.log.entries])
    assert world.book.rows == before
    assert (why(world, secrets.token), why(world, rotated.token)) == (None, None)


async def test_redoing_over_older_books_revokes_and_makes_nobody(world):
    """Over restored books revocations are done again; who was added since has no credentials there and stays away."""
    secrets = await world.senders.add(ACME, "ada")
    snapshot = dict(world.book.rows)
    await world.senders.revoke("acme", "ada")
    await world.senders.add(NewIdentity(name="beta", allow=("*",), token=True), "ada")
    await world.senders.revoke("beta", "ada")
    world.book.rows = snapshot
    for entry in world.log.entries:
        await world.senders.redo(entry)
    assert set(world.book.rows) == {"acme"}
    assert why(world, secrets.token) is Why.REVOKED


async def test_what_is_no_revocation_is_not_redone(world):
    """Other acts, also of other parts of the house, are left alone; a declared identity is too."""
    world.identities._declared = (sender("gamma", declared=True),)
    acts = [("hooks.arm", "acme"), ("senders.revoke", "nobody"), ("senders.revoke", "gamma")]
    for act, subject in acts:
        detail = {"credential": "all", "added_at": time_text(START)}
        entry = Admin(v=1, at=time_text(START), by="ada", act=act, subject=subject, detail=detail)
        assert not await world.senders.redo(entry)


async def test_an_act_ends_though_its_caller_goes_away(world):
    """Who hangs up between entry and books does not undo a revocation."""
    secrets = await world.senders.add(ACME, "ada")
    entered, go_on = asyncio.Event(), asyncio.Event()
    append = world.log.append

    async def slow(*entries):
        answer = await append(*entries)
        entered.set()
        await go_on.wait()
        return answer

    world.log.append = slow
    act = asyncio.create_task(world.senders.revoke("acme", "ada"))
    await entered.wait()
    act.cancel()
    with pytest.raises(asyncio.CancelledError):
        await act
    go_on.set()
    await asyncio.gather(*world.senders._acts)
    assert why(world, secrets.token) is Why.REVOKED


async def test_a_clock_that_goes_back_does_not_keep_a_revocation_out(world):
    """Rows take their times from the ledger, so a revocation counts whatever the wall clock says."""
    world.clock.advance(3600)
    secrets = await world.senders.add(ACME, "ada")
    world.clock.set(Time(START - 10**12))
    await world.senders.revoke("acme", "ada")
    assert why(world, secrets.token) is Why.REVOKED
    assert world.log.entries[-1].at == world.log.entries[0].at
