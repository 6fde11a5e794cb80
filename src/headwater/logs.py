"""Log lines: one JSON object a line with fixed keys, or a line for people on a terminal.

`note` logs an event with facts; `ts`, `level`, `event` come first, then the facts in their order: `attempt`, `door`,
`sender`, `feed` and whatever else. Secrets are kept out by type: only text, numbers and truth values are written, of
anything else its type alone, and what looks like one of our tokens is cut.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any, TextIO

import msgspec

from headwater.gate.transcript import harmless
from headwater.terms import Time, time_text

_TRACE_LINES_MAX = 60
_QUIET = ("uvicorn", "asyncio", "asyncssh", "botocore", "urllib3")


def note(logger: logging.Logger, event: str, *, level: int = logging.INFO, **facts: Any) -> None:
    """Logs an event. Facts that are None are left out."""
    if logger.isEnabledFor(level):
        logger.log(level, event, extra={"facts": facts})


def handler(stream: TextIO, *, as_json: bool) -> logging.Handler:
    """A handler that writes JSON lines, or lines for people."""
    made = logging.StreamHandler(stream)
    made.setFormatter(JsonLines() if as_json else PeopleLines())
    return made


def install(stream: TextIO, *, as_json: bool, level: int = logging.INFO) -> None:
    """Makes this the only log of the process; libraries speak from warnings up."""
    root = logging.getLogger()
    root.handlers[:] = [handler(stream, as_json=as_json)]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See the module."""
        line: dict[str, Any] = {
            "ts": time_text(Time(int(record.created * 1_000_000))),
            "level": record.levelname.lower(),
            **_facts(record),
        }
        if record.exc_info and record.exc_info[1]:
            line["traceback"] = _trace(record.exc_info[1])
        return msgspec.json.encode(line).decode()


class PeopleLines(logging.Formatter):
    """`09:30:00 landed attempt=… feed=acme-crm/daily_sales`: the hour is UTC's, a bad level stands before the event."""

    def format(self, record: logging.LogRecord) -> str:
        """See the class."""
        facts = _facts(record)
        level = f"{record.levelname.lower()}: " if record.levelno > logging.INFO else ""
        clock = time_text(Time(int(record.created * 1_000_000)))[11:19]
        words = [f"{clock} {level}{facts.pop('event')}", *(f"{key}={value}" for key, value in facts.items())]
        if record.exc_info and record.exc_info[1]:
            words.append("\n" + "\n".join(_trace(record.exc_info[1])))
        return " ".join(words)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts: dict[str, Any] | None = getattr(record, "facts", None)
    if facts is None:  # a library's
        return {"event": "log", "logger": record.name, "message": harmless(record.getMessage())}
    return {"event": record.msg, **{key: _plain(value) for key, value in facts.items() if value is not None}}


def _plain(value: Any) -> Any:
    if type(value) is str and value.isascii() and value.isprintable() and len(value) < 40:  # noqa: PLR2004  (a token is longer)
        return value
    return harmless(value)


def _trace(error: BaseException) -> list[Any]:
    lines = "".join(traceback.format_exception(error)).splitlines()
    return [harmless(line) for line in lines[-_TRACE_LINES_MAX:]]
