from __future__ import annotations

import json
import os
import random

import pytest

from headwater.terms import Receipt
from tests.raw_sftp import (
    DATA,
    EOF,
    F_READ,
    FAILURE,
    NO_SUCH_FILE,
    OPEN,
    PERMISSION_DENIED,
    READ,
    STAT,
    string,
    u32,
    u64,
)
from tests.unit.doors.sftp.world import FOLDER

PATH = f"{FOLDER}/a.csv"
MIB = 1 << 20


async def read(client, handle, offset, size):
    """READ."""
    return await client.ask(READ, string(handle), u64(offset), u32(size))


async def test_what_was_delivered_is_read_back(client):
    """Byte for byte, by pieces of any size, in order and out of it."""
    data = os.urandom(3 * MIB + 17)
    await client.put(PATH, data)
    assert await client.read_all(PATH) == data
    handle, chance = await client.open(PATH, F_READ), random.Random(1)
    for _ in range(50):
        offset, size = chance.randrange(len(data)), chance.randrange(1, 400_000)
        answer = await read(client, handle, offset, size)
        got = answer.string()
        assert got == data[offset : offset + len(got)]
        assert len(got) == min(size, 255 * 1024, len(data) - offset)
    assert (await client.close(handle)).is_ok


@pytest.mark.parametrize("offset", [3, 4, 2**31, 2**63 - 1, 2**63, 2**64 - 1])
@pytest.mark.parametrize("path", [PATH, f"{PATH}.receipt.json"])
async def test_beyond_the_end_is_the_end(client, path, offset):
    """At any offset behind the last byte, and for no bytes at all."""
    await client.put(PATH, b"abc")
    handle = await client.open(path, F_READ)
    answer = await read(client, handle, offset, 100)
    assert answer.kind == DATA if path != PATH and offset < 100 else answer.code == EOF
    assert (await read(client, handle, 0, 0)).code == EOF
    assert (await read(client, handle, 0, 2**32 - 1)).kind == DATA


async def test_reads_that_are_pipelined_are_answered_in_order(client):
    """Read-ahead of 64 requests, as OpenSSH and paramiko do it."""
    data = os.urandom(2 * MIB)
    await client.put(PATH, data)
    handle = await client.open(PATH, F_READ)
    numbers = [client.send(READ, string(handle), u64(at), u32(32_768)) for at in range(0, 2 * MIB, 32_768)]
    assert b"".join([(await client.answer(number)).string() for number in numbers]) == data


async def test_a_receipt_and_its_proof_can_be_read(door, client):
    """Beside each delivery, unlisted: `<name>.receipt.json` and `<name>.tlog-proof`."""
    await client.put(PATH, b"abc")
    (receipt,) = await door.entries(Receipt)
    told = json.loads(await client.read_all(f"{PATH}.receipt.json"))
    assert told["receipt"]["id"] == receipt.id
    assert b"c2sp.org/tlog-proof" in await client.read_all(f"{PATH}.tlog-proof")
    assert await client.size(f"{PATH}.receipt.json") > 100


@pytest.mark.parametrize(
    "path", [f"{FOLDER}/none", f"{FOLDER}/none.receipt.json", f"{FOLDER}/.receipt.json", "/etc/passwd"]
)
async def test_what_is_not_there_is_not_read(client, path):
    """OPEN says so."""
    assert (await client.ask(OPEN, string(path), u32(F_READ), bytes(4))).code == NO_SUCH_FILE


async def test_what_has_not_landed_is_not_read(client):
    """An upload on its way has no bytes to give yet."""
    await client.write(await client.open(PATH), 0, b"abc")
    assert (await client.ask(OPEN, string(PATH), u32(F_READ), bytes(4))).code == PERMISSION_DENIED


async def test_what_others_delivered_is_not_there(door, client):
    """Neither their files nor their folders."""
    await client.put(PATH, b"abc")
    shop = await door.client(await door.desk("shop"))
    for path in (PATH, f"{PATH}.receipt.json", FOLDER, "/acme-crm"):
        assert (await shop.ask(STAT, string(path))).code == NO_SUCH_FILE
        assert (await shop.ask(OPEN, string(path), u32(F_READ), bytes(4))).code == NO_SUCH_FILE


@pytest.mark.parametrize("left", [0, 100])
async def test_an_object_that_is_damaged_is_an_error_and_no_end(door, client, left):
    """Bytes that are gone are not made up, nor is their place taken for the end; the next request is served."""
    await client.put(PATH, os.urandom(100_000))
    (receipt,) = await door.entries(Receipt)
    path = door.world.folder / "zone" / receipt.key
    os.chmod(path, 0o600)  # noqa: PTH101 - a blocking moment is fine here
    os.truncate(path, left)
    handle = await client.open(PATH, F_READ)
    answer = await read(client, handle, 0, 200_000)
    assert (answer.code, bool(answer.sentence)) == (FAILURE, True)
    assert (await client.close(handle)).is_ok


async def test_a_client_that_leaves_while_it_reads_leaves_nothing(door):
    """Open streams are given back."""
    client = await door.client()
    await client.put(PATH, os.urandom(3 * MIB))
    handle = await client.open(PATH, F_READ)
    for at in range(0, 3 * MIB, 100_000):
        client.send(READ, string(handle), u64(at), u32(100_000))
    await client.go_away()
