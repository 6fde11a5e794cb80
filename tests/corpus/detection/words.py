"""Chance with names, towns, dates and sentences, for the files of the detection corpus."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

NAMES = ["Ann", "Bob", "Müller", "Lefèvre", "Reed", "Voss", "Åkesson", "O'Neill", "Kim", "Nováková", "Silva", "Tanaka"]
TOWNS = ["Leeds", "Köln", "Oslo", "Genoa", "Málaga", "Riga", "Cork", "Brno", "Łódź", "Porto", "Ulm", "Bath"]
THINGS = ["bolt", "rope", "lamp", "chair", "tea", "valve", "sensor", "ticket", "crate", "cable", "pump", "seal"]
SENTENCES = (
    "The shipment left the harbour at noon.",
    "Nobody had counted the crates, and two were missing.",
    "Please call before you come; the gate is closed on Mondays.",
    "It rained for a week.",
    "We measured the level twice: once at low tide and once at high tide.",
    "All prices are without tax unless stated otherwise.",
    "In the second year, the workshop moved to a larger hall near the river.",
    "What was promised has not been delivered, so the contract ends in May.",
    "Her answer was short and, as always, polite.",
    "The old machine runs well if it is oiled every evening.",
)
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)


class Chance(random.Random):
    """A source of chance that knows words."""

    @property
    def name(self) -> str:
        """A person's."""
        return self.choice(NAMES)

    @property
    def town(self) -> str:
        """A town's name."""
        return self.choice(TOWNS)

    @property
    def thing(self) -> str:
        """Something that is sold."""
        return self.choice(THINGS)

    def at(self, pattern: str = "%Y-%m-%d") -> str:
        """A time."""
        return (_BEGIN + timedelta(seconds=self.randrange(60_000_000))).strftime(pattern)

    def prose(self, sentences: int) -> str:
        """Sentences."""
        return " ".join(self.choices(SENTENCES, k=sentences))

    def record(self) -> dict[str, object]:
        """A record of an order."""
        return {
            "id": self.randrange(100_000),
            "name": self.name,
            "town": self.town,
            "amount": round(self.uniform(1, 900), 2),
            "paid": self.random() < 0.5,
            "at": self.at("%Y-%m-%dT%H:%M:%SZ"),
            "note": self.choice([None, "", "late", 'twice, "as agreed"']),
        }
