"""The real process: `headwater serve` on a home, started, killed, stopped, and talked to."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from headwater.home import Home
from tests.processes import program

CONFIG = 'accept_volatile = true\n[http]\nlisten = "127.0.0.1:0"\n[sftp]\nlisten = "127.0.0.1:0"\n'
READY_SECONDS_MAX = 60.0
END_SECONDS_MAX = 60.0


def made_home(path: Path, config: str = CONFIG) -> Home:
    """A home with this configuration; its zone is founded by the first who serves it, if it is a folder in it."""
    home = Home(path)
    home.make()
    home.config_path.write_text(config)
    return home


def headwater(
    home: Path, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command on a home, to its end."""
    command = [program("headwater"), "--home", str(home), *arguments]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=120, env={**os.environ, **(environ or {})}
    )


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the headers, and the body as JSON where it is some."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The problem's reason."""
        return str(self.json["reason"])


class Server:
    """A serving process on a home. `with` ends it, by SIGKILL if it still runs."""

    def __init__(self, home: Path, log: Path, environ: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.log = log
        self._environ = dict(environ or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.port: int | None = None
        self.sftp_port: int | None = None

    def __enter__(self) -> Self:
        self.start()
        self.wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    # --- its life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts it, and does not wait."""
        run_file = self.home / "run.json"
        run_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program("headwater"), "--home", str(self.home), "serve", "--log-format", "json"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONFAULTHANDLER": "1"} | self._environ,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How it ended, None while it runs."""
        return None if self._process is None else self._process.poll()

    def wait_until_ready(self) -> None:
        """Waits until it says where it listens. AssertionError if it ends before."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.code is not None:
                raise AssertionError(f"it ended with {self.code}: {self.last_words()}")
            with contextlib.suppress(OSError, ValueError):
                run = json.loads((self.home / "run.json").read_text())
                if run["pid"] == self.pid:
                    known_hosts = (self.home / "keys" / "known_hosts").read_text()
                    self.sftp_port = int(known_hosts.partition("]:")[2].split()[0])
                    self.port = int(run["http"].rpartition(":")[2])
                    return
            time.sleep(0.01)
        raise AssertionError(f"it is not ready after {READY_SECONDS_MAX} s: {self.last_words()}")

    def kill(self) -> None:
        """Kills it by SIGKILL, if it runs."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Lets it drain and end; returns its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> int:
        assert self._process is not None
        self.port = self.sftp_port = None
        if self.code is None:
            self._process.send_signal(by)
        try:
            return self._process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired as late:
            self._process.send_signal(signal.SIGABRT)  # its threads tell where they stand
            self._process.wait(END_SECONDS_MAX)
            raise AssertionError(f"It did not end:\n{self.last_words()}") from late

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-4000:]

    # --- what is said to it -------------------------------------------------------------------------------------------

    @property
    def token(self) -> str:
        """The token of the sender `first`."""
        return (self.home / "keys" / "first.token").read_text().strip()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        token: str | None = None,
        port: int | None = None,
        seconds_max: float = 30.0,
    ) -> Answer:
        """One request on a connection of its own. Raises OSError or HTTPException when the line breaks."""
        door = port or self.port
        if door is None:
            raise ConnectionRefusedError
        line = http.client.HTTPConnection("127.0.0.1", door, timeout=seconds_max)
        said = {"Authorization": f"Bearer {token or self.token}", **(headers or {})}
        try:
            line.request(method, path, body, said, encode_chunked="Transfer-Encoding" in said)
            answer = line.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            line.close()

    def deliveries(self) -> Iterator[dict[str, Any]]:
        """Every delivery, oldest first."""
        after = 0
        while page := self.ask("GET", f"/v1/deliveries?after={after}").json["deliveries"]:
            yield from page
            after = page[-1]["position"]
