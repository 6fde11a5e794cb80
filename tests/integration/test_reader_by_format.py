"""A zone that the real program wrote, read by a reader that knows docs/format.md and nothing else: tests/checker.py."""

from __future__ import annotations

import json
import os
import re
import shutil
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import boto3
import msgspec
import pytest
from awscrt.checksums import crc64nvme
from botocore.config import Config

from headwater.app import System, open_system
from headwater.books.sqlite import SqliteBooks
from headwater.care.backup import Snapshot
from headwater.care.findings import Problem, Report, Trouble
from headwater.care.verify import verify
from headwater.config import load
from headwater.config_schema import S3
from headwater.founding import ZoneFile, found_zone
from headwater.home import Home
from headwater.landing import Budget
from headwater.ledger.entries import KINDS, Amended, Erased, ErasureOrdered, Found, Void
from headwater.ledger.head import _Header
from headwater.ledger.note import Signer
from headwater.stores.s3_zone import open_s3_zone
from headwater.terms import Completeness, Declared, Door, FeedName, Id, Key, Offer, Receipt, SenderRef
from headwater.testing.s3_double import S3Double
from tests.checker import BucketZone, DirectoryZone, check
from tests.unit.care.conftest import ZONE as LIVE_ZONE
from tests.unit.care.conftest import LiveZone

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "format.md").read_text(encoding="utf-8")
FEED = FeedName("acme-crm", "daily_sales")
SENDER = SenderRef("acme", "SHA256:abc")
SIZES = (0, 1, 10_000, 3 << 20)


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    """The whole program on a home of its own, without its doors."""
    home = Home(tmp_path / "home")
    home.make()
    config = load({home.path / "headwater.toml": "accept_volatile = true\n"}, {}, home.path).config
    async with open_system(home, config, may_found=True) as opened:
        yield opened


async def land(system: System, data: bytes, name: str = "a.csv", **more) -> Receipt:
    """Bytes through the waist."""
    upload = await system.landing.open(Offer(feed=FEED, door=Door.HTTP, sender=SENDER, name=name, **more))
    for at in range(0, len(data), 1 << 16):
        await upload.write(at, data[at : at + (1 << 16)])
    entered = await upload.seal()
    assert isinstance(entered.entry, Receipt)
    return entered.entry


async def hold(system: System, data: bytes) -> None:
    """Bytes whose sender went away."""
    upload = await system.landing.open(Offer(feed=FEED, door=Door.HTTP, sender=SENDER, name="cut.csv"))
    await upload.write(0, data)
    await upload.drop("cut")


def folder_of(system: System) -> Path:
    """The zone's folder."""
    return system.home.path / "zone"


async def test_a_stranger_reads_everything(system):
    """Every delivery with its digest, held tries, later entries and names of all kinds, from format.md alone."""
    landed = [await land(system, os.urandom(size), f"{size}.bin") for size in SIZES]
    landed.append(await land(system, b"odd", "Größe/\udcff ?.csv.gz", companion=True))
    landed.append(await land(system, b"sized", declared=Declared(size_bytes=5)))
    await hold(system, os.urandom(100_000))
    await hold(system, os.urandom(3 << 20))
    await system.sequencer.append(
        Amended(v=1, id=landed[0].id, completeness=Completeness.SUSPECT, reason="withdrawn"),
        Void(v=1, id=landed[1].id, by="ops", reason="wrong file"),
        Erased(v=1, id=landed[2].id, versions=1),
        ErasureOrdered(v=1, id=landed[3].id, by="dpo", basis="request"),
    )
    (folder_of(system) / landed[2].key).unlink()
    (folder_of(system) / landed[3].key).unlink()
    checked = check(DirectoryZone(folder_of(system)))
    assert checked.problems == []
    assert {id: each["sha256"] for id, each in checked.deliveries.items()} == {each.id: each.sha256 for each in landed}
    assert checked.deliveries[landed[-1].id]["completeness"] == "proven"
    assert [kind for kind in checked.kinds if kind not in {"admin", "receipt"}] == [
        "opened", "held", "held", "amended", "void", "erased", "erasure_ordered",
    ]  # fmt: skip


