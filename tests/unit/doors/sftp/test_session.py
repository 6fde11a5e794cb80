from __future__ import annotations

import struct

import pytest

from headwater.doors.sftp.session import EXTENSIONS, HANDLES_MAX
from tests.raw_sftp import (
    ATTRS,
    BAD_MESSAGE,
    CLOSE,
    EOF,
    EXTENDED,
    EXTENDED_REPLY,
    F_READ,
    FAILURE,
    FSETSTAT,
    FSTAT,
    HANDLE,
    LSTAT,
    MKDIR,
    NAME,
    NEW,
    NO_SUCH_FILE,
    OP_UNSUPPORTED,
    OPEN,
    OPENDIR,
    READ,
    READDIR,
    READLINK,
    REALPATH,
    RMDIR,
    SETSTAT,
    STAT,
    SYMLINK,
    WRITE,
    sized,
    string,
    u32,
    u64,
)
from tests.unit.doors.sftp.world import FOLDER, Client

PATH = f"{FOLDER}/a.csv"
UNKNOWN = [b"", b"\0\0\0\x09", b"x" * 256, b"x" * 100_000]


async def test_the_greeting_names_version_3_and_its_extensions(door):
    """Clients look there for what they may use."""
    client = Client(await door.desk())
    body = await client.greet()
    assert body[1:5] == u32(3)
    assert all(string(name) in body for name, _ in EXTENSIONS)
    await client.go_away()


@pytest.mark.parametrize("handle", UNKNOWN)
@pytest.mark.parametrize("kind", [CLOSE, READ, WRITE, FSTAT, FSETSTAT, READDIR])
async def test_an_unknown_handle_is_refused(client, kind, handle):
    """Whatever is asked of it, with a sentence."""
    more = {READ: u64(0) + u32(10), WRITE: u64(0) + string(b"abc"), FSETSTAT: sized(3)}.get(kind, b"")
    answer = await client.ask(kind, string(handle), more)
    assert (answer.code, bool(answer.sentence)) == (BAD_MESSAGE, True)


async def test_a_handle_is_for_what_it_was_opened_for(client):
    """Folders are not read or written, files written are not read, files read not written; none ends by it."""
    await client.put(PATH, b"abc")
    folder = (await client.ask(OPENDIR, string(FOLDER))).string()
    reading, writing = await client.open(PATH, F_READ), await client.open(f"{PATH}2")
    for handle in (folder, reading):
        assert (await client.write(handle, 0, b"x")).code == BAD_MESSAGE
    for handle in (folder, writing):
        assert (await client.ask(READ, string(handle), u64(0), u32(10))).code == BAD_MESSAGE
    for handle in (reading, writing):
        assert (await client.ask(READDIR, string(handle))).code == BAD_MESSAGE
    assert (await client.ask(READ, string(reading), u64(0), u32(10))).string() == b"abc"
    for handle in (folder, reading, writing):
        assert (await client.close(handle)).is_ok
        assert (await client.close(handle)).code == BAD_MESSAGE


async def test_handles_of_others_are_unknown(door, client):
    """Each session has its own, on one connection too."""
    await client.open(PATH)
    other = await door.client(client.desk)
    assert (await other.write(b"\0\0\0\x01", 0, b"x")).code == BAD_MESSAGE


async def test_ten_thousand_opens_are_too_many(door, client):
    """1,024 files are open at most; what is closed makes room; and all of them are given back."""
    numbers = [client.send(OPEN, string(f"{FOLDER}/{number}"), u32(NEW), bytes(4)) for number in range(10_000)]
    answers = [await client.answer(number) for number in numbers]
    assert [answer.kind for answer in answers[:HANDLES_MAX]] == [HANDLE] * HANDLES_MAX
    assert {answer.code for answer in answers[HANDLES_MAX:]} == {FAILURE}
    assert (await client.close(answers[7].string())).is_ok
    assert (await client.ask(OPENDIR, string("/"))).kind == HANDLE
    assert (await client.ask(OPENDIR, string("/"))).code == FAILURE
    await client.go_away()
    assert door.world.landing.open_uploads == 0


async def test_ten_thousand_folders_that_are_closed_are_none(client):
    """A handle that is closed leaves nothing."""
    for _ in range(HANDLES_MAX + 10):
        handle = (await client.ask(OPENDIR, string("/"))).string()
        assert (await client.close(handle)).is_ok


# --- looking ---------------------------------------------------------------------------------------------------------


