"""`kill -9` of the real process under load, again and again, and a count of what the world outside saw.

    .venv/bin/python -m tests.crash.kill_loop --rounds 200 --zone directory
    .venv/bin/python -m tests.crash.kill_loop --rounds 200 --zone versitygw

Senders upload by HTTP and SFTP as fast as they get answers, and send again, or go on with, what was not answered. The
server is killed at a random moment, also while it starts and recovers, and started again. What was acknowledged is
written down outside; after every few rounds, and at the end, a reader that knows docs/format.md alone reads the whole
zone.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import http.client
import json
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import checker, services
from tests.crash.by_sftp import SftpSender
from tests.crash.served import CONFIG, Server, headwater, made_home

MIB = 1 << 20
SENDERS = 6
SFTP_SENDERS = 4
ROUNDS_A_HOME = 25
"""How many rounds one zone goes through before a new one is begun: what it holds is read whole, again and again."""

POOL = random.Random(0).randbytes(9 * MIB)
PATH = "/v1/feeds/first/files/"


@dataclass
class File:
    """Something to deliver: `key` is its idempotency key, if it has one; `acks` are the ids it was given."""

    name: str
    data: bytes
    key: str | None
    is_chunked: bool
    tries: int = 0
    acks: list[str] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        """The digest of its bytes."""
        return hashlib.sha256(self.data).hexdigest()


class Senders:
    """Those who deliver, each in a thread of its own, until `finish`; and what they wrote down."""

    def __init__(self, server: Server, seed: int) -> None:
        self._server = server
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.files: list[File] = []
        self.tally: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._threads = [
            threading.Thread(target=self._work, args=(number, random.Random(f"{seed} {number}")), daemon=True)
            for number in range(SENDERS + SFTP_SENDERS)
        ]

    def start(self) -> None:
        """Begins."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Lets everyone end what was begun; the server must stay up."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _work(self, sender: int, chance: random.Random) -> None:
        number = 0
        by_sftp = SftpSender(self._server, chance, self.tally, self.wrong) if sender >= SENDERS else None
        while not self._ending.is_set():
            number += 1
            file = _file(f"{sender}-{number}.bin", chance)
            file.key = None if by_sftp else file.key
            with self._lock:
                self.files.append(file)
            while not file.acks:
                if by_sftp:
                    _try_by_sftp(by_sftp, file)
                else:
                    self._try(file, chance)
                if not file.acks:
                    time.sleep(chance.uniform(0.02, 0.2))
        if by_sftp:
            by_sftp.close()

    def _try(self, file: File, chance: random.Random) -> None:
        headers = {"Idempotency-Key": file.key} if file.key else {}
        body: bytes | Iterable[bytes] = file.data
        if file.is_chunked:
            headers["Transfer-Encoding"] = "chunked"
            body = _pieces(file.data, chance.choice([1000, 65_536, MIB]))
        if chance.random() < 0.2:
            headers["Content-MD5"] = _md5(file.data)
        file.tries += 1
        try:
            answer = self._server.ask("PUT", PATH + file.name, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.tally["cut" if not isinstance(error, ConnectionRefusedError) else "refused connections"] += 1
            file.tries -= isinstance(error, ConnectionRefusedError)
            return
        self.tally[f"answered {answer.status}"] += 1
        if answer.status in {200, 201}:
            receipt = answer.json["receipt"]
            if (receipt["sha256"], receipt["name"]) != (file.sha256, file.name):
                self.wrong.append(f"{file.name} was acknowledged with a receipt for other bytes")
            file.acks.append(receipt["id"])
        elif answer.status not in {409, 503}:
            self.wrong.append(f"{file.name} was answered {answer.status}: {answer.body[:300]!r}")
            file.acks.append("refused")


def _try_by_sftp(sender: SftpSender, file: File) -> None:
    file.tries += 1  # before it, for the zone may be read meanwhile
    was_asked, id_ = sender.try_to_land(file.name, file.data)
    file.tries -= not was_asked
    file.acks += [id_] if id_ else []


def _file(name: str, chance: random.Random) -> File:
    size = chance.choices(
        [0, chance.randrange(1, 65_536), chance.randrange(65_536, 2 * MIB), chance.randrange(2 * MIB, 8 * MIB + 1)],
        [5, 65, 25, 5],
    )[0]
    start = chance.randrange(len(POOL) - size)
    data = (name.encode() + POOL[start : start + size])[:size]
    key = f"key-{name}" if chance.random() < 0.7 else None
    return File(name, data, key, is_chunked=chance.random() < 0.4)


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


# --- the check --------------------------------------------------------------------------------------------------------


def wrong_in(zone: checker.Files, senders: Senders, books: Path | None) -> list[str]:
    """What is wrong with a zone whose server is dead (with its `books`), or was stopped (without)."""
    sealing = _sealing(books) if books is not None else frozenset()
    checked = checker.check(zone, is_on_its_way=lambda key: key.rpartition("/")[2][:32] in sealing)
    wrong = checked.problems + senders.wrong
    landed: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for receipt in checked.deliveries.values():
        landed[receipt["name"]].append(receipt)
    for file in list(senders.files):
        wrong += _wrong_with(file, landed.pop(file.name, []))
    return wrong + [f"{name} landed, and nobody sent it" for name in landed]


def _sealing(books: Path) -> frozenset[str]:
    """The attempts that a killed server left between the first step of a seal and its last."""
    with contextlib.closing(sqlite3.connect(books)) as rows:
        return frozenset(id_ for (id_,) in rows.execute("SELECT id FROM attempts WHERE outcome = 'sealing'"))


def _wrong_with(file: File, landed: list[dict[str, Any]]) -> Iterator[str]:
    ids = [receipt["id"] for receipt in landed]
    for id_ in file.acks:
        if id_ not in ids:
            yield f"{file.name} was acknowledged as {id_}, which is not in the ledger"
    if any(receipt["sha256"] != file.sha256 or receipt["size_bytes"] != len(file.data) for receipt in landed):
        yield f"{file.name} landed with other bytes than were sent"
    if len(ids) > (1 if file.key else max(file.tries, 1)):
        yield f"{file.name} was sent {file.tries} times under {file.key} and landed {len(ids)} times"
    if len(file.data) > 64:
        for again in landed[1:]:
            if again.get("repeat_of") != ids[0]:
                yield f"{file.name} landed again as {again['id']}, which does not say that it repeats {ids[0]}"


# --- the loop ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ground:
    """Where a zone lies: what the configuration says of it, and how to read it."""

    config: str
    environ: Mapping[str, str]
    zone: checker.Files


class Loop:
    """Kills the server of one home for some rounds; `tally` counts, `wrong` is what must not be."""

    def __init__(self, folder: Path, ground: Ground, seed: int) -> None:
        self._ground = ground
        self._home = made_home(folder / "home", ground.config)
        self._chance = random.Random(seed)
        self._server = Server(self._home.path, folder / "log", ground.environ)
        self._senders = Senders(self._server, seed)
        self.tally: Counter[str] = Counter()
        self.wrong: list[str] = []

    def run(self, rounds: int, check_every: int) -> None:
        """All of it: rounds, and at the end a clean stop, `verify` and the last check. Stops at what is wrong."""
        founded = headwater(self._home.path, "init", environ=self._ground.environ)
        assert founded.returncode == 0, founded.stderr
        self._senders.start()
        for round_ in range(1, rounds + 1):
            self._server.start()
            self._kill()
            if round_ % check_every == 0:
                self._check(self._home.books_path)
            if self.wrong:
                break
        self._end()

    def _kill(self) -> None:
        """Kills it at a random moment after its start: three in ten before it is ready."""
        if self._chance.random() < 0.3:
            time.sleep(self._chance.uniform(0.0, 1.0))
            self.tally["killed before it was ready"] += not (self._home.path / "run.json").exists()
        else:
            self._server.wait_until_ready()
            time.sleep(self._chance.uniform(0.05, 1.5))
        assert self._server.code is None, self._server.last_words()
        self._server.kill()
        self.tally["rounds"] += 1

    def _end(self) -> None:
        """Everyone gets his yes; then the server is stopped, verified and checked without excuses."""
        self._server.start()
        self._server.wait_until_ready()
        self._senders.finish()
        code = self._server.stop()
        if code != 0:
            self.wrong.append(f"it ended with {code}: {self._server.last_words()}")
        verified = headwater(self._home.path, "verify", environ=self._ground.environ)
        if verified.returncode != 0:
            self.wrong.append(f"verify: {verified.stdout} {verified.stderr}")
        self._check(None)
        files = self._senders.files
        self.tally += self._senders.tally
        self.tally["files"] += len(files)
        self.tally["bytes"] += sum(len(file.data) for file in files)
        self.tally["tries"] += sum(file.tries for file in files)

    def _check(self, books: Path | None) -> None:
        self.tally["checks"] += 1
        self.wrong += wrong_in(self._ground.zone, self._senders, books)


def directory(folder: Path) -> Ground:
    """A zone in a folder of the home."""
    return Ground(CONFIG, {}, checker.DirectoryZone(folder / "home" / "zone"))


@contextlib.contextmanager
def bucket(server: services.S3Server) -> Iterator[Ground]:
    """A zone in a bucket of its own."""
    name = server.make_bucket()
    config = f'zone = "s3://{name}/zone"\n[s3]\nendpoint = "{server.endpoint}"\n' + CONFIG.partition("\n")[2]
    environ = {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_DEFAULT_REGION": server.region,
    }
    with server.client() as client:
        yield Ground(config, environ, checker.BucketZone(client, name, "zone"))


def run(zone: str, rounds: int, seed: int, folder: Path, *, check_every: int) -> tuple[Counter[str], list[str]]:
    """The whole loop, on homes of at most `ROUNDS_A_HOME` rounds; what was counted, and what is wrong."""
    tally: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(services.versitygw(folder / "s3")) if zone == "versitygw" else None
        for number, first in enumerate(range(0, rounds, ROUNDS_A_HOME)):
            place = folder / str(number)
            place.mkdir()
            ground = stack.enter_context(bucket(server)) if server else directory(place)
            loop = Loop(place, ground, seed + number)
            loop.run(min(ROUNDS_A_HOME, rounds - first), check_every)
            tally += loop.tally
            tally["homes"] += 1
            if loop.wrong:
                return tally, loop.wrong
            shutil.rmtree(place)
    return tally, []


def main() -> int:
    """From the command line; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--zone", choices=["directory", "versitygw"], default="directory")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--check-every", type=int, default=5)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="headwater-kill-loop-"))
    began = time.monotonic()
    tally, wrong = run(options.zone, options.rounds, options.seed, folder, check_every=options.check_every)
    facts = {"zone": options.zone, "seed": options.seed, "seconds": round(time.monotonic() - began)}
    sys.stdout.write(json.dumps({**facts, **dict(sorted(tally.items())), "wrong": len(wrong)}) + "\n\n")
    for name, count in sorted(tally.items()):
        sys.stdout.write(f"| {name} | {count:,} |\n")
    for each in wrong[:50]:
        sys.stdout.write(f"WRONG: {each}\n")
    if wrong:
        sys.stdout.write(f"what is left stands in {folder}\n")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
