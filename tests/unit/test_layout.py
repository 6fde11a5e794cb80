from __future__ import annotations

import gzip
import lzma
import zlib

import pytest

from headwater.errors import Refused
from headwater.layout import (
    ZONE_KEY,
    KeyParts,
    check_name,
    check_pattern,
    check_word,
    companion_key,
    held_key,
    id_ending,
    incoming_prefix,
    ledger_path,
    log_name,
    matches,
    parse_feed,
    parse_key,
    proposal,
    raw_key,
    slug,
)
from headwater.terms import FeedName, Id, time_value

FEED = FeedName("acme-crm", "daily_sales")
ID = Id("019abcde01237abc8def0123456789ab")
AT = time_value("2026-11-23T23:59:59.999999Z")
KEY = f"raw/lz_source=acme-crm/lz_feed=daily_sales/lz_date=2026-11-23/{ID}-sales.csv"

GZIP, XZ = gzip.compress(b"a,b\n", mtime=0), lzma.compress(b"a,b\n")
ZSTD, BZIP2 = b"\x28\xb5\x2f\xfd rest", b"BZh9 rest"


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("März (1).CSV.GZ", GZIP, "m_rz_1.csv.gz"),
        ("注文.csv", b"a", "x.csv"),
        ("../../etc/x.csv", b"a", "x.csv"),
        ("..\\..\\etc\\x.csv", b"a", "x.csv"),
        (".", b"a", "x"),
        ("a.csv._COPYING_", b"a", "a.csv.copying"),
        ("x.csv", GZIP, "x.csv.gz"),
        ("x.csv.gz", b"a", "x.csv"),
        ("x.csv.gzip", GZIP, "x.csv.gz"),
        ("x.csv.zstd", ZSTD, "x.csv.zst"),
        ("x.csv", BZIP2, "x.csv.bz2"),
        ("x", XZ, "x.xz"),
        ("x.tgz", GZIP, "x.tgz"),
        ("x.tgz", XZ, "x.tgz.xz"),
        ("x.tar.gz", GZIP, "x.tar.gz"),
        ("_hidden.csv", b"a", "hidden.csv"),
        (".bashrc", b"a", "x.bashrc"),
        ("a b.csv", b"a", "a_b.csv"),
        ("a+b.csv", b"a", "a_b.csv"),
        ("a__b--c.csv", b"a", "a_b--c.csv"),
        ("a.-_.b", b"a", "a.b"),
        ("a/", b"a", "x"),
        ("data.2026-11-23", b"a", "data.2026-11-23"),
        ("\udcff\udcfe.csv", b"a", "x.csv"),
        ("x.csv", b"", "x.csv"),
    ],
)
def test_slug_examples(name, head, expected):
    """A slug is the name in the keys' alphabet, and its suffix tells what the bytes are."""
    assert slug(name, head) == expected


def test_slug_length():
    """However long a name is, its slug has 100 bytes at most and keeps its suffixes."""
    assert slug("n" * 1000 + ".csv", GZIP) == "n" * 93 + ".csv.gz"


def test_keys():
    """A key says its root, source, feed, the UTC day of opening, the id and the slug."""
    assert raw_key(FEED, AT, ID, "sales.csv") == KEY
    assert companion_key(FEED, AT, ID, "sales.csv") == KEY.replace("raw/", "companion/", 1)
    assert held_key(FEED, AT, ID, "sales.csv") == KEY.replace("raw/", "held/", 1)


def test_other_paths():
    """Parts, logs and the zone's own description have their places beside the data."""
    assert incoming_prefix(ID) == f"incoming/{ID}/"
    assert log_name("z1", 2) == "z1-2"
    assert ledger_path("z1-2", "tile/0/000") == "ledger/z1-2/tile/0/000"
    assert ZONE_KEY == "zone.json"


