"""What a try by SFTP leaves to be looked at, as `headwater ls` and `headwater show` tell it: "but I uploaded it"."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from tests.crash.served import Server, headwater
from tests.raw_sftp import GO_ON, REMOVE, RawSftp, sized, ssh, string

BODY = b"id,amount\n" * 1000
CUT = 4096


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"{uuid.uuid4().hex}.csv"


def line(server: Server) -> Any:
    """An SSH connection of `first`."""
    return ssh(server.sftp_port or 0, password=server.token)


async def told(server: Server, *words: str) -> str:
    """What a command prints."""
    done = await asyncio.to_thread(headwater, server.home, *words, environ={"COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    return done.stdout


async def try_of(server: Server, name: str, *outcomes: str) -> dict[str, Any]:
    """The newest try of a name, once it has one of these outcomes."""
    for _ in range(500):
        page = (await asyncio.to_thread(server.ask, "GET", "/v1/attempts?limit=20")).json["attempts"]
        tries = [one for one in page if one["name"] == name]
        if tries and tries[0]["outcome"] in outcomes:
            return dict(tries[0])
        await asyncio.sleep(0.02)
    raise AssertionError(f"no try of {name} is {outcomes}")


async def story(server: Server, id: str) -> list[str]:
    """The steps that `show` prints, in order."""
    lines = (await told(server, "show", id[-8:])).splitlines()
    head = next(number for number, text in enumerate(lines) if text.startswith("SECONDS"))
    steps = []
    for text in lines[head + 1 :]:
        if not text.strip():
            break
        words = text.split()
        steps.append(words[1] if words[0][0].isdigit() else words[0])
    return steps


async def test_what_landed_tells_how_it_came(server, name):
    """The steps from the connection to the landing, with bytes, and the check that its sender made afterwards."""
    path = f"/first/files/{name}"
    async with line(server) as connection:
        assert (await (await RawSftp.over(connection)).put(path, BODY)).is_ok
        await connection.run(f"sha256sum {path}", check=True)
    landed = await try_of(server, name, "landed")
    assert await story(server, landed["id"]) == ["connection", "open", "close", "landed", "checked"]
    text = await told(server, "show", landed["id"])
    for word in ("AsyncSSH", f"{path}, flags WRITE|CREAT|TRUNC", "10,000", "algorithm sha256", "127.0.0.1"):
        assert word in text
    assert landed["id"][-8:] in await told(server, "ls", "--attempts")
    whole = json.loads(await told(server, "show", landed["id"], "--json"))
    assert (whole["receipt"]["id"], whole["attempt"]["id"]) == (landed["id"], landed["id"])
    assert [row["event"] for row in whole["attempt"]["transcript"]] == ["connection", "open", "close", "checked"]


async def test_what_was_cut_tells_of_every_connection(server, name):
    """Parked, it says where it was cut; gone on with and landed, it tells of both connections, one after the other."""
    path = f"/first/files/{name}"
    async with line(server) as connection:
        sftp = await RawSftp.over(connection)
        await sftp.write(await sftp.open(path), 0, BODY[:CUT])
    parked = await try_of(server, name, "parked")
    assert await story(server, parked["id"]) == ["connection", "open", "cut", "parked"]
    async with line(server) as connection:
        sftp = await RawSftp.over(connection)
        handle = await sftp.open(path, GO_ON)
        await sftp.write_all(handle, BODY, CUT)
        assert (await sftp.close(handle)).is_ok
    landed = await try_of(server, name, "landed")
    assert landed["id"] == parked["id"]
    first, second = ["connection", "open", "cut"], ["connection", "open", "resumed", "close", "landed"]
    assert await story(server, parked["id"]) == [*first, *second]


async def test_what_was_renamed_and_taken_back_tells_so(server, name):
    """The temporary name, the rename that landed it and the removal are steps; the removal comes after the landing."""
    temporary = f"{name}.filepart"
    async with line(server) as connection:
        sftp = await RawSftp.over(connection)
        await sftp.put(f"/first/files/{temporary}", BODY)
        assert (await sftp.rename(f"/first/files/{temporary}", f"/first/files/{name}")).is_ok
        assert (await sftp.ask(REMOVE, string(f"/first/files/{name}"))).is_ok
    landed = (await try_of(server, temporary, "landed"))["id"]
    assert await story(server, landed) == ["connection", "open", "close", "rename", "landed", "removed"]
    text = await told(server, "show", landed)
    for word in (f"{temporary} → /first/files/{name}", "withdrawn", "amended", "removed yes"):
        assert word in text


async def test_what_is_held_tells_why(server, name):
    """Reason and sentence stand above the steps, and the step at which it ended says them too."""
    async with line(server) as connection:
        answer = await (await RawSftp.over(connection)).put(f"/first/files/{name}", BODY, attrs=sized(99_999))
        assert not answer.is_ok
    held = await try_of(server, name, "held")
    assert await story(server, held["id"]) == ["connection", "open", "close", "held"]
    text = await told(server, "show", held["id"])
    for word in ("size_mismatch", "size was declared as 99999, but is 10000", "99,999 bytes"):
        assert word in text
    assert json.loads(await told(server, "show", held["id"], "--json"))["reason"] == "size_mismatch"


async def test_a_sender_sees_its_own_tries_alone(server, name):
    """By its id or its ending, a try is there for its sender and for nobody else who delivers."""
    made = json.loads(await told(server, "--json", "senders", "add", f"s{name[:8]}", "--allow", "first/*", "--token"))
    async with line(server) as connection:
        await (await RawSftp.over(connection)).put(f"/first/files/{name}", BODY, attrs=sized(1))
    id = (await try_of(server, name, "held"))["id"]

    def seen(token: str | None) -> tuple[int, int]:
        one = server.ask("GET", f"/v1/attempts/{id}", token=token)
        listed = server.ask("GET", f"/v1/attempts?id={id[-8:]}", token=token)
        return one.status, len(listed.json["attempts"])

    assert await asyncio.to_thread(seen, None) == (200, 1)
    assert await asyncio.to_thread(seen, made["secrets"]["token"]) == (404, 0)


async def test_a_story_is_bounded(server, name):
    """However often a file is cut and gone on with, its transcript stays within its room, beginning and end kept."""
    path = f"/first/files/{name}"
    for number in range(120):
        async with line(server) as connection:
            sftp = await RawSftp.over(connection)
            await sftp.write(await sftp.open(path, GO_ON), number, b"x")
        await try_of(server, name, "parked")
    parked = await try_of(server, name, "parked")
    events = [row["event"] for row in parked["transcript"]]
    assert len(json.dumps(parked["transcript"])) < 20_000
    assert (events[:3], events[-1]) == (["connection", "open", "cut"], "cut")
    assert "dropped" in events
    assert "dropped" in await story(server, parked["id"])
