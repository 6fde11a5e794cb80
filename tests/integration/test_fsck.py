from __future__ import annotations

from pathlib import Path

import pytest

from headwater.ledger.note import Checkpoint, Signer, sign_note
from headwater.ledger.tiles import EMPTY_FRONTIER
from tests import services

NAME = "zone.example/log-1"


def write(folder: Path, size: int, *, batch: int) -> str:
    """Write a log of that many entries, published after each batch; return its public key."""
    signer = Signer.generate(NAME)
    frontier = EMPTY_FRONTIER
    while frontier.size < size:
        end = min(size, frontier.size + batch)
        frontier, files = frontier.extend([b"entry %d" % index * (index % 9) for index in range(frontier.size, end)])
        for path, data in files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    checkpoint = Checkpoint(NAME, size, frontier.edge().root())
    (folder / "checkpoint").write_text(sign_note(checkpoint.text(), signer), encoding="utf-8")
    return signer.vkey


@pytest.mark.parametrize(
    ("size", "batch"), [(0, 1), (1, 1), (255, 100), (256, 100), (257, 256), (300, 7), (70_000, 5_000), (70_000, 70_000)]
)
def test_fsck_accepts_our_log(tmp_path, size, batch):
    """Tessera's fsck rebuilds the whole log from our files and finds the root that we signed."""
    vkey = write(tmp_path, size, batch=batch)
    verdict = services.fsck(tmp_path, vkey)
    assert verdict.size == size, verdict.report


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/000",
        "tile/0/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
        "tile/entries/000",
        "tile/entries/273.p/112",
    ],
)
def test_fsck_refuses_our_log_with_one_flipped_bit(tmp_path, path):
    """One bit in any tile or bundle of a log of 70,000 entries, and it is not accepted."""
    vkey = write(tmp_path, 70_000, batch=70_000)
    file = tmp_path / path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert services.fsck(tmp_path, vkey, timeout_seconds=10).size is None


def test_fsck_refuses_our_log_under_another_key(tmp_path):
    """A checkpoint signed by a key that is not the one given is not accepted."""
    write(tmp_path, 3, batch=3)
    assert services.fsck(tmp_path, Signer.generate(NAME).vkey, timeout_seconds=10).size is None
