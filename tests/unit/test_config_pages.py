from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jsonschema_rs
import pytest

from headwater.config import load, reference, schema, show, template
from headwater.config_schema import Config, fields_of
from headwater.config_values import MASK

HOME = Path("/srv/headwater")
PAGE = Path(__file__).parents[2] / "docs/reference/config.md"


def uncommented() -> str:
    """The template with every key said."""
    return re.sub(r"^#(?=\S)", "", template(), flags=re.MULTILINE)


@pytest.fixture
def home(tmp_path):
    """A home with the keys that the template names."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/ledger").write_text("ledger-key")
    (tmp_path / "keys/ssh_host_ed25519").write_text("host-key")
    return tmp_path


ENVIRON = {"HEADWATER_BOOKS_DSN": "postgresql://u:hunter2@db/x", "ACME_TOKEN": "t" * 40}


def test_the_template_says_nothing():
    """The file that a new home gets changes no default."""
    assert load({HOME / "headwater.toml": template()}, {}, HOME) == load({}, {}, HOME)


def test_all_of_the_template_holds(home):
    """Every example in it is accepted when its comment sign is taken away."""
    config = load({home / "headwater.toml": uncommented()}, ENVIRON, home).config
    assert config.senders["acme"].allow == ("acme-crm/*",)
    assert config.sources["acme-crm"].feeds["daily_sales"].format == "csv"


def test_the_template_shows_every_key(home):
    """No key of any table is left out."""

    def missing(table, raw, path):
        for field in fields_of(table):
            if field.key not in raw:
                yield (*path, field.key)
            elif field.shape.table and isinstance(raw[field.key], dict):
                inner = raw[field.key]
                inner = next(iter(inner.values())) if field.shape.named else inner
                yield from missing(field.shape.table, inner, (*path, field.key))

    left_out = set(missing(Config, tomllib.loads(uncommented()), ()))
    assert left_out <= {("ftp", "tls", "client_ca"), ("admin", "tls", "client_ca")}


def test_the_reference_is_the_page():
    """docs/reference/config.md is what the code says; write `headwater.config.reference()` into it when it is not."""
    assert PAGE.read_text() == reference()


def test_the_reference_has_every_key():
    """Each key stands in the reference with a meaning."""

    def rows(table):
        for field in fields_of(table):
            if field.about.meaning and not field.shape.named:
                yield field
            if field.shape.table:
                yield from rows(field.shape.table)

    lines = reference().splitlines()
    for field in rows(Config):
        assert any(line.startswith(f"| `{field.key}` |") and field.about.meaning in line for line in lines)


def test_every_value_is_described():
    """A key without a table of its own has a meaning."""

    def silent(table):
        for field in fields_of(table):
            if not field.about.meaning and (field.shape.form or field.shape.named):
                yield field.key
            if field.shape.table:
                yield from silent(field.shape.table)

    assert list(silent(Config)) == []


# --- effective values -------------------------------------------------------------------------------------------------


def test_show(home):
    """Every effective value is shown as TOML writes it, with where it came from."""
    text = 'zone = "s3://a-b/c"\n[http]\nlisten = "off"\n[senders.acme]\nallow = ["a1x/*", "b1x/*"]'
    loaded = load({home / "headwater.toml": text}, {"HEADWATER_FTP_LISTEN": "127.0.0.1:1"}, home)
    rows = {row.key: (row.value, row.origin) for row in show(*loaded)}
    assert rows["zone"] == ('"s3://a-b/c"', f"{home}/headwater.toml:1")
    assert rows["books"] == (f'"{home}/books.sqlite3"', "default")
    assert rows["http.listen"] == ('"off"', f"{home}/headwater.toml:3")
    assert rows["ftp.listen"] == ('"127.0.0.1:1"', "environment variable HEADWATER_FTP_LISTEN")
    assert rows["senders.acme.allow"] == ('["a1x/*", "b1x/*"]', f"{home}/headwater.toml:5")
    assert rows["limits.resume_for"] == ('"1d"', "default")
    assert rows["ledger.public"] == ("false", "default")
    assert rows["s3.endpoint"] == ("(not set)", "default")
    assert rows["keys.ledger"] == ("(keys/ledger in the home)", "default")


def test_show_hides_secrets(home):
    """No secret is shown, wherever it came from."""
    loaded = load({home / "headwater.toml": uncommented()}, ENVIRON, home)
    rows = {row.key: row.value for row in show(*loaded)}
    assert rows["books"] == rows["keys.ledger"] == f'"{MASK}"'
    assert rows["keys.ssh_host"] == rows["senders.acme.tokens"] == f'["{MASK}"]'
    everything = repr(show(*loaded)) + repr(loaded)
    assert not [secret for secret in ("hunter2", "ledger-key", "host-key", "t" * 40) if secret in everything]


def test_show_can_be_read_again():
    """What is shown of values that are set is TOML of the same meaning."""
    rows = [row for row in show(*load({}, {}, HOME)) if not row.value.startswith("(")]
    text = "\n".join(f"{row.key} = {row.value}" for row in rows)
    assert load({HOME / "headwater.toml": text}, {}, HOME).config == load({}, {}, HOME).config


# --- JSON Schema ------------------------------------------------------------------------------------------------------


def test_the_schema_takes_the_template():
    """An editor finds nothing wrong with the examples."""
    jsonschema_rs.meta.validate(schema())
    jsonschema_rs.validate(schema(), tomllib.loads(uncommented()))


@pytest.mark.parametrize(
    "text",
    [
        "[http]\nlisen = 'off'",
        "[http]\nlisten = 5",
        "[http]\ntls = { certificate = 'c' }",
        "[http]\ntls = 'non'",
        "[limits]\nmemory = '1GB'",
        "[limits]\nconnections_max = 0",
        "[ledger]\npublic = 'yes'",
        "[keys]\nledger = 'secret'",
        "[senders.acme]",
        "[sources.acme.feeds.sales]\ndurability = 'disk'",
        "[s3]\nregion = { env = 'A', file = 'B' }",
    ],
)
def test_the_schema_refuses(text):
    """An editor finds what the program would refuse."""
    assert not jsonschema_rs.is_valid(schema(), tomllib.loads(text))
