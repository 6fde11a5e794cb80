"""The docs say what the code does: each reason, kind of entry and room is written down."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headwater.errors import REASONS
from headwater.ledger.entries import KINDS

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", REASONS)
def test_every_reason_is_documented(name):
    """Each reason stands in docs/reference/errors.md with its answers as they are in the table of the code."""
    reason = REASONS[name]
    row = f"| `{name}` | {reason.http} | {reason.sftp} | {reason.ftp} | {reason.title} |"

    assert row in (ROOT / "docs/reference/errors.md").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_entry_is_documented(kind):
    """Each kind of ledger entry is described in docs/format.md."""
    assert f"`{kind}`" in (ROOT / "docs/format.md").read_text()


def test_every_room_stands_in_the_code_map():
    """A stranger finds every module and room of the package in ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    package = ROOT / "src/headwater"
    rooms = {path.name for path in package.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    modules = {path.name for path in package.glob("*.py") if not path.name.startswith("__")}

    assert {name for name in rooms if f"`{name}/`" not in text and f"{name}/" not in text} == set()
    assert {name for name in modules if name not in text} == set()


def test_paths_in_the_architecture_exist():
    """Every file that ARCHITECTURE.md names is there."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_0-9]+\.py)", text))

    assert {
        name for name in named if not any((root / name).exists() for root in (ROOT, ROOT / "src/headwater"))
    } == set()
