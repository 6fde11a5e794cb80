from __future__ import annotations

import asyncio
import inspect

import msgspec
import pytest

from headwater.errors import Refused, Unavailable
from headwater.gate.credentials import certificate_credential, ssh_key_credential
from headwater.gate.identify import Identities
from headwater.gate.refusals import NotLetIn, Why
from headwater.terms import SenderRef, Time
from headwater.testing.manual_clock import START
from tests.unit.gate.world import ELSEWHERE, HOME, Book, World, sender, with_password, with_token

CERTIFICATE = "ab" * 32
replace = msgspec.structs.replace


async def turned_away(call):
    """Why a call was not let in, having looked the same as any other from outside."""

    async def attempt():
        result = call()
        return await result if inspect.isawaitable(result) else result

    with pytest.raises(NotLetIn) as caught:
        await attempt()
    error = caught.value
    if error.why not in {Why.ADDRESS, Why.INSECURE}:
        assert (error.reason, error.sentence) == ("unauthenticated", NotLetIn(Why.UNKNOWN).sentence)
    assert error.sender not in error.sentence or not error.sender
    return error.why, error.sender


async def test_a_token_names_its_sender():
    """The right token gives a caller with identity, fingerprint, address and whether it came over TLS."""
    acme, token = with_token(sender())
    world = await World(acme).start()
    caller = world.identities.by_token(token, ELSEWHERE, secure=True)
    assert caller.identity == acme
    assert caller.sender == SenderRef("acme", acme.credentials[0].fingerprint)
    assert (caller.name, caller.peer, caller.secure) == ("acme", ELSEWHERE, True)


@pytest.mark.parametrize("change", ["", "x", "hw_", "é", "\udcff"])
async def test_no_other_token_does(change):
    """Tokens of any other text are nobody's."""
    acme, token = with_token(sender())
    identities = (await World(acme).start()).identities
    wrong = token[: -len(change) or 0] + change
    assert await turned_away(lambda: identities.by_token(wrong, HOME, secure=True)) == (Why.UNKNOWN, "")


async def test_half_a_digest_is_not_enough():
    """A token whose digest agrees in the half that finds it, and not in the rest, is nobody's."""
    acme, token = with_token(sender())
    half = acme.credentials[0].secret[:32] + "0" * 32
    acme = replace(acme, credentials=(replace(acme.credentials[0], secret=half),))
    identities = (await World(acme).start()).identities
    assert await turned_away(lambda: identities.by_token(token, HOME, secure=True)) == (Why.UNKNOWN, "")


