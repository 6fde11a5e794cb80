from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from headwater.config import ConfigProblems, Loaded, Problem, load, read
from headwater.config_schema import TlsFiles
from headwater.config_values import Address, DirectoryZone, PostgresBooks, S3Zone, Secret, SqliteBooks
from headwater.errors import Misconfigured
from headwater.terms import Durability

HOME = Path("/srv/headwater")
FILE = HOME / "headwater.toml"
TOKEN = "t0ken-" * 8
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
EVERYTHING = f"""
zone = "s3://acme-raw/landing/"
books = "postgresql:///headwater"
[s3]
region = "eu-central-1"
endpoint = "http://127.0.0.1:9000"
kms_key = "arn:aws:kms:x"
[http]
listen = "0.0.0.0:8020"
tls = {{ certificate = "tls/c.pem", key = "/k.pem", client_ca = "ca.pem" }}
trusted_proxies = ["10.0.0.0/8", "::1"]
public_url = "https://landing.acme.example/"
[sftp]
listen = "[::]:2022"
public_address = "sftp.acme.example:22"
[ftp]
listen = "off"
passive_ports = "50000-50100"
[limits]
memory = "1GiB"
resume_for = "24h"
drain = "500ms"
[ledger]
public = true
send_checkpoints = {{ schedule = "@hourly", to = ["audit"] }}
[sources.acme-crm]
kind = "crm"
[sources.acme-crm.feeds.daily_sales]
format = "csv"
companions = ["{{name}}.md5"]
expect = {{ schedule = "0 6 * * 1-5", timezone = "Europe/Berlin", grace = "30m", files = 1, rows_min = 1000 }}
durability = "journal"
retain = "400d"
delete = "deny"
[senders.acme]
allow = ["acme-crm/*"]
tokens = ["sha256:{"AB" * 32}"]
certificates = ["{":".join(["CD"] * 32)}"]
addresses = ["198.51.100.0/24"]
root = "/acme-crm/daily_sales"
"""


def loaded(text: str, **environ: str) -> Loaded:
    """The configuration that a file says."""
    return load({FILE: text}, environ, HOME)


def problems(text: str, **environ: str) -> list[Problem]:
    """What is wrong with a file."""
    with pytest.raises(ConfigProblems) as raised:
        loaded(text, **environ)
    assert raised.value.reason == "misconfigured"
    return list(raised.value.problems)


def problem(text: str, **environ: str) -> Problem:
    """The one thing that is wrong with a file."""
    (one,) = problems(text, **environ)
    return one


# --- values -----------------------------------------------------------------------------------------------------------


def test_nothing_said():
    """Without a word of configuration zone and books lie in the home, and every door listens on loopback."""
    config, origins = load({}, {}, HOME)
    assert config.zone == DirectoryZone(HOME / "zone")
    assert config.books == SqliteBooks(HOME / "books.sqlite3")
    assert [door.listen for door in (config.http, config.sftp, config.ftp)] == [
        Address("127.0.0.1", 8020),
        Address("127.0.0.1", 2022),
        Address("127.0.0.1", 2121),
    ]
    assert config.admin.listen is None
    assert set(origins.values()) == {"default"}


def test_everything_said():
    """Each value comes out as what it means, not as it was written."""
    config = loaded(EVERYTHING).config
    assert config.zone == S3Zone("acme-raw", "landing")
    assert config.books == PostgresBooks(Secret("postgresql:///headwater"))
    assert config.http.tls == TlsFiles(certificate=HOME / "tls/c.pem", key=Path("/k.pem"), client_ca=HOME / "ca.pem")
    assert config.http.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert config.http.public_url == "https://landing.acme.example"
    assert config.sftp.listen == Address("::", 2022)
    assert config.sftp.public_address == Address("sftp.acme.example", 22)
    assert config.ftp.listen is None
    assert str(config.ftp.passive_ports) == "50000-50100"
    assert (config.limits.memory_bytes, config.limits.resume_for_seconds, config.limits.drain_seconds) == (
        1 << 30,
        86400.0,
        0.5,
    )
    assert config.ledger.send_checkpoints
    assert config.ledger.send_checkpoints.to == ("audit",)
    feed = config.sources["acme-crm"].feeds["daily_sales"]
    assert feed.companions == ("{name}.md5",)
    assert (feed.expect.grace_seconds, feed.expect.rows_min) == (1800.0, 1000)
    assert (feed.durability, feed.retain_seconds, feed.delete) == (Durability.JOURNAL, 400 * 86400.0, "deny")
    sender = config.senders["acme"]
    assert sender.tokens_sha256 == ("ab" * 32,)
    assert sender.certificates_sha256 == ("cd" * 32,)
    assert sender.root == "/acme-crm/daily_sales"


