"""`headwater feeds`: what there is of feeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, Parameter

from headwater.cli.ls import tell_deliveries
from headwater.cli.output import DOUBTFUL, as_json, emit, facts, remark, say, shown, table, when
from headwater.cli.session import open_zone
from headwater.formats.names import spoken
from headwater.layout import parse_feed
from headwater.web.shapes import FeedView
from headwater.zone.delivery import size_text
from headwater.zone.schemas import INSPECTED, Schema, schemas_of

LATEST = 10
SCHEMAS = 10

app = App(name="feeds", help="Lists feeds with their state.")


@app.default
def feeds() -> None:
    """Lists every feed with its state."""
    with open_zone() as zone:
        found = zone.feeds()
    if as_json():
        for one in found:
            emit(one)
    elif found:
        rows = [
            (
                one.feed,
                "declared" if one.declared else "",
                str(one.deliveries),
                size_text(one.size_bytes),
                when(one.last_at),
            )
            for one in found
        ]
        table(("feed", "", "deliveries", "size", "last landed (UTC)"), rows, right=("deliveries", "size"))
    else:
        remark("There is no feed yet: the first delivery makes one, or [sources.NAME.feeds.NAME] in headwater.toml.")


@app.command
def show(feed: Annotated[str, Parameter(name="SOURCE/FEED", help="The feed.")], /) -> None:
    """Shows one feed."""
    with open_zone() as zone:
        found = zone.calls.get(f"/v1/feeds/{parse_feed(feed)}", FeedView)
        if as_json():
            emit(
                {field: getattr(found, field) for field in found.__struct_fields__}
                | {"schemas": schemas_of(zone, feed)}
            )
            return
        _tell(found)
        latest = zone.deliveries(feed, limit=LATEST)
        schemas = schemas_of(zone, feed)
    if schemas:
        _tell_schemas(schemas)
    if latest:
        say()
        say("Latest deliveries", style="bold")
        tell_deliveries(latest, one_feed=True)


def _tell_schemas(schemas: Sequence[Schema]) -> None:
    say()
    say("Schemas over time", style="bold")
    for one in schemas[:SCHEMAS]:
        columns = f"{len(one.columns):,} columns" if one.columns else "no columns"
        since = f"since {shown(one.name)}" if one.deliveries > 1 else shown(one.name)
        say(f"{since}: {spoken(one.format)}, {columns}, {one.deliveries:,} of the last {INSPECTED}")
        for sentence in one.changes:
            say(f"   ! {shown(sentence)}", style=DOUBTFUL)


def _tell(feed: FeedView) -> None:
    facts(
        [
            ("Feed", feed.feed),
            ("Declared", "in headwater.toml" if feed.declared else "no"),
            ("Deliveries", f"{feed.deliveries:,}"),
            ("Size", size_text(feed.size_bytes)),
            ("First landed", feed.first_at),
            ("Last landed", feed.last_at),
        ]
    )