async def test_a_stranger_reads_at_any_moment(system):
    """Between commits, tiles and checkpoints, whatever stands is whole; after 600 entries, too."""
    for number in range(12):
        await system.sequencer.append(*(Void(v=1, id=Id(f"{number:032x}"), by="x", reason="y") for _ in range(50)))
        checked = check(DirectoryZone(folder_of(system)))
        assert checked.problems == []
        assert len(checked.kinds) >= 50 * (number + 1)
        if number % 3 == 2:
            await system.sequencer.checkpoint()
            assert check(DirectoryZone(folder_of(system))).problems == []


async def test_a_stranger_reads_through_rotations(system):
    """Logs that follow each other are one ledger, with one row of positions."""
    await land(system, b"first")
    for number in (2, 3):
        signer = Signer.generate(f"{system.zone_id}-{number}")
        await system.sequencer.rotate(system.store.heads(signer.name), system.store.files, signer, "yearly")
        await land(system, b"%d" % number)
    checked = check(DirectoryZone(folder_of(system)))
    assert checked.problems == []
    assert [kind for kind in checked.kinds if kind in {"opened", "closed"}] == ["opened", "closed"] * 2 + ["opened"]
    vkey = folder_of(system) / "ledger" / f"{system.zone_id}-2" / "vkey"
    vkey.chmod(0o640)
    vkey.write_text(Signer.generate(f"{system.zone_id}-2").vkey)
    assert check(DirectoryZone(folder_of(system))).problems != []


@pytest.fixture
async def bucket(tmp_path, monkeypatch) -> AsyncIterator[SimpleNamespace]:
    """A zone below a prefix of a versioned bucket of the strict double."""
    with S3Double() as double:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", double.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", double.secret_key)
        settings = Config(s3={"addressing_style": "path"})
        client = boto3.client("s3", endpoint_url=double.endpoint, region_name=double.region, config=settings)
        client.create_bucket(Bucket="landing")
        client.put_bucket_versioning(Bucket="landing", VersioningConfiguration={"Status": "Enabled"})
        books = SqliteBooks(tmp_path / "books.sqlite3")
        s3 = S3(region=double.region, endpoint=double.endpoint)
        store = await open_s3_zone("landing", "a/zone", s3, buffers=Budget(1 << 26, 1 << 26), parts=books.parts)
        zone = LiveZone(tmp_path, store)
        await found_zone(store.creator, zone.clock, FixedIds(), crc64nvme)
        await zone.start()
        yield SimpleNamespace(zone=zone, client=client, files=BucketZone(client, "landing", "a/zone"))
        await zone.stop()
        await books.close()
        client.close()


class FixedIds:
    """Gives the zone the id that LiveZone has."""

    def new(self, at) -> Id:
        return Id(LIVE_ZONE)


async def test_a_stranger_reads_a_bucket(bucket):
    """The same reader, over S3: entries, tiles, checkpoint, objects; and our own verification agrees."""
    zone = bucket.zone
    receipts = [await zone.land(os.urandom(size)) for size in SIZES]
    await zone.enter(*(Void(v=1, id=Id(f"{n:032x}"), by="x", reason="y") for n in range(300)))
    await zone.checkpoint()
    await zone.land(b"last")
    checked = check(bucket.files)
    assert checked.problems == []
    assert set(checked.deliveries) >= {receipt.id for receipt in receipts}
    for quick in (False, True):
        *_, report = [each async for each in verify(zone.seen(local_path=lambda _: None), quick=quick)]
        assert isinstance(report, Report)
        assert (report.ok, report.objects) == (True, len(SIZES) + 1)


async def test_what_lies_over_an_object_is_found(bucket):
    """Readers see the newest version: other bytes, or a delete marker, are a problem though the landed one stands."""
    zone = bucket.zone
    covered, hidden = await zone.land(b"landed"), await zone.land(b"landed")
    bucket.client.put_object(Bucket="landing", Key=f"a/zone/{covered.key}", Body=b"other!")
    bucket.client.delete_object(Bucket="landing", Key=f"a/zone/{hidden.key}")
    assert check(bucket.files).problems == [f"{covered.key}: other bytes", f"{hidden.key}: missing"]
    seen = [each async for each in verify(zone.seen(local_path=lambda _: None))]
    problems = {each.subject: each for each in seen if isinstance(each, Problem)}
    assert {key: problem.trouble for key, problem in problems.items()} == {
        covered.key: Trouble.DIGEST,
        hidden.key: Trouble.MISSING,
    }
    assert all("still stands" in problem.sentence for problem in problems.values())