def test_references(tmp_path):
    """Any value may come from the environment or a file; numbers, truth values and lists are understood there too."""
    (tmp_path / "region").write_text("eu-north-1\n")
    text = """
        [s3]
        region = { file = "region" }
        [http]
        trusted_proxies = { env = "PROXIES" }
        [limits]
        connections_max = { env = "CONNECTIONS" }
        [ledger]
        public = { env = "PUBLIC" }
    """
    environ = {"PROXIES": "10.0.0.0/8, 10.1.2.3", "CONNECTIONS": "7", "PUBLIC": "true"}
    config, origins = load({tmp_path / "a.toml": text}, environ, tmp_path)
    assert config.s3.region == "eu-north-1"
    assert config.http.trusted_proxies == ("10.0.0.0/8", "10.1.2.3/32")
    assert config.limits.connections_max == 7
    assert config.ledger.public is True
    assert origins["s3.region"] == f"{tmp_path}/a.toml:3, file {tmp_path}/region"
    assert origins["limits.connections_max"] == f"{tmp_path}/a.toml:7, environment variable CONNECTIONS"


def test_environment_overrides():
    """The environment wins over the file for the top and for the doors, and for nothing else; empty counts as none."""
    config, origins = loaded(
        'zone = "/a"\n[http]\nlisten = "127.0.0.1:1"\n[sftp]\nlisten = "127.0.0.1:2"',
        HEADWATER_ZONE="b",
        HEADWATER_BOOKS="postgresql://u:pw@db/x",
        HEADWATER_HTTP_LISTEN="0.0.0.0:3",
        HEADWATER_HTTP_TLS="upstream",
        HEADWATER_SFTP_LISTEN="",
        HEADWATER_FTP_LISTEN="off",
        HEADWATER_ADMIN_LISTEN="127.0.0.1:4",
        HEADWATER_LIMITS_MEMORY="1B",
        HEADWATER_HTTP_PORT="tcp://10.0.0.1:80",
    )
    assert config.zone == DirectoryZone(Path("b"))
    assert config.books == PostgresBooks(Secret("postgresql://u:pw@db/x"))
    assert (str(config.http.listen), config.http.tls) == ("0.0.0.0:3", "upstream")
    assert (str(config.sftp.listen), config.ftp.listen, str(config.admin.listen)) == (
        "127.0.0.1:2",
        None,
        "127.0.0.1:4",
    )
    assert config.limits.memory_bytes == 256 << 20
    assert origins["http.listen"] == "environment variable HEADWATER_HTTP_LISTEN"
    assert origins["sftp.listen"] == f"{FILE}:5"
    assert origins["limits.memory"] == "default"


HASH = "$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43


def test_passwords_are_hashes_at_the_usual_cost(tmp_path):
    """In the file or behind a reference; the password itself, or a hash of another cost, is refused unrepeated."""
    table = '[senders.acme]\nallow = ["*"]\npasswords = '
    assert loaded(f'{table}["{HASH}"]').config.senders["acme"].passwords == (HASH,)
    assert loaded(f'{table}[{{ env = "ACME" }}]', ACME=HASH).config.senders["acme"].passwords == (HASH,)
    assert "a secret must not stand in this file" in problem(f'{table}["hunter2"]').sentence
    dearer = HASH.replace("19456", "65536")
    for text in ("hunter2", dearer):
        sentence = problem(f'{table}[{{ env = "ACME" }}]', ACME=text).sentence
        assert "argon2id" in sentence
        assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("more", "fine"),
    [
        (f'factors = ["ssh_key", "password"]\npasswords = ["{HASH}"]\nssh_keys = ["{KEY}"]', True),
        (f'factors = ["password", "ssh_key"]\npasswords = ["{HASH}"]\nssh_ca = ["{KEY}"]', True),
        (f'factors = ["ssh_key", "password"]\nssh_keys = ["{KEY}"]', False),
        (f'factors = ["ssh_key"]\npasswords = ["{HASH}"]\nssh_keys = ["{KEY}"]', False),
        ('factors = ["token"]', False),
    ],
)
def test_who_must_show_both_has_both(more, fine):
    """Factors are key and password, and the sender has what it must show."""
    text = f'[senders.acme]\nallow = ["*"]\n{more}'
    if fine:
        assert set(loaded(text).config.senders["acme"].factors) == {"ssh_key", "password"}
    else:
        assert "factors" in problem(text).key


