from __future__ import annotations

import pytest

from headwater.ledger.entries import Renamed
from headwater.terms import Receipt, name_of
from tests.raw_sftp import (
    BAD_MESSAGE,
    EXTENDED,
    FAILURE,
    MKDIR,
    NO_SUCH_FILE,
    OP_UNSUPPORTED,
    REMOVE,
    SETSTAT,
    string,
    u32,
    u64,
)
from tests.unit.doors.sftp.world import FOLDER

PATH = f"{FOLDER}/a.csv"
TEMPORARY = [
    *(f"{PATH}{end}" for end in (".filepart", ".part", ".tmp", ".writing", ".a1b2c3d4.partial")),
    *(f"{FOLDER}/{name}" for name in (".a.csv", "_a.csv", ".in.a.csv", ".~a.csv", "tmp/a.csv", ".hidden/a.csv")),
]


@pytest.mark.parametrize("temporary", TEMPORARY)
async def test_a_temporary_name_waits_for_its_rename(door, client, temporary):
    """CLOSE parks it, RENAME lands it: one delivery, with the final name and no trace of the other."""
    closed = await client.put(temporary, b"abc")
    assert (closed.is_ok, closed.sentence) == (True, "")
    assert await door.landed() == []
    assert await client.size(temporary) == 3

    answer = await client.rename(temporary, PATH)

    (receipt,) = await door.entries(Receipt)
    assert answer.sentence == f"Landed as {receipt.id}, sha256 {receipt.sha256}."
    assert await door.landed() == [("a.csv", b"abc")]
    assert receipt.key.endswith("a.csv")
    assert await client.size(temporary) is None
    assert await client.size(PATH) == 3


async def test_a_temporary_name_outlives_its_connection(door):
    """Whoever comes back may rename it; as WinSCP does after a cut that came behind CLOSE."""
    client = await door.client()
    await client.put(f"{PATH}.filepart", b"abc")
    await client.go_away()
    again = await door.client()
    assert (await again.rename(f"{PATH}.filepart", PATH)).is_ok
    assert await door.landed() == [("a.csv", b"abc")]


async def test_a_cut_file_is_not_landed_by_its_rename(door):
    """A temporary name without its CLOSE is not whole, whatever it is called: it is gone on with first."""
    client = await door.client()
    handle = await client.open(f"{PATH}.part")
    await client.write(handle, 0, b"abc")
    await client.go_away()
    again = await door.client()
    assert (await again.rename(f"{PATH}.part", PATH)).code == FAILURE
    assert await door.landed() == []

    handle = await again.open(f"{PATH}.part", 2 | 8)
    await again.write(handle, 3, b"def")
    await again.close(handle)
    assert (await again.rename(f"{PATH}.part", PATH)).is_ok
    assert await door.landed() == [("a.csv", b"abcdef")]


async def test_a_file_renamed_while_it_is_written_lands_under_the_new_name(door, client):
    """Its CLOSE lands it; the path it had shows nothing."""
    handle = await client.open(f"{PATH}.part")
    await client.write(handle, 0, b"abc")
    assert (await client.rename(f"{PATH}.part", PATH)).is_ok
    assert (await client.close(handle)).sentence.startswith("Landed as ")
    assert await door.landed() == [("a.csv", b"abc")]
    assert (await client.size(PATH), await client.size(f"{PATH}.part")) == (3, None)


@pytest.mark.parametrize("extension", [True, False])
async def test_what_has_landed_is_renamed_within_its_feed(door, client, extension):
    """An entry says so, the bytes stay; into another feed it is refused."""
    await client.put(PATH, b"abc")
    names = [string(PATH), string(f"{FOLDER}/b.csv")]
    if extension:
        assert (await client.ask(EXTENDED, string("posix-rename@openssh.com"), *names)).is_ok
    else:
        assert (await client.ask(18, *names)).is_ok
    assert [name_of(each) for each in await door.entries(Renamed)] == ["b.csv"]
    assert (await client.size(PATH), await client.size(f"{FOLDER}/b.csv")) == (None, 3)
    assert (await client.rename(f"{FOLDER}/b.csv", "/acme-crm/other/b.csv")).code == BAD_MESSAGE


async def test_a_rename_takes_the_place_of_what_is_there(door, client):
    """Upload to a temporary name, then rename over the file of before: the name shows the new one."""
    await client.put(PATH, b"abc")
    await client.put(f"{PATH}.tmp", b"defgh")
    assert (await client.rename(f"{PATH}.tmp", PATH)).is_ok
    assert await client.size(PATH) == 5
    assert [data for _, data in await door.landed()] == [b"abc", b"defgh"]


