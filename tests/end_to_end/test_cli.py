"""The real `headwater` process from an empty folder to a drained end, as people and scripts use it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import free_port

HEADWATER = Path(sys.executable).parent / "headwater"
READY_SECONDS_MAX = 30.0
curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")


def environ(folder: Path, **more: str) -> dict[str, str]:
    """What a process sees: nothing of the person who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "TMPDIR"}}
    return {**kept, "HOME": str(folder), "PATH": f"{HEADWATER.parent}:{os.environ['PATH']}", **more}


def headwater(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """One command, run to its end in a folder."""
    return subprocess.run(
        [HEADWATER, *words],
        cwd=folder,
        env=environ(folder, **more),
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def started(folder: Path, home: Path, *words: str, **more: str) -> subprocess.Popen[bytes]:
    """A server, once it is ready."""
    log = (folder / "serve.log").open("ab")
    with log:
        server = subprocess.Popen(
            [HEADWATER, "--home", home, "serve", *words],
            cwd=folder,
            env=environ(
                folder,
                **{
                    "HEADWATER_HTTP_LISTEN": "127.0.0.1:0",
                    "HEADWATER_SFTP_LISTEN": "127.0.0.1:0",
                    "HEADWATER_ACCEPT_VOLATILE": "true",
                    **more,
                },
            ),
            stdout=log,
            stderr=log,
        )
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not (home / "run.json").exists():
        assert server.poll() is None, (folder / "serve.log").read_text()
        assert time.monotonic() < deadline, (folder / "serve.log").read_text()
        time.sleep(0.02)
    return server


@contextlib.contextmanager
def serving(folder: Path, home: Path, *words: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server, drained at the end."""
    server = started(folder, home, *words, **more)
    try:
        yield server
    finally:
        server.terminate()
        server.wait(30)


def address(home: Path) -> str:
    """Where a home is served."""
    return str(json.loads((home / "run.json").read_text())["http"])


class Terminal:
    """A command on a terminal of its own, `columns` wide."""

    def __init__(self, folder: Path, *words: str, columns: int = 120, **more: str) -> None:
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(HEADWATER, [str(HEADWATER), *words], environ(folder, COLUMNS=str(columns), TERM="xterm", **more))
        self.text = ""

    def until(self, pattern: str) -> str:
        """Reads until the pattern is seen; the text so far."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, self.text
            if select.select([self._fd], [], [], 0.1)[0]:
                self.text += os.read(self._fd, 65536).decode()
        return self.text

    def end(self, number: int) -> int:
        """Sends a signal and waits; the exit code."""
        os.kill(self.pid, number)
        code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._fd)
        return code


@curl
def test_a_file_goes_in_by_the_printed_line_and_can_be_proved_without_us(tmp_path):
    """From nothing: serve prints a line, the line lands a file, and it is found, got back, proved and verified."""
    (tmp_path / "README.md").write_text("# hello\n")
    home = tmp_path / "headwater-home"
    quiet = {
        "HEADWATER_HTTP_LISTEN": f"127.0.0.1:{free_port()}",
        "HEADWATER_SFTP_LISTEN": "off",
        "HEADWATER_ACCEPT_VOLATILE": "true",
    }
    terminal = Terminal(tmp_path, "serve", columns=200, **quiet)
    banner = terminal.until("prints this again")
    (line,) = re.findall(r"curl -T README\.md [^\x1b\r\n]*", banner)
    uploaded = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    id_ = json.loads(uploaded.stdout)["receipt"]["id"]

    assert str(home / "zone") in banner
    assert (home / "keys/first.token").read_text().strip() not in banner
    terminal.until(f"landed.*first/files.*README.md.*{id_[-8:]}")

    def do(*words: str) -> str:
        done = headwater(tmp_path, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(do("ls", "first/files", "--json"))["receipt"]["id"] == id_
    position = json.loads(do("changes", "first/files", "--after", "0", "--json"))["position"]
    assert do("changes", "--after", str(position), "--json") == ""
    assert "README.md" in do("show", id_[-8:])
    do("get", id_, "-o", "copy.md")
    do("proof", id_, "-o", "proof.zip")
    do("checkpoint", "-o", "kept")
    assert "Everything holds" in do("verify", "--against", "kept")
    assert "It is safe to land here" in do("doctor")
    assert line in do("senders", "guide", "first")
    assert "let in" in do("senders", "check", "first", "--from", "127.0.0.1", "--path", "/first/files/x")
    (vkey,) = [path.read_text().strip() for path in (home / "zone/ledger").glob("*/vkey")]
    assert terminal.end(signal.SIGINT) == 0

    home.rename(tmp_path / "away")
    do("check-proof", "proof.zip", "--file", "copy.md", "--trust", vkey)
    (tmp_path / "copy.md").write_text("# hullo\n")
    assert headwater(tmp_path, "check-proof", "proof.zip", "--file", "copy.md", "--trust", vkey).returncode == 1


def test_a_second_machine_works_by_login(tmp_path):
    """Another home's folder logs in to a server and does there what its role may, and no more."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "n.csv").write_text("1\n")
    with serving(tmp_path, home):
        url = address(home)
        added = headwater(
            tmp_path, "--home", str(home), "users", "add", "ana", "--role", "reader", "--allow", "first/*", "--json"
        )
        (elsewhere / "token").write_text(json.loads(added.stdout)["secrets"]["token"])
        headwater(tmp_path, "--home", str(home), "put", str(elsewhere / "n.csv"), "--to", "first/files")

        assert headwater(elsewhere, "login", url, "--token-file", "token").returncode == 0
        assert "n.csv" in headwater(elsewhere, "ls").stdout
        assert headwater(elsewhere, "put", "n.csv", "--to", "first/files").returncode == 2
        assert headwater(elsewhere, "senders").returncode == 2
        assert headwater(elsewhere, "verify").returncode == 2
        sender = (home / "keys/first.token").read_text().strip()
        landed = headwater(elsewhere, "--server", url, "put", "n.csv", "--to", "first/files", HEADWATER_TOKEN=sender)
        assert landed.returncode == 0
        assert headwater(elsewhere, "logout").returncode == 0
        assert headwater(elsewhere, "ls").returncode == 2
    assert headwater(elsewhere, "--server", url, "ls", HEADWATER_TOKEN=sender).returncode == 3


def test_a_stopping_server_lets_an_upload_end(tmp_path):
    """SIGTERM takes no new connection, but what is on its way lands; then it is gone, and so is its run.json."""
    home = tmp_path / "home"
    server = started(tmp_path, home)
    host, port = address(home).removeprefix("http://").split(":")
    token = (home / "keys/first.token").read_text().strip()
    with socket.create_connection((host, int(port))) as line:
        head = f"PUT /v1/feeds/first/files/slow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        line.sendall(f"{head}Content-Length: 6\r\n\r\nabc".encode())
        until_open(home)
        server.terminate()
        gone_from(home)
        line.sendall(b"def")
        answer = line.recv(65536)

    assert answer.startswith(b"HTTP/1.1 201")
    assert server.wait(30) == 0


def until_open(home: Path) -> None:
    """Waits until the server has an attempt open."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while '"open"' not in headwater(home.parent, "--home", str(home), "ls", "--attempts", "--json").stdout:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone_from(home: Path) -> None:
    """Waits until the server has begun to stop."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while (home / "run.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_second_signal_stops_now(tmp_path):
    """The first signal waits for an upload that rests; the second one does not."""
    home = tmp_path / "home"
    server = started(tmp_path, home)
    host, port = address(home).removeprefix("http://").split(":")
    token = (home / "keys/first.token").read_text().strip()
    with socket.create_connection((host, int(port))) as line:
        head = f"PUT /v1/feeds/first/files/slow HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        line.sendall(f"{head}Content-Length: 6\r\n\r\nabc".encode())
        until_open(home)
        server.send_signal(signal.SIGINT)
        gone_from(home)
        assert server.poll() is None
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 130
    with serving(tmp_path, home):
        assert headwater(tmp_path, "--home", str(home), "verify").returncode == 0


def test_a_taken_port_is_moved_in_a_fresh_home_and_refused_in_another(tmp_path):
    """A fresh home takes the next free port and says so; an old one ends with 2 and names who has the port."""
    home = tmp_path / "home"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        wanted = f"127.0.0.1:{port}"
        with serving(tmp_path, home, HEADWATER_HTTP_LISTEN=wanted):
            assert address(home) != f"http://{wanted}"
        again = headwater(
            tmp_path, "--home", str(home), "serve", HEADWATER_HTTP_LISTEN=wanted, HEADWATER_ACCEPT_VOLATILE="true"
        )

    assert again.returncode == 2
    assert f"process {os.getpid()}" in again.stderr


def test_existing_makes_nothing(tmp_path):
    """Serve --existing in an empty folder ends with 2 and leaves it empty."""
    done = headwater(tmp_path, "serve", "--existing")

    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_two_servers_do_not_share_a_home(tmp_path):
    """The second serve on a home ends with 2 and names the first."""
    home = tmp_path / "home"
    with serving(tmp_path, home) as first:
        second = headwater(tmp_path, "--home", str(home), "serve", HEADWATER_HTTP_LISTEN="127.0.0.1:0")

    assert second.returncode == 2
    assert f"process {first.pid}" in second.stderr


def test_systemd_is_told(tmp_path):
    """READY=1 is sent once doors are open, STOPPING=1 when they begin to close."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(path))
        heard.settimeout(READY_SECONDS_MAX)
        with serving(tmp_path, tmp_path / "home", NOTIFY_SOCKET=str(path)):
            assert heard.recv(100) == b"READY=1"
        assert heard.recv(100) == b"STOPPING=1"


def test_logs_are_json_where_no_terminal_is(tmp_path):
    """Off a terminal stdout stays empty, and each line of stderr is one JSON object."""
    home = tmp_path / "home"
    with serving(tmp_path, home):
        pass
    events = [json.loads(line)["event"] for line in (tmp_path / "serve.log").read_text().splitlines()]

    assert events[0] == "serving"
    assert "stopping" in events


def test_interrupting_a_put_lands_nothing(tmp_path):
    """Ctrl-C during a slow put ends with 130; the delivery is not there, the try is."""
    home = tmp_path / "home"
    (tmp_path / "n").write_bytes(b"x" * 1_000_000)
    with serving(tmp_path, home):
        put = subprocess.Popen(
            [HEADWATER, "--home", home, "put", "n", "--to", "first/files", "--limit-rate", "50KiB"],
            cwd=tmp_path,
            env=environ(tmp_path),
        )
        until_open(home)
        put.send_signal(signal.SIGINT)

        assert put.wait(20) == 130
        assert headwater(tmp_path, "--home", str(home), "ls", "--json").stdout == ""


def test_what_takes_long_shows_a_bar_on_a_terminal_alone(tmp_path):
    """A slow put shows how far it has come on a terminal, and nothing of it elsewhere."""
    headwater(tmp_path, "init", HEADWATER_ACCEPT_VOLATILE="true")
    (tmp_path / "n").write_bytes(os.urandom(400_000))
    words = ("put", "n", "--to", "first/files", "--limit-rate", "200KiB")
    terminal = Terminal(tmp_path, *words, columns=80, HEADWATER_ACCEPT_VOLATILE="true")
    terminal.until(r"to first/files .*KiB/s")
    terminal.until("landed")
    elsewhere = headwater(tmp_path, *words, HEADWATER_ACCEPT_VOLATILE="true")

    assert (elsewhere.returncode, elsewhere.stderr) == (0, "")
    assert os.waitstatus_to_exitcode(os.waitpid(terminal.pid, 0)[1]) == 0


def test_a_pipe_that_ends_early_is_no_failure(tmp_path):
    """`headwater ls | head` says nothing on stderr."""
    headwater(tmp_path, "init", HEADWATER_ACCEPT_VOLATILE="true")
    done = subprocess.run(
        "headwater --help | head -1; headwater config show | head -1",
        shell=True,
        cwd=tmp_path,
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.startswith("Usage: headwater")


@pytest.mark.parametrize("server", ["versitygw", "minio"])
def test_the_same_commands_work_on_s3(tmp_path, request, server):
    """A zone in a bucket is founded by init alone, landed in, listed, got back, verified, and read without a home."""
    bucket = request.getfixturevalue(f"{server}_bucket")
    account = {
        "AWS_ACCESS_KEY_ID": bucket.server.access_key,
        "AWS_SECRET_ACCESS_KEY": bucket.server.secret_key,
        "AWS_ENDPOINT_URL": bucket.server.endpoint,
        "AWS_REGION": bucket.server.region,
        "HEADWATER_HTTP_LISTEN": "127.0.0.1:0",
        "HEADWATER_SFTP_LISTEN": "127.0.0.1:0",
    }
    url = f"s3://{bucket.name}/landing"
    (tmp_path / "small.csv").write_text("id\n1\n")
    (tmp_path / "big.bin").write_bytes(os.urandom(10_000_000))

    def do(*words: str) -> str:
        done = headwater(tmp_path, *words, **account)
        assert done.returncode == 0, done.stderr
        return done.stdout

    nothing = headwater(tmp_path, "serve", HEADWATER_ZONE=url, **account)
    assert (nothing.returncode, "headwater init" in nothing.stderr) == (2, True)
    do("init", "--zone", url)
    do("put", "small.csv", "big.bin", "--to", "first/files")
    with serving(tmp_path, tmp_path / "headwater-home", **account):
        do("put", "small.csv", "--to", "first/files", "--name", "again.csv")
        assert do("ls", "--json").count("\n") == 3
        do("get", json.loads(do("ls", "--name", "big.bin", "--json"))["receipt"]["id"], "-o", "copy.bin")
        assert "Everything holds" in do("verify")
        assert "It was proved at" in do("doctor")
    assert "It is safe to land here" in do("doctor", "--deep")
    assert do("--home", url, "ls", "--json").count("\n") == 3
    assert (tmp_path / "copy.bin").read_bytes() == (tmp_path / "big.bin").read_bytes()