def test_tokens_are_kept_as_digests_only():
    """A token that a reference names is hashed while it is read: the configuration never holds it."""
    config = loaded('[senders.acme]\nallow = ["*"]\ntokens = [{ env = "ACME" }]', ACME=TOKEN).config
    assert config.senders["acme"].tokens_sha256 == (sha256(TOKEN.encode()).hexdigest(),)
    assert TOKEN not in repr(config)


# --- a folder of files ------------------------------------------------------------------------------------------------


def test_folder(tmp_path):
    """Of a folder all *.toml are read as one, also where they add to the same table."""
    (tmp_path / "a.toml").write_text('[sources.acme]\nkind = "crm"\n[http]\nlisten = "off"')
    (tmp_path / "b.toml").write_text('[sources.acme.feeds.sales]\nformat = "csv"\n[http]\ntls = "upstream"')
    (tmp_path / "c.txt").write_text("no TOML at all")
    config = load(read(tmp_path), {}, HOME).config
    assert config.sources["acme"].kind == "crm"
    assert config.sources["acme"].feeds["sales"].format == "csv"
    assert (config.http.listen, config.http.tls) == (None, "upstream")


def test_a_key_set_twice():
    """A key that two files set is an error that names both places, and so is one that a file sets twice."""
    with pytest.raises(ConfigProblems) as raised:
        load({Path("a.toml"): '[http]\nlisten = "off"', Path("b.toml"): '\n[http]\n\nlisten = "off"'}, {}, HOME)
    assert str(raised.value) == "b.toml:4: http.listen: this key is set already, in a.toml:2."
    assert problem('[http]\nlisten = "off"\nlisten = "off"').line == 3


def test_a_reference_and_a_table_do_not_mix():
    """Two files cannot each give a part of one value."""
    texts = {Path("a.toml"): 'http.tls = { env = "X" }', Path("b.toml"): 'http.tls = { certificate = "c", key = "k" }'}
    with pytest.raises(ConfigProblems, match=r"b.toml:1: http.tls: this key is set already"):
        load(texts, {"X": "none"}, HOME)


def test_read_what_is_not_there(tmp_path):
    """A configuration that was named must be there and be text."""
    with pytest.raises(Misconfigured, match=r"gone.toml cannot be read: No such file"):
        read(tmp_path / "gone.toml")
    with pytest.raises(Misconfigured, match=r"holds no \*\.toml"):
        read(tmp_path)
    (tmp_path / "a.toml").write_bytes(b"\xff")
    with pytest.raises(Misconfigured, match="not UTF-8"):
        read(tmp_path / "a.toml")


# --- problems ---------------------------------------------------------------------------------------------------------


def test_all_problems_are_told():
    """One look finds every problem, in order of line, each with key, sentence and suggestion."""
    found = problems("""
zone = "ftp://x"
[http]
lisen = "x"
[limits]
memory = "128MB"
[senders.acme]
addresses = ["198.51.100.7/24"]
    """)
    assert [(one.line, one.key) for one in found] == [
        (2, "zone"),
        (4, "http.lisen"),
        (6, "limits.memory"),
        (7, "senders.acme.allow"),
        (8, "senders.acme.addresses"),
    ]
    assert str(found[1]) == f'{FILE}:4: http.lisen: unknown key. Did you mean "listen"?'
    assert found[2].suggestion == 'Did you mean "128MiB"?'
    assert found[3].sentence == "this key is missing"
    assert found[4].suggestion == 'Did you mean "198.51.100.0/24"?'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a.b.c = 1", 1),
        ("# x\n\n  [http] # y\n\n  'zzz' = 1", 5),
        ('[http]\n"zz\\u007a" = 1', 2),
        ('[sources.acme]\nowner = """\nzzz = 1\n[ftp]\n"""\nzzz = 2', 6),
        ('[http]\ntrusted_proxies = [ # "]"\n  "10.0.0.0/8",\n]\nzzz = 1', 5),
        ("[http]\r\n\r\nzzz = 1\r\n", 3),
        ("[limits]\nmemory='1B'\n[ http . tls ]\ncertificate='c'\nkey='k'\nzzz = 1", 6),
        ("[http]\ntls = { certificate='c', key='k', zzz = 1 }", 2),
        ("http.tls.certificate='c'\nhttp.tls.key='k'\nhttp.tls.zzz = 1", 3),
        ("[[zzz]]\nb = 1\n[[zzz]]\n", 1),
    ],
)
def test_lines(text, line):
    """The line of an unknown key is found in every way in which TOML lets it be written."""
    one = problem(text)
    assert (one.line, one.sentence) == (line, "unknown key")


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("[http]\nlisten 1", 2, "this is not TOML: Expected '='"),
        ("[http]\nlisten = [1,", 2, "this is not TOML"),
        ('a = "\n', 1, "this is not TOML"),
    ],
)
def test_not_toml(text, line, sentence):
    """What is no TOML is told with its line."""
    one = problem(text)
    assert (one.line, one.key) == (line, "")
    assert one.sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("zon = 1", 'Did you mean "zone"?'),
        ("[htp]", 'Did you mean "http"?'),
        ("[http]\nzone = 1", "It belongs at the top, above the first [table]."),
        ("[http]\nresume_for = 1", "It belongs in [limits]."),
        ("[sources.acme.feeds.sales.expect]\nrow_min = 1", 'Did you mean "rows_min"?'),
        ("[http]\nquux = 1", ""),
    ],
)
def test_suggestions(text, suggestion):
    """An unknown key comes with the one that was meant, or the place where it should stand."""
    one = problem(text)
    assert (one.sentence, one.suggestion) == ("unknown key", suggestion)


