"""Verification for those who are not on the machine: what `care.verify` finds, line by line as it is found."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

import msgspec

from headwater.care.findings import Problem, Progress, Report
from headwater.layout import parse_feed
from headwater.web.answers import TEXT, App
from headwater.web.asked import VerifyAsked
from headwater.web.calls import Call
from headwater.web.content import Streamed, begun

_NAMES: Final = {Problem: "problem", Progress: "progress", Report: "report"}


async def verify(call: Call) -> App:
    """Reads ledger and bytes again. Lines are JSON objects with one key: `progress`, `problem` or `report`.

    The report is the last line: a stream that ends without it says nothing.
    """
    query: VerifyAsked = call.query
    feed = parse_feed(query.feed) if query.feed else None
    found = call.services.verify(feed, quick=query.quick, against=query.against)

    async def lines() -> AsyncIterator[bytes]:
        async with aclosing(found):
            async for each in found:
                if name := _NAMES.get(type(each)):
                    yield msgspec.json.encode({name: each}) + b"\n"

    return Streamed(200, ((b"content-type", TEXT),), await begun(lines()))
