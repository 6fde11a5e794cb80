"""Who comes over SSH: keys, certificates of a CA, and key and password together."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from headwater.gate.bans import BanRules
from headwater.gate.credentials import ssh_ca_credential, ssh_key_credential
from headwater.gate.refusals import NotLetIn, TryLater, Why
from headwater.terms import Door, Time
from headwater.testing.manual_clock import START
from tests.unit.gate.test_credentials import KEY
from tests.unit.gate.world import ELSEWHERE, HOME, World, sender, with_password, with_token

OTHER_KEY = KEY[:-4] + "AAAB"
FACTORS = ("ssh_key", "password")
replace = msgspec.structs.replace


def keyed(name="acme", key=KEY, **more):
    """A sender with an SSH key."""
    return sender(name, ("*",), ssh_key_credential(key), **more)


def why(call):
    """Why a call let nobody in, and the known sender it concerned."""
    with pytest.raises(NotLetIn) as caught:
        call()
    return caught.value.why, caught.value.sender


def counted(world):
    """What was turned away so far."""
    return Counter(
        (row.reason, row.sender) for counts in world.turned_away._counts.values() for row in counts.elements()
    )


async def test_a_key_names_its_sender():
    """Name and key together give the caller, with OpenSSH's fingerprint of the key as its credential."""
    acme = keyed()
    identities = (await World(acme).start()).identities
    caller = identities.by_ssh_key("acme", KEY, ELSEWHERE)
    assert (caller.identity, caller.credential, caller.secure) == (acme, acme.credentials[0].fingerprint, True)
    assert caller.credential.startswith("SHA256:")


async def test_a_key_is_of_its_names_alone():
    """Another key, another name and no name at all look the same from outside; operators see whom it concerned."""
    identities = (await World(keyed(), keyed("beta", OTHER_KEY)).start()).identities
    assert why(lambda: identities.by_ssh_key("acme", OTHER_KEY, HOME)) == (Why.KEY, "acme")
    assert why(lambda: identities.by_ssh_key("beta", KEY, HOME)) == (Why.KEY, "beta")
    assert why(lambda: identities.by_ssh_key("nobody", KEY, HOME)) == (Why.KEY, "")
    assert NotLetIn(Why.KEY).sentence == NotLetIn(Why.UNKNOWN).sentence


async def test_two_senders_may_have_one_key():
    """One person delivers for two: the name says for whom, and a key that one lost is still the other's."""
    beta = keyed("beta")
    world = await World(keyed(), replace(beta, credentials=(replace(beta.credentials[0], revoked_at=START),))).start()
    assert world.identities.by_ssh_key("acme", KEY, HOME).name == "acme"
    assert why(lambda: world.identities.by_ssh_key("beta", KEY, HOME)) == (Why.REVOKED, "beta")


async def test_a_key_and_a_ca_are_not_taken_for_each_other():
    """The CA's own key does not log in, and a plain key vouches for no certificate."""
    identities = (await World(keyed(), sender("beta", ("*",), ssh_ca_credential(KEY))).start()).identities
    assert identities.by_ssh_ca("beta", KEY, HOME).credential.startswith("ssh_ca:SHA256:")
    assert why(lambda: identities.by_ssh_key("beta", KEY, HOME)) == (Why.KEY, "beta")
    assert why(lambda: identities.by_ssh_ca("acme", KEY, HOME)) == (Why.KEY, "acme")


async def test_a_key_from_a_wrong_address_or_too_late():
    """Addresses and expiry hold for keys as for all else."""
    acme = keyed(addresses=("198.51.100.0/24",), expires_at=Time(START + 1_000_000))
    world = await World(acme).start()
    assert world.identities.by_ssh_key("acme", KEY, ELSEWHERE).name == "acme"
    assert why(lambda: world.identities.by_ssh_key("acme", KEY, HOME)) == (Why.ADDRESS, "acme")
    world.clock.advance(1)
    assert why(lambda: world.identities.by_ssh_key("acme", KEY, ELSEWHERE)) == (Why.EXPIRED, "acme")