@pytest.mark.parametrize("table", ["hooks", "collect", "kafka", "buckets", "folders", "pulls", "channels"])
def test_tables_of_later_versions(table):
    """A table that a later version brings is refused by saying so."""
    assert problem(f"[{table}.x]").sentence == "this table is not in this version"


@pytest.mark.parametrize(
    ("text", "key", "sentence"),
    [
        ("http = 5", "http", "must be a table"),
        ("[[http]]", "http", "must be a table"),
        ("sources = 5", "sources", "must be tables by name"),
        ("[senders]\nacme = 5", "senders.acme", "must be a table"),
        ('[senders."Acme Corp"]\nallow = ["*"]', "senders.Acme Corp", "'acme_corp' could"),
        ("[sources.null]", "sources.null", "'null_source' could"),
        ("[sources.acme.feeds.n2024]", "sources.acme.feeds.n2024", "'n2024_feed' could"),
        ('[sources."a\\u001bb"]', "sources.a\\x1bb", "cannot name a source"),
        ('[http]\ntrusted_proxies = "10.0.0.0/8"', "http.trusted_proxies", "must be a list"),
        ("[http]\ntrusted_proxies = ['10.0.0.0/8', 'x']", "http.trusted_proxies", "item 2: must be a network"),
        ("[http]\ntls = { env = 5 }", "http.tls.env", "unknown key"),
        ("[http]\ntls = { certificate = 'c' }", "http.tls.key", "this key is missing"),
        ("[http]\nlisten = { env = 'NOWHERE' }", "http.listen", "variable NOWHERE is not set"),
        ("[http]\nlisten = { file = '/nowhere' }", "http.listen", "/nowhere cannot be read: No such file"),
        ("[limits]\nconnections_max = { env = 'WORD' }", "limits.connections_max", "must be a whole number"),
        ("[s3]\nsecret_access_key = 'x'", "s3.secret_access_key", "credentials come from the AWS chain"),
    ],
)
def test_wrong_tables_and_references(text, key, sentence):
    """What does not fit the tree is told with its key, and the rest of the file is still looked at."""
    found = problems(text + "\n[ledger]\npublic = 5", WORD="x = [")
    assert (found[0].key, found[-1].key) == (key, "ledger.public")
    assert sentence in found[0].sentence


def test_a_problem_of_the_environment():
    """A bad value from the environment is told with the variable that holds it."""
    one = problem("", HEADWATER_HTTP_LISTEN="8020")
    assert str(one) == (
        "environment variable HEADWATER_HTTP_LISTEN: http.listen: must be an address and a port, such as "
        '"127.0.0.1:8020" or "[::1]:8020". Did you mean "127.0.0.1:8020"?'
    )


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "books = 'postgresql://u:hunter2@db/x'",
        "books = 'postgresql://db/x?password=hunter2'",
        "books = 'postgresql://[hunter2'",
        "[keys]\nledger = 'hunter2'",
        "[keys]\nssh_host = ['hunter2']",
        f"[senders.acme]\nallow = ['*']\ntokens = ['hunter2{TOKEN}']",
        "[keys]\nledger = { env = 'hunter2', file = 'x' }",
    ],
)
def test_secrets_must_not_stand_in_the_file(text):
    """A secret in the clear is refused with the way out, and the sentence does not repeat it."""
    one = problem(text)
    assert one.sentence.endswith("a secret must not stand in this file")
    assert one.suggestion == 'Write { env = "NAME" } or { file = "PATH" }.'
    assert "hunter2" not in str(one)


