"""The truth among the rows: identities and facts, synced when their awaitable completes; and their snapshot.

The fact `node`, and any whose name begins with `node.`, belongs to this machine: it is in no snapshot, and a restore
leaves it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from headwater.books.queries import named_queries
from headwater.books.sqlite.threads import Readers, Writer
from headwater.errors import Damaged
from headwater.ports.books import Credential, Identity
from headwater.terms import Time

_SQL = named_queries(Path(__file__).with_name("truth.sql"))


class _Snapshot(msgspec.Struct, frozen=True, tag_field="kind", tag="books"):
    v: int
    facts: int
    identities: int


class _Fact(msgspec.Struct, frozen=True, tag_field="kind", tag="fact"):
    name: str
    value: str


class _Identity(msgspec.Struct, frozen=True, tag_field="kind", tag="identity"):
    identity: Identity


_encoder = msgspec.json.Encoder(order="sorted")
_identity = msgspec.json.Decoder(Identity)
_line = msgspec.json.Decoder(_Snapshot | _Fact | _Identity)


class SqliteIdentities:
    """IdentityBook."""

    def __init__(self, writer: Writer, quick: Readers) -> None:
        self._writer = writer
        self._quick = quick

    def identities(self) -> asyncio.Future[list[Identity]]:
        """All of them, by name, each credential with its first and last use."""
        return self._quick.ask(_identities)

    def put(self, identity: Identity) -> asyncio.Future[None]:
        """Adds or replaces one, synced."""
        return self._writer.put(lambda connection: _put(connection, identity), durable=True)

    def used(self, uses: Sequence[tuple[str, str, Time]]) -> asyncio.Future[None]:
        """Notes uses of credentials; not synced."""

        def run(connection: sqlite3.Connection) -> None:
            connection.executemany(_SQL["use"], uses)

        return self._writer.put(run)

    def uses(self) -> asyncio.Future[list[tuple[str, str, Time, Time]]]:
        """The first and the last use of each credential that was ever used."""
        return self._quick.ask(lambda connection: list(connection.execute(_SQL["uses"])))


class SqliteFacts:
    """FactBook."""

    def __init__(self, writer: Writer, quick: Readers) -> None:
        self._writer = writer
        self._quick = quick

    def fact(self, name: str) -> asyncio.Future[str | None]:
        """The fact, None if it was never set."""

        def run(connection: sqlite3.Connection) -> str | None:
            row = connection.execute(_SQL["fact"], {"name": name}).fetchone()
            return row[0] if row else None

        return self._quick.ask(run)

    def set_fact(self, name: str, value: str) -> asyncio.Future[None]:
        """Sets a fact, synced."""
        return self._writer.put(lambda connection: _set_fact(connection, name, value), durable=True)


def snapshot(connection: sqlite3.Connection) -> bytes:
    """The truth as lines of canonical JSON: a header with their numbers, facts and identities, each by name."""
    facts = [_Fact(*row) for row in connection.execute(_SQL["facts"])]
    identities = [_Identity(identity) for identity in _identities(connection)]
    header = _Snapshot(1, len(facts), len(identities))
    return b"".join(_encoder.encode(line) + b"\n" for line in (header, *facts, *identities))


def parsed_snapshot(data: bytes) -> tuple[list[tuple[str, str]], list[Identity]]:
    """The facts and identities of a snapshot. Raises Damaged for what is not a whole one that we can read."""
    try:
        header, *lines = [_line.decode(line) for line in data.splitlines()]
    except ValueError as error:
        raise Damaged(f"This is no snapshot of the books: {error}.") from error
    facts = [(line.name, line.value) for line in lines if isinstance(line, _Fact)]
    identities = [line.identity for line in lines if isinstance(line, _Identity)]
    if header != _Snapshot(1, len(facts), len(identities)):
        raise Damaged("This is no whole snapshot of the books, or one of a newer version.")
    return facts, identities


def restore(connection: sqlite3.Connection, facts: Sequence[tuple[str, str]], identities: Sequence[Identity]) -> None:
    """Puts a snapshot's truth in the place of what is there."""
    connection.execute(_SQL["forget_facts"])
    connection.execute(_SQL["forget_identities"])
    for name, value in facts:
        _set_fact(connection, name, value)
    for identity in identities:
        _put(connection, identity)


def _put(connection: sqlite3.Connection, identity: Identity) -> None:
    connection.execute(_SQL["put_identity"], {"name": identity.name, "identity": _encoder.encode(identity)})


def _set_fact(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute(_SQL["set_fact"], {"name": name, "value": value})


def _identities(connection: sqlite3.Connection) -> list[Identity]:
    uses = {(name, fingerprint): times for name, fingerprint, *times in connection.execute(_SQL["uses"])}
    identities = [_identity.decode(identity) for (identity,) in connection.execute(_SQL["identities"])]
    return [
        msgspec.structs.replace(
            identity,
            credentials=tuple(
                _with_use(credential, *uses.get((identity.name, credential.fingerprint), (None, None)))
                for credential in identity.credentials
            ),
        )
        for identity in identities
    ]


def _with_use(credential: Credential, first: Time | None, last: Time | None) -> Credential:
    if first is None or last is None:
        return credential
    return msgspec.structs.replace(
        credential,
        first_used_at=first if credential.first_used_at is None else min(first, credential.first_used_at),
        last_used_at=last if credential.last_used_at is None else max(last, credential.last_used_at),
    )
