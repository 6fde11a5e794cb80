"""Identities that stand in headwater.toml: read-only here, so that the file stays the truth about them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from headwater.config_schema import Sender
from headwater.errors import Refused
from headwater.gate.credentials import (
    CERTIFICATE,
    PASSWORD,
    SSH_CA,
    SSH_KEY,
    TOKEN,
    certificate_credential,
    password_credential,
    ssh_ca_credential,
    ssh_key_credential,
    token_credential,
)
from headwater.gate.new_identity import checked_factors
from headwater.ports.books import Identity
from headwater.terms import Role


def declared_identity(name: str, sender: Sender) -> Identity:
    """The identity that a `[senders.NAME]` table declares. Raises Refused("bad_request") for keys that are none."""
    return Identity(
        name=name,
        role=Role.SENDER,
        allow=sender.allow,
        addresses=sender.addresses,
        root=sender.root,
        may_create_feeds=sender.may_create_feeds,
        factors=checked_factors(sender.factors),
        legacy=sender.legacy,
        credentials=(
            *(ssh_key_credential(key) for key in sender.ssh_keys),
            *(ssh_ca_credential(key) for key in sender.ssh_ca),
            *(password_credential(argon2id) for argon2id in sender.passwords),
            *(token_credential(digest) for digest in sender.tokens_sha256),
            *(certificate_credential(digest) for digest in sender.certificates_sha256),
        ),
        declared=True,
    )


def refuse_declared(identity: Identity) -> None:
    """Raises Refused("not_allowed") for a declared identity, with its table as TOML: to be changed, and put back."""
    if identity.declared:
        raise Refused(
            "not_allowed",
            f"{identity.name} is declared in headwater.toml and changes there alone; then reload. It reads now:\n"
            f"\n{table(identity)}",
        )


def table(identity: Identity) -> str:
    """The `[senders.NAME]` table that declares this identity. Holds no secret: tokens and passwords as their hashes."""

    def secrets(kind: str, prefix: str = "") -> Sequence[str]:
        return [prefix + one.secret for one in identity.credentials if one.kind == kind]

    values: dict[str, object] = {
        "allow": identity.allow,
        "ssh_keys": secrets(SSH_KEY),
        "ssh_ca": secrets(SSH_CA),
        "passwords": secrets(PASSWORD),
        "tokens": secrets(TOKEN, "sha256:"),
        "certificates": secrets(CERTIFICATE),
        "addresses": identity.addresses,
        "root": identity.root,
        "may_create_feeds": identity.may_create_feeds,
        "factors": identity.factors,
        "legacy": identity.legacy,
    }
    # What these values can hold, JSON writes as TOML does
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items() if value]
    return "\n".join([f"[senders.{identity.name}]", *lines, ""])
