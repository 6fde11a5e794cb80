"""Who is let in over SSH: a real door on loopback, and asyncssh's client with keys, passwords and certificates."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import asyncssh
import pytest

from headwater.app import System, open_system
from headwater.gate.new_identity import NewIdentity
from headwater.home import Home
from headwater.serving import served
from headwater.zone.local import read_config
from tests.homes import SAFE_HERE

SECONDS = 10


class World(NamedTuple):
    """A served home, its SFTP port and the keys of its senders; `password` is that of `both`."""

    system: System
    port: int
    key: asyncssh.SSHKey
    rsa: asyncssh.SSHKey
    ca: asyncssh.SSHKey
    password: str

    async def let_in(self, name: str, **shown) -> bool:
        """Whether a client that shows this gets as far as a listing."""
        try:
            async with (
                asyncio.timeout(SECONDS),
                asyncssh.connect(
                    "127.0.0.1", self.port, username=name, known_hosts=None, config=None, agent_path=None, **shown
                ) as connection,
                connection.start_sftp_client() as sftp,
            ):
                await sftp.listdir(".")
        except (asyncssh.Error, OSError):
            return False
        return True


def public(key: asyncssh.SSHKey) -> str:
    """A key as a `.pub` file has it."""
    return key.export_public_key().decode().strip()


@pytest.fixture
async def world(tmp_path):
    """Four senders: by a key, by a key and a password together, and two who trust the same CA."""
    home = Home(tmp_path / "home")
    home.make()
    home.config_path.write_text(SAFE_HERE)
    key, ca = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    rsa = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    async with (
        open_system(home, read_config(home).config, may_found=True) as system,
        served(system, may_move=False) as doors,
    ):
        add = system.services.senders.add
        both = NewIdentity(
            name="both", allow=("both/*",), factors=("ssh_key", "password"), ssh_keys=(public(key),), password=True
        )
        password = (await add(both, "test")).password or ""
        await add(NewIdentity(name="keyed", allow=("keyed/*",), ssh_keys=(public(key), public(rsa))), "test")
        for name in ("ca-one", "ca-two"):
            await add(NewIdentity(name=name, allow=(f"{name}/*",), ssh_ca=(public(ca),)), "test")
        yield World(system, doors.sftp.port, key, rsa, ca, password)


async def test_a_known_key_lets_in(world):
    """A sender's own key does; another's, and an unknown name with a key that is somebody's, do not."""
    assert await world.let_in("keyed", client_keys=[world.key])
    assert not await world.let_in("keyed", client_keys=[world.ca])
    assert not await world.let_in("nobody", client_keys=[world.key])


async def test_two_factors_are_both_needed(world):
    """Who must show key and password is let in by both, and by neither of them alone."""
    assert await world.let_in("both", client_keys=[world.key], password=world.password)
    assert not await world.let_in("both", client_keys=[world.key])
    assert not await world.let_in("both", client_keys=[], password=world.password)


class Forger(asyncssh.public_key.SSHLocalKeyPair):
    """Has the public key, and signs as if it had the private one."""

    def sign(self, data):
        signature = bytearray(super().sign(data))
        signature[-1] ^= 1
        return bytes(signature)


async def test_a_key_that_is_only_offered_is_no_factor(world):
    """The public half with a wrong signature, and then the right password, is one factor and not two."""
    forged = Forger(world.key, world.key, None, None)
    assert not await world.let_in("both", client_keys=[forged], password=world.password)


async def test_a_certificate_is_for_the_name_it_is_made_out_to(world):
    """One that the CA signed lets its own name in; not another one that trusts the same CA, and not for nobody's."""
    mine = world.ca.generate_user_certificate(world.key, "id", principals=["ca-one"])
    anybodys = world.ca.generate_user_certificate(world.key, "id", principals=[])
    assert await world.let_in("ca-one", client_keys=[(world.key, mine)])
    assert not await world.let_in("ca-two", client_keys=[(world.key, mine)])
    assert not await world.let_in("ca-two", client_keys=[(world.key, anybodys)])


class Sha1(asyncssh.public_key.SSHLocalKeyPair):
    """Signs with SHA-1, whatever it is asked for."""

    def set_sig_algorithm(self, sig_algorithm):
        super().set_sig_algorithm(b"ssh-rsa")


async def test_a_signature_over_sha1_is_for_those_who_are_marked(world):
    """An RSA key is fine; the same key with a signature over SHA-1 is not, for a sender that is not marked legacy."""
    old = Sha1(world.rsa, world.rsa, None, None)
    old.sig_algorithms, old.sig_algorithm = [b"ssh-rsa"], b"ssh-rsa"
    assert await world.let_in("keyed", client_keys=[world.rsa])
    assert not await world.let_in("keyed", client_keys=[old], signature_algs=["ssh-rsa"])


async def test_old_algorithms_are_for_those_who_are_marked(world):
    """A CBC cipher is not spoken; once a sender is marked legacy that one may, and the others still may not."""
    old = {"client_keys": [world.key], "encryption_algs": ["aes128-cbc"], "mac_algs": ["hmac-sha1"]}
    assert not await world.let_in("keyed", **old)
    await world.system.services.senders.add(
        NewIdentity(name="grandpa", allow=("grandpa/*",), ssh_keys=(public(world.key),), legacy=True), "test"
    )
    assert await world.let_in("grandpa", **old)
    assert not await world.let_in("keyed", **old)
