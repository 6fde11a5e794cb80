"""What is on its way by name: the uploads of doors with folders that are open, or parked and can go on."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from headwater.landing import Upload
from headwater.ports.books import Attempt
from headwater.ports.clock import Clock
from headwater.terms import Door, Id, Time


class Underway(msgspec.Struct):
    """One unsealed upload under the path that its sender gave it; `upload` is None while it is parked.

    `checked` are the digests of it that its sender has asked for, on whichever connection.
    """

    sender: str
    path: str
    id: Id
    size_bytes: int
    begun_at: Time
    upload: Upload | None = None
    modified_at: int | None = None
    mode: int | None = None
    until: Time | None = None  # when a parked one expires
    checked: dict[str, str] = {}

    def park(self, until: Time) -> None:
        """Nobody writes it just now; it can go on until then."""
        self.size_bytes, self.upload, self.until = self.taken_bytes, None, until

    @property
    def taken_bytes(self) -> int:
        """How much has come."""
        return self.size_bytes if self.upload is None else self.upload.size_bytes


class UploadsUnderway:
    """By sender and path, of all connections of this process; a path has one upload at a time, the last begun.

    Bounded by the attempts that are unfinished, which limits and expiry bound.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_sender: dict[str, dict[str, Underway]] = {}

    def load(self, attempts: Iterable[Attempt]) -> None:
        """Takes up what earlier processes left parked."""
        for attempt in attempts:
            offer = attempt.offer
            if offer.door in {Door.SFTP, Door.FTP} and offer.place is not None:
                known = self.find(offer.sender.name, offer.place)
                if known is None or known.id < attempt.id:
                    left = Underway(offer.sender.name, offer.place, attempt.id, attempt.size_bytes, attempt.opened_at)
                    left.park(attempt.lease_until)
                    self.put(left)

    def find(self, sender: str, path: str) -> Underway | None:
        """The upload under a path, if it did not expire."""
        found = self._by_sender.get(sender, {}).get(path)
        if found is not None and found.upload is None and (found.until or 0) <= self._clock.now():
            self.remove(found)
            return None
        return found

    def put(self, underway: Underway) -> None:
        """Notes an upload under its path."""
        self._by_sender.setdefault(underway.sender, {})[underway.path] = underway

    def remove(self, underway: Underway) -> None:
        """It is over, or has another path."""
        mine = self._by_sender.get(underway.sender, {})
        if mine.get(underway.path) is underway:
            del mine[underway.path]
            if not mine:
                del self._by_sender[underway.sender]

    def move(self, underway: Underway, path: str) -> None:
        """Gives it another path."""
        self.remove(underway)
        underway.path = path
        self.put(underway)

    def within(self, sender: str, folder: str) -> list[Underway]:
        """What lies below a folder, at any depth."""
        inside = f"{folder.rstrip('/')}/"
        below = [path for path in self._by_sender.get(sender, {}) if path.startswith(inside)]
        return [each for path in below if (each := self.find(sender, path)) is not None]
