"""The store of a log in memory, for tests of whoever writes one: it outlives the writer, as a store does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from headwater.errors import Damaged
from headwater.ledger.head import Head, decode_frames, encode_frame
from headwater.ports.ledger import HeadTag, Overtaken
from headwater.terms import Follows, Position


class MemoryHead:
    """Implements `ports.ledger.HeadStore`. `before_commit` and `after_commit` may raise: fail, or lose the answer."""

    def __init__(self, *, lease_seconds: float | None = None) -> None:
        self.lease_seconds = lease_seconds
        self.stored: bytes | None = None
        self.generation = 0
        self.commits = 0
        self.before_commit: Callable[[Head], None] = lambda _head: None
        self.after_commit: Callable[[Head], None] = lambda _head: None
        self.before_load: Callable[[], None] = lambda: None

    async def load(self) -> HeadTag | None:
        """The committed head."""
        self.before_load()
        return None if self.stored is None else HeadTag(decode_frames(self.stored), str(self.generation))

    async def found(self, head: Head) -> HeadTag:
        """Creates the head."""
        if self.stored is not None:
            raise Overtaken
        return self._store(head)

    async def commit(self, head: Head, after: HeadTag) -> HeadTag:
        """Replaces the head."""
        self.commits += 1
        self.before_commit(head)
        if after.tag != str(self.generation):
            raise Overtaken
        tag = self._store(head)
        self.after_commit(head)
        return tag

    def _store(self, head: Head) -> HeadTag:
        self.stored = encode_frame(head, head.tiled)
        self.generation += 1
        return HeadTag(head, str(self.generation))


class MemoryFiles:
    """Implements `ports.ledger.LedgerFiles`."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.before: Callable[[str], None] = lambda _path: None

    async def read(self, path: str) -> bytes | None:
        """The file."""
        return self.stored.get(path)

    async def create(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Creates files."""
        for path, data in files:
            self.before(path)
            if self.stored.setdefault(path, data) != data:
                raise Damaged(f"{path} exists with other bytes.")

    async def publish(self, path: str, data: bytes) -> None:
        """Replaces a file."""
        self.before(path)
        self.stored[path] = data

    async def prune(self, paths: Sequence[str]) -> None:
        """Removes partial tiles."""
        for path in paths:
            if ".p/" not in path:
                raise ValueError(path)
            self.stored.pop(path, None)


class MemoryClaims:
    """Implements `ports.ledger.ClaimBook`."""

    def __init__(self) -> None:
        self._claims: dict[str, Position] = {}
        self._streams: dict[str, int] = {}
        self._position = Position(0)

    def position(self) -> Position:
        """Up to which entry the tables are filled."""
        return self._position

    def holders(self, claims: Sequence[str]) -> dict[str, Position]:
        """Which of these are taken."""
        return {claim: self._claims[claim] for claim in claims if claim in self._claims}

    def newest(self, prefix: str) -> str | None:
        """The largest claim with this prefix."""
        return max((claim for claim in self._claims if claim.startswith(prefix)), default=None)

    def stream(self, name: str) -> int | None:
        """Where a stream stands."""
        return self._streams.get(name)

    async def record(self, upto: Position, claims: Sequence[tuple[str, Position]], follows: Sequence[Follows]) -> None:
        """Adds what the entries up to `upto` take."""
        self._claims.update(claims)
        self._streams.update((each.stream, each.to) for each in follows)
        self._position = upto
