from __future__ import annotations

import pickle

import msgspec
import pytest

from headwater.config_values import (
    ADDRESS,
    BOOKS,
    CERTIFICATE,
    COUNT,
    DURATION,
    FEED_ROOT,
    FLAG,
    LISTEN,
    MASK,
    NETWORK,
    PATH,
    PATTERN,
    PORTS,
    SCHEDULE,
    SECRET,
    SIZE,
    SSH_KEY,
    TEXT,
    TIMEZONE,
    TOKEN,
    URL,
    ZONE,
    Address,
    PostgresBooks,
    Secret,
    Wrong,
    choice,
)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def test_a_secret_hides_itself():
    """However a secret is shown, it is not there; only reveal gives it."""
    secret = Secret("hunter2")
    held = PostgresBooks(secret)
    texts = [repr(secret), str(secret), f"{secret}", f"{secret!r}", f"{held}", repr([secret]), repr({"a": secret})]
    assert "hunter2" not in "".join(texts)
    assert secret.reveal() == "hunter2"


def test_a_secret_cannot_be_written_out():
    """What would write a secret into JSON or a pickle fails."""
    with pytest.raises(TypeError):
        msgspec.json.encode(PostgresBooks(Secret("hunter2")))
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hunter2"))


def test_secrets_are_equal_by_value():
    """A reload can tell whether a secret has changed."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1


@pytest.mark.parametrize(
    ("form", "written", "value"),
    [
        (DURATION, "500ms", 0.5),
        (DURATION, "0s", 0.0),
        (DURATION, "90s", 90.0),
        (DURATION, "30m", 1800.0),
        (DURATION, "36h", 129600.0),
        (DURATION, "7d", 604800.0),
        (SIZE, "1B", 1),
        (SIZE, "1536KiB", 1536 << 10),
        (SIZE, "128MiB", 128 << 20),
        (SIZE, "5TiB", 5 << 40),
    ],
)
def test_units(form, written, value):
    """Durations are seconds, sizes are bytes, and both are written back as they were."""
    assert form.parse(written) == value
    assert form.write(value) == f'"{written}"'


@pytest.mark.parametrize(
    "text", ["", "30", "m", "-1m", "1.5h", "1h30m", "30 m", "30M", "1w", 30, True, "٣m", "9" * 5000 + "s"]
)
def test_wrong_durations(text):
    """A duration is a whole number and a unit, nothing else."""
    with pytest.raises(Wrong, match="must be a duration"):
        DURATION.parse(text)


@pytest.mark.parametrize("text", ["", "128", "MiB", "0B", "-1B", "1.5GiB", "1 GiB", "1GB", "1gib", 128, None])
def test_wrong_sizes(text):
    """A size is a whole number of bytes from 1 and a binary unit, nothing else."""
    with pytest.raises(Wrong, match="must be a size"):
        SIZE.parse(text)


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("127.0.0.1:8020", "127.0.0.1", 8020, True),
        ("0.0.0.0:0", "0.0.0.0", 0, False),
        ("[::1]:22", "::1", 22, True),
        ("[2001:DB8::1]:22", "2001:db8::1", 22, False),
        ("localhost:65535", "localhost", 65535, True),
        ("landing.example:80", "landing.example", 80, False),
    ],
)
def test_addresses(text, host, port, is_loopback):
    """An address is a name or an IP address and a port, and knows whether only this machine reaches it."""
    address = ADDRESS.parse(text)
    assert (address, address.is_loopback) == (Address(host, port), is_loopback)
    assert ADDRESS.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "8020", ":8020", "127.0.0.1", "127.0.0.1:", "1.2.3:80", "::1:80", "[::1]", "[x]:1", "a:65536", "a b:1", 80],
)
def test_wrong_addresses(text):
    """What cannot be listened on is refused."""
    with pytest.raises(Wrong, match="must be an address and a port"):
        LISTEN.parse(text)


def test_off():
    """A door that is off has no address, and is written as off."""
    assert LISTEN.parse("off") is None
    assert LISTEN.write(None) == '"off"'
    with pytest.raises(Wrong):
        ADDRESS.parse("off")


@pytest.mark.parametrize(
    ("text", "written"),
    [("s3://acme-raw", "s3://acme-raw"), ("s3://acme-raw/a/b/", "s3://acme-raw/a/b"), ("/srv/zone", "/srv/zone")],
)
def test_zones(text, written):
    """A zone is a folder or a bucket and prefix, and prints as it is written."""
    assert str(ZONE.parse(text)) == written


@pytest.mark.parametrize(
    "text", ["", "s3://", "s3:///x", "s3://A/x", "s3://acme-raw/a//b", "s3://acme-raw/../b", "gs://a/b", "~/zone", 5]
)
def test_wrong_zones(text):
    """A zone that could be no zone is refused."""
    with pytest.raises(Wrong):
        ZONE.parse(text)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (BOOKS, "mysql://x"),
        (BOOKS, "~/books"),
        (PATH, "https://x"),
        (URL, "landing.example"),
        (URL, "ftp://x"),
        (URL, "https://"),
        (URL, "https://u:p@x"),
        (URL, "https://[x"),
        (NETWORK, "10.0.0.0/33"),
        (NETWORK, "acme.example"),
        (PORTS, "5"),
        (PORTS, "9-8"),
        (PORTS, "0-8"),
        (PORTS, "1-65536"),
        (PATTERN, "acme"),
        (FEED_ROOT, "/acme"),
        (SCHEDULE, "every day"),
        (SCHEDULE, "* * * *"),
        (SCHEDULE, "@fortnightly"),
        (TIMEZONE, "Europe/Berlon"),
        (TIMEZONE, "../etc/passwd"),
        (TOKEN, "sha256:abc"),
        (TOKEN, "short"),
        (TOKEN, "é" * 40),
        (CERTIFICATE, "ab" * 31),
        (SSH_KEY, "-----BEGIN OPENSSH PRIVATE KEY-----"),
        (SSH_KEY, KEY.replace("ssh-ed25519", "ssh-rsa")),
        (SSH_KEY, "ssh-ed25519"),
        (SSH_KEY, "\udcff AAAAA" + "A" * 8),
        (SSH_KEY, "ssh-ed25519 ???"),
        (SSH_KEY, ""),
        (SECRET, ""),
        (TEXT, 5),
        (FLAG, "true"),
        (FLAG, 1),
        (COUNT, 0),
        (COUNT, True),
        (COUNT, "5"),
        (COUNT, 1.5),
        (choice(["crm", "api"]), "crn"),
        (choice(["crm", "api"]), {}),
    ],
)
def test_wrong_values(form, value):
    """What is not of a form is refused with what it must be."""
    with pytest.raises(Wrong) as wrong:
        form.parse(value)
    assert wrong.value.sentence


@pytest.mark.parametrize(
    ("form", "value", "suggestion"),
    [
        (SIZE, "1 gb", ""),
        (SIZE, "1G", 'Did you mean "1GiB"?'),
        (LISTEN, ":80", 'Did you mean "127.0.0.1:80"?'),
        (NETWORK, "10.0.0.1/8", 'Did you mean "10.0.0.0/8"?'),
        (TIMEZONE, "Europe/Berlon", 'Did you mean "Europe/Berlin"?'),
        (choice(["crm", "api"]), "crn", 'Did you mean "crm"?'),
    ],
)
def test_suggestions(form, value, suggestion):
    """Where it can be guessed what was meant, it is said."""
    with pytest.raises(Wrong) as wrong:
        form.parse(value)
    assert wrong.value.suggestion == suggestion


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (SSH_KEY, f" {KEY} me@host\n", f"{KEY} me@host"),
        (FEED_ROOT, "acme/sales", "/acme/sales"),
        (SCHEDULE, "0 6 * * 1-5", "0 6 * * 1-5"),
        (SCHEDULE, "@daily", "@daily"),
        (NETWORK, "2001:db8::/32", "2001:db8::/32"),
        (PATTERN, "acme-*/*", "acme-*/*"),
    ],
)
def test_right_values(form, text, value):
    """Texts are taken in one way of writing."""
    assert form.parse(text) == value


@pytest.mark.parametrize(
    ("form", "text", "shown"),
    [
        (BOOKS, "postgresql://u:pw@db/x", MASK),
        (BOOKS, "/b.sqlite3", "/b.sqlite3"),
        (SECRET, "hunter2", MASK),
        (TOKEN, "t" * 32, MASK),
    ],
)
def test_secret_forms_write_a_mask(form, text, shown):
    """What is secret is written as a mask, and nothing else is."""
    assert form.write(form.parse(text)) == f'"{shown}"'
