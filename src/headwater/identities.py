"""The identities that a home makes for itself: `first`, to try it with, and `home`, the own key of its commands."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from headwater.errors import Misconfigured
from headwater.gate.identify import Identities
from headwater.gate.new_identity import NewIdentity, first_sender
from headwater.gate.senders import Senders
from headwater.home import Home, write_secret
from headwater.ports.books import FactBook
from headwater.terms import Role

FIRST = "first"
HOME = "home"
_LOOPBACK = ("127.0.0.0/8", "::1/128")


async def ensure_home_key(home: Home, senders: Senders, identities: Identities) -> str:
    """The token with which the commands on this home reach its server; made anew when its file is gone."""
    path = home.keys / "home.token"
    if path.exists() and identities.identity(HOME) is not None:
        return path.read_text().strip()
    if identities.identity(HOME) is None:
        new = NewIdentity(
            name=HOME, role=Role.ADMIN, allow=("*",), addresses=_LOOPBACK, may_create_feeds=True, token=True
        )
        secrets = await senders.add(new, by=HOME)
    else:
        secrets = await senders.rotate(HOME, by=HOME, overlap_seconds=0)
    if secrets.token is None:
        raise Misconfigured(f"The key of this home was not made anew; remove the user {HOME} and start again.")
    write_secret(path, f"{secrets.token}\n")
    return secrets.token


async def ensure_first(home: Home, senders: Senders, identities: Identities, facts: FactBook) -> bool:
    """Makes the sender `first` once in the life of a home, with its files in `keys/`; True if it was made now."""
    if await facts.fact("first_made") is not None:
        return False
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    if identities.identity(FIRST) is None:
        secrets = await senders.add(first_sender(public), by=HOME)
    else:  # a start that was cut off here before: nobody has seen those secrets
        await senders.rotate(FIRST, by=HOME, overlap_seconds=0, ssh_keys=(public,))
        secrets = await senders.rotate(FIRST, by=HOME, overlap_seconds=0)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    write_secret(home.keys / "first_ed25519", private)
    write_secret(home.keys / "first_ed25519.pub", f"{public} {FIRST}\n")
    write_secret(home.keys / "first.token", f"{secrets.token}\n")
    write_secret(home.keys / "first.header", f"Authorization: Bearer {secrets.token}\n")
    write_secret(home.keys / "first.netrc", f"machine 127.0.0.1 login {FIRST} password {secrets.token}\n")
    await facts.set_fact("first_made", "yes")
    return True