# --- what it finds ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def copied(system, tmp_path) -> SimpleNamespace:
    """A copy of a zone of 300 entries and more, to be harmed."""
    receipts = [await land(system, os.urandom(size)) for size in SIZES]
    await system.sequencer.append(*(Void(v=1, id=Id(f"{n:032x}"), by="x", reason="y") for n in range(300)))
    await system.sequencer.checkpoint()
    last = await land(system, b"last")  # with this commit the head learns of its tiles
    folder = tmp_path / "copy"
    shutil.copytree(folder_of(system), folder)
    for path in folder.rglob("*"):
        path.chmod(0o750)
    log = f"ledger/{system.zone_id}-1"
    assert check(DirectoryZone(folder)).problems == []
    return SimpleNamespace(folder=folder, receipts=[*receipts, last], log=log)


def found(copied) -> list[str]:
    """What the stranger says of the copy."""
    return check(DirectoryZone(copied.folder)).problems


def flip(path: Path, at: int) -> None:
    """Changes one bit."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def frames(data: bytes) -> list[int]:
    """Where each frame begins, and where the last one ends."""
    starts = [0]
    while length := int.from_bytes(data[starts[-1] : starts[-1] + 4]):
        starts.append(starts[-1] + 8 + length)
    return starts


@pytest.mark.parametrize("at", [0, -1])
async def test_a_flipped_bit_in_an_object_is_found(copied, at):
    """The first byte or the last, the object is named."""
    key = copied.receipts[2].key
    flip(copied.folder / key, at)
    assert found(copied) == [f"{key}: other bytes"]


async def test_a_missing_object_is_found(copied):
    """A receipt without its object is named by the key."""
    key = copied.receipts[1].key
    (copied.folder / key).unlink()
    assert found(copied) == [f"{key}: missing"]


async def test_an_extra_object_is_found(copied):
    """An object without a receipt is named, unless it may be on its way or is told of by an entry."""
    extra = copied.receipts[1].key.replace(copied.receipts[1].id, "f" * 32)
    (copied.folder / extra).write_bytes(b"x")
    assert found(copied) == [f"{extra}: no receipt"]
    assert check(DirectoryZone(copied.folder), is_on_its_way=lambda key: key == extra).problems == []


async def test_a_found_object_is_fine(system):
    """An object that the ledger tells of as found is no problem."""
    key = Key("raw/lz_source=acme-crm/lz_feed=x1x/lz_date=2026-11-23/left.txt")
    (folder_of(system) / key).parent.mkdir(parents=True)
    (folder_of(system) / key).write_bytes(b"x")
    await system.sequencer.append(Found(v=1, key=key, size_bytes=1))
    assert check(DirectoryZone(folder_of(system))).problems == []


@pytest.mark.parametrize(
    "part", ["tile/0/000", "tile/0/001.p/*", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/*"]
)
@pytest.mark.parametrize("how", ["flipped", "gone"])
async def test_harm_to_a_tile_or_bundle_is_found(copied, part, how):
    """Every file of the tree is read: a flipped bit, or its loss, shows."""
    path = max((copied.folder / copied.log).glob(part), key=lambda path: int(path.name))
    if how == "gone":
        path.unlink()
    else:
        flip(path, 20)
    assert found(copied) != []


async def test_a_torn_tail_of_the_head_is_tolerated(copied):
    """A frame cut off anywhere was never committed: what stands before it counts."""
    path = copied.folder / copied.log / "head"
    data = path.read_bytes()
    end = frames(data)[-1]
    torn = data[: frames(data)[1]]  # any frame, as the next one might begin
    for length in (1, 7, 8, 9, len(torn) - 1):
        path.write_bytes(data[:end] + torn[:length] + bytes(1000))
        assert found(copied) == []
    path.write_bytes(data[:end])
    assert found(copied) == []


async def test_a_changed_frame_in_the_middle_is_found(copied):
    """A broken frame with a whole one behind it is no torn tail."""
    path = copied.folder / copied.log / "head"
    starts = frames(path.read_bytes())
    assert len(starts) > 2
    flip(path, starts[-3] + 20)
    assert found(copied) != []


async def test_a_head_that_was_cut_behind_its_checkpoint_is_found(copied):
    """Whole frames that were taken away at the end show by the checkpoint that was published beyond."""
    path = copied.folder / copied.log / "head"
    data = path.read_bytes()
    assert len(frames(data)) > 3, "one frame of the founding, one of the takeover, and those of the test"
    path.write_bytes(data[: frames(data)[1]] + bytes(1000))
    assert any("a checkpoint of" in problem for problem in found(copied))


async def test_a_checkpoint_by_another_key_is_found(copied):
    """A changed signature, or a changed size, is not the log's."""
    path = copied.folder / copied.log / "checkpoint"
    note = path.read_bytes()
    path.write_bytes(note.replace(b"\n3", b"\n2", 1))
    assert found(copied) != []
    path.write_bytes(note[:-12] + b"AAAAAAAAAA==")
    assert found(copied) != []


