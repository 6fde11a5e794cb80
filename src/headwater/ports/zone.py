"""A zone's store as one value: what a store gives for assembly."""

from __future__ import annotations

from typing import Protocol

from headwater.ports.ledger import HeadStore, LedgerFiles
from headwater.ports.store import Intake, ObjectCreator, ObjectEraser, ObjectReader


class ZoneStore(Protocol):
    """The ports of one landing zone; `name` is what people call it (a folder, an `s3://` URL)."""

    @property
    def name(self) -> str:
        """The folder or URL."""
        ...

    @property
    def reader(self) -> ObjectReader:
        """Reading."""
        ...

    @property
    def creator(self) -> ObjectCreator:
        """Creating small objects."""
        ...

    @property
    def intake(self) -> Intake:
        """Large uploads."""
        ...

    @property
    def eraser(self) -> ObjectEraser:
        """Forgetting."""
        ...

    @property
    def files(self) -> LedgerFiles:
        """The ledger's immutable files."""
        ...

    def heads(self, log: str) -> HeadStore:
        """The head of a log."""
        ...

    async def close(self) -> None:
        """Gives threads, connections and locks back."""
        ...