async def listed(client, path):
    """The names of a folder."""
    answer = await client.ask(OPENDIR, string(path))
    if answer.kind != HANDLE:
        return answer.code
    handle, names = answer.string(), []
    while (page := await client.ask(READDIR, string(handle))).kind == NAME:
        (count,) = struct.unpack_from(">I", page.body)
        at = 4
        for _ in range(count):
            name = page.string(at)
            at += 4 + len(name)
            at += 4 + len(page.string(at)) + 32
            names.append(name)
        assert at == len(page.body)
    assert page.code == EOF
    return sorted(names)


async def test_a_folder_shows_what_was_delivered_and_what_is_on_its_way(client):
    """Deliveries, uploads and folders, each once, with `.` and `..`."""
    await client.put(PATH, b"abc")
    await client.put(PATH, b"abcd")
    await client.put(f"{FOLDER}/sub/b.csv", b"abc")
    await client.open(f"{FOLDER}/c.csv")
    assert await listed(client, FOLDER) == [b".", b"..", b"a.csv", b"c.csv", b"sub"]
    assert await listed(client, f"{FOLDER}/sub/") == [b".", b"..", b"b.csv"]
    assert await listed(client, "/") == [b".", b"..", b"acme-crm"]
    assert await listed(client, f"{FOLDER}/none") == NO_SUCH_FILE
    assert await listed(client, PATH) == NO_SUCH_FILE


async def test_a_folder_of_many_pages_is_listed_whole(client):
    """1,200 names, each once."""
    for number in range(1200):
        client.send(OPEN, string(f"{FOLDER}/{number:04}"), u32(NEW), bytes(4))
        await client.close((number + 1).to_bytes(4, "big"))
    assert await listed(client, FOLDER) == [b".", b"..", *(b"%04d" % number for number in range(1200))]


async def test_the_size_after_an_upload_is_the_size(client):
    """STAT, LSTAT and FSTAT tell what has come, at once; SETSTAT keeps the client's own time and mode."""
    handle = await client.open(PATH)
    await client.write(handle, 0, b"abc")
    assert await client.size(PATH) == 3
    assert (await client.ask(FSTAT, string(handle))).size_bytes == 3
    await client.close(handle)
    assert await client.size(PATH) == 3
    assert (await client.ask(SETSTAT, string(PATH), u32(8 | 4), u32(0o600), u32(5), u32(1_700_000_000))).is_ok
    answer = await client.ask(LSTAT, string(PATH))
    assert answer.body[-12:] == u32(0o100600) + u32(1_700_000_000) * 2


@pytest.mark.parametrize(("size", "is_ok"), [(3, True), (0, False), (2, False), (4, False), (2**63, False)])
@pytest.mark.parametrize("is_open", [True, False])
async def test_a_size_that_is_set_must_be_the_one_there_is(client, size, is_ok, is_open):
    """Nothing is cut off or filled up: SETSTAT and FSETSTAT of another size are refused."""
    handle = await client.open(PATH)
    await client.write(handle, 0, b"abc")
    if not is_open:
        await client.close(handle)
    assert (await client.ask(SETSTAT, string(PATH), sized(size))).is_ok == is_ok
    if is_open:
        assert (await client.ask(FSETSTAT, string(handle), sized(size))).is_ok == is_ok
        assert (await client.close(handle)).is_ok


async def test_of_what_is_not_there_nothing_is_told(client):
    """STAT and SETSTAT find no such file, in others' folders neither."""
    for path in (f"{FOLDER}/none", "/shop/orders", "/shop", f"{FOLDER}/none.receipt.json", "/etc/passwd"):
        assert (await client.ask(STAT, string(path))).code == NO_SUCH_FILE
        assert (await client.ask(SETSTAT, string(path), sized(0))).code == NO_SUCH_FILE


@pytest.mark.parametrize(
    ("path", "real"),
    [(".", b"/"), ("", b"/"), ("a/../../b", b"/b"), ("/a//./b/", b"/a/b"), ("../" * 1000, b"/"), (b"\xff/.", b"/\xff")],
)
async def test_realpath_is_the_path_without_its_dots(client, path, real):
    """Nothing leads above the root."""
    answer = await client.ask(REALPATH, string(path))
    assert (answer.kind, answer.string(4)) == (NAME, real)


@pytest.mark.parametrize("path", ["a\0b", "/" + "x" * 5000, "/" + "d/" * 5000])
async def test_what_is_no_path_is_refused(client, path):
    """A NUL, more than 4 KiB, thousands of parts: with a sentence, whoever asks for it."""
    for kind in (REALPATH, STAT, OPENDIR, RMDIR, MKDIR):
        answer = await client.ask(kind, string(path))
        assert (answer.code, "no path" in answer.sentence) == (BAD_MESSAGE, True)


