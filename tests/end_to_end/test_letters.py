"""The page of twelve files and what is written of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.letters import FILES, letter

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "inspect.md"


@pytest.mark.parametrize("name", FILES)
def test_the_page_shows_what_is_written(tmp_path, name):
    """Each letter of docs/how-to/inspect.md is what the command writes of such a file today."""
    assert f"$ headwater inspect {name}\n{letter(tmp_path, name, FILES[name]())}\n```" in PAGE.read_text()
