"""What an SQL query speaks of: the quoted names in it that are written like a feed; and that it only asks."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from headwater.errors import Refused
from headwater.layout import ID_ENDING_LENGTH_MIN, parse_feed
from headwater.terms import FeedName

_TOKEN: Final = re.compile(
    r"""--[^\n]*                         # a comment to the end of the line
    | /\*.*?(?:\*/|\Z)                   # a comment
    | \$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)  # a text in dollars
    | [eE]'(?:[^'\\]|\\.|'')*'           # a text with escapes
    | '(?P<single>(?:[^']|'')*)'
    | "(?P<double>(?:[^"]|"")*)"
    """,
    re.VERBOSE | re.DOTALL,
)
_REFERENCE: Final = re.compile(r"(?P<feed>[^/@#\s]+/[^/@#\s]+)(?:@(?P<which>[^@#\s]+))?(?:\#(?P<table>.+))?", re.DOTALL)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ID: Final = re.compile(rf"[0-9a-f]{{{ID_ENDING_LENGTH_MIN},32}}")


class Reference(msgspec.Struct, frozen=True):
    """What a name in a query stands for: a feed, or of it one day or one delivery; and which of its tables."""

    text: str
    feed: FeedName
    day: str = ""
    id: str = ""
    table: str = ""


def quoted(sql: str) -> list[str]:
    """Every name or text in quotes, once, in order; comments and texts of other kinds are passed over."""
    found: dict[str, None] = {}
    for token in _TOKEN.finditer(sql):
        if (single := token["single"]) is not None:
            found[single.replace("''", "'")] = None
        elif (double := token["double"]) is not None:
            found[double.replace('""', '"')] = None
    return list(found)


def reference(text: str) -> Reference | None:
    """What a name stands for; None for one that is not written like a feed."""
    matched = _REFERENCE.fullmatch(text)
    if matched is None:
        return None
    try:
        feed = parse_feed(matched["feed"])
    except Refused:
        return None
    which = matched["which"] or ""
    day = which if _DAY.fullmatch(which) else ""
    id_ = which.lower() if not day and _ID.fullmatch(which.lower()) else ""
    if which and not day and not id_:
        return None
    return Reference(text, feed, day, id_, matched["table"] or "")


def references(sql: str) -> list[Reference]:
    """What a query may speak of: some of them may be plain texts that look like a feed."""
    return [found for text in quoted(sql) if (found := reference(text)) is not None]


_ASKING: Final = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "ALTER", "TRANSACTION", "SET", "EXPLAIN", "MULTI"}
)
_WRAPPING: Final = frozenset({"EXPLAIN", "MULTI"})
_WRITING: Final = re.compile(r"\b(attach|copy|execute|export|import|install|load|prepare)\b", re.IGNORECASE)


def check_asks(kind: str, statement: str) -> None:
    """Refuses what does more than to ask, with Refused("bad_request"); `kind` is DuckDB's word for the statement.

    DuckDB may write wherever it may read, and a COPY could so overwrite what landed. EXPLAIN and PIVOT may hold another
    statement: in them these words are refused wherever they stand.
    """
    if kind not in _ASKING or (kind in _WRAPPING and _WRITING.search(statement)):
        raise Refused(
            "bad_request", f"Only queries are taken here, and this is {kind.lower()}. -o FILE writes rows to a file."
        )