async def test_a_look_lets_nobody_in_and_uses_nothing():
    """Asking whether a key would do says yes or no, counts the no, and leaves no use of the key."""
    world = await World(keyed()).start()
    knows = world.admission.knows_ssh_key
    assert knows(Door.SFTP, HOME, "acme", KEY)
    assert not knows(Door.SFTP, HOME, "acme", OTHER_KEY)
    assert not knows(Door.SFTP, HOME, "acme", KEY, ca=True)
    assert not knows(Door.SFTP, HOME, "my password", KEY)
    assert counted(world) == {("wrong_key", "acme"): 2, ("wrong_key", ""): 1}
    await world.identities.flush()
    assert world.book.noted == []


async def test_wrong_keys_ban_nobody():
    """A client offers each key that it has: it is turned away each time, and counted, and never banned for it."""
    world = await World(keyed(), ban_rules=BanRules(threshold=1)).start()
    for _ in range(50):
        with pytest.raises(NotLetIn):
            await world.admission.admit(Door.SFTP, HOME, secure=True, name="acme", ssh_key=OTHER_KEY)
    assert world.bans.listed() == []
    assert counted(world) == {("wrong_key", "acme"): 50}


async def test_a_right_key_passes_a_ban():
    """From a banned address a right key is let in, and a wrong one gets the ban's answer."""
    world = await World(keyed(), ban_rules=BanRules(threshold=1)).start()
    world.bans.wrong(HOME)
    admit = world.admission.admit
    assert (await admit(Door.SFTP, HOME, secure=True, name="acme", ssh_key=KEY)).name == "acme"
    with pytest.raises(TryLater):
        await admit(Door.SFTP, HOME, secure=True, name="acme", ssh_key=OTHER_KEY)


# --- key and password together ----------------------------------------------------------------------------------------


async def demanding():
    """A world with a sender that must show key and password, and has a token and trusts a CA too; and the token."""
    world = World()
    acme = await with_password(keyed(factors=FACTORS), world.passwords, "swordfish")
    acme, token = with_token(acme)
    world.book.rows = {"acme": replace(acme, credentials=(*acme.credentials, ssh_ca_credential(OTHER_KEY)))}
    return await world.start(), token


async def test_who_must_show_both_is_not_let_in_by_one():
    """Key, certificate, password and token each are right, are not enough, and are told so; none is counted a guess."""
    world, token = await demanding()
    ways = (
        {"name": "acme", "ssh_key": KEY},
        {"name": "acme", "ssh_ca": OTHER_KEY},
        {"basic": ("acme", "swordfish")},
        {"basic": ("acme", token)},
        {"token": token},
    )
    for shown in ways:
        with pytest.raises(NotLetIn) as caught:
            await world.admission.admit(Door.HTTP, HOME, secure=True, **shown)
        assert (caught.value.reason, caught.value.why) == ("factors_missing", Why.FACTORS)
        assert "key and its password" in caught.value.sentence
    assert counted(world) == {("factors_missing", "acme"): len(ways)}
    assert world.bans._records == {}


async def test_a_door_that_asks_for_both_gets_each():
    """As factors, key, certificate and password are each let in and counted as used; a token is none of them."""
    world, token = await demanding()

    async def factor(**shown):
        return await world.admission.admit(Door.SFTP, HOME, secure=True, factor=True, **shown)

    by_key = await factor(name="acme", ssh_key=KEY)
    by_password = await factor(basic=("acme", "swordfish"))
    assert by_key.identity == by_password.identity
    assert by_key.identity.factors == FACTORS
    assert (await factor(name="acme", ssh_ca=OTHER_KEY)).name == "acme"
    with pytest.raises(NotLetIn) as caught:
        await factor(basic=("acme", token))
    assert caught.value.why is Why.FACTORS


async def test_a_wrong_password_beside_a_right_key_is_a_guess():
    """The second factor is guessed at like any password, and banned for."""
    world = World(ban_rules=BanRules(threshold=1))
    acme = await with_password(keyed(factors=FACTORS), world.passwords, "swordfish")
    world.book.rows = {"acme": acme}
    await world.start()
    with pytest.raises(NotLetIn):
        await world.admission.admit(Door.SFTP, HOME, secure=True, factor=True, basic=("acme", "guess"))
    assert len(world.bans.listed()) == 1
