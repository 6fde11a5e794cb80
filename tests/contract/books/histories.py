"""Histories of a zone for hypothesis: any entries in any order, about deliveries that are there and that are not."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from headwater.ledger.entries import Admin, Amended, Entry, Erased, ErasureOrdered, Heartbeat, Held, Renamed, Void
from headwater.ports.catalog import DeliveryQuery
from headwater.terms import Completeness, Door, Id, Position, SenderRef, State, name_fields, time_text
from tests.contract.books.samples import DAILY, HOURLY, OTHER, SENDER, a_receipt, an_id, at

FEEDS = (DAILY, HOURLY, OTHER)
NAMES = ("a.csv", "a.csv.md5", "b[1].csv", "b/é.json", "b\udcff.csv")
GLOBS = ("*", "*.csv", "a*", "a.csv", "b[[]1].csv", "b/?.json", "[!a]*", "b*.csv", "nothing*")
REASONS = ("withdrawn", "prefix_of", "check_file")

_about = st.integers(0, 20)
_landings = st.tuples(
    st.just("land"),
    st.sampled_from(FEEDS),
    st.sampled_from(NAMES),
    st.sampled_from("xyz"),
    st.one_of(st.none(), _about),
    st.sampled_from(("acme", "beta")),
    st.sampled_from((Door.SFTP, Door.HTTP)),
)
_others = st.one_of(
    st.tuples(st.just("rename"), _about, st.sampled_from(NAMES)),
    st.tuples(st.just("amend"), _about, st.sampled_from(list(Completeness)), st.sampled_from(REASONS)),
    st.tuples(st.sampled_from(("void", "erase", "order", "answer")), _about),
    st.tuples(st.sampled_from(("hold", "beat"))),
)


def _entry(n: int, second: int, ids: list[Id], kind: tuple[Any, ...]) -> Entry:
    """The n-th entry; it is about the n-th last id before it, or about nobody."""

    def about(back: int) -> Id:
        return ids[-back] if 0 < back <= len(ids) else an_id(10_000 + back)

    common: dict[str, Any] = {"v": 1, "at": time_text(at(second))}
    what, *rest = kind
    if what in {"land", "hold", "beat"}:
        return _entry_of_its_own(n, what, rest, about, common)
    id = about(rest[0])
    makers: dict[str, Callable[[], Entry]] = {
        "rename": lambda: Renamed(id=id, by="acme", **name_fields(rest[1]), **common),
        "amend": lambda: Amended(id=id, completeness=rest[1], reason=rest[2], **common),
        "void": lambda: Void(id=id, by="op", reason="wrong", **common),
        "erase": lambda: Erased(id=id, versions=1, **common),
        "order": lambda: ErasureOrdered(id=id, by="eraser", basis="law", **common),
        "answer": lambda: Admin(by="op", act="promote", subject=id, **common),
    }
    return makers[what]()


def _entry_of_its_own(n: int, what: str, rest: list[Any], about: Callable[[int], Id], common: dict[str, Any]) -> Entry:
    if what == "land":
        feed, name, body, repeats, sender, door = rest
        return a_receipt(
            n,
            name,
            body,
            feed=feed,
            repeat_of=None if repeats is None else about(repeats),
            sender=SenderRef(sender, "SHA256:key"),
            door=door,
            landed_at=common["at"],
        )
    if what == "hold":
        fields: dict[str, Any] = {
            "source": "acme-crm",
            "feed": "daily",
            "door": "sftp",
            "sender": SENDER,
            "name": "a.csv",
        }
        return Held(id=an_id(n), reason="cut", size_bytes=1, kept_bytes=1, **fields, **common)
    return Heartbeat(**common)


@st.composite
def histories(draw: st.DrawFn) -> list[Entry]:
    """Up to 40 entries, half of them deliveries, in seconds that never go back."""
    ids: list[Id] = []
    entries: list[Entry] = []
    second = 0
    landings = draw(st.lists(_landings, max_size=20))
    kinds = draw(st.permutations(landings + draw(st.lists(_others, max_size=len(landings)))))
    for n, kind in enumerate(kinds, start=1):
        second += n % 3 // 2
        entries.append(_entry(n, second, ids, kind))
        if kind[0] in {"land", "hold"}:
            ids.append(an_id(n))
    return entries


_times = st.integers(-1, 15).map(at)
_positions = st.integers(0, 41).map(Position)
_patterns = st.lists(st.sampled_from(("*", "acme-crm/*", "*/daily", "beta/daily", "x*")), max_size=2).map(tuple)
patterns = st.one_of(st.none(), _patterns)
some_feed = st.one_of(st.none(), st.sampled_from(FEEDS))

_FILTERS: dict[str, st.SearchStrategy[Any]] = {
    "feeds": _patterns,
    "source": st.sampled_from(("acme-crm", "beta")),
    "feed": st.sampled_from(FEEDS),
    "sender": st.sampled_from(("acme", "beta", "zoe")),
    "door": st.sampled_from(("sftp", "http")),
    "name_glob": st.sampled_from(GLOBS),
    "completeness": st.sampled_from(list(Completeness)),
    "state": st.sampled_from(list(State)),
    "since": _times,
    "until": _times,
    "before": _positions,
    "after": _positions,
}


@st.composite
def queries(draw: st.DrawFn) -> DeliveryQuery:
    """Any filters together, but seldom many: they would leave nothing to be wrong."""
    names = draw(st.lists(st.sampled_from(sorted(_FILTERS)), max_size=4, unique=True))
    limit = draw(st.sampled_from((1, 2, 3, 50)))
    return DeliveryQuery(limit=limit, **{name: draw(_FILTERS[name]) for name in names})


WALKS = (
    DeliveryQuery(),
    DeliveryQuery(source="acme-crm"),
    DeliveryQuery(state="effective"),
    DeliveryQuery(door="sftp", sender="beta"),
    DeliveryQuery(name_glob="*.csv"),
    DeliveryQuery(name_glob="a*", feeds=("*/daily",)),
    DeliveryQuery(completeness="suspect", since=at(30)),
)
"""Questions that a long history has many answers to."""


def a_long_history() -> list[Entry]:
    """250 entries that look like chance and are always the same."""
    chance = random.Random(7)
    ids: list[Id] = []
    entries: list[Entry] = []
    for n in range(1, 251):
        kind: tuple[Any, ...] = (
            "land",
            chance.choice(FEEDS),
            chance.choice(NAMES),
            chance.choice("xyz"),
            chance.choice((None, None, 1, 7)),
            chance.choice(("acme", "beta")),
            chance.choice((Door.SFTP, Door.HTTP)),
        )
        if chance.random() < 0.4:
            about = chance.randrange(1, 21)
            kind = chance.choice((("amend", about, Completeness.SUSPECT, "check_file"), ("void", about), ("beat",)))
        entries.append(_entry(n, n // 3, ids, kind))
        if kind[0] == "land":
            ids.append(an_id(n))
    return entries
