"""Senders and users over HTTP: secrets are shown once, every act is an entry with who asked."""

from __future__ import annotations

import base64

import pytest

from headwater.ledger.entries import Admin

NEW = {"name": "partner", "allow": ["acme-crm/daily"], "token": True, "password": True, "expires": "400d"}


def acts(live) -> list[tuple[str, str, str]]:
    """What was done by whom, from the ledger, without what the test's own world did."""
    entries = [entry for entry in live.run(live.world.entries) if isinstance(entry, Admin)]
    return [(entry.by, entry.act, entry.subject) for entry in entries if entry.by != "test"]


def test_the_life_of_a_sender(live):
    """A sender is added, delivers with token and password, is rotated, given a root, and revoked; each by an entry."""
    made = live.call("POST", "/v1/senders", NEW, who="admin")
    assert made.status == 201
    secrets = made.json["secrets"]
    shown = live.call("GET", "/v1/senders/partner", who="admin")
    assert all(secret.encode() not in shown.body for secret in secrets.values())
    assert shown.json["root"] == "/acme-crm/daily"
    assert shown.json["next_expiry_at"] is not None
    live.world.tokens["partner"] = secrets["token"]
    assert live.call("PUT", "/v1/feeds/acme-crm/daily/a", b"a", who="partner").status == 201
    basic = base64.b64encode(f"partner:{secrets['password']}".encode()).decode()
    who = live.call("GET", "/v1/whoami", who=None, headers={"Authorization": f"Basic {basic}"}).json
    assert who["credential"].startswith("password:")
    rotated = live.call("POST", "/v1/senders/partner/rotate", {"overlap": "0s"}, who="admin").json["secrets"]
    assert live.call("GET", "/v1/whoami", who="partner").status == 401
    live.world.tokens["partner"] = rotated["token"]
    assert live.call("GET", "/v1/whoami", who="partner").status == 200
    assert live.call("POST", "/v1/senders/partner/root", {"root": None}, who="admin").json["root"] is None
    assert live.call("GET", "/v1/senders/partner/guide", who="admin").body == b"How to deliver as partner\n"
    revoked = live.call("POST", "/v1/senders/partner/revoke", {}, who="admin").json["revoked"]
    assert any(fingerprint.startswith("token:") for fingerprint in revoked)
    assert live.call("GET", "/v1/whoami", who="partner").status == 401
    steps = ["senders.add", "senders.rotate", "senders.root", "senders.revoke"]
    assert acts(live) == [("admin", step, "partner") for step in steps]


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def test_a_sender_for_ssh(live):
    """Keys, a CA, what must be shown together, weak algorithms: asked for, shown, and changed by acts of their own."""
    body = {"name": "partner", "allow": ["acme-crm/*"], "ssh_keys": [KEY], "ssh_ca": [KEY], "password": True}
    both = ["ssh_key", "password"]
    made = live.call("POST", "/v1/senders", {**body, "factors": both, "legacy": True}, who="admin").json["identity"]
    assert (made["factors"], made["legacy"]) == (both, True)
    assert [one["kind"] for one in made["credentials"]] == ["password", "ssh_key", "ssh_ca"]
    assert live.call("POST", "/v1/senders/partner/legacy", {"legacy": False}, who="admin").json["legacy"] is False
    more = {"ssh_ca": [KEY[:-4] + "AAAB"], "overlap": "0s"}
    rotated = live.call("POST", "/v1/senders/partner/rotate", more, who="admin").json["identity"]["credentials"]
    assert [one["state"] for one in rotated if one["kind"] == "ssh_ca"] == ["expired", "live"]
    assert [step for _, step, _ in acts(live)] == ["senders.add", "senders.legacy", "senders.rotate"]


def test_a_sender_is_shown_with_what_was_turned_away(live):
    """Refused logins in its name by reason, door and address, counted; and the last use, as it is now."""
    basic = base64.b64encode(b"acme:guess").decode()
    for _ in range(3):
        live.call("GET", "/v1/whoami", who=None, headers={"Authorization": f"Basic {basic}"})
    live.call("GET", "/v1/whoami", who="acme")
    seen = live.call("GET", "/v1/senders/acme", who="admin").json
    (refused,) = seen["refused"]
    assert (refused["reason"], refused["door"], refused["count"]) == ("wrong", "http", 3)
    assert refused["address"] == "127.0.0.1"
    assert seen["bans"] == []
    assert seen["last_used_at"] is not None


def test_a_user_is_no_sender(live):
    """Users are added with a role at their own place; neither kind is found at the other's."""
    made = live.call("POST", "/v1/users", {"name": "ada", "role": "reader", "allow": ["*"], "token": True}, who="admin")
    assert made.status == 201
    live.world.tokens["ada"] = made.json["secrets"]["token"]
    assert live.call("GET", "/v1/whoami", who="ada").json["role"] == "reader"
    assert live.call("GET", "/v1/senders/ada", who="admin").status == 404
    assert live.call("GET", "/v1/users/acme", who="admin").status == 404
    assert live.call("POST", "/v1/users/acme/revoke", {}, who="admin").status == 404
    names = [one["name"] for one in live.call("GET", "/v1/users", who="admin").json["identities"]]
    assert "ada" in names
    assert "acme" not in names
    refused = live.call("POST", "/v1/users", {"name": "bob", "role": "sender", "token": True}, who="admin")
    assert refused.status == 400


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({**NEW, "name": "acme"}, 409, "exists"),
        ({**NEW, "name": "Not A Name"}, 400, "bad_feed"),
        ({**NEW, "allow": []}, 400, "bad_request"),
        ({**NEW, "typo": 1}, 400, "bad_request"),
        ({**NEW, "expires": "soon"}, 400, "bad_request"),
        ({"name": "partner", "allow": ["*"]}, 400, "bad_request"),
        ("not json", 415, "unsupported"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(live, body, status, reason):
    """What cannot be is refused with a reason, and leaves no entry."""
    answer = live.call("POST", "/v1/senders", body, who="admin")
    assert (answer.status, answer.json["reason"]) == (status, reason)
    assert acts(live) == []


def test_a_call_is_json_and_whole(live):
    """A body that is no JSON, too large, or whose framing breaks is refused before anything is done."""
    headers = {"Content-Type": "application/json"}
    assert live.call("POST", "/v1/senders", b"{", who="admin", headers=headers).status == 400
    assert live.call("POST", "/v1/senders", b'"\xff"', who="admin", headers=headers).status == 400
    assert live.call("POST", "/v1/senders", b"[" * 70_000, who="admin", headers=headers).status == 413
    fields = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    head = live.head("POST", "/v1/senders/acme/revoke", *fields, who="admin")
    assert live.raw(head + b"2\r\n{}\r\nnonsense\r\n").startswith(b"HTTP/1.1 400")
    assert acts(live) == []


def test_check_says_what_would_happen(live):
    """Whether a sender would be let in from an address, and where its file would land, with the rules."""
    path = "/v1/senders/acme/check?from=192.0.2.1&path=/acme-crm/daily/x.csv"
    found = live.call("GET", path, who="admin").json
    assert found["let_in"] is True
    assert found["routed"]["feed"] == {"source": "acme-crm", "feed": "daily"}
    assert live.call("GET", "/v1/senders/acme/check?from=nowhere", who="admin").status == 400
    assert live.call("GET", "/v1/senders/acme/check", who="admin").status == 400
