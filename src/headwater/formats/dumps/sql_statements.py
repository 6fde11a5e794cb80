"""What statements of a dump would do if they were run. Headwater runs none; whoever does should know."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import Final

from headwater.formats.dumps.sql_lexer import Grammar, Tongue, text_pattern

EXAMPLE_CHARS_MAX: Final = 120


class Kind(StrEnum):
    """What a statement is for."""

    PLAIN = "plain"  # it makes tables, sets how the dump is read, or brings rows
    OTHER = "other"  # it changes rows or runs code
    DANGEROUS = "dangerous"  # it destroys, reads or writes files, or runs programs


_LOOK_BYTES: Final = 64 * 1024
_DOLLAR: Final = re.compile(rb"\$\w{0,63}\$")
_CODE: Final = re.compile(rb"\A/\*M?!\d*\s*(.*?)\*/", re.DOTALL)
_DANGEROUS: Final = re.compile(
    rb"\bDROP\s+(?:DATABASE|USER|ROLE|LOGIN|TABLESPACE|OWNED)\b|\bTRUNCATE\b|\bLOAD\s+(?:DATA|XML)\b"
    rb"|\bINTO\s+(?:OUTFILE|DUMPFILE)\b|\bLOAD_FILE\s*\(|\bCOPY\b[^;]{0,300}?\b(?:FROM|TO)\s+(?:PROGRAM\b|'')|\bALTER\s+SYSTEM\b"
    rb"|\bxp_cmdshell\b|\bsp_configure\b|\bOPENROWSET\b|\bOPENDATASOURCE\b|\bBULK\s+INSERT\b|\bATTACH\s+(?:DATABASE|'')"
    rb"|\b(?:load_extension|writefile|readfile|pg_read_file|pg_read_binary_file|pg_ls_dir|lo_import|lo_export)\s*\("
    rb"|\bLANGUAGE\s+'?(?:\w*u|c)\b|\bUTL_(?:FILE|HTTP|TCP)\b|\bDBMS_SCHEDULER\b|\bSHUTDOWN\b|\bINSTALL\s+PLUGIN\b"
    rb"|\bSONAME\b|\bdblink\s*\(|\bSET\s+(?:GLOBAL|PERSIST)\b",
    re.IGNORECASE,
)
_PLAIN: Final = re.compile(
    rb"(?:CREATE|ALTER|COMMENT|SET|LOCK|UNLOCK|USE|START|BEGIN|COMMIT|END|PRAGMA|GRANT|REVOKE|ANALYZE|REINDEX|GO|PRINT"
    rb"|SELECT\s+(?:pg_catalog\.)?(?:set_config|setval|pg_catalog\.\w+|lo_create|lo_open|lowrite|lo_close|lo_unlink)\b"
    rb"|DROP|DELETE\s+FROM\s+\"?sqlite_\w+|INSERT\s+INTO\s+\"?sqlite_\w+|DEFAULT|SECURITY|EXEC(?:UTE)?\s+(?:sys\.)?sp_\w+"
    rb"|REFRESH\s+MATERIALIZED|CHECKPOINT|FLUSH|DELIMITER|COPY\b[^;]{0,9000}?\bFROM\s+stdin|IF\b|DECLARE|CALL\s+sys\.|PREPARE"
    rb"|EXECUTE\s+stmt|DEALLOCATE|SHOW|RENAME|UPDATE\s+(?:pg_catalog\.)?pg_\w+)\b",
    re.IGNORECASE,
)
_FIRST_DROP: Final = re.compile(rb"DROP\s+(?:DATABASE|USER|ROLE|LOGIN|TABLESPACE|OWNED)\b", re.IGNORECASE)
_STORED: Final = re.compile(
    rb"CREATE\s+(?:OR\s+\w+\s+)?(?:DEFINER\s*=\s*\S+\s+|(?:NON)?EDITIONABLE\s+)*(?:FUNCTION|PROC|TRIGGER|PACKAGE|EVENT)",
    re.IGNORECASE,
)
_DANGEROUS_STORED: Final = re.compile(rb"\bLANGUAGE\s+'?(?:\w*u|c)\b|\bSONAME\b", re.IGNORECASE)
_DANGEROUS_COMMAND: Final = re.compile(
    rb"\\(?:!|i\b|ir\b|o\b|g\b|w\b|copy\b|include|setenv|lo_)|(?:HOST|SPOOL|START|SOURCE|SYSTEM|TEE|PAGER)\b|[@!]|:!!"
    rb"|:r\b|:out\b|\.(?:shell|system|import|load|open|output|once|read|restore|save)\b",
    re.IGNORECASE,
)


def kind_of(statement: bytes, grammar: Grammar) -> Kind:
    """What a statement without rows is for, by its first 64 KiB. Quoted texts, comments and functions do not count."""
    text = _quoted(grammar).sub(b"''", _undollared(statement[:_LOOK_BYTES], grammar.tongue)).strip()
    code = _CODE.match(text)
    text = code[1].strip() if code else text
    if _STORED.match(text):
        return Kind.DANGEROUS if _DANGEROUS_STORED.search(text) else Kind.PLAIN
    if _FIRST_DROP.match(text) or _DANGEROUS.search(text):
        return Kind.DANGEROUS
    return Kind.PLAIN if not text.strip(b"; \t\r\n") or _PLAIN.match(text) else Kind.OTHER


@cache
def _quoted(grammar: Grammar) -> re.Pattern[bytes]:
    return re.compile(text_pattern(grammar) + rb"|--[^\n]*+|/\*(?![!M]).*?\*/", re.DOTALL)


def _undollared(text: bytes, tongue: Tongue) -> bytes:
    """The text without what stands between dollar quotes."""
    if tongue not in {Tongue.POSTGRES, Tongue.ANY}:
        return text
    parts: list[bytes] = []
    done = at = 0
    while found := _DOLLAR.search(text, at):
        end = text.find(found[0], found.end())
        at = found.end() if end < 0 else end + len(found[0])
        if end >= 0:
            parts.append(text[done : found.start()])
            done = at
    return b"''".join([*parts, text[done:]])


def kind_of_command(line: bytes) -> Kind:
    """The same for a line to the client program."""
    return Kind.DANGEROUS if _DANGEROUS_COMMAND.match(line) else Kind.PLAIN


def example_of(statement: bytes, codec: str) -> str:
    """A statement in short, on one line."""
    text = " ".join(statement[: 4 * EXAMPLE_CHARS_MAX].decode(codec, "replace").split())
    return text if len(text) <= EXAMPLE_CHARS_MAX else text[: EXAMPLE_CHARS_MAX - 1] + "…"
