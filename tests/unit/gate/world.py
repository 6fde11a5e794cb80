"""Books, a ledger and feeds in memory, and identities over them."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import msgspec

from headwater.errors import Unavailable
from headwater.gate.admit import Admission
from headwater.gate.bans import BanRules, Bans
from headwater.gate.credentials import dated, new_token, password_credential, token_credential, token_digest
from headwater.gate.identify import Identities
from headwater.gate.passwords import Passwords
from headwater.gate.route import Manners
from headwater.gate.senders import Senders
from headwater.gate.turned_away import TurnedAway
from headwater.ledger.entries import stamped
from headwater.ports.books import Identity
from headwater.ports.ledger import Entered
from headwater.terms import Place, Position, Role
from headwater.testing.manual_clock import START, ManualClock

HOME, ELSEWHERE = "127.0.0.1", "198.51.100.7"
LONG = 400 * 86_400.0


class Entropy:
    """Bytes that are never the same twice, and always the same in each test."""

    def __init__(self):
        self.count = 0

    def __call__(self, size):
        self.count += 1
        return hashlib.shake_128(str(self.count).encode()).digest(size)


class Book:
    """Implements `IdentityBook` and `CounterBook`; fails while `down`."""

    def __init__(self, *identities):
        self.rows = {identity.name: identity for identity in identities}
        self.noted = []
        self.added = []
        self.down = False

    def _look(self):
        if self.down:
            raise Unavailable("books_unavailable")

    async def identities(self):
        return list(self.rows.values())

    async def put(self, identity):
        self._look()
        self.rows[identity.name] = identity

    async def used(self, uses):
        self._look()
        self.noted += uses

    async def uses(self):
        shown = {(name, fingerprint) for name, fingerprint, _ in self.noted}
        times = {key: [at for *of, at in self.noted if tuple(of) == key] for key in shown}
        return [(*key, min(times[key]), max(times[key])) for key in shown]

    async def add(self, counts):
        self._look()
        self.added += counts

    async def counts(self, _sender, _since):
        return self.added

    async def prune(self, before, rows_max):
        raise NotImplementedError


class Log:
    """Implements `Ledger.append`: entries get the time of the clock, which never goes back."""

    def __init__(self, clock):
        self.clock = clock
        self.entries = []
        self.last = START
        self.down = False

    async def append(self, *entries):
        if self.down:
            raise Unavailable("ledger_unavailable")
        self.last = max(self.last, self.clock.now())
        found = []
        for entry in entries:
            self.entries.append(stamped(entry, self.last))
            index = len(self.entries) - 1
            found.append(Entered(Place("log-1", index, Position(index + 1)), self.entries[-1], fresh=True))
        return found

    async def holder(self, claim):
        raise NotImplementedError


class Known:
    """Implements `route.Feeds`."""

    def __init__(self, *declared, companions=()):
        self._declared = {str(feed) for feed in declared}
        self._companions = companions

    def declared(self, feed):
        return str(feed) in self._declared

    def known(self):
        return sorted(self.names) if hasattr(self, "names") else ()

    def manners(self, _feed):
        return Manners()

    def companions(self, _feed):
        return self._companions


class World:
    """A gate over one book and one log."""

    def __init__(self, *identities, declared=(), ban_rules=BanRules()):  # noqa: B008  (a frozen value)
        self.clock = ManualClock()
        self.entropy = Entropy()
        self.book = Book(*identities)
        self.log = Log(self.clock)
        self.threads = ThreadPoolExecutor(2)
        self.passwords = Passwords(self.threads, self.entropy, b"k" * 32, self.clock)
        self.identities = Identities(self.book, self.clock, self.passwords, declared)
        self.bans = Bans(self.clock, ban_rules)
        self.turned_away = TurnedAway(self.book, self.clock)
        self.admission = Admission(self.identities, self.bans, self.turned_away)
        self.senders = Senders(self.book, self.log, self.identities, self.passwords, self.entropy, self.clock)

    async def start(self):
        await self.identities.refresh()
        return self

    def restart(self):
        """A new process over the same books and ledger."""
        other = World()
        other.book, other.log = self.book, self.log
        other.clock = other.log.clock = self.clock
        other.identities = Identities(other.book, other.clock, other.passwords)
        other.senders = Senders(other.book, other.log, other.identities, other.passwords, other.entropy, other.clock)
        return other


def sender(name="acme", allow=("acme-crm/*",), *credentials, **more):
    """An identity that may deliver."""
    return Identity(name=name, role=more.pop("role", Role.SENDER), allow=allow, credentials=credentials, **more)


def with_token(identity, lifetime_seconds=None):
    """The identity with a token more, and that token."""
    token = new_token(_TOKENS)
    credential = dated(token_credential(token_digest(token)), START, lifetime_seconds)
    return msgspec.structs.replace(identity, credentials=(*identity.credentials, credential)), token


async def with_password(identity, passwords, password, lifetime_seconds=None):
    """The identity with a password more."""
    credential = dated(password_credential(await passwords.hash(password)), START, lifetime_seconds)
    return msgspec.structs.replace(identity, credentials=(*identity.credentials, credential))


_TOKENS = Entropy()