async def test_a_rename_over_a_parked_upload_ends_it_as_evidence(door):
    """Another file was given its name."""
    client = await door.client()
    await client.write(await client.open(PATH), 0, b"abc")
    await client.go_away()
    again = await door.client()
    await again.put(f"{PATH}.tmp", b"defgh")
    assert (await again.rename(f"{PATH}.tmp", PATH)).is_ok
    assert await door.held() == [("a.csv", "withdrawn")]
    assert await door.landed() == [("a.csv", b"defgh")]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (f"{FOLDER}/none", PATH, NO_SUCH_FILE),
        (FOLDER, "/acme-crm/new", OP_UNSUPPORTED),
        (f"{FOLDER}/there", FOLDER, FAILURE),
        (f"{FOLDER}/there", f"{FOLDER}/a\0b", BAD_MESSAGE),
        (f"{FOLDER}/there", "/" + "x" * 5000, BAD_MESSAGE),
        (f"{FOLDER}/there", f"{FOLDER}/" + "n" * 2000, BAD_MESSAGE),
        (f"{FOLDER}/parked.tmp", f"{FOLDER}/" + "n" * 2000, BAD_MESSAGE),
        ("/shop/orders/a", PATH, NO_SUCH_FILE),
    ],
)
async def test_a_rename_that_cannot_be_is_refused_and_changes_nothing(door, client, old, new, code):
    """With a sentence; what was there is there."""
    await client.put(f"{FOLDER}/there", b"abc")
    await client.put(f"{FOLDER}/parked.tmp", b"abc")
    answer = await client.rename(old, new)
    assert (answer.code, bool(answer.sentence)) == (code, True)
    assert await client.size(f"{FOLDER}/there") == 3
    assert (await client.rename(f"{FOLDER}/parked.tmp", PATH)).is_ok


async def test_a_rename_to_itself_is_nothing(door, client):
    """It is OK, and no entry says anything."""
    await client.put(PATH, b"abc")
    assert (await client.rename(PATH, PATH)).is_ok
    assert await door.entries(Renamed) == []


# --- names that go ---------------------------------------------------------------------------------------------------


async def test_to_remove_hides(door, client):
    """The delivery stays; that the connection that brought it took it away is entered."""
    await client.put(PATH, b"abc")
    assert (await client.ask(REMOVE, string(PATH))).is_ok
    assert await client.size(PATH) is None
    (receipt,) = await door.entries(Receipt)
    assert await door.amended() == [(receipt.id, "withdrawn")]
    assert (await client.ask(REMOVE, string(PATH))).code == NO_SUCH_FILE


async def test_to_remove_later_says_nothing_of_wholeness(door):
    """Another connection only takes it out of its sight."""
    first = await door.client()
    await first.put(PATH, b"abc")
    second = await door.client()
    assert (await second.ask(REMOVE, string(PATH))).is_ok
    assert await second.size(PATH) is None
    assert await door.amended() == []


async def test_to_remove_what_is_parked_ends_it(door):
    """Its bytes are evidence, and it cannot be gone on with."""
    client = await door.client()
    await client.write(await client.open(PATH), 0, b"abc")
    await client.go_away()
    again = await door.client()
    assert (await again.ask(REMOVE, string(PATH))).is_ok
    assert await again.size(PATH) is None
    assert await door.held() == [("a.csv", "withdrawn")]


@pytest.mark.parametrize("path", [FOLDER, "/", f"{FOLDER}/none", "/shop/orders/a", f"{FOLDER}/a\0"])
async def test_what_is_no_file_is_not_removed(client, path):
    """Folders, others' files, and what is not there."""
    assert not (await client.ask(REMOVE, string(path))).is_ok


async def test_a_folder_is_not_opened_as_a_file_nor_a_file_made_a_folder(client):
    """A name is one or the other."""
    await client.put(PATH, b"abc")
    assert (await client.ask(MKDIR, string(PATH), bytes(4))).code == FAILURE


async def test_a_time_set_on_a_parked_file_is_in_its_receipt(door, client):
    """As lftp and rclone do it: SETSTAT of the temporary name, then RENAME."""
    await client.put(f"{PATH}.tmp", b"abc")
    times = u32(1_700_000_000)
    assert (await client.ask(SETSTAT, string(f"{PATH}.tmp"), u32(8), times, times)).is_ok
    await client.rename(f"{PATH}.tmp", PATH)
    (receipt,) = await door.entries(Receipt)
    assert receipt.declared.modified_at == "2023-11-14T22:13:20.000000Z"


async def test_a_digest_that_was_asked_for_before_the_rename_is_evidence(door, client):
    """Whoever asks for our digest of the temporary file and then gives it its name has compared them."""
    await client.put(f"{PATH}.tmp", b"abc")
    asked = [string("check-file-name"), string(f"{PATH}.tmp"), string("md5"), u64(0), u64(0), u32(0)]
    await client.ask(EXTENDED, *asked)
    await client.rename(f"{PATH}.tmp", PATH)
    (receipt,) = await door.entries(Receipt)
    assert [each.kind for each in receipt.evidence] == ["rename", "md5_checked"]
    assert receipt.completeness == "proven"
