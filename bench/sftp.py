"""SFTP beside its peers: the same OpenSSH client against Headwater, OpenSSH's own server and `rclone serve sftp`.

Headwater syncs, digests and enters a receipt before CLOSE is answered; the peers sync nothing (OpenSSH does with
`sftp -f`, which is raced as a side of its own). Each medium has its own turns: a tmpfs, and the disk under test. SFTPGo
takes part where it is on the PATH. `--quick` only sees whether all runs.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import asyncssh
from http_put import make
from race import ROUNDS, Race, arguments, memory_folder, scratch, take_turns
from serve_zone import serving

GIB, SMALL_BYTES, SMALL_FILES, CLIENTS = 1 << 30, 10 * 1024, 2000, 16
CIPHERS = ("aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com")
CLIENT_SECONDS_MAX = 300


class Side(NamedTuple):
    """A server: where it listens, who is let in by which key, the folder to put into, and its process."""

    name: str
    port: int
    user: str
    key: Path
    folder: str
    pid: int
    clear: Callable[[], None]

    def words(self, *more: str) -> list[str]:
        """The beginning of a command of OpenSSH's client."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"]
        chosen = [word for option in options for word in ("-o", option)]
        return ["sftp", "-q", *chosen, "-i", str(self.key), "-P", str(self.port), *more, "-b", "-"]

    def start(self, script: str, *more: str) -> subprocess.Popen[str]:
        """Starts a client with commands."""
        command = ["timeout", str(CLIENT_SECONDS_MAX), *self.words(*more), f"{self.user}@127.0.0.1:{self.folder}"]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        if client.stdin is not None:
            client.stdin.write(script)
            client.stdin.close()
        return client

    def seconds(self, *scripts: str, more: tuple[str, ...] = ()) -> float:
        """How long clients take with these commands, all at once. Raises RuntimeError when one of them fails."""
        began = time.perf_counter()
        clients = [self.start(script, *more) for script in scripts]
        codes = [client.wait() for client in clients]  # all of them, also after one that failed
        if any(codes):
            raise RuntimeError(f"a client of {self.name} failed")
        taken = time.perf_counter() - began
        self.clear()
        return taken

    def memory_mib(self, field: str = "VmHWM") -> float:
        """The most that the process ever held, or holds."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int) -> None:
    """Returns once somebody listens there."""
    for _ in range(200):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens on {port}")


def emptied(folder: Path) -> Callable[[], None]:
    """Removes what was put."""

    def clear() -> None:
        for each in folder.rglob("*"):
            if each.is_file():
                each.unlink()

    return clear


@contextmanager
def process(port: int, *command: str, environ: dict[str, str] | None = None) -> Iterator[int]:
    """A peer, ready; ended at the end."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=os.environ | (environ or {}), **quiet) as peer:  # type: ignore[call-overload]
        try:
            wait_for(port)
            yield int(peer.pid)
        finally:
            peer.terminate()


@contextmanager
def headwater(root: Path) -> Iterator[Side]:
    """Ours."""
    home = root / "home"
    with serving(home, root / "zone") as server:
        yield Side(
            "headwater",
            server.sftp_port,
            "first",
            home / "keys" / "first_ed25519",
            "/first/files",
            server.pid,
            emptied(root / "zone" / "raw"),
        )


@contextmanager
def openssh(root: Path) -> Iterator[Side]:
    """OpenSSH's own server."""
    port, folder = free_port(), root / "openssh"
    folder.mkdir()
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / name)], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    lines = (
        "ListenAddress 127.0.0.1",
        f"HostKey {root}/host",
        "PidFile none",
        "UsePAM no",
        "StrictModes no",
        f"AuthorizedKeysFile {root}/key.pub",
        "PermitRootLogin yes",
        "MaxStartups 2000",
        "Subsystem sftp internal-sftp",
    )
    (root / "sshd_config").write_text("\n".join(lines) + "\n")
    with process(port, "/usr/sbin/sshd", "-D", "-p", str(port), "-f", str(root / "sshd_config")) as pid:
        yield Side("OpenSSH", port, "root", root / "key", str(folder), pid, emptied(folder))


@contextmanager
def rclone(root: Path) -> Iterator[Side]:
    """`rclone serve sftp`."""
    port, folder = free_port(), root / "rclone"
    folder.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(root / "rclone_key")], check=True)
    program = shutil.which("rclone") or str(Path(sys.executable).with_name("rclone"))
    flags = ("--addr", f"127.0.0.1:{port}", "--user", "u", "--authorized-keys", f"{root}/rclone_key.pub")
    with process(
        port, program, "serve", "sftp", *flags, str(folder), environ={"RCLONE_CONFIG": os.devnull, "HOME": str(root)}
    ) as pid:
        yield Side("rclone", port, "u", root / "rclone_key", "/", pid, emptied(folder))


class Sizes(NamedTuple):
    """What is raced."""

    rounds: int
    big_bytes: int
    small_files: int
    idle: int


def rates(sides: list[Side], rounds: int, work: Callable[[Side], float]) -> dict[str, list[float]]:
    """Seconds by side, in turns."""
    return take_turns(rounds, {side.name: lambda side=side: work(side) for side in sides})  # type: ignore[misc]


def tell(race: Race, measure: str, seconds: dict[str, list[float]], peers: list[str], bar: float = 1.0) -> None:
    """Our median, the peers' beside it, and how many times the best of `peers` ours is."""
    middle = {name: statistics.median(each) for name, each in seconds.items()}
    race.say(
        measure,
        middle["headwater"],
        "s",
        peer=", ".join(f"{n} {s:.2f} s" for n, s in middle.items() if n != "headwater"),
    )
    best = min(peers, key=lambda name: middle[name])
    race.say(f"{measure}, of {best}", middle["headwater"] / middle[best], "×", bar=bar)


