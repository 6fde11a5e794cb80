"""Moments as people say them: RFC 3339, a date, `2d`, `yesterday`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

from headwater.errors import Refused

Moment = str | date | datetime | timedelta
"""A text as above, a date (its first moment, UTC), a datetime with an offset, or how long ago."""

_AGO = re.compile(r"([0-9]{1,6})(s|m|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment_text(moment: Moment, now: datetime) -> str:
    """RFC 3339 in UTC. Raises Refused("bad_request") for what is no moment, and for a datetime without an offset."""
    at: datetime
    if isinstance(moment, str):
        at = _parsed(moment.strip(), now)
    elif isinstance(moment, timedelta):
        at = now - moment
    elif isinstance(moment, datetime):
        at = moment
    else:
        at = datetime.combine(moment, time(), UTC)
    if at.tzinfo is None:
        raise Refused("bad_request", f"{moment} has no offset from UTC. Write {at.isoformat()}Z.")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _parsed(text: str, now: datetime) -> datetime:
    if ago := _AGO.fullmatch(text):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    if text in {"today", "yesterday"}:
        return today - timedelta(days=text == "yesterday")
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        return datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            "bad_request", f"{text!r} is no time. Write 2026-11-23, 2026-11-23T06:00:00Z, 2d or yesterday."
        ) from None