async def test_a_changed_header_is_found(copied):
    """A head whose root was rewritten, CRC and all, does not pass."""
    path = copied.folder / copied.log / "head"
    data = path.read_bytes()
    start, end = frames(data)[-2:]
    payload = data[start + 8 : end]
    root = json.loads(payload.partition(b"\n")[0])["root"].encode()
    changed = payload.replace(root, b"A" * 43 + b"=", 1)
    path.write_bytes(data[:start] + len(changed).to_bytes(4) + zlib.crc32(changed).to_bytes(4) + changed)
    assert found(copied) != []


async def test_what_is_no_zone_is_said_to_be_none(tmp_path):
    """An empty folder, or a newer format, is a problem and nothing else."""
    assert check(DirectoryZone(tmp_path)).problems == ["zone.json: not of format 1"]
    (tmp_path / "zone.json").write_text('{"v": 1, "format": 2, "zone": "x"}')
    assert check(DirectoryZone(tmp_path)).problems == ["zone.json: not of format 1"]
    (tmp_path / "zone.json").write_text('{"v": 1, "format": 1, "zone": "x"}')
    assert check(DirectoryZone(tmp_path)).problems == ["ledger: no head"]


# --- the page itself --------------------------------------------------------------------------------------------------


def fields_in(section: str) -> set[str]:
    """The names in the first column of the section's first table."""
    rows = re.findall(r"^\| (`.*?) \|", section.partition("\n| `act`")[0], re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def section(heading: str) -> str:
    """The text below a heading, up to the next one."""
    _, found, rest = PAGE.partition(f"\n{heading}\n")
    assert found, f"{heading} is not in docs/format.md"
    return re.split(r"^#{2,3} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def test_the_page_names_every_kind_of_entry():
    """Each kind has its section, and no section is of a kind that there is not."""
    assert re.findall(r"^### `(\w+)`", PAGE, re.MULTILINE) == sorted(
        KINDS, key=lambda kind: PAGE.find(f"\n### `{kind}`")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_names_every_field(kind):
    """Each field of each kind stands in its table, and nothing else does."""
    assert fields_in(section(f"### `{kind}`")) == {field.name for field in msgspec.structs.fields(KINDS[kind])} - {
        "v",
        "at",
    }


def test_the_page_names_every_field_of_head_and_zone():
    """The header of a frame, zone.json, and the line of a backup."""
    assert fields_in(section("### 5.2 The head")) == {field.encode_name for field in msgspec.structs.fields(_Header)}
    assert fields_in(section("## 3. `zone.json`")) == {field.name for field in msgspec.structs.fields(ZoneFile)}
    for field in msgspec.structs.fields(Snapshot):
        assert f'"{field.name}"' in section("## 9. Backups and the recovery key")
