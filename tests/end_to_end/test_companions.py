"""Checksum files beside what they speak of, by HTTP."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from typing import Any

import pytest

from tests.crash.served import Server
from tests.end_to_end.conftest import PATH

SALES = b"id,amount\n1,10\n2,20\n"
STREAMED = {"Transfer-Encoding": "chunked"}


def put(server: Server, name: str, body: bytes | Iterable[bytes]) -> dict[str, Any]:
    """Delivers a file; streamed, its sender says nothing of its length."""
    answer = server.ask("PUT", PATH + name, body, None if isinstance(body, bytes) else STREAMED)
    assert answer.status == 201, answer.body
    known: dict[str, Any] = answer.json
    return known


def when_amended(server: Server, known: dict[str, Any]) -> str:
    """How complete a delivery is once something was said of it."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        now = server.ask("GET", f"/v1/deliveries/{known['receipt']['id']}").json["now"]
        if now["amended_by"]:
            return str(now["completeness"])
        time.sleep(0.02)
    raise AssertionError("nothing was said of it")


def checksum(name: str, body: bytes) -> bytes:
    """As `sha256sum` writes it."""
    return f"{hashlib.sha256(body).hexdigest()}  {name}\n".encode()


@pytest.mark.parametrize("first", ["data", "companion"])
def test_a_checksum_file_proves_what_it_came_with(server, first):
    """A streamed upload is presumed whole until its checksum file agrees, whichever came first."""
    name = f"{first}/sales.csv"
    if first == "companion":
        put(server, f"{name}.sha256", checksum("sales.csv", SALES))
    known = put(server, name, iter([SALES[:9], SALES[9:]]))
    assert known["receipt"]["completeness"] == "presumed"
    if first == "data":
        put(server, f"{name}.sha256", checksum("sales.csv", SALES))
    assert when_amended(server, known) == "proven"


@pytest.mark.parametrize("first", ["data", "companion"])
def test_a_wrong_checksum_file_makes_it_suspect(server, first):
    """Half a file whose length was right for half a file is suspect, once the checksum file has told."""
    name = f"{first}/half.csv"
    if first == "companion":
        put(server, f"{name}.sha256", checksum("half.csv", SALES))
    known = put(server, name, SALES[:9])
    assert known["receipt"]["completeness"] == "proven"
    if first == "data":
        put(server, f"{name}.sha256", checksum("half.csv", SALES))
    assert when_amended(server, known) == "suspect"


def test_companions_lie_apart(server):
    """A checksum file is a delivery too, in a room of its own that engines do not read."""
    known = put(server, "apart.csv.md5", b"0" * 32)
    assert known["receipt"]["key"].startswith("companion/")
