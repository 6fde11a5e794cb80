from __future__ import annotations

import stat
from datetime import UTC, date, datetime, timedelta

import pytest

from headwater.errors import Misconfigured, Refused, Unavailable
from headwater.zone.logins import Logins, load_logins, logins_path, save_logins
from headwater.zone.moment import moment_text
from headwater.zone.transport import HttpTransport
from headwater.zone.where import BareAt, HomeAt, ServerAt, looked_for, named
from tests.processes import free_port

URL = "https://landing.example"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder, and an environment without anything in it but where logins are kept."""
    monkeypatch.chdir(tmp_path)
    return {"XDG_CONFIG_HOME": str(tmp_path / "config")}


def home_in(path):
    """What looks like a home."""
    (path / "keys").mkdir(parents=True)
    (path / "headwater.toml").touch()
    return HomeAt(path)


def test_the_first_that_is_named_holds(place, tmp_path):
    """--server, --home, HEADWATER_SERVER, HEADWATER_HOME, the saved login, ./headwater-home: in this order."""
    here, there, default = (home_in(tmp_path / name) for name in ("here", "there", "headwater-home"))
    save_logins(logins_path(place), Logins(current="https://saved.example", tokens={"https://saved.example": "s"}))
    environ = {**place, "HEADWATER_SERVER": "https://env.example", "HEADWATER_TOKEN": "t"}
    environ["HEADWATER_HOME"] = str(there.path)

    assert looked_for(URL, here.path, environ=environ) == ServerAt(URL, "t")
    assert looked_for(None, here.path, environ=environ) == here
    assert looked_for(environ=environ) == ServerAt("https://env.example", "t")
    del environ["HEADWATER_SERVER"], environ["HEADWATER_TOKEN"]
    assert looked_for(environ=environ) == there
    del environ["HEADWATER_HOME"]
    assert looked_for(environ=environ) == ServerAt("https://saved.example", "s")
    logins_path(place).unlink()
    assert looked_for(environ=environ) == default


def test_with_nothing_it_says_where_it_looked(place):
    """Where there is no home and no server, the error names every place."""
    with pytest.raises(Misconfigured) as error:
        looked_for(environ=place)

    assert error.value.reason == "no_home"
    for word in ("--server", "--home", "HEADWATER_SERVER", "HEADWATER_HOME", "logins.json", "./headwater-home"):
        assert word in error.value.sentence


def test_a_token_is_found_where_it_was_put(place):
    """A token that was given goes before HEADWATER_TOKEN, and that before the saved one; without any it is refused."""
    with pytest.raises(Refused, match="headwater login") as refusal:
        named(URL, None, place)
    save_logins(logins_path(place), Logins(tokens={URL: "saved"}))

    assert refusal.value.reason == "unauthenticated"
    assert named(f"{URL}/", None, place) == ServerAt(URL, "saved")
    assert named(URL, None, {**place, "HEADWATER_TOKEN": "env\n"}) == ServerAt(URL, "env")
    assert named(URL, "given", {**place, "HEADWATER_TOKEN": "env"}) == ServerAt(URL, "given")


def test_a_token_is_not_shown():
    """The place of a server prints without its token."""
    assert repr(ServerAt(URL, "hw_secret")) == f"ServerAt('{URL}')"


def test_a_folder_is_a_home_a_bare_zone_or_nothing(place, tmp_path):
    """A folder with zone.json is a bare zone, an s3:// URL is one too; an empty folder is neither."""
    (tmp_path / "zone").mkdir()
    (tmp_path / "zone" / "zone.json").touch()

    assert named(tmp_path / "zone", None, place) == BareAt(str(tmp_path / "zone"))
    assert named("s3://bucket/prefix", None, place) == BareAt("s3://bucket/prefix")
    with pytest.raises(Misconfigured, match="no home and no zone"):
        named(tmp_path, None, place)


def test_a_server_is_a_url(place):
    """What is no http(s) URL is no server."""
    with pytest.raises(Refused, match="is no server"):
        looked_for("landing.example", environ=place)


def test_logins_are_kept_for_their_owner_alone(place):
    """The file has mode 0600, its folder 0700; one that is broken says so."""
    path = logins_path(place)
    save_logins(path, Logins(current=URL, tokens={URL: "t"}))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert load_logins(path).tokens == {URL: "t"}
    path.write_text("{")
    with pytest.raises(Misconfigured, match="Remove the file"):
        load_logins(path)


@pytest.mark.parametrize("url", ["http://landing.example", "http://198.51.100.7:8020"])
def test_a_token_does_not_go_over_the_wire_in_the_clear(url):
    """Off loopback a server is spoken to over TLS alone."""
    with pytest.raises(Refused) as refusal:
        HttpTransport(url, "t")
    assert refusal.value.reason == "insecure"


def test_a_server_that_is_not_there_is_unavailable():
    """Nobody at the port: the same call may be tried again."""
    transport = HttpTransport(f"http://127.0.0.1:{free_port()}", "t")

    with pytest.raises(Unavailable, match="Is it running") as error:
        transport.request("GET", "/healthz", {})
    assert error.value.reason == "server_unavailable"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-11-22", "2026-11-22T00:00:00.000000Z"),
        ("2026-11-22T06:00:00+01:00", "2026-11-22T05:00:00.000000Z"),
        ("2026-11-22T06:00:00.5Z", "2026-11-22T06:00:00.500000Z"),
        ("2d", "2026-11-21T09:30:00.000000Z"),
        ("90m", "2026-11-23T08:00:00.000000Z"),
        ("yesterday", "2026-11-22T00:00:00.000000Z"),
        ("today", "2026-11-23T00:00:00.000000Z"),
        (date(2026, 11, 22), "2026-11-22T00:00:00.000000Z"),
        (timedelta(hours=1), "2026-11-23T08:30:00.000000Z"),
        (NOW, "2026-11-23T09:30:00.000000Z"),
    ],
)
def test_moments_are_understood(said, meant):
    """A moment may be said in each of these ways, and is one in UTC."""
    assert moment_text(said, NOW) == meant


@pytest.mark.parametrize("said", ["soon", "2026-13-01", "2026-11-22T06:00:00", datetime(2026, 1, 1)])  # noqa: DTZ001
def test_what_is_no_moment_is_refused(said):
    """What cannot be understood, or has no offset, is refused with how to write it."""
    with pytest.raises(Refused) as refusal:
        moment_text(said, NOW)
    assert refusal.value.reason == "bad_request"
