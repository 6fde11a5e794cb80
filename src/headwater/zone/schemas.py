"""What the deliveries of a feed looked like over time, from their findings."""

from __future__ import annotations

from typing import Final

import msgspec

from headwater.formats.codes import DRIFT
from headwater.formats.finding import Finding
from headwater.layout import parse_feed
from headwater.web.shapes import FindingPage
from headwater.zone.zone import Zone

INSPECTED: Final = 100
"""How many of the last findings of a feed are looked through."""


class Schema(msgspec.Struct, frozen=True):
    """What the deliveries of a feed looked like from one on, and what had changed with it."""

    since: str
    name: str
    format: str
    columns: list[str]
    deliveries: int
    changes: list[str]


def schemas_of(zone: Zone, feed: str) -> list[Schema]:
    """The schemas of the last `INSPECTED` deliveries of a feed that were inspected, the newest first.

    Raises Refused where the feed is not the caller's to see, Unavailable.
    """
    target = f"/v1/feeds/{parse_feed(feed)}/findings"
    found = zone.calls.get(target, FindingPage, limit=INSPECTED).findings
    schemas: list[Schema] = []
    for each in reversed(found):
        finding = each.finding
        columns = [
            f"{table.name}.{column.name}" if table.name else column.name
            for table in finding.schema
            for column in table.columns
        ]
        like = next((one for one in reversed(schemas) if (one.format, one.columns) == (finding.format, columns)), None)
        if like is not None and not _changes(finding):
            place = schemas.index(like)
            schemas[place] = msgspec.structs.replace(like, deliveries=like.deliveries + 1)
        else:
            schemas.append(Schema(each.made_at, finding.name, finding.format, columns, 1, _changes(finding)))
    return schemas[::-1]


def _changes(finding: Finding) -> list[str]:
    return [problem.sentence for problem in finding.problems if problem.code in DRIFT]
