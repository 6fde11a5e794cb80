from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import Refused
from headwater.layout import (
    check_name,
    check_pattern,
    check_word,
    matches,
    parse_feed,
    parse_key,
    proposal,
    raw_key,
    slug,
)
from headwater.terms import FeedName, Id, Time, day_text

MAGIC = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst", b"BZh": ".bz2", b"\xfd7zXZ\0": ".xz"}
COMPRESSED = [".gz", ".gzip", ".zst", ".zstd", ".bz2", ".bzip2", ".xz"]
TAR = {".tgz": ".gz", ".tbz2": ".bz2", ".txz": ".xz", ".tzst": ".zst"}

heads = st.sampled_from([*MAGIC, b"", b"a,b\n", b"\x1f", b"BZ"])
pieces = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b".", b"..", b"_", b"-", b"/", b"\\", b"CSV", b"._COPYING_", *(s.encode() for s in [*COMPRESSED, *TAR])]
    ),
    st.text("abz019", max_size=40).map(str.encode),
)
names = st.lists(pieces, max_size=14).map(lambda parts: b"".join(parts).decode(errors="surrogateescape"))
words = st.from_regex(r"[a-z][a-z0-9]{0,9}([_-][a-z0-9]{1,9}){0,2}", fullmatch=True)
feeds = st.builds(FeedName, words.map(lambda word: proposal(word, "source")), words.map(proposal))
times = st.integers(0, 4_102_444_800_000_000).map(Time)
ids = st.from_regex(r"[0-9a-f]{32}", fullmatch=True).map(Id)


def slug_as_decided(name: bytes, head: bytes) -> str:
    """The algorithm as it was run against the engines, line by line: what `slug` must agree with."""
    last = re.split(rb"[/\\]", name)[-1].lower()
    text = re.sub(rb"[^a-z0-9.-]+", b"_", last).decode()
    text = re.sub(r"[._-]*\.[._-]*", ".", text).rstrip("._-")
    found = re.search(r"(?:\.[a-z0-9]{1,10}){0,2}\Z", text)
    assert found
    ext = found.group()
    stem = text[: len(text) - len(ext)].strip("._-")
    real = next((end for magic, end in MAGIC.items() if head.startswith(magic)), "")
    claimed = "." + ext.rsplit(".", 1)[-1] if ext else ""
    if not real or TAR.get(claimed) != real:
        ext = (ext[: -len(claimed)] if claimed in COMPRESSED else ext) + real
    return (stem[: 100 - len(ext)].rstrip("._-") or "x") + ext


@settings(max_examples=3000)
@given(names, heads)
def test_slug_is_the_one_that_was_decided(name, head):
    """For any name and content the slug is what the engines were run with."""
    assert slug(name, head) == slug_as_decided(name.encode(errors="surrogateescape"), head)


@settings(max_examples=1000)
@given(names, heads)
def test_slug_is_safe(name, head):
    """Any slug is short, in the alphabet, walks nowhere, and begins and ends so that no engine hides it."""
    made = slug(name, head)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,98}[a-z0-9])?", made)
    assert ".." not in made


@given(names, st.sampled_from(list(MAGIC.items())))
def test_slug_says_the_compression(name, compression):
    """Compressed bytes always end in their compression's suffix, and then a slug of the slug changes nothing."""
    head, suffix = compression
    made = slug(name, head)
    assert made.endswith((suffix, *(tar for tar, real in TAR.items() if real == suffix)))
    assert slug(made, head) == made


@given(feeds, times, ids, names, heads)
def test_keys_round_trip(feed, at, id, name, head):
    """Every key that can be made is parsed back to what it was made from."""
    end = slug(name, head)
    parts = parse_key(raw_key(feed, at, id, end))
    assert (parts.root, parts.feed, parts.day, parts.id, parts.slug) == ("raw", feed, day_text(at), id, end)
    assert len(raw_key(feed, at, id, end)) <= 260


@given(st.text(), st.sampled_from(["source", "feed", "sender"]))
def test_proposals_hold(text, kind):
    """Whatever a word looks like, what is proposed in its place is accepted."""
    check_word(proposal(text, kind), kind)


@given(st.text())
def test_parse_feed_takes_or_proposes(text):
    """A text either is a feed that prints as it was written, or is refused with one that is accepted."""
    try:
        assert str(parse_feed(text)) == text
    except Refused as refused:
        quoted = re.findall(r"'([a-z0-9_/-]+)'", refused.sentence)
        parse_feed(quoted[-1])


@given(feeds)
def test_a_feed_is_a_pattern_of_itself(feed):
    """The plainest pattern covers the feed it names and no longer one."""
    check_pattern(str(feed))
    assert matches(str(feed), feed)
    assert not matches(str(feed), FeedName(feed.source, feed.feed + "x"))


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_names_are_refused_by_the_rules_alone(name):
    """A name is refused exactly when one of the stated rules is broken."""
    parts = name.split("/")
    broken = "\0" in name or any(part in {"", ".", ".."} for part in parts)
    if broken:
        with pytest.raises(Refused):
            check_name(name)
    else:
        check_name(name)
