"""Whatever the sizes of the pieces, and however slow the store is at any step: what lands is what was sent."""

from __future__ import annotations

import asyncio
import hashlib
import random
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.terms import Receipt
from tests.unit.landing.conftest import Site, offer

STEPS = ("begin", "write", "create", "commit")


class Slow:
    """A store that takes its time at some steps."""

    def __init__(self, inner: Any, pauses: dict[str, float]) -> None:
        self._inner = inner
        self._pauses = pauses

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in STEPS:
            return found

        async def slowly(*args: Any) -> Any:
            await asyncio.sleep(self._pauses.get(name, 0.0))
            done = await found(*args)
            await asyncio.sleep(self._pauses.get(name, 0.0))
            return Slow(done, self._pauses) if name == "begin" else done

        return slowly


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sizes=st.lists(st.sampled_from([1, 100, 65_535, 65_536, 300_000, 1_048_575, 1_048_576, 1_048_577]), max_size=12),
    pauses=st.fixed_dictionaries({}, optional=dict.fromkeys(STEPS, st.sampled_from([0.0, 0.001, 0.01]))),
    parks=st.sets(st.integers(0, 11), max_size=2),
    seed=st.integers(0, 1000),
)
def test_any_pieces_land_whole(sizes, pauses, parks, seed):
    """Pieces of any sizes, parked and gone on with at some, over a store slow at any step, land byte for byte."""
    pieces = [random.Random(seed + number).randbytes(size) for number, size in enumerate(sizes)]
    whole = b"".join(pieces)

    async def land(folder: Path) -> None:
        site = Site(folder)
        site.wrap = {name: lambda inner: Slow(inner, pauses) for name in ("intake", "creator")}
        await site.start()
        try:
            upload = await site.landing.open(offer(resumable=True))
            for number, piece in enumerate(pieces):
                if number in parks:
                    await upload.park()
                    upload = await site.landing.resume(upload.id)
                await upload.write(upload.size_bytes, piece)
            receipt = (await upload.seal()).entry
            assert isinstance(receipt, Receipt)
            assert receipt.size_bytes == len(whole)
            assert receipt.sha256 == hashlib.sha256(whole).hexdigest()
            assert await site.bytes_of(receipt.key) == whole
        finally:
            await site.crash()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(land(Path(folder)))