def test_a_weak_token_is_refused_and_not_repeated():
    """What anybody could guess is no token."""
    one = problem('[senders.acme]\nallow = ["*"]\ntokens = [{ env = "ACME" }]', ACME="hunter2")
    assert one.sentence == "item 1: must be a token of at least 32 printable ASCII characters"


def test_an_empty_secret_is_refused(tmp_path):
    """A file that holds nothing is no key."""
    (tmp_path / "ledger").write_text("\n")
    with pytest.raises(ConfigProblems, match=r"keys.ledger: must be a text in quotes, and not empty"):
        load({tmp_path / "a.toml": '[keys]\nledger = { file = "ledger" }'}, {}, tmp_path)


def test_keys_from_files(tmp_path):
    """Keys are the texts of files beside the configuration, without the last line break."""
    (tmp_path / "ledger").write_text("PRIVATE+KEY\n")
    (tmp_path / "host").write_text("line 1\nline 2\n")
    text = '[keys]\nledger = { file = "ledger" }\nssh_host = [{ file = "host" }]'
    keys = load({tmp_path / "a.toml": text}, {}, tmp_path).config.keys
    assert keys.ledger
    assert keys.ledger.reveal() == "PRIVATE+KEY"
    assert [key.reveal() for key in keys.ssh_host] == ["line 1\nline 2"]


# --- rules between values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[http]\nlisten = "0.0.0.0:8020"', "http.listen"),
        ('[http]\nlisten = "landing.example:8020"\ntls = "none"', "http.listen"),
        ('[http]\nlisten = "[::]:8020"', "http.listen"),
        ('[ftp]\nlisten = "10.0.0.1:2121"', "ftp.listen"),
        ('[admin]\nlisten = "10.0.0.1:8021"', "admin.listen"),
    ],
)
def test_no_listener_in_the_clear(text, key):
    """Off loopback nothing listens without TLS, unless it is said where TLS ends."""
    one = problem(text)
    assert (one.key, one.line) == (key, 2)
    assert "without TLS" in one.sentence
    assert "Set tls = " in one.suggestion


@pytest.mark.parametrize(
    "text",
    [
        '[http]\nlisten = "localhost:8020"',
        '[http]\nlisten = "[::1]:8020"',
        '[http]\nlisten = "127.9.9.9:8020"',
        '[http]\nlisten = "0.0.0.0:8020"\ntls = "upstream"',
        '[http]\nlisten = "0.0.0.0:8020"\ntls = { certificate = "c", key = "k" }',
        '[ftp]\nlisten = "0.0.0.0:2121"\ntls = "none"',
        '[sftp]\nlisten = "0.0.0.0:2022"',
        '[http]\nlisten = "127.0.0.1:0"\n[admin]\nlisten = "127.0.0.1:0"',
    ],
)
def test_listeners_that_may_be(text):
    """Loopback, TLS, a named end of TLS, SSH, and FTP in the clear where it is asked for, are all fine."""
    loaded(text)


def test_no_rule_is_told_beside_its_cause():
    """A broken TLS table is one problem: that its listener is in the clear, too, is not told."""
    one = problem('[http]\nlisten = "0.0.0.0:8020"\ntls = { certificate = "c" }')
    assert one.key == "http.tls.key"


def test_two_doors_on_one_address():
    """Two doors cannot share a port, also where one of them has it by default."""
    one = problem('[admin]\nlisten = "127.0.0.1:2022"')
    assert (one.key, one.sentence) == ("admin.listen", "[sftp] listens on 127.0.0.1:2022 already")


def test_a_root_must_be_allowed():
    """A sender cannot have a root folder that it may not deliver to."""
    one = problem('[senders.acme]\nallow = ["acme/*"]\nroot = "/other/sales"')
    assert (one.key, one.line) == ("senders.acme.root", 3)


def test_a_token_of_two():
    """A token says who somebody is, so two senders cannot have the same."""
    text = "".join(f'[senders.{name}]\nallow = ["*"]\ntokens = ["sha256:{"ab" * 32}"]\n' for name in ("s1x", "s2x"))
    one = problem(text.replace("s1x", "one").replace("s2x", "two"))
    assert (one.key, one.line, one.sentence) == ("senders.two.tokens", 6, "the sender one has the same token")
