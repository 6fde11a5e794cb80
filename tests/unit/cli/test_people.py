from __future__ import annotations

import json
import stat

import urllib3

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


def test_a_sender_for_ssh(run, home, place):
    """Key, CA and password together, and weak algorithms: asked for, shown, guided by, named by doctor, taken back."""
    public = str(home.keys / "first_ed25519.pub")
    words = ["--allow", "old/*", "--key", public, "--ca", public, "--password", "--factors", "ssh_key,password"]
    made = run("senders", "add", "old", *words, "--legacy", "--json").document
    assert set(made["secrets"]) == {"password"}
    seen = run("senders", "show", "old").out
    assert "ssh key and password" in seen
    assert "Weak SSH algorithms" in seen
    assert "and your password" in run("senders", "guide", "old").out
    assert "old may use" in run("doctor").out
    assert run("senders", "rotate", "old", "--ca", public).code == 1
    assert run("senders", "legacy", "old", "off").code == 0
    assert run("senders", "show", "old", "--json").document["legacy"] is False


def test_refused_logins_are_shown_by_reason_and_address(home, bare, place):
    """Who guesses a sender's password is seen there, with the address, counted; JSON has the same."""
    with serving(home) as url:
        for _ in range(2):
            urllib3.request("GET", f"{url}/v1/whoami", headers=urllib3.make_headers(basic_auth="first:guess"))
        shown = bare("--home", str(home.path), "senders", "show", "first")
        (refused,) = bare("--home", str(home.path), "senders", "show", "first", "--json").document["refused"]
    assert "TURNED AWAY" in shown.out
    assert (refused["reason"], refused["address"], refused["count"]) == ("wrong", "127.0.0.1", 2)


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
