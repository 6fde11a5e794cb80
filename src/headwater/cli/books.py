"""`headwater books`: the rows beside the zone, kept and put back."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

from awscrt.checksums import crc64nvme
from cyclopts import App, Parameter

from headwater.app import open_books
from headwater.books.sqlite import SqliteBooks
from headwater.care import backup as care
from headwater.care.keys import RecoveryKey, RecoveryPublic
from headwater.care.replay import Replayed
from headwater.cli.ground import opened
from headwater.cli.init import set_zone
from headwater.cli.output import Bar, as_json, emit, facts, remark, say
from headwater.cli.session import BAD_NEWS, OK, local_home, options
from headwater.cli.words import Flag
from headwater.errors import Misconfigured, Refused
from headwater.followers.follow import Follower
from headwater.home import Home, write_secret
from headwater.system import SystemClock
from headwater.zone.where import home_path

app = App(name="books", help="Backs up, restores and rebuilds the books.")


@app.command
def backup() -> None:
    """Seals what the zone does not hold (senders, users, answers) for the recovery key, into the zone."""
    home = local_home()

    async def run() -> str:
        async with opened(home) as ground:
            if ground.books is None:
                raise Misconfigured("This home has no books yet.")
            return await care.back_up(
                ground.books,
                ground.store.creator,
                ground.logs.position,
                SystemClock().now(),
                zone_id=ground.zone.zone,
                public=RecoveryPublic.parse(home.secret("recovery.pub").decode()),
                crc64nvme=crc64nvme,
            )

    key = asyncio.run(run())
    if as_json():
        emit({"key": key})
    else:
        say(f"Sealed in the zone: {key}")


@app.command
def rebuild() -> None:
    """Makes the catalog anew from the ledger. No server may run on the home meanwhile."""
    home = local_home()

    async def run() -> int:
        home.lock()
        async with AsyncExitStack() as stack:
            stack.callback(home.unlock)
            ground = await stack.enter_async_context(opened(home))
            books = open_books(ground.config)
            stack.push_async_callback(books.close)
            await books.catalog.clear()
            follower = Follower(ground.logs, books.catalog, SystemClock())
            working = asyncio.create_task(follower.catch_up())
            with Bar("entries", ground.logs.position, unit="entries") as bar:
                while not working.done():
                    bar.show(follower.position)
                    await asyncio.wait([working], timeout=0.1)
            return working.result()

    position = asyncio.run(run())
    if as_json():
        emit({"position": position})
    else:
        say(f"The catalog was made anew from {position:,} entries.")


@app.command
def restore(
    zone: Annotated[str, Parameter(name="ZONE", help="The zone: a folder, or s3://bucket/prefix.")],
    /,
    *,
    recovery_key: Annotated[Path, Parameter(help="The recovery key, from where it is kept.")],
    check: Flag = False,
) -> int:
    """Puts the newest backup of the books into a new home (--home), and replays what the ledger says happened since:
    revocations first.

    Parameters
    ----------
    check
        Only rehearse: restore into a folder that is thrown away.
    """
    key = RecoveryKey.parse(recovery_key.read_text())
    target = options().home
    if check:
        with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
            snapshot, done = _restored(Home(Path(folder) / "home"), zone, key)
    elif target is None:
        raise Refused("bad_request", "Name the folder of the new home with --home.")
    else:
        home = Home(home_path(target))
        if home.exists():
            raise Refused("exists", f"There is a home in {home.path} already. Restore into a new one.")
        snapshot, done = _restored(home, zone, key)
    _tell(snapshot, done, None if check or target is None else home_path(target))
    return BAD_NEWS if check and done.lost else OK


def _restored(home: Home, zone: str, key: RecoveryKey) -> tuple[care.Snapshot, Replayed]:
    home.keys.mkdir(mode=0o700, parents=True)
    write_secret(home.keys / "recovery.pub", f"{key.public}\n")
    home.make()
    set_zone(home, zone if "://" in zone else str(Path(zone).resolve()))

    async def run() -> tuple[care.Snapshot, Replayed]:
        books = SqliteBooks(home.books_path)
        try:
            async with opened(home) as ground:
                result = await care.restore(
                    ground.store.reader, ground.logs, books, books.identities, key, zone_id=ground.zone.zone
                )
                await books.facts.set_fact("zone", ground.zone.zone)
            return result
        finally:
            await books.close()

    return asyncio.run(run())


def _tell(snapshot: care.Snapshot, done: Replayed, home: Path | None) -> None:
    if as_json():
        emit({"snapshot": snapshot, "revoked": done.revoked, "lost": done.lost, "changed": len(done.changed)})
        return
    facts(
        [
            ("Backup", snapshot.taken_at),
            ("Zone", snapshot.zone),
            ("Changed since", f"{len(done.changed)} identities"),
            ("Revoked since", ", ".join(f"{name} {which}" for name, which in done.revoked)),
        ]
    )
    for name, fingerprint in done.lost:
        remark(f"{name} {fingerprint} was given out after the backup and does not work any more: rotate it.")
    if home is None:
        say("Rehearsed: the backup opens and can be put back. Nothing was kept.")
    else:
        say(f"Restored into {home}. Put the ledger's key back as {home}/keys/ledger before `headwater serve`.")