async def test_there_are_no_links(client):
    """SYMLINK, READLINK and hard links are refused clearly, and nothing is made of them."""
    await client.put(PATH, b"abc")
    for kind, fields in ((SYMLINK, [string("/etc/passwd"), string(f"{FOLDER}/l")]), (READLINK, [string(PATH)])):
        assert (await client.ask(kind, *fields)).code == OP_UNSUPPORTED
    hard = await client.ask(EXTENDED, string("hardlink@openssh.com"), string(PATH), string(f"{FOLDER}/l"))
    assert hard.code == OP_UNSUPPORTED
    assert await client.size(f"{FOLDER}/l") is None


# --- folders ---------------------------------------------------------------------------------------------------------


async def test_a_folder_can_be_made_and_taken_away(client):
    """It is listed while it is there, and stays as long as something is in it."""
    assert (await client.ask(MKDIR, string(f"{FOLDER}/new"), bytes(4))).is_ok
    assert (await client.ask(MKDIR, string(f"{FOLDER}/new"), bytes(4))).code == FAILURE
    assert await listed(client, FOLDER) == [b".", b"..", b"new"]
    await client.put(f"{FOLDER}/new/a", b"abc")
    assert (await client.ask(RMDIR, string(f"{FOLDER}/new"))).code == FAILURE
    assert (await client.ask(RMDIR, string(f"{FOLDER}/none"))).code == NO_SUCH_FILE
    assert not (await client.ask(MKDIR, string("/shop/new"), bytes(4))).is_ok


# --- extensions ------------------------------------------------------------------------------------------------------


async def test_limits_are_told(client):
    """OpenSSH asks how large its requests may be."""
    answer = await client.ask(EXTENDED, string("limits@openssh.com"))
    packet, read, write, handles = struct.unpack(">QQQQ", answer.body)
    assert (packet, handles) == (256 * 1024, HANDLES_MAX)
    assert read == write < packet


async def test_there_is_room(client):
    """Who asks by statvfs is told that there is much of it."""
    answer = await client.ask(EXTENDED, string("statvfs@openssh.com"), string("/"))
    numbers = struct.unpack(">11Q", answer.body)
    assert numbers[0] * numbers[3] > 1 << 40


async def test_a_home_is_the_root(client):
    """`~` is where everything is."""
    answer = await client.ask(EXTENDED, string("expand-path@openssh.com"), string("~/acme-crm"))
    assert answer.string(4) == b"/acme-crm"


@pytest.mark.parametrize(
    "name", ["", "hardlink@openssh.com", "users-groups-by-id@openssh.com", b"\xff\0", "x" * 10_000]
)
async def test_an_unknown_extension_is_said_to_be_one(client, name):
    """With its name, made harmless."""
    answer = await client.ask(EXTENDED, string(name), b"rest")
    assert answer.code == OP_UNSUPPORTED


async def test_a_digest_is_told_of_what_has_landed(client):
    """check-file by name and by handle: of the whole file, in one block, by an algorithm that there is."""
    await client.put(PATH, b"abc")
    handle = await client.open(PATH, F_READ)
    for name, what in (("check-file-name", string(PATH)), ("check-file-handle", string(handle))):
        asked = [string(name), what]
        answer = await client.ask(EXTENDED, *asked, string("crc32,md5,sha256"), u64(0), u64(0), u32(0))
        assert answer.kind == EXTENDED_REPLY
        assert answer.body.endswith(bytes.fromhex("900150983cd24fb0d6963f7d28e17f72"))
        for rest in (string("crc32") + u64(0) * 2 + u32(0), string("md5") + u64(1) + u64(0) + u32(0)):
            assert (await client.ask(EXTENDED, *asked, rest)).code == OP_UNSUPPORTED
    writing = await client.open(f"{PATH}2")
    asked = [string("check-file-handle"), string(writing), string("md5"), u64(0), u64(0), u32(0)]
    assert (await client.ask(EXTENDED, *asked)).code == OP_UNSUPPORTED


async def test_a_fault_of_ours_is_an_answer_too(client, caplog, monkeypatch):
    """Whatever breaks inside, the client hears of it, the log has it, and the next request is served."""

    async def breaks(_: str) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(client.desk.view, "look", breaks)
    for answer in (await client.ask(STAT, string("/")), await client.ask(OPEN, string(PATH), u32(NEW), bytes(4))):
        assert (answer.code, answer.sentence) == (FAILURE, "It is in the log of the server.")
    assert [record.message for record in caplog.records] == ["fault", "fault"]
    monkeypatch.undo()
    assert (await client.ask(STAT, string("/"))).kind == ATTRS
