"""Names that move, and names that go: RENAME, REMOVE and SETSTAT of what a client has delivered or is delivering."""

from __future__ import annotations

import contextlib
from typing import Final

from headwater.doors.sftp.desk import Desk
from headwater.doors.sftp.wire import Attrs
from headwater.doors.sftp.writing import describe, parked_until, routed_at, told_path, waits_for_rename, was_closed
from headwater.errors import HeadwaterError, Refused
from headwater.gate.underway import Underway
from headwater.gate.view import Kind
from headwater.ledger.entries import Amended, Renamed
from headwater.ports.books import ShownName
from headwater.terms import Completeness, Evidence, Id, Receipt, name_fields, shown

RENAMED: Final = "rename"


async def rename(desk: Desk, old: str, new: str) -> Receipt | None:
    """Gives a name another one. What was parked under a temporary name is landed by it, and only then is it done.

    Raises Refused where there is nothing to rename, or it would leave its feed; and what landing raises.
    """
    if old == new:
        return None
    underway = desk.services.underway.find(desk.caller.name, old)
    target = await desk.view.look(new)
    if target is not None and target.kind is Kind.FOLDER:
        raise Refused("exists", f"{shown(desk.view.seen(new))} is a folder.")
    if underway is not None:
        return await _rename_upload(desk, underway, new)
    row = await desk.view.row(old)
    if row is None or row.id is None:
        node = await desk.view.look(old)
        if node is not None and node.kind is Kind.FOLDER:
            raise Refused("unsupported", "Folders are not renamed: what lies in them is, one by one.")
        raise Refused("not_found", f"There is no {shown(desk.view.seen(old))}.")
    await _rename_delivery(desk, row, old, new)
    return None


async def _rename_upload(desk: Desk, underway: Underway, new: str) -> Receipt | None:
    routed = routed_at(desk, new)
    if underway.upload is not None or waits_for_rename(desk, new, routed):
        # Still being written, or temporary once more: CLOSE, or the next RENAME, lands it under its name
        await _give_up_target(desk, new)
        desk.services.underway.move(underway, new)
        return None
    landing = desk.services.landing
    try:
        upload = await landing.resume(underway.id)
    except Refused:
        desk.services.underway.remove(underway)
        raise Refused("abandoned", "The upload was not renamed in time; its bytes are kept as evidence.") from None
    if not was_closed(upload):
        underway.park(parked_until(desk))
        await upload.park()
        raise Refused("cut", "The upload was cut off: go on with it, or begin it anew.")
    transcript = desk.transcript(upload.attempt.transcript)
    transcript.add("rename", old=desk.view.seen(underway.path), new=desk.view.seen(new))
    upload.story = transcript.rows
    offer, path = upload.offer, told_path(routed)
    try:
        if (routed.feed, path, routed.companion) != (offer.feed, offer.path, offer.companion):
            await upload.move_to(routed.feed, path=path, companion=routed.companion)
    except HeadwaterError:
        await upload.park(temporary=True)
        raise
    describe(upload, underway, new)
    evidence = [Evidence(RENAMED)]
    # The client asked for our digest of the temporary file and then gave it its name: it has compared them
    evidence += [
        Evidence(f"{algorithm}_checked", value, value) for algorithm, value in sorted(underway.checked.items())
    ]
    try:
        receipt = desk.landed(await upload.seal(*evidence, name=routed.name))
    except HeadwaterError:
        if upload.ended:
            desk.services.underway.remove(underway)
        else:  # it did not come as far as the zone, and can be renamed again
            with contextlib.suppress(HeadwaterError):
                await upload.park(temporary=True)
        raise
    desk.services.underway.remove(underway)
    await _give_up_target(desk, new)
    desk.closed[new] = receipt.id
    return receipt


