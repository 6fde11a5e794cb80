"""What all channels of one connection share: who it is, what it sees, and what it has done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater.gate.identify import Caller
from headwater.gate.transcript import Transcript
from headwater.gate.view import View
from headwater.logs import note
from headwater.ports.ledger import Entered
from headwater.terms import Door, Id, Receipt, name_of, shown
from headwater.web.services import Services

log = logging.getLogger("headwater.sftp")


@dataclass
class Desk:
    """One connection that was let in. `agent` is the client's own words about itself, `facts` what was agreed with it.

    `closed` are the deliveries that came by this connection, by path: taking one back says something of its wholeness.
    `digests` are those of deliveries, by id and algorithm, that this process had to compute: what they are of never
    changes.
    """

    services: Services
    caller: Caller
    view: View
    agent: str
    facts: dict[str, Any]
    digests: dict[tuple[str, str], str]
    closed: dict[str, Id] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Notes the connection, with which each transcript begins."""
        made = Transcript(self.services.clock)
        made.add("connection", client=self.agent, credential=self.caller.credential, **self.facts)
        self._connection = made.rows()

    def transcript(self, earlier: Sequence[dict[str, Any]] = (), now: Sequence[dict[str, Any]] = ()) -> Transcript:
        """A transcript of this connection, which goes on after what an `earlier` one noted, or itself, with `now`."""
        mine = [row for row in now or self._connection if row not in earlier]
        return Transcript(self.services.clock, [*earlier, *mine])

    async def retell(self, id: Id, event: str, **detail: Any) -> None:
        """Adds to the transcript of an attempt that has ended what its sender did with its file later."""
        book = self.services.landing.means.attempts
        attempt = await book.get(id)
        if attempt is not None:
            transcript = self.transcript(attempt.transcript)
            transcript.add(event, **detail)
            book.move(id, attempt.fence, soon=False, transcript=transcript.rows())

    def landed(self, entered: Entered) -> Receipt:
        """Counts and logs a delivery; returns its receipt."""
        receipt = entered.entry
        if not isinstance(receipt, Receipt):
            raise TypeError(receipt)
        metrics = self.services.metrics
        metrics.landed.add(Door.SFTP)
        metrics.landed_bytes.add(Door.SFTP, by=receipt.size_bytes)
        self.note(
            "landed",
            attempt=receipt.id,
            feed=str(receipt.feed_name),
            name=shown(name_of(receipt)),
            size_bytes=receipt.size_bytes,
            completeness=receipt.completeness.value,
        )
        return receipt

    def note(self, event: str, *, level: int = logging.INFO, attempt: Id | None = None, **facts: Any) -> None:
        """Logs an event of this connection."""
        who = {"door": Door.SFTP.value, "sender": self.caller.name, "peer": self.caller.peer}
        note(log, event, level=level, attempt=attempt, **who, **facts)
