"""What all channels of one connection share: who it is, what it sees, and what it has done."""

from __future__ import annotations

import logging
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
    `checked` are the digests that the client has asked for, by path. `digests` are those of deliveries, by id and
    algorithm, that this process had to compute: what they are of never changes.
    """

    services: Services
    caller: Caller
    view: View
    agent: str
    facts: dict[str, Any]
    digests: dict[tuple[str, str], str]
    closed: dict[str, Id] = field(default_factory=dict)
    checked: dict[str, dict[str, str]] = field(default_factory=dict)

    def transcript(self) -> Transcript:
        """A transcript that begins with the connection."""
        made = Transcript(self.services.clock)
        made.add("connection", client=self.agent, credential=self.caller.credential, **self.facts)
        return made

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