async def _give_up_target(desk: Desk, path: str) -> None:
    """What is parked under a name that another file now takes ends as evidence."""
    other = desk.services.underway.find(desk.caller.name, path)
    if other is None:
        return
    desk.services.underway.remove(other)
    with contextlib.suppress(HeadwaterError):
        upload = await desk.services.landing.resume(other.id)
        await upload.drop("withdrawn", "Another file was given its name.")


async def _rename_delivery(desk: Desk, row: ShownName, old: str, new: str) -> None:
    """A sealed name gets another one: an entry says so, the bytes stay where they are."""
    before, after = routed_at(desk, old), routed_at(desk, new)
    if before.feed != after.feed:
        raise Refused("bad_feed", f"It has landed in {before.feed}; a name can change within that feed only.")
    if row.id is None:
        raise Refused("not_found")
    await desk.services.ledger.append(Renamed(v=1, id=row.id, by=desk.caller.name, **name_fields(after.name)))
    desk.view.hide(old)
    desk.view.show(new, row.id, row.size_bytes, row.modified_at, row.mode)
    if desk.closed.pop(old, None):
        desk.closed[new] = row.id
    await desk.retell(row.id, "rename", old=desk.view.seen(old), new=desk.view.seen(new))
    desk.note("renamed", attempt=row.id, old=shown(before.name), new=shown(after.name))


async def remove(desk: Desk, whole: str) -> None:
    """Takes a name out of the sender's sight. What is parked under it ends as evidence; what landed stays.

    What this connection itself closed was taken back by its sender: an entry says so. Raises Refused.
    """
    manners = desk.view.manners(whole)
    underway = desk.services.underway.find(desk.caller.name, whole)
    if underway is not None:
        desk.services.underway.remove(underway)
        upload = await desk.services.landing.resume(underway.id)
        await upload.drop("withdrawn", "The sender removed it before it was landed.")
        return
    row = await desk.view.row(whole)
    if row is None or row.id is None:
        node = await desk.view.look(whole)
        reason = "not_found" if node is None else "unsupported"
        raise Refused(reason, f"There is no file {shown(desk.view.seen(whole))}.")
    if not manners.may_delete:
        raise Refused("not_allowed", "Nothing can be deleted here.")
    desk.view.hide(whole)
    desk.note("hidden", attempt=row.id, path=desk.view.seen(whole))
    if desk.closed.pop(whole, None) == row.id:
        await withdraw(desk, row.id, "removed")
    else:
        await desk.retell(row.id, "removed")


async def withdraw(desk: Desk, id: Id, why: str) -> None:
    """Enters that a sender took a delivery back, in the very connection that brought it."""
    await desk.services.ledger.append(
        Amended(
            v=1, id=id, completeness=Completeness.SUSPECT, reason="withdrawn", evidence=(Evidence(why, observed="yes"),)
        )
    )
    await desk.retell(id, why)


async def describe_path(desk: Desk, whole: str, attrs: Attrs) -> None:
    """SETSTAT: time and mode are kept as the client's own; a size that is the true one is fine. Raises Refused."""
    underway = desk.services.underway.find(desk.caller.name, whole)
    row = None if underway is not None else await desk.view.row(whole)
    size_bytes = underway.taken_bytes if underway is not None else row.size_bytes if row is not None else None
    if size_bytes is None:
        if await desk.view.look(whole) is None:
            raise Refused("not_found", f"There is no {shown(desk.view.seen(whole))}.")
        return  # a folder's attributes are nobody's
    if attrs.size_bytes is not None and attrs.size_bytes != size_bytes:
        raise Refused("unsupported", f"It has {size_bytes} bytes; a file is not cut or filled here.")
    modified_at = attrs.times[1] if attrs.times else None
    if underway is not None:
        underway.modified_at = underway.modified_at if modified_at is None else modified_at
        underway.mode = underway.mode if attrs.mode is None else attrs.mode
        if underway.upload is not None:
            describe(underway.upload, underway)
    elif row is not None:
        desk.view.change(row, modified_at, attrs.mode)
