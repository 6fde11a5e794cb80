"""What the log says, and what it never says."""

from __future__ import annotations

import io
import json
import logging

import pytest

from headwater.config_values import Secret
from headwater.logs import handler, note

TOKEN = "hw_" + "A" * 43


@pytest.fixture
def log():
    """A logger of its own, and what it wrote."""
    logger = logging.getLogger("headwater.test")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield logger, io.StringIO()
    logger.handlers.clear()


def test_a_line_is_one_object_with_fixed_keys_first(log):
    """Time, level and event come first, then the facts in their order; facts that are None are left out."""
    logger, text = log
    logger.addHandler(handler(text, as_json=True))
    note(logger, "landed", attempt="01", door="http", sender="acme", feed=None, name="a\nb", size_bytes=3, proven=True)
    line = text.getvalue()
    assert line.count("\n") == 1
    fields = json.loads(line)
    assert list(fields) == ["ts", "level", "event", "attempt", "door", "sender", "name", "size_bytes", "proven"]
    assert (fields["event"], fields["name"], fields["size_bytes"]) == ("landed", "a\\nb", 3)


def test_people_read_words(log):
    """On a terminal an event is one line of words; its level shows when it is bad."""
    logger, text = log
    logger.addHandler(handler(text, as_json=False))
    note(logger, "landed", feed="acme-crm/daily", size_bytes=3)
    note(logger, "failed", level=logging.ERROR, reason="full")
    first, second = text.getvalue().splitlines()
    assert first[8:] == " landed feed=acme-crm/daily size_bytes=3"
    assert second[8:] == " error: failed reason=full"


def test_no_secret_is_written(log):
    """Secrets, bytes and objects leave their type alone, tokens are cut wherever they stand, tracebacks too."""
    logger, text = log
    logger.addHandler(handler(text, as_json=True))
    logger.addHandler(handler(text, as_json=False))
    note(logger, "odd", secret=Secret("sesame"), body=b"sesame", words=f"Bearer {TOKEN}", many=["sesame"])
    try:
        int(TOKEN)
    except ValueError:
        logger.exception("fault", extra={"facts": {}})
    logger.warning("a library says %s", TOKEN)
    assert "sesame" not in text.getvalue()
    assert TOKEN not in text.getvalue()
    assert "a library says hw_…" in text.getvalue()
    assert "ValueError" in text.getvalue()
