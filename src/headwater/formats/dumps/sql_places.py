r"""Where the tables of a dump lie, by what USE, search_path and \connect say on the way; the full names that follow."""

from __future__ import annotations

import re
from typing import Final

from headwater.formats.dumps.sql_ddl import columns_of, parts_of
from headwater.formats.dumps.sql_events import COPY, INSERT
from headwater.formats.dumps.sql_lexer import Tongue

_USE: Final = re.compile(rb"USE\s+(`[^`]+`|[\w$]+)\s*;", re.IGNORECASE)
_PATH: Final = re.compile(
    rb"(?:SET\s+search_path\s*(?:=|TO)\s*|SELECT\s+pg_catalog\.set_config\('search_path',\s*)'?\"?([^,;'\"]*)",
    re.IGNORECASE,
)
_CONNECT: Final = re.compile(rb"\\connect\s+(?:-reuse-previous=on\s+)?(?:\"dbname='([^']+)'\"|\"([^\"]+)\"|(\S+))")
_HEADS_MAX: Final = 10_000


class Places:
    """Full names of tables, as the text goes on. `is_cluster`: it holds several PostgreSQL databases."""

    def __init__(self, tongue: Tongue, codec: str, *, is_cluster: bool = False) -> None:
        self._tongue = tongue
        self._codec = codec
        self._is_cluster = is_cluster
        self._database = ""
        self._schema = ""
        self._heads: dict[bytes, tuple[str, tuple[str, ...]]] = {}

    def statement(self, text: bytes) -> None:
        """Notes a statement that says where what follows lies."""
        if self._tongue is Tongue.MYSQL and (found := _USE.match(text)):
            self._database = self._text(parts_of(found[1])[0])
        elif self._tongue is Tongue.POSTGRES and (found := _PATH.match(text)):
            schema = self._text(found[1]).strip()
            self._schema = "" if schema in {"pg_catalog", '"$user"'} else schema
        else:
            return
        self._heads.clear()

    def command(self, line: bytes) -> None:
        """The same for a line to the client program."""
        found = _CONNECT.match(line)
        if found and self._is_cluster:
            self._database = self._text(found[1] or found[2] or found[3])
            self._heads.clear()

    def full(self, name: bytes) -> str:
        """The name of a table with what it lies in, as far as that is said: `public.orders`, `shop.orders`."""
        parts = [self._text(part) for part in parts_of(name)]
        if self._tongue is Tongue.POSTGRES and len(parts) == 1 and self._schema:
            parts.insert(0, self._schema)
        wanted = 2 if self._is_cluster else 1
        if self._database and len(parts) <= wanted:
            parts.insert(0, self._database)
        return ".".join(parts)

    def head(self, head: bytes) -> tuple[str, tuple[str, ...]]:
        """Full name and columns of the head of an INSERT or COPY."""
        known = self._heads.get(head)
        if known is None:
            found = COPY.match(head) or INSERT.match(head + b"(")
            known = (self.full(found["table"]), columns_of(found["columns"], self._codec)) if found else ("", ())
            if len(self._heads) < _HEADS_MAX:
                self._heads[head] = known
        return known

    def _text(self, data: bytes) -> str:
        return data.decode(self._codec, "replace")
