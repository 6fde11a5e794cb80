"""1 GiB by PUT into a zone on S3, for information: versitygw on a tmpfs takes the parts, and syncs nothing.

Beside it, in turns, boto3's own `upload_file` of the same bytes straight to the same server: parts of the same size,
eight at a time, no receipt. What landed is removed between rounds.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from boto3.s3.transfer import TransferConfig
from http_put import QUICK_BYTES, SIZE_BYTES, make
from race import ROOT, ROUNDS, Race, arguments, memory_folder, scratch, take_turns
from serve_zone import serving

PART_BYTES = 8 << 20


def main() -> None:
    """The whole race."""
    options = arguments(__doc__)
    race = Race("s3_put")
    if not (ROOT / ".services" / "bin" / "versitygw").exists() and not shutil.which("versitygw"):
        race.say("PUT to versitygw", "not measured: .ci/services gets versitygw")
        return
    from tests.services import versitygw  # noqa: PLC0415 - brings the test tools

    with scratch(memory_folder()) as memory, versitygw(memory / "s3") as s3, s3.client() as client:
        file, bucket = memory / "file", s3.make_bucket()
        make(file, QUICK_BYTES if options.quick else SIZE_BYTES)
        os.environ |= {"AWS_ACCESS_KEY_ID": s3.access_key, "AWS_SECRET_ACCESS_KEY": s3.secret_key}
        parts = TransferConfig(multipart_chunksize=PART_BYTES, max_concurrency=8)

        def timed(put: Callable[[str], None], where: Path) -> float:
            began = time.perf_counter()
            put(f"big-{time.monotonic_ns()}.bin")
            seconds = time.perf_counter() - began
            for landed in where.rglob("*big-*"):
                landed.unlink()
            return file.stat().st_size / seconds / 1e6

        with serving(memory / "home", f"s3://{bucket}/zone", endpoint=s3.endpoint) as server:
            stored = memory / "s3" / "root" / bucket
            rates = take_turns(
                1 if options.quick else ROUNDS,
                {
                    "ours": lambda: timed(lambda name: server.curl(file, name), stored),
                    "boto3": lambda: timed(
                        lambda name: client.upload_file(str(file), bucket, f"bare/{name}", Config=parts), stored
                    ),
                },
            )
            most = server.memory_bytes("VmHWM") / 2**20
    bare = statistics.median(rates["boto3"])
    race.say("PUT to versitygw", statistics.median(rates["ours"]), "MB/s", peer=f"boto3 upload_file {bare:.0f} MB/s")
    race.say("memory of the server, most", most, "MiB")


if __name__ == "__main__":
    main()