def test_parse_key():
    """A key gives back what it was made from."""
    assert parse_key(KEY) == KeyParts("raw", FEED, "2026-11-23", ID, "sales.csv")


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("raw/", "findings/"),
        ("raw/", "/raw/"),
        ("acme-crm", "Acme"),
        ("acme-crm", "null"),
        ("daily_sales", "n2024"),
        ("daily_sales", "x"),
        ("2026-11-23", "2026-02-30"),
        ("2026-11-23", "2026-11-2"),
        ("2026-11-23", "unknown"),
        ("019a", "019A"),
        ("019a", "019"),
        ("-sales.csv", ""),
        ("-sales.csv", "-"),
        ("sales.csv", "sales..csv"),
        ("sales.csv", "_sales.csv"),
        ("sales.csv", "sales.csv."),
        ("sales.csv", "Sales.csv"),
        ("sales.csv", "a/sales.csv"),
        ("sales.csv", "sales.csv\n"),
        ("sales.csv", "s" * 101),
    ],
)
def test_parse_key_is_strict(part, other):
    """What no key function could have made is no key."""
    with pytest.raises(ValueError, match=r"key|day|month"):
        parse_key(KEY.replace(part, other, 1))


@pytest.mark.parametrize(
    "text",
    [ID, ID.upper(), f" {ID}\n", KEY, f"s3://bucket/prefix/{KEY}", f"held/{ID}-x", f"https://h/v1/deliveries/{ID}"],
)
def test_id_ending_of_the_whole(text):
    """An id is understood alone, in an object's key and at the end of a URL."""
    assert id_ending(text) == ID


def test_id_ending_of_a_part():
    """The last six characters of an id are enough, fewer are not."""
    assert id_ending("6789ab") == "6789ab"
    with pytest.raises(Refused, match="at least the last 6") as refused:
        id_ending("789ab")
    assert refused.value.reason == "bad_request"


@pytest.mark.parametrize("text", ["", "sales.csv", ID + "0", "xyz123", f"{ID}-"])
def test_id_ending_refuses(text):
    """What is no id is refused with a sentence."""
    with pytest.raises(Refused, match="is not an id"):
        id_ending(text)


@pytest.mark.parametrize(
    "name",
    [
        "sales.csv",
        "2026/11/sales.csv",
        "C:\\temp\\..\\x",
        "%2e%2e%2f",
        "a+b&c=d?.csv",
        "...",
        " ",
        "\r\n\t\x01\x7f",
        "\u202egnp.exe",
        "e\u0301",
        "é",
        "\u200b",
        "👩‍👩‍👧",
        "\udcff",
        "n" * 1024,
        "é" * 512,
    ],
)
def test_names_are_data(name):
    """Any Unicode, backslashes, control characters and bytes that are no UTF-8 may stand in a name."""
    check_name(name)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "empty"),
        ("a\0b", "NUL"),
        ("/etc/passwd", "begins with '/'"),
        ("a//b", "is empty"),
        ("a/", "is empty"),
        (".", r"'\.' or '\.\.'"),
        ("a/./b", r"'\.' or '\.\.'"),
        ("../x", r"'\.' or '\.\.'"),
        ("a/..", r"'\.' or '\.\.'"),
        ("n" * 1025, "1025 bytes"),
        ("é" * 513, "1026 bytes"),
        ("\udcff" * 1025, "1025 bytes"),
        ("n" * 4096, "4096 bytes"),
        ("\ud800", "surrogate"),
    ],
)
def test_names_that_cannot_land(name, rule):
    """A name that could leave its folder, is no name or is too long is refused, with the rule and a valid sentence."""
    with pytest.raises(Refused, match=rule) as refused:
        check_name(name)
    assert refused.value.reason == "bad_name"
    assert len(refused.value.sentence.encode()) < 1200
    assert refused.value.sentence.isprintable()


MISREAD = ["null", "nan", "inf", "infinity", "true", "false", "epoch", "none", "default", "nul", "con", "prn", "aux"]
MISREAD += [
    "com0",
    "com9",
    "lpt0",
    "lpt9",
    "t1",
    "n2024",
    "tr12",
    "f1",
    "fals0",
    "na1",
    "nul7",
    "nu7",
    "a1",
    "fn1",
    "ta1",
]


