"""`headwater inspect`: what a file or a delivery is, whether it is whole, how to read it."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from headwater.cli.letter import tell
from headwater.cli.output import Bar, as_json, emit, remark
from headwater.cli.session import BAD_NEWS, OK, open_zone
from headwater.cli.words import Flag, seconds_of, size_of
from headwater.errors import Misconfigured, Refused
from headwater.formats.finding import Finding
from headwater.formats.redact import without_samples
from headwater.inspector.client import inspect_file
from headwater.inspector.job import Limits
from headwater.terms import Completeness
from headwater.zone.delivery import Delivery
from headwater.zone.zone import Zone

_FEED = re.compile(r"[a-z0-9_-]+/[a-z0-9_-]+")


def inspect(
    what: Annotated[
        str, Parameter(name="FILE|ID", help="A file, or a delivery as for `show`. With --again also a feed.")
    ],
    /,
    *,
    again: Flag = False,
    samples: Annotated[bool, Parameter(negative="--no-samples", show_default=False)] = True,
    engine: Annotated[tuple[str, ...], Parameter(help="Show how this engine reads it.", negative="")] = ("duckdb",),
    time: Annotated[str, Parameter(help="How long a file may be looked at.")] = "5m",
    memory: Annotated[str, Parameter(help="How much memory that may take.")] = "2GiB",
) -> int:
    """Says what a file or a delivery is, whether it is whole, what looks wrong with it, and how to read it.

    A file is looked at here and needs no home. Of a delivery the newest finding is shown; where there is none yet, its
    bytes are fetched and looked at here. 1 if there is a sign that it is not whole.

    Parameters
    ----------
    again
        Have the server look at the delivery, or at every delivery of a feed, once more; the findings are added.
    samples
        With --no-samples no values of the bytes are shown.
    """
    path = Path(what)
    if not again and path.exists():
        if not path.is_file():
            raise Refused("bad_request", f"{what} is no regular file.")
        limits = Limits(memory_bytes=size_of(memory), time_seconds=seconds_of(time))
        finding = inspect_file(path, path.name, limits, engines=() if as_json() else engine)
        return _answer(finding, engine, str(path), samples=samples)
    try:
        with open_zone() as zone:
            if again and _FEED.fullmatch(what):
                return _feed_again(zone, what)
            delivery = zone.delivery(what)
            known = delivery.inspect().finding if again else _known(delivery)
            finding = known or _fetched(delivery, Limits(memory_bytes=size_of(memory), time_seconds=seconds_of(time)))
    except Misconfigured as none:
        if none.reason == "no_home":
            raise Refused(
                "not_found", f"There is no file {what} here, and no home whose delivery it could be."
            ) from none
        raise
    return _answer(finding, engine, "{path}", samples=samples)


def _known(delivery: Delivery) -> Finding | None:
    found = delivery.findings
    return found[0].finding if found else None


def _fetched(delivery: Delivery, limits: Limits) -> Finding:
    """Looked at here: the bytes are fetched for it, and thrown away."""
    with tempfile.TemporaryDirectory(prefix="headwater-") as folder:
        path = delivery.save(Path(folder) / "bytes")
        return inspect_file(path, delivery.name, limits)


def _feed_again(zone: Zone, feed: str) -> int:
    """Every delivery of a feed, oldest first, because each is compared with those before it."""
    deliveries = [each for each in reversed(zone.deliveries(feed, limit=None)) if _is_data(each)]
    suspect = 0
    with Bar(feed, len(deliveries), unit="deliveries") as bar:
        for done, each in enumerate(deliveries, 1):
            view = each.inspect()
            suspect += view.finding.wholeness.verdict is Completeness.SUSPECT
            if as_json():
                emit(view)
            bar.show(done)
    remark(f"{len(deliveries)} deliveries of {feed} were inspected again; {suspect} are suspect.")
    return OK


def _is_data(delivery: Delivery) -> bool:
    return delivery.receipt.key.startswith("raw/") and delivery.state.value != "erased"


def _answer(finding: Finding, engines: tuple[str, ...], place: str, *, samples: bool) -> int:
    finding = finding if samples else without_samples(finding)
    if as_json():
        emit({field: getattr(finding, field) for field in finding.__struct_fields__})
    else:
        tell(finding, engines=engines, place=place)
    return BAD_NEWS if finding.wholeness.verdict is Completeness.SUSPECT else OK
