from __future__ import annotations

import json
import stat

from tests.homes import make_home, serving


def test_a_sender_lives_and_ends(run, place):
    """A sender is added with a token that is shown once, is shown, checked, given new credentials, and revoked."""
    made = run("senders", "add", "acme", "--allow", "acme-crm/*", "--address", "198.51.100.0/24", "--json").document
    assert made["secrets"]["token"].startswith("hw_")
    assert "token:" in run("senders", "show", "acme").out
    assert made["secrets"]["token"] not in run("senders", "show", "acme").out

    assert run("senders", "check", "acme", "--from", "198.51.100.7", "--path", "/acme-crm/daily/x.csv").code == 0
    turned = run("senders", "check", "acme", "--from", "203.0.113.1")
    assert (turned.code, "not within" in turned.out) == (1, True)
    assert "curl -T" in run("senders", "guide", "acme").out
    assert run("senders", "rotate", "acme", "--json").document["secrets"]["token"] != made["secrets"]["token"]
    assert run("senders", "root", "acme", "/acme-crm/daily").code == 0
    assert run("senders", "revoke", "acme", "--json").code == 0
    assert run("senders", "show", "acme", "--json").document["state"] == "revoked"
    assert run("senders", "show", "nobody").code == 1


def test_a_private_key_is_not_taken_for_a_public_one(run, home, place):
    """--key with a private key is refused before anything is sent."""
    done = run("senders", "add", "keyed", "--allow", "first/*", "--key", str(home.keys / "first_ed25519"))

    assert (done.code, "private key" in done.err) == (2, True)
    public = str(home.keys / "first_ed25519.pub")
    assert run("senders", "add", "keyed", "--allow", "first/*", "--key", public, "--json").document["secrets"] == {}


def test_users_are_kept_apart_from_senders(run):
    """A user has a role, and stands in no list of senders."""
    assert run("users", "add", "ana", "--role", "reader", "--allow", "acme-crm/*", "--json").code == 0
    assert [one["name"] for one in run("users", "--json").lines] == ["ana", "home"]
    assert "ana" not in run("senders").out
    assert run("users", "rotate", "ana").code == 0
    assert run("users", "revoke", "ana").code == 0


def test_login_makes_a_server_the_one_to_go_to(bare, place, monkeypatch):
    """After login commands go to the server, as who the token says; after logout they do not."""
    home = make_home(place / "somewhere")
    (place / "token").write_text((home.keys / "home.token").read_text())
    with serving(home) as url:
        assert bare("--token-file", "token", "login", url).code == 0
        assert bare("whoami", "--json").document["where"] == url
        assert bare("verify").code == 0
        assert bare("logout").code == 0
        assert bare("whoami").code == 2
        monkeypatch.setenv("HEADWATER_TOKEN", "hw_wrong")
        assert bare("login", url).code == 2
    saved = place / "config" / "headwater" / "logins.json"
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert json.loads(saved.read_text()) == {}
