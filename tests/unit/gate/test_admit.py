from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from headwater.gate import admit as room
from headwater.gate.bans import BanRules
from headwater.gate.credentials import certificate_credential
from headwater.gate.refusals import NotLetIn, TryLater
from headwater.terms import Door
from tests.unit.gate.world import ELSEWHERE, HOME, World, sender, with_password, with_token

CERTIFICATE = "ab" * 32
WRONG = "hw_" + "x" * 43


async def refusal(admission, peer=ELSEWHERE, **shown):
    """The reason for which a caller was not admitted."""
    with pytest.raises((NotLetIn, TryLater)) as caught:
        await admission.admit(Door.HTTP, peer, secure=True, **shown)
    return caught.value.reason


def counted(world):
    """What was counted so far."""
    return Counter(
        (row.reason, row.sender, row.address)
        for counts in world.turned_away._counts.values()
        for row in counts.elements()
    )


async def test_what_is_shown_first_counts():
    """A token goes before a name with a secret, and that before a certificate."""
    acme, token = with_token(sender("acme", ("*",), certificate_credential(CERTIFICATE)))
    beta, secret = with_token(sender("beta"))
    world = await World(acme, beta).start()
    admit = world.admission.admit
    all_of_it = {"basic": ("beta", secret), "certificate": CERTIFICATE}
    assert (await admit(Door.HTTP, HOME, secure=True, token=token, **all_of_it)).name == "acme"
    assert (await admit(Door.HTTP, HOME, secure=True, **all_of_it)).name == "beta"
    assert (await admit(Door.HTTP, HOME, secure=True, certificate=CERTIFICATE)).name == "acme"


async def test_a_hundred_wrong_tokens_are_counted_and_banned_and_hurt_nobody():
    """After the threshold each wrong token gets the ban's answer; all are counted in one row; no row is written for
    them; and right tokens from that very address are let in before and after.
    """
    acme, token = with_token(sender())
    world = await World(acme).start()
    reasons = []
    for _ in range(100):
        reasons.append(await refusal(world.admission, HOME, token=WRONG))
        assert (await world.admission.admit(Door.HTTP, HOME, secure=True, token=token)).name == "acme"
    assert reasons == ["unauthenticated"] * 20 + ["banned"] * 80
    assert counted(world) == {("unknown", "", HOME): 100}
    assert world.book.added == []
    assert await refusal(world.admission, ELSEWHERE, token=WRONG) == "unauthenticated"


async def test_a_ban_tells_when_it_ends():
    """The refusal of a banned address says after how many seconds to come again, and then it has ended."""
    world = await World(ban_rules=BanRules(threshold=1, seconds=30)).start()
    await refusal(world.admission, token=WRONG)
    with pytest.raises(TryLater) as caught:
        await world.admission.admit(Door.HTTP, ELSEWHERE, secure=True, token=WRONG)
    assert caught.value.retry_after_seconds == 30
    world.clock.advance(30)
    assert await refusal(world.admission, token=WRONG) == "unauthenticated"


async def test_showing_nothing_is_counted_and_is_no_guess():
    """A client that first asks without a credential is never banned for it."""
    world = await World().start()
    for _ in range(100):
        assert await refusal(world.admission) == "unauthenticated"
    assert counted(world) == {("none_shown", "", ELSEWHERE): 100}


async def test_a_wrong_address_is_no_guess():
    """A right credential from a wrong address is told so each time, counted for its sender, and never banned."""
    acme, token = with_token(sender(addresses=("192.0.2.1",)))
    world = await World(acme).start()
    for _ in range(100):
        assert await refusal(world.admission, token=token) == "address_not_allowed"
    assert counted(world) == {("address_not_allowed", "acme", ELSEWHERE): 100}


async def test_strangers_names_are_not_kept():
    """A name that nobody has is counted without the name, for it may be a password; its secret is nowhere."""
    world = await World(sender()).start()
    await refusal(world.admission, basic=("my password", "acme"))
    await refusal(world.admission, basic=("acme", "swordfish"), detail="GET /")
    assert counted(world) == {("wrong", "", ELSEWHERE): 1, ("wrong", "acme", ELSEWHERE): 1}
    seen = str([world.turned_away.samples(), world.turned_away._counts, world.bans._records])
    assert "my password" not in seen
    assert "swordfish" not in seen


async def banned_world():
    """A world in which one failure bans, and acme has a password and the token that is returned."""
    world = World(ban_rules=BanRules(threshold=1, seconds=1000))
    acme = await with_password(sender(), world.passwords, "swordfish")
    acme, token = with_token(acme)
    world.book.rows = {"acme": acme}
    return await world.start(), token


async def test_passwords_cost_nothing_from_a_banned_address(monkeypatch):
    """While an address is banned, a password from there is refused without a check, right or wrong."""
    world, _ = await banned_world()
    await refusal(world.admission, token=WRONG)
    monkeypatch.setattr(world.passwords, "match", None)
    assert await refusal(world.admission, basic=("acme", "swordfish")) == "banned"
    assert await refusal(world.admission, basic=("nobody", "swordfish")) == "banned"


async def test_a_neighbours_ban_spares_who_logged_in_before():
    """Who logged in by password before the ban still does; a token of a name passes anyway; from elsewhere all do."""
    world, token = await banned_world()
    admit = world.admission.admit
    await admit(Door.FTP, ELSEWHERE, secure=True, basic=("acme", "swordfish"))
    await refusal(world.admission, token=WRONG)
    assert (await admit(Door.FTP, ELSEWHERE, secure=True, basic=("acme", "swordfish"))).name == "acme"
    world.clock.advance(120)
    assert (await admit(Door.FTP, ELSEWHERE, secure=True, basic=("acme", "swordfish"))).name == "acme"
    assert (await admit(Door.FTP, ELSEWHERE, secure=True, basic=("acme", token))).name == "acme"
    assert (await admit(Door.FTP, HOME, secure=True, basic=("acme", "swordfish"))).name == "acme"
    assert await refusal(world.admission, basic=("acme", "wrong")) == "banned"


async def test_the_memory_of_who_logged_in_is_bounded(monkeypatch):
    """Only the newest logins by name are remembered."""
    monkeypatch.setattr(room, "_FAMILIAR_MAX", 2)
    world, token = await banned_world()
    for last in range(4):
        await world.admission.admit(Door.FTP, f"192.0.2.{last}", secure=True, basic=("acme", token))
    assert list(world.admission._familiar) == [("192.0.2.2", "acme"), ("192.0.2.3", "acme")]


async def test_going_away_while_a_password_is_checked_counts_as_wrong():
    """Hanging up before the answer does not make guesses free."""
    world, _ = await banned_world()
    login = asyncio.create_task(world.admission.admit(Door.FTP, ELSEWHERE, secure=True, basic=("acme", "guess")))
    await asyncio.sleep(0)
    login.cancel()
    with pytest.raises(asyncio.CancelledError):
        await login
    assert world.bans.seconds_left(ELSEWHERE) > 0