@pytest.mark.parametrize("word", ["ab", "acme-crm", "daily_sales", "a1b2", "q1-2026_x", "n_2024", "commerce", "x" * 40])
def test_words(word):
    """Lower-case words joined by single marks name sources, feeds and senders."""
    check_word(word)
    assert proposal(word) == word


@pytest.mark.parametrize(
    "word",
    ["", "a", "x" * 41, "2024", "-a", "a-", "a__b", "a_-b", "A1", "a b", "a.b", "a%20b", "é1", "ab\n", "a/b", *MISREAD],
)
def test_words_refused(word):
    """What engines misread, or is no word at all, names nothing, and something near it is proposed."""
    with pytest.raises(Refused) as refused:
        check_word(word)
    assert refused.value.reason == "bad_feed"
    assert f"'{proposal(word)}' could" in refused.value.sentence


@pytest.mark.parametrize(
    ("word", "better"),
    [
        ("My Feed", "my_feed"),
        ("null", "null_feed"),
        ("n2024", "n2024_feed"),
        ("2024", "feed_2024"),
        ("März", "marz"),
        ("日本", "feed"),
        ("a__b-_-c", "a_b-c"),
        ("", "feed"),
        ("x" * 50, "x" * 40),
        ("n" + "1" * 50, "n" + "1" * 34 + "_feed"),
    ],
)
def test_proposal(word, better):
    """A proposal is the nearest word that may be used."""
    assert proposal(word) == better


def test_proposal_names_the_kind():
    """What nothing is left of is named by its kind."""
    assert proposal("!", "source") == "source"
    assert proposal("true", "sender") == "true_sender"


def test_parse_feed():
    """A feed is written source/feed."""
    assert parse_feed("acme-crm/daily_sales") == FEED


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("My Feed", "'source/my_feed'"),
        ("acme/My Feed", "'acme/my_feed'"),
        ("Acme/sales", "'acme/sales'"),
        ("acme/null", "'acme/null_feed'"),
        ("null/sales", "'null_source/sales'"),
        ("/acme/sales/", "'acme/sales'"),
        ("acme/a/b", "'acme/a_b'"),
        ("acme/", "'acme/feed'"),
        ("", "'source/feed'"),
        ("acme/sales\n", "'acme/sales'"),
        ("acme/\udcff\x1b[31m", "'acme/feed_31m'"),
    ],
)
def test_parse_feed_proposes(text, better):
    """What is no feed is refused with one that could be, and the sentence steers no terminal."""
    with pytest.raises(Refused) as refused:
        parse_feed(text)
    assert refused.value.reason == "bad_feed"
    assert better in refused.value.sentence
    assert refused.value.sentence.isprintable()


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        ("*", True),
        ("*/*", True),
        ("acme-crm/*", True),
        ("acme-*/daily_*", True),
        ("*/daily_sales", True),
        ("acme-crm/daily_sales", True),
        ("acme/*", False),
        ("acme-crm/daily", False),
        ("crm/*", False),
        ("*crm*/*_*", True),
    ],
)
def test_matches(pattern, covered):
    """A pattern covers a feed when both its halves cover both halves."""
    check_pattern(pattern)
    assert matches(pattern, FEED) is covered


def test_a_star_stays_in_its_half():
    """The star before the slash says nothing of what stands behind it."""
    assert not matches("*sales/x", FeedName("acme", "sales"))


@pytest.mark.parametrize(
    "pattern",
    ["", "acme", "**", "acme/", "/x1", "a?me/*", "[ab]*/x1", "acme/x1/*", "acme/*/*", "Acme*/*", "null/*", "a /*"],
)
def test_patterns_refused(pattern):
    """Only words, stars and one slash make a pattern: no other sign has a meaning, so none is taken."""
    with pytest.raises(Refused) as refused:
        check_pattern(pattern)
    assert refused.value.reason == "bad_feed"


def test_raw_deflate_is_not_gzip():
    """Bytes that only contain compressed data get no suffix: the magic bytes decide."""
    assert slug("x.gz", zlib.compress(b"a")) == "x"
