"""A directory zone in one piece, for assembly."""

from __future__ import annotations

from pathlib import Path

from headwater.ports.ledger import HeadStore
from headwater.stores.directory import DirectoryEraser, DirectoryStore
from headwater.stores.directory_log import DirectoryHead, DirectoryLedgerFiles
from headwater.stores.threads import Threads
from headwater.stores.zone_lock import ZoneLock, lock

_FILE_THREADS = 4


class DirectoryZoneStore:
    """Implements `ports.zone.ZoneStore` over the folder `root`; with `zone_lock` it may write."""

    def __init__(self, root: Path, zone_lock: ZoneLock | None) -> None:
        self.name = str(root)
        self.root = root
        self._store = DirectoryStore(root)
        self._lock = zone_lock
        self._threads = Threads(_FILE_THREADS, "headwater-ledger")
        self._heads: dict[str, DirectoryHead] = {}
        self.reader = self.creator = self.intake = self._store
        self.eraser = DirectoryEraser(self._store.disk, self._store.threads)
        self.files = DirectoryLedgerFiles(self._store.disk, self._threads)

    def heads(self, log: str) -> HeadStore:
        """The head of a log; one instance for each, as it knows what is stored."""
        if log not in self._heads:
            self._heads[log] = DirectoryHead(self._store.disk, log, self._lock)
        return self._heads[log]

    async def close(self) -> None:
        """Gives threads, files and the lock back."""
        for head in self._heads.values():
            head.close()
        self._threads.close()
        self._store.close()
        if self._lock is not None:
            self._lock.release()


def open_directory_zone(root: Path, *, read_only: bool = False) -> DirectoryZoneStore:
    """Opens the zone in a folder, made if need be, and takes its lock.

    Raises Misconfigured("in_use") when another process writes there. `read_only` takes no lock and makes nothing.
    """
    if read_only:
        return DirectoryZoneStore(root, None)
    root.mkdir(mode=0o750, parents=True, exist_ok=True)
    return DirectoryZoneStore(root, lock(root))
