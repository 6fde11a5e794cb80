"""Files of 10 KiB inspected by one real worker, one after the other: how long each takes, and how many a second.

CSV, NDJSON, JSON, XML, a dump, gzip and Parquet in turns; statistics and recipes included, each recipe proved by
running it.
"""

from __future__ import annotations

import gzip
import io
import statistics
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from inspect_large import csv_block, ndjson_block, pg_dump_block, xml_block
from inspecting import NAMES, inspect, rows, worker
from race import Race, arguments, scratch

SIZE_BYTES = 10 * 1024
SECONDS, QUICK_SECONDS = 10.0, 0.5


def files(folder: Path) -> dict[str, Path]:
    """One of each kind, of about 10 KiB."""
    makers = {
        "orders.csv": csv_block,
        "orders.ndjson": ndjson_block,
        "orders.xml": xml_block,
        "orders.sql": pg_dump_block,
    }
    made: dict[str, bytes] = {}
    for name, make in makers.items():
        count = 10
        while len("".join(make(rows(count)))) < SIZE_BYTES:
            count += 5
        made[name] = "".join(make(rows(count))).encode()
    made["orders.json"] = b"[" + made["orders.ndjson"].strip().replace(b"\n", b",") + b"]"
    made["orders.csv.gz"] = gzip.compress(made["orders.csv"] * 3)
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(zip(NAMES, row, strict=True)) for row in rows(60)]), out)
    made["orders.parquet"] = out.getvalue()
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return {name.partition(".")[2]: folder / name for name in made}


def main() -> None:
    """Warm, then in turns."""
    options = arguments(__doc__)
    race = Race("inspect_small")
    with scratch(options.disk) as disk, worker() as at_work:
        kinds = files(disk)
        taken: dict[str, list[float]] = {kind: [] for kind in kinds}
        for path in kinds.values():
            inspect(at_work, path)
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < (QUICK_SECONDS if options.quick else SECONDS):
            for kind, path in kinds.items():
                taken[kind].append(inspect(at_work, path)[0] * 1e3)
                count += 1
        rate = count / (time.perf_counter() - began)
    for kind, millis in taken.items():
        worst = f"slowest of {len(millis)}: {max(millis):.1f} ms"
        race.say(f"{kind}, {kinds[kind].name}", statistics.median(millis), "ms", bar=20, peer=worst)
    race.say("all kinds in turns, one worker", rate, "1/s", bar=50)


if __name__ == "__main__":
    main()
