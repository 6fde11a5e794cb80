"""What a yes costs: files of 10 KiB, durable and in the ledger before the answer.

In this process, one after the other, beside `chain.py`'s bare chain of the same system calls on the same disk; then
over HTTP, by one keep-alive sender and by 64 at once, beside the same requests to an app that only counts bytes (what
server, loopback and `senders.py` allow together).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from chain import BODY, Chain, alone, together
from race import ROUNDS, Race, arguments, scratch, take_turns
from senders import rate
from serve_zone import fresh, serving

from headwater.app import System, open_system
from headwater.terms import Door, FeedName, Offer, SenderRef

OFFER = Offer(feed=FeedName("first", "files"), door=Door.HTTP, sender=SenderRef("bench", "none"), name="small.bin")
SENDERS = 64


async def land(system: System) -> None:
    """One file, from the offer to the receipt."""
    upload = await system.landing.open(OFFER)
    await upload.write(0, BODY)
    await upload.seal()


async def seconds_for(times: int, work: Callable[[], Awaitable[None]]) -> float:
    """How long so many take, one after the other."""
    began = time.perf_counter()
    for _ in range(times):
        await work()
    return time.perf_counter() - began


async def in_process(disk: Path, rounds: int, times: int) -> tuple[list[float], list[float]]:
    """Files a second, and what the bare chain makes beside it: in rounds that take turns, the first not counted."""
    bare = Chain(disk)
    home, config = fresh(disk / "home", str(disk / "zone"))
    ours, chains = [], []
    async with open_system(home, config, may_found=True) as system:
        for _ in range(rounds + 1):
            ours.append(times / await seconds_for(times, lambda: land(system)))
            await system.services.follower.reached(system.sequencer.reader.position)
            chains.append(alone(bare.land, times))
    bare.close()
    return ours[1:], chains[1:]


def main() -> None:
    """The whole race."""
    options = arguments(__doc__)
    race = Race("small_files")
    rounds, times, seconds = (1, 20, 0.5) if options.quick else (ROUNDS, 1000, 3.0)
    with scratch(options.disk) as disk:
        ours, chains = uvloop.run(in_process(disk, rounds, times))
    race.say("bare chain, one after the other", statistics.median(chains), "1/s", peer="data, folder, ledger synced")
    race.say("in process, one after the other", statistics.median(ours), "1/s")
    race.say_ratio("in process, of the bare chain", ours, chains, 70, "bare chain")
    with scratch(options.disk) as disk:
        bare = Chain(disk)
        with serving(disk / "home", disk / "zone") as server, serving(disk / "s", disk / "sink", sink=True) as sink:
            rates = take_turns(
                rounds,
                {
                    "one sender": lambda: rate(server, 1, seconds),
                    "one sender, sink": lambda: rate(sink, 1, seconds),
                    "64 senders": lambda: rate(server, SENDERS, seconds),
                    "64 senders, sink": lambda: rate(sink, SENDERS, seconds),
                    "chain, one after the other": lambda: alone(bare.land, times),
                    "chain, 64 threads": lambda: together(bare.land, times),
                },
            )
        bare.close()
    middle = {side: statistics.median(measured) for side, measured in rates.items()}
    for side, chain, bar in (("one sender", "one after the other", 500.0), ("64 senders", "64 threads", 3000.0)):
        beside = f"sink {middle[f'{side}, sink']:.0f}/s; bare chain, {chain}, {middle[f'chain, {chain}']:.0f}/s"
        race.say(f"HTTP, {side}", middle[side], "1/s", bar=bar, peer=beside)


if __name__ == "__main__":
    main()
