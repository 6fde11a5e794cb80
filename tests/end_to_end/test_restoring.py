"""The restore drill on S3: the machine is gone, and there are the bucket and two keys that were kept elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from headwater.testing.s3_double import S3Double
from tests import checker
from tests.crash.served import CONFIG, Server, headwater, made_home

URL = "s3://landing/zone"
FEED = "/v1/feeds/acme/files/"


@pytest.fixture
def double():
    """A bucket."""
    with S3Double(versioning=True) as running:
        running.create_bucket("landing")
        yield running


def token_of_a_new_sender(home: Path, name: str, environ: dict[str, str]) -> str:
    """Adds a sender for the feeds of `acme`."""
    made = headwater(home, "--json", "senders", "add", name, "--allow", "acme/*", "--token", environ=environ)
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["secrets"]["token"])


def test_a_bucket_and_two_keys_are_enough(tmp_path, double):
    """On a bare machine the backup opens, senders and deliveries are back, and who was revoked since stays out."""
    environ = {
        "AWS_ACCESS_KEY_ID": double.access_key,
        "AWS_SECRET_ACCESS_KEY": double.secret_key,
        "AWS_ENDPOINT_URL": double.endpoint,
        "AWS_REGION": "us-east-1",
        "HEADWATER_HTTP_LISTEN": "127.0.0.1:0",
        "HEADWATER_SFTP_LISTEN": "127.0.0.1:0",
    }
    old, new, kept = made_home(tmp_path / "old", f'zone = "{URL}"\n{CONFIG}').path, tmp_path / "new", tmp_path / "kept"
    assert headwater(old, "init", environ=environ).returncode == 0
    with Server(old, tmp_path / "old.log", environ) as server:
        stays = token_of_a_new_sender(old, "stays", environ)
        goes = token_of_a_new_sender(old, "goes", environ)
        before = server.ask("PUT", FEED + "before.csv", b"1", token=goes).json
        assert headwater(old, "books", "backup", environ=environ).returncode == 0
        after = server.ask("PUT", FEED + "after.csv", bytes(9 << 20), token=stays).json
        assert headwater(old, "senders", "revoke", "goes", environ=environ).returncode == 0
        late = token_of_a_new_sender(old, "late", environ)
        server.kill()
    kept.mkdir()
    for name in ("ledger", "recovery.key"):
        shutil.copy(next(old.rglob(name)), kept / name)
    shutil.rmtree(old)

    restore = ("--json", "books", "restore", URL, "--recovery-key", str(kept / "recovery.key"))
    rehearsed = headwater(new, *restore, "--check", environ=environ)
    assert (rehearsed.returncode, new.exists()) == (1, False), rehearsed.stderr  # one credential is lost
    restored = headwater(new, *restore, environ=environ)
    assert restored.returncode == 0, restored.stderr
    told = json.loads(restored.stdout)
    assert told["revoked"] == [["goes", "all"]]
    assert [name for name, _ in told["lost"]] == ["late"]
    shutil.copy(kept / "ledger", new / "keys" / "ledger")

    with Server(new, tmp_path / "new.log", environ) as server:
        statuses = [server.ask("PUT", FEED + "new.csv", b"2", token=token).status for token in (stays, goes, late)]
        assert statuses == [201, 401, 401]
        for landed, data in ((before, b"1"), (after, bytes(9 << 20))):
            path = f"/v1/deliveries/{landed['receipt']['id']}"
            assert server.ask("GET", path, token=_home_token(new)).json["receipt"] == landed["receipt"]
            assert server.ask("GET", f"{path}/content", token=_home_token(new)).body == data
        assert headwater(new, "verify", environ=environ).returncode == 0
        assert server.stop() == 0
    client = double.client()
    assert checker.check(checker.BucketZone(client, "landing", "zone")).problems == []
    client.close()


def _home_token(home: Path) -> str:
    return (home / "keys" / "home.token").read_text().strip()