async def test_an_ssh_key_is_no_token():
    """What is stored of a key of another kind opens nothing as a token."""
    key = ssh_key_credential("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    identities = (await World(sender("acme", ("*",), key)).start()).identities
    assert await turned_away(lambda: identities.by_token(key.secret, HOME, secure=True)) == (Why.UNKNOWN, "")


async def test_a_certificate_names_its_sender():
    """The SHA-256 of a known client certificate gives its identity, of an unknown one nobody's."""
    acme = sender("acme", ("*",), certificate_credential(CERTIFICATE))
    identities = (await World(acme).start()).identities
    assert identities.by_certificate(CERTIFICATE, HOME).name == "acme"
    assert await turned_away(lambda: identities.by_certificate("cd" * 32, HOME)) == (Why.UNKNOWN, "")


@pytest.mark.parametrize("what", ["identity", "credential"])
async def test_what_has_expired_is_not_let_in(what):
    """A credential ends at its expiry, and with its identity's, to the microsecond."""
    acme, token = with_token(sender())
    ends = Time(START + 5_000_000)
    if what == "identity":
        acme = replace(acme, expires_at=ends)
    else:
        acme = replace(acme, credentials=(replace(acme.credentials[0], expires_at=ends),))
    world = await World(acme).start()
    world.clock.set(Time(ends - 1))
    assert world.identities.by_token(token, HOME, secure=True).name == "acme"
    world.clock.set(ends)
    assert await turned_away(lambda: world.identities.by_token(token, HOME, secure=True)) == (Why.EXPIRED, "acme")


@pytest.mark.parametrize("what", ["identity", "credential"])
async def test_what_was_revoked_is_not_let_in(what):
    """A revoked credential, or one of a revoked identity, opens nothing; operators can see whose it was."""
    acme, token = with_token(sender())
    if what == "identity":
        acme = replace(acme, revoked_at=START)
    else:
        acme = replace(acme, credentials=(replace(acme.credentials[0], revoked_at=START),))
    identities = (await World(acme).start()).identities
    assert await turned_away(lambda: identities.by_token(token, HOME, secure=True)) == (Why.REVOKED, "acme")


async def test_an_address_counts_after_the_credential():
    """A right credential from a wrong address is told so; an expired one from there is not."""
    acme, token = with_token(sender(addresses=("198.51.100.0/24", "2001:db8::/32")), lifetime_seconds=10)
    world = await World(acme).start()
    by_token = world.identities.by_token
    assert by_token(token, ELSEWHERE, secure=True).name == "acme"
    assert by_token(token, f"::ffff:{ELSEWHERE}", secure=True).name == "acme"
    assert await turned_away(lambda: by_token(token, HOME, secure=True)) == (Why.ADDRESS, "acme")
    assert await turned_away(lambda: by_token(token, "", secure=True)) == (Why.ADDRESS, "acme")
    world.clock.advance(10)
    assert await turned_away(lambda: by_token(token, HOME, secure=True)) == (Why.EXPIRED, "acme")


async def test_a_password_names_its_sender():
    """Name and password together give the caller; another name or password does not, nor tells which was wrong."""
    world = World()
    acme = await with_password(sender(), world.passwords, "swordfish")
    world.book.rows = {"acme": acme, "beta": sender("beta")}
    by_password = (await world.start()).identities.by_password
    assert (await by_password("acme", "swordfish", HOME, secure=True)).identity == acme
    assert await turned_away(lambda: by_password("acme", "wrong", HOME, secure=True)) == (Why.WRONG, "acme")
    assert await turned_away(lambda: by_password("beta", "swordfish", HOME, secure=True)) == (Why.WRONG, "beta")
    assert await turned_away(lambda: by_password("nobody", "swordfish", HOME, secure=True)) == (Why.WRONG, "")


async def test_a_remembered_password_does_not_outlive_its_credential():
    """Revoking takes effect at once, also within the minute in which a success is remembered."""
    world = World()
    acme = await with_password(sender(), world.passwords, "swordfish")
    world.book.rows = {"acme": acme}
    by_password = (await world.start()).identities.by_password
    await by_password("acme", "swordfish", HOME, secure=True)
    world.book.rows["acme"] = replace(acme, revoked_at=START)
    await world.identities.refresh()
    assert await turned_away(lambda: by_password("acme", "swordfish", HOME, secure=True)) == (Why.REVOKED, "acme")


async def test_every_name_is_tried_as_often_as_the_one_with_most_passwords(monkeypatch):
    """While somebody has three live passwords, each wrong login takes three checks, whoever it says it is."""
    world = World()
    acme = sender()
    for password in ("one", "two", "three"):
        acme = await with_password(acme, world.passwords, password)
    world.book.rows = {"acme": acme, "beta": sender("beta")}
    await world.start()
    tries = []

    async def match(_password, hashes, count, _party):
        tries.append((len(hashes), count))

    monkeypatch.setattr(world.passwords, "match", match)
    for name in ("acme", "beta", "nobody"):
        await turned_away(lambda name=name: world.identities.by_password(name, "wrong", HOME, secure=True))
    assert tries == [(3, 3), (0, 3), (0, 3)]


async def test_the_last_dead_password_is_recognised():
    """Who goes on using a password that ended is seen as expired, and older ones cost nothing."""
    world = World()
    acme = sender()
    for password in ("oldest", "older"):
        acme = await with_password(acme, world.passwords, password, lifetime_seconds=1)
    acme = await with_password(acme, world.passwords, "new")
    world.book.rows = {"acme": acme}
    world.clock.advance(10)
    by_password = (await world.start()).identities.by_password
    assert (await by_password("acme", "new", HOME, secure=True)).name == "acme"
    assert await turned_away(lambda: by_password("acme", "older", HOME, secure=True)) == (Why.EXPIRED, "acme")
    assert await turned_away(lambda: by_password("acme", "oldest", HOME, secure=True)) == (Why.WRONG, "acme")


async def test_basic_takes_a_token_or_a_password_of_that_name():
    """A name goes with its own token or password; another's token is refused as wrong."""
    acme, token = with_token(sender())
    beta, others = with_token(sender("beta"))
    world = World()
    acme = await with_password(acme, world.passwords, "swordfish")
    world.book.rows = {"acme": acme, "beta": beta}
    by_basic = (await world.start()).identities.by_basic
    assert (await by_basic("acme", token, HOME, secure=False)).credential.startswith("token:")
    assert (await by_basic("acme", "swordfish", ELSEWHERE, secure=True)).credential.startswith("password:")
    assert await turned_away(lambda: by_basic("acme", others, HOME, secure=True)) == (Why.WRONG, "acme")
    assert await turned_away(lambda: by_basic("nobody", token, HOME, secure=True)) == (Why.WRONG, "")
    assert await turned_away(lambda: by_basic("acme", "hw_" + "x" * 43, HOME, secure=True)) == (Why.WRONG, "acme")


async def test_basic_in_the_clear_is_for_loopback():
    """A name with a secret in the clear from another machine is refused before anything is looked at."""
    acme, token = with_token(sender())
    by_basic = (await World(acme).start()).identities.by_basic
    assert await turned_away(lambda: by_basic("acme", token, ELSEWHERE, secure=False)) == (Why.INSECURE, "")


async def test_declared_identities_win():
    """What the configuration declares hides a row of the same name, and goes when it is no longer declared."""
    stored, old = with_token(sender())
    declared, new = with_token(sender(declared=True))
    world = await World(stored, declared=(declared,)).start()
    assert world.identities.identity("acme") == declared
    assert world.identities.by_token(new, HOME, secure=True).name == "acme"
    assert await turned_away(lambda: world.identities.by_token(old, HOME, secure=True)) == (Why.UNKNOWN, "")
    await world.identities.refresh(declared=())
    assert world.identities.all() == [stored]


async def test_a_row_that_cannot_be_read_keeps_the_last_good_ones():
    """A refresh that fails leaves everything as it was."""
    acme, token = with_token(sender())
    world = await World(acme).start()
    broken, _ = with_token(sender("beta", addresses=("everywhere",)))
    world.book.rows["beta"] = broken
    with pytest.raises(Refused):
        await world.identities.refresh()
    assert world.identities.by_token(token, HOME, secure=True).name == "acme"


async def test_uses_are_written_in_batches():
    """A thousand calls are two rows, the first and the last use, and nothing is written before the flush."""
    acme, token = with_token(sender())
    world = await World(acme).start()
    for _ in range(1000):
        world.identities.by_token(token, HOME, secure=True)
        world.clock.advance(0.001)
    assert world.book.noted == []
    await world.identities.flush()
    shown = acme.credentials[0].fingerprint
    assert world.book.noted == [("acme", shown, START), ("acme", shown, Time(START + 999_000))]
    await world.identities.flush()
    assert len(world.book.noted) == 2


async def test_uses_survive_a_failed_flush():
    """What could not be written is written by the next flush, with the first use as it was."""
    acme, token = with_token(sender())
    world = await World(acme).start()
    world.identities.by_token(token, HOME, secure=True)
    world.book.down = True
    with pytest.raises(Unavailable):
        await world.identities.flush()
    world.clock.advance(1)
    world.identities.by_token(token, HOME, secure=True)
    world.book.down = False
    await world.identities.flush()
    assert [at for _, _, at in world.book.noted] == [START, Time(START + 1_000_000)]


async def test_the_uses_of_a_declared_sender_are_kept():
    """Its last use shows at once, and after a restart too, though it is no row of the books."""
    acme, token = with_token(sender(declared=True))
    world = await World(declared=(acme,)).start()
    world.identities.by_token(token, HOME, secure=True)
    world.clock.advance(5)
    world.identities.by_token(token, HOME, secure=True)
    await world.identities.flush()
    again = Identities(world.book, world.clock, world.passwords, (acme,))
    await again.refresh()
    for identities in (world.identities, again):
        (credential,) = identities.with_uses(acme).credentials
        assert (credential.first_used_at, credential.last_used_at) == (START, Time(START + 5_000_000))


async def test_a_use_of_before_a_restore_is_not_forgotten():
    """What the books say of a credential's first use stays the first, whatever came since."""
    acme, token = with_token(sender())
    old = replace(acme.credentials[0], first_used_at=Time(1), last_used_at=Time(2))
    acme = replace(acme, credentials=(old,))
    world = await World(acme).start()
    assert world.identities.with_uses(acme) == acme
    world.identities.by_token(token, HOME, secure=True)
    (credential,) = world.identities.with_uses(acme).credentials
    assert (credential.first_used_at, credential.last_used_at) == (Time(1), START)


async def test_who_was_turned_away_did_not_use_anything():
    """A right token from a wrong address is no use of it."""
    acme, token = with_token(sender(addresses=("192.0.2.1",)))
    world = await World(acme).start()
    await turned_away(lambda: world.identities.by_token(token, HOME, secure=True))
    await world.identities.flush()
    assert world.book.noted == []


async def test_refreshes_do_not_overtake_each_other():
    """A refresh whose reading is slow does not put back what a later one has replaced."""
    world = World()
    slow = asyncio.Event()
    readings = [[sender("old")], [sender("new")]]

    class Slow(Book):
        async def identities(self):
            reading = readings.pop(0)
            if readings:
                await slow.wait()
            return reading

    identities = Identities(Slow(), world.clock, world.passwords)
    first, second = (asyncio.create_task(identities.refresh()) for _ in range(2))
    await asyncio.sleep(0)
    slow.set()
    await asyncio.gather(first, second)
    assert [one.name for one in identities.all()] == ["new"]
