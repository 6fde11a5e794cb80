"""curl, the client that most senders have, against the real server."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from headwater.terms import Role
from headwater.web.tls import ServerTls
from tests.processes import program
from tests.unit.web.certificates import Authority
from tests.unit.web.live import Live

FEED = "/v1/feeds/acme-crm/daily/"


@pytest.fixture
def curl(live, tmp_path):
    """Runs curl as the sender acme, and gives what it printed; `-f` makes a refusal an error."""
    return runner(live, tmp_path)


def runner(live: Live, folder: Path):
    """See `curl`."""
    name = program("curl")
    header = folder / "acme.header"
    header.write_text(f"Authorization: Bearer {live.world.tokens['acme']}\n")

    def run(*arguments: str, data: bytes | None = None, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        command = [name, "-sS", "--max-time", "30", "-H", f"@{header}", *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=check)

    return run


def test_upload_a_file(live, curl, tmp_path):
    """`curl -T FILE URL/` appends the file's name, lands it proven, and gets the delivery."""
    file = tmp_path / "grün + 100%.csv"
    file.write_bytes(b"a,b\n" * 1000)
    delivery = json.loads(curl("-f", "-T", str(file), live.url + FEED).stdout)
    assert delivery["receipt"]["name"] == "grün + 100%.csv"
    assert delivery["receipt"]["completeness"] == "proven"
    back = tmp_path / "back"
    curl("-f", "-o", str(back), f"{live.url}/v1/deliveries/{delivery['receipt']['id']}/content")
    assert back.read_bytes() == file.read_bytes()
    named = curl(
        "-f", "-OJ", "--output-dir", str(tmp_path), f"{live.url}/v1/deliveries/{delivery['receipt']['id']}/content"
    )
    assert named.returncode == 0


