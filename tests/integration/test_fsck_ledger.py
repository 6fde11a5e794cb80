from __future__ import annotations

from headwater.ledger.entries import Admin
from headwater.ledger.note import Signer
from headwater.sequencer import LogReader, Sequencer
from headwater.sequencer.founding import found_log
from headwater.stores.directory_zone import open_directory_zone
from headwater.system import SystemClock
from headwater.testing.memory_log import MemoryClaims
from tests import services

ZONE = "0" * 31 + "1"
LOG = f"{ZONE}-1"
ENTRIES = 100_000
TOGETHER = 1000


async def test_tessera_accepts_a_ledger_of_a_hundred_thousand_entries(tmp_path):
    """A log that the sequencer wrote into a directory, restarted on the way, passes Tessera's fsck whole."""
    signer, clock, claims = Signer.generate(LOG), SystemClock(), MemoryClaims()
    for _ in range(2):
        store = open_directory_zone(tmp_path / "zone")
        if await store.heads(LOG).load() is None:
            await found_log(store.heads(LOG), store.files, signer, clock.now(), zone_id=ZONE)
        reader = LogReader(store.heads, store.files, ZONE)
        await reader.refresh()
        sequencer = await Sequencer.open(
            reader, store.heads(LOG), store.files, claims, signer, clock, writer="node process 1"
        )
        for first in range(0, ENTRIES // 2, TOGETHER):
            numbers = range(first, first + TOGETHER)
            await sequencer.append(*(Admin(v=1, by="test", act="counted", subject=str(n)) for n in numbers))
        await sequencer.close()
        await store.close()

    found = services.fsck(tmp_path / "zone" / "ledger" / LOG, signer.vkey)

    assert found.size == ENTRIES + 1, found.report