def race_on(race: Race, medium: str, sides: list[Side], files: Path, sizes: Sizes) -> None:
    """All races on one medium."""
    big, small = files / "big", [files / "small" / f"f{n}" for n in range(sizes.small_files)]
    names = [side.name for side in sides if side.name != "headwater"]
    for cipher in CIPHERS:
        seconds = rates(sides, sizes.rounds, lambda side, c=cipher: side.seconds(f"put {big}\n", more=("-c", c)))  # type: ignore[misc]
        tell(race, f"{medium}: put 1 GiB, {cipher.partition('@')[0]}", seconds, names)
    script = f"put {files}/small/f*\n"
    seconds = rates(sides, sizes.rounds, lambda side: side.seconds(script))
    (ssh,) = [side for side in sides if side.name == "OpenSSH"]
    synced = take_turns(sizes.rounds, {"synced": lambda: ssh.seconds(script, more=("-f",))})["synced"]
    measure = f"{medium}: {sizes.small_files} × 10 KiB, one client"
    tell(race, measure, seconds, ["OpenSSH"], 2.0)
    tell(race, f"{measure}, all synced", {"headwater": seconds["headwater"], "OpenSSH -f": synced}, ["OpenSSH -f"])
    shares = [small[n::CLIENTS] for n in range(CLIENTS)]
    scripts = ["".join(f"put {file}\n" for file in share) for share in shares]
    seconds = rates(sides, sizes.rounds, lambda side: side.seconds(*scripts))
    synced = take_turns(sizes.rounds, {"synced": lambda: ssh.seconds(*scripts, more=("-f",))})["synced"]
    measure = f"{medium}: {sizes.small_files} × 10 KiB, {CLIENTS} clients"
    tell(race, measure, seconds, ["OpenSSH"], 2.0)
    tell(race, f"{measure}, all synced", {"headwater": seconds["headwater"], "OpenSSH -f": synced}, ["OpenSSH -f"])
    if medium == "disk":  # 4 GiB a round wear the disk and show nothing that one does not
        return
    quartet = [f"put {big} big-{n}\n" for n in range(4)]
    seconds = rates(sides, sizes.rounds, lambda side: side.seconds(*quartet, more=("-c", CIPHERS[0])))
    tell(race, f"{medium}: 4 clients × 1 GiB", seconds, names)
    race.say(f"{medium}: memory, most", sides[0].memory_mib(), "MiB", bar=400)


def read_back(race: Race, sides: list[Side], files: Path, sizes: Sizes) -> None:
    """A gigabyte read back."""
    for side in sides:
        side.start(f"put {files}/big\n").wait()
    target = files / "back"

    def get(side: Side) -> float:
        began = time.perf_counter()
        if side.start(f"get big {target}\n", "-c", CIPHERS[0]).wait():
            raise RuntimeError(f"{side.name} gave nothing back")
        taken = time.perf_counter() - began
        target.unlink()
        return taken

    seconds = rates(sides, sizes.rounds, get)
    tell(race, "tmpfs: get 1 GiB", seconds, [side.name for side in sides if side.name != "headwater"], 1.2)


def log_in(race: Race, sides: list[Side], sizes: Sizes) -> None:
    """What a login costs: twenty, one after the other, each with a listing."""

    def logins(side: Side) -> float:
        began = time.perf_counter()
        for _ in range(20 if sizes.rounds > 1 else 2):
            side.start("pwd\n").wait()
        return (time.perf_counter() - began) / (20 if sizes.rounds > 1 else 2)

    seconds = rates(sides, sizes.rounds, logins)
    tell(race, "a login", seconds, ["OpenSSH"])


async def idle(side: Side, connections: int) -> float:
    """KiB of memory that each of so many idle connections takes."""
    before = side.memory_mib("VmRSS")
    key = asyncssh.read_private_key(str(side.key))
    options = await asyncssh.SSHClientConnectionOptions.construct(
        username=side.user, client_keys=[key], known_hosts=None, config=None, agent_path=None
    )
    held = []
    for _ in range(connections // 20):
        held += await asyncio.gather(*(asyncssh.connect("127.0.0.1", side.port, options=options) for _ in range(20)))
    for one in held:
        await one.start_sftp_client()
    taken = (side.memory_mib("VmRSS") - before) * 1024 / len(held)
    for one in held:
        one.abort()
    return taken


def main() -> None:
    """The whole race."""
    options = arguments(__doc__)
    race = Race("sftp")
    sizes = Sizes(1, 4 << 20, 32, 20) if options.quick else Sizes(ROUNDS, GIB, SMALL_FILES, 1000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
    with scratch(memory_folder()) as files:
        make(files / "big", sizes.big_bytes)
        (files / "small").mkdir()
        for n in range(sizes.small_files):
            (files / "small" / f"f{n}").write_bytes(os.urandom(SMALL_BYTES))
        media = (("tmpfs", memory_folder()), ("disk", options.disk))
        for medium, where in media[:1] if options.quick else media:
            with scratch(where) as root, ExitStack() as stack:
                sides = [stack.enter_context(each(root)) for each in (headwater, openssh, rclone)]
                race_on(race, medium, sides, files, sizes)
        with scratch(memory_folder()) as root, ExitStack() as stack:
            sides = [stack.enter_context(each(root)) for each in (headwater, openssh, rclone)]
            read_back(race, sides, files, sizes)
            log_in(race, sides, sizes)
            each = asyncio.run(idle(sides[0], sizes.idle))
            race.say(f"memory of each of {sizes.idle} idle connections", each, "KiB", bar=150)


if __name__ == "__main__":
    main()