def test_upload_a_pipe(live, curl):
    """`curl -T -` sends chunks of unknown length: presumed whole, for only the protocol's end says so."""
    data = os.urandom(3_000_000)
    delivery = json.loads(curl("-f", "-T", "-", live.url + FEED + "piped", data=data).stdout)
    assert delivery["receipt"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert delivery["receipt"]["completeness"] == "presumed"


def test_a_pipe_whose_left_side_dies_is_not_proven(live, curl, tmp_path):
    """Curl cannot know that its input was cut short and ends cleanly: what landed is never called proven."""
    command = f"(head -c 100000 /dev/zero; kill -9 $$) | curl -sS -H @{tmp_path}/acme.header -T - {live.url}{FEED}cut"
    shell = subprocess.run(["bash", "-c", command], check=False, capture_output=True)
    until = time.monotonic() + 10
    while not (found := live.call("GET", "/v1/attempts?outcome=landed,held").json["attempts"]):
        assert time.monotonic() < until, shell
    assert found[0]["completeness"] in {"presumed", "partial"}


def test_a_killed_curl_lands_nothing(live, curl, tmp_path):
    """A client that dies in the middle leaves evidence, and no file."""
    name = program("curl")
    sending = subprocess.Popen(
        [name, "-sS", "-H", f"@{tmp_path}/acme.header", "--limit-rate", "200k", "-T", "-", live.url + FEED + "killed"],
        stdin=subprocess.PIPE,
    )
    assert sending.stdin
    sending.stdin.write(b"x" * 400_000)
    sending.stdin.flush()
    until = time.monotonic() + 10
    while not any(upload.size_bytes for upload in live.world.landing._live.values()):
        assert time.monotonic() < until
        time.sleep(0.01)
    sending.send_signal(signal.SIGKILL)
    sending.communicate()
    while not (found := live.call("GET", "/v1/attempts?outcome=held").json["attempts"]):
        assert time.monotonic() < until
    assert (found[0]["reason"], found[0]["completeness"]) == ("cut", "partial")
    assert not live.world.objects()


def test_a_refusal_is_read_before_a_gigabyte_is_sent(live, curl, tmp_path):
    """Curl asks first with Expect, is told no, and sends nothing of a large file."""
    file = tmp_path / "large"
    with file.open("wb") as sparse:
        sparse.truncate(2**30)
    began = time.monotonic()
    answer = curl("-T", str(file), "-w", "\n%{http_code} %{size_upload}", live.url + "/v1/feeds/shop/orders/large")
    assert answer.stdout.split(b"\n")[-1] == b"404 0"
    assert time.monotonic() - began < 5


def test_digests_ranges_and_basic(live, curl, tmp_path):
    """Digest headers are checked, a download resumes by a range, and `-u name:token` serves old partners."""
    file = tmp_path / "a.bin"
    file.write_bytes(os.urandom(100_000))
    wrong = curl("-T", str(file), "-H", f"Content-Digest: sha-256=:{'A' * 43}=:", live.url + FEED)
    assert json.loads(wrong.stdout)["reason"] == "digest_mismatch"
    name = program("curl")
    basic = f"acme:{live.world.tokens['acme']}"
    put = subprocess.run([name, "-sSf", "-u", basic, "-T", str(file), live.url + FEED], capture_output=True, check=True)
    url = f"{live.url}/v1/deliveries/{json.loads(put.stdout)['receipt']['id']}/content"
    part = tmp_path / "part"
    part.write_bytes(file.read_bytes()[:40_000])
    curl("-f", "-C", "-", "-o", str(part), url)
    assert part.read_bytes() == file.read_bytes()


def test_http2_is_offered_and_ignored(live, curl, tmp_path):
    """`--http2` in the clear asks to upgrade; the file lands over HTTP/1.1, whole."""
    file = tmp_path / "a.bin"
    file.write_bytes(os.urandom(200_000))
    delivery = json.loads(curl("-f", "--http2", "-T", str(file), live.url + FEED).stdout)
    assert delivery["receipt"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_resumed_upload_is_refused(live, curl, tmp_path):
    """`curl -C` sends a part of a file as if it were one: refused, not landed as the whole."""
    file = tmp_path / "a.bin"
    file.write_bytes(b"x" * 1000)
    answer = json.loads(curl("-C", "500", "-T", str(file), live.url + FEED).stdout)
    assert answer["reason"] == "bad_request"
    assert not live.world.objects()


def test_a_client_certificate(tmp_path):
    """`curl --cert` alone says who sends, over TLS with our own CA."""
    authority = Authority(tmp_path)
    certificate, key, _ = authority.issue("server")
    shown, shown_key, fingerprint = authority.issue("partner")
    with Live(tmp_path, tls=ServerTls(certificate, key, authority.path)) as live:
        live.run(lambda: live.world.add("partner", Role.SENDER, "acme-crm/*", certificates=(fingerprint,)))
        command = [
            program("curl"),
            "-sSf",
            "--cacert",
            str(authority.path),
            "--cert",
            str(shown),
            "--key",
            str(shown_key),
        ]
        put = subprocess.run([*command, "-T", str(certificate), live.url + FEED], capture_output=True, check=True)
        assert json.loads(put.stdout)["receipt"]["sender"] == {
            "name": "partner",
            "credential": f"certificate:{fingerprint}",
        }


def test_behind_haproxys_preamble(tmp_path):
    """`curl --haproxy-protocol` from a trusted address is believed about where it comes from."""
    with Live(tmp_path, trusted_proxies=("127.0.0.0/8",)) as live:
        curl = runner(live, tmp_path)
        seen = json.loads(curl("-f", "--haproxy-protocol", live.url + "/v1/whoami").stdout)
        assert seen["address"] == "127.0.0.1"


def test_many_files_at_once(live, curl, tmp_path):
    """A folder of files sent by parallel curls lands whole, each byte for byte."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number}.bin").write_bytes(os.urandom(number * 1000))
    curl(
        "-f",
        "-Z",
        "--parallel-max",
        "8",
        "-T",
        "{" + ",".join(map(str, sorted(folder.iterdir()))) + "}",
        live.url + FEED,
    )
    sent = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir())
    stored = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in live.world.objects())
    assert stored == sent
    shutil.rmtree(folder)
