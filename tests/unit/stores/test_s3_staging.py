"""Law 11 for large uploads: parts, tails and the one call that makes an object of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import pytest
from botocore.exceptions import ReadTimeoutError

from headwater.errors import Damaged, Refused, Unavailable
from headwater.ports.store import KeyTaken
from headwater.stores import s3_multipart
from tests.contract.stores.samples import HELD, MIB, body, cut, digests, key, upload_id, whole
from tests.unit.stores.s3_world import BUCKET, PREFIX, SILENCE_SECONDS, world

DATA = body(20 * MIB + 99)
SMALL = DATA[: 3 * MIB]
ID, KEY, HELD_KEY = upload_id(1), key(1), key(1, HELD)
HANG = {"status": 200, "hang_seconds": 4 * SILENCE_SECONDS}
FIRST = f"incoming/{ID}/first"


@pytest.fixture
async def s3(tmp_path):
    """A zone on the double."""
    async with world(tmp_path) as made:
        yield made
        gc.collect()
        await asyncio.sleep(0)
        assert (made.budget.memory_used, made.budget.spool_used) == (0, 0), "a room was not given back"


async def _written(s3, data=DATA, declared=None):
    staging = await s3.zone.intake.begin(ID, KEY, declared)
    for piece in cut(data, MIB):
        await staging.write([piece])
    return staging


def _landed(s3, data=DATA):
    """Whether the object is there, once, and nothing else is left."""
    assert s3.objects() == {KEY: data}
    assert (s3.versions(KEY), s3.uploads()) == (1, 0)


# --- one part ---------------------------------------------------------------------------------------------------------


async def test_one_part_is_one_put(s3):
    """An upload of at most one part is a single PUT, and never a multipart upload; also one of exactly 8 MiB."""
    for size_bytes in (0, 1, 8 * MIB):
        staging = await s3.zone.intake.begin(upload_id(size_bytes), key(size_bytes), None)
        await staging.write(list(cut(DATA[:size_bytes], MIB)))
        await staging.commit(digests(DATA[:size_bytes]))
    assert (s3.double.calls["PutObject"], s3.double.calls["CreateMultipartUpload"]) == (3, 0)
    assert sorted(map(len, s3.objects().values())) == [0, 1, 8 * MIB]


async def test_more_than_declared_is_taken(s3):
    """A sender that sends more than it declared is not cut off here: the number is landing's to judge."""
    staging = await _written(s3, DATA, declared=3 * MIB + 5)
    await staging.commit(digests(DATA))
    _landed(s3)


async def test_a_declared_size_is_all_that_is_reserved(s3):
    """A small declared upload takes only as much of the budget as it declared."""
    staging = await _written(s3, SMALL[:1000], declared=len(SMALL))
    assert s3.budget.memory_used == len(SMALL)
    await staging.abandon(None)


# --- the answers of each call -----------------------------------------------------------------------------------------

ONCE = [{"status": 500}, {"status": 503}, {"status": None}, HANG]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", ONCE)
@pytest.mark.parametrize("operation", ["CreateMultipartUpload", "UploadPart", "PutObject"])
async def test_what_fails_once_on_the_way_is_not_noticed(s3, operation, how, when):
    """A single failure of what may be repeated changes nothing: the upload lands whole and once."""
    s3.fault(operation, when=when, **how)
    staging = await _written(s3)
    await staging.commit(digests(DATA))
    assert s3.objects() == {KEY: DATA}
    assert s3.versions(KEY) == 1


@pytest.mark.parametrize(
    "how",
    [{"status": 500}, {"status": 503}, {"status": 412}, {"status": None}, {"status": 200, "code": "InternalError"}],
)
async def test_a_completion_without_effect_is_tried_again(s3, how):
    """A Complete that failed without effect is looked for, not found, and sent again."""
    staging = await _written(s3)
    s3.fault("CompleteMultipartUpload", **how)
    await staging.commit(digests(DATA))
    assert s3.double.calls["CompleteMultipartUpload"] == 2
    _landed(s3)


@pytest.mark.parametrize(
    "how",
    [
        {"status": 500},
        {"status": 503},
        {"status": 400},
        {"status": 404, "code": "NoSuchUpload"},
        {"status": 409},
        {"status": 412},
        {"status": None},
        {"status": 200, "code": "InternalError"},
        HANG,
    ],
)
async def test_a_completion_whose_answer_was_lost_is_found(s3, how):
    """A Complete that was done is found by its size and checksum whatever was answered, and not sent again."""
    staging = await _written(s3)
    s3.fault("CompleteMultipartUpload", when="after", **how)
    stored = await staging.commit(digests(DATA))
    assert (stored.size_bytes, stored.crc64nvme) == (len(DATA), digests(DATA).crc64nvme)
    assert s3.double.calls["CompleteMultipartUpload"] == 1
    _landed(s3)


@pytest.mark.parametrize(
    "how", [{"status": 409}, {"status": 404, "code": "NoSuchUpload"}, {"status": 400}, {"status": 403}]
)
async def test_a_refused_completion_is_unavailable(s3, how):
    """409, a forgotten upload and a refusal, with nothing under the key, are Unavailable: no second try, no abort."""
    staging = await _written(s3)
    s3.fault("CompleteMultipartUpload", **how)
    with pytest.raises(Unavailable):
        await staging.commit(digests(DATA))
    assert (s3.double.calls["CompleteMultipartUpload"], s3.double.calls["AbortMultipartUpload"]) == (1, 0)
    await staging.commit(digests(DATA))
    _landed(s3)


@pytest.mark.parametrize("operation", ["CompleteMultipartUpload", "UploadPart", "HeadObject", "*"])
async def test_a_commit_in_a_storm_can_be_repeated(s3, operation):
    """A commit that a storm of 503 ended is Unavailable and leaves nothing under the key; repeated, it succeeds."""
    staging = await _written(s3)
    s3.fault(operation, status=503, times=10_000)
    if operation == "HeadObject":
        s3.fault("CompleteMultipartUpload", status=503)
    with pytest.raises(Unavailable):
        await staging.commit(digests(DATA))
    s3.double.faults.clear()
    assert KEY not in s3.objects()
    await staging.commit(digests(DATA))
    _landed(s3)


async def test_a_commit_in_a_storm_can_be_repeated_elsewhere(s3):
    """After a commit that failed in its last call another process has every byte, and its commit succeeds."""
    staging = await _written(s3)
    s3.fault("CompleteMultipartUpload", status=503, times=10_000)
    with pytest.raises(Unavailable):
        await staging.commit(digests(DATA))
    s3.double.faults.clear()
    resumed = await s3.reopen().intake.resume(ID, KEY)
    assert resumed.size_bytes == len(DATA)
    with pytest.raises(Refused, match="sealed"):
        await resumed.write([b"more"])
    await resumed.commit(digests(DATA))
    _landed(s3)


async def test_a_completion_onto_another_object_is_none(s3):
    """Where another object has the key, a multipart upload does not become one, whatever is answered."""
    await s3.zone.creator.create(KEY, [b"first"], digests(b"first"))
    staging = await _written(s3)
    s3.fault("CompleteMultipartUpload", status=500)
    for _ in range(2):
        with pytest.raises(KeyTaken):
            await staging.commit(digests(DATA))
    assert await staging.abandon(HELD_KEY) == 64 * 1024
    assert s3.objects() == {KEY: b"first", HELD_KEY: DATA[: 64 * 1024]}
    assert s3.uploads() == 0


async def test_write_tells_of_a_storm_and_loses_nothing(s3):
    """A storm while parts are sent makes write Unavailable; what it took is all there, and goes on after the storm."""
    staging = await s3.zone.intake.begin(ID, KEY, None)
    s3.fault("UploadPart", status=503, times=10_000)
    taken = 0
    with pytest.raises(Unavailable):
        for piece in cut(DATA + DATA, MIB):
            await staging.write([piece])
            taken += len(piece)
    assert staging.size_bytes == taken
    s3.double.faults.clear()
    for piece in cut((DATA + DATA)[taken:], MIB):
        await staging.write([piece])
    await staging.commit(digests(DATA + DATA))
    _landed(s3, DATA + DATA)


async def test_what_a_storm_kept_in_hand_can_be_parked(s3):
    """An upload none of whose parts can be sent is parked whole, and goes on elsewhere."""
    staging = await s3.zone.intake.begin(ID, KEY, None)
    s3.fault("UploadPart", status=503, times=10_000)
    with pytest.raises(Unavailable):
        for piece in cut(DATA + DATA, MIB):
            await staging.write([piece])
    taken = staging.size_bytes
    await staging.park()
    assert s3.budget.memory_used == 0
    s3.double.faults.clear()
    resumed = await s3.reopen().intake.resume(ID, KEY)
    assert resumed.size_bytes == taken
    await resumed.write([(DATA + DATA)[taken:]])
    await resumed.commit(digests(DATA + DATA))
    _landed(s3, DATA + DATA)


async def test_a_part_behind_a_gap_is_not_lost(s3):
    """Where a part fails and the next one succeeds, parking keeps both: nothing behind a gap counts as sent."""
    staging = await s3.zone.intake.begin(ID, KEY, None)
    failing = 0

    def fail_first_part(params, **_):
        nonlocal failing
        if params["query_string"]["partNumber"] == 1:
            failing += 1
            params["headers"]["x-amz-sdk-checksum-algorithm"] = "SHA256"  # another than the body has: 400

    s3.client.meta.events.register("before-call.s3.UploadPart", fail_first_part)
    with pytest.raises(Unavailable):
        for piece in cut(DATA + DATA, MIB):
            await staging.write([piece])
    taken = staging.size_bytes
    await staging.park()
    assert failing > 0
    s3.client.meta.events.unregister("before-call.s3.UploadPart", fail_first_part)
    resumed = await s3.reopen().intake.resume(ID, KEY)
    assert resumed.size_bytes == taken > 16 * MIB
    await resumed.write([(DATA + DATA)[taken:]])
    await resumed.commit(digests(DATA + DATA))
    _landed(s3, DATA + DATA)


async def test_evidence_of_an_upload_that_could_not_be_begun(s3):
    """An upload that was parked because its first part could not be sent leaves its first 64 KiB as evidence."""
    staging = await s3.zone.intake.begin(ID, KEY, None)
    s3.fault("CreateMultipartUpload", status=403, times=10_000)
    with pytest.raises(Unavailable, match="AccessDenied"):
        for piece in cut(DATA + DATA, MIB):
            await staging.write([piece])
    await staging.park()
    resumed = await s3.reopen().intake.resume(ID, KEY)
    assert resumed.size_bytes > 8 * MIB
    assert await resumed.abandon(HELD_KEY) == 64 * 1024
    assert s3.objects() == {HELD_KEY: DATA[: 64 * 1024]}


async def test_the_first_bytes_are_the_first_parts(s3):
    """Whichever part gets the multipart upload begun after failures, the evidence kept of it are its first bytes."""
    staging = await s3.zone.intake.begin(ID, KEY, None)
    s3.fault("CreateMultipartUpload", status=403, times=3)
    for piece in cut(DATA + DATA, MIB):
        for _ in range(5):
            with contextlib.suppress(Unavailable):
                taken = staging.size_bytes
                await staging.write([piece])
            if staging.size_bytes > taken:
                break
    assert s3.objects("incoming")[FIRST] == DATA[: 64 * 1024]
    await staging.commit(digests(DATA + DATA))
    _landed(s3, DATA + DATA)


async def test_evidence_that_another_holder_kept_stands(s3):
    """An upload whose first bytes are gone, for another holder has abandoned it, tells of the evidence that stands."""
    staging = await _written(s3)
    await staging._quiet()
    other = await s3.reopen().intake.resume(ID, KEY)
    assert await other.abandon(HELD_KEY) == 64 * 1024
    assert await staging.abandon(HELD_KEY) == 64 * 1024
    assert s3.objects() == {HELD_KEY: DATA[: 64 * 1024]}


async def test_a_room_that_took_nothing_is_no_part(s3, monkeypatch):
    """A write that failed before its first byte leaves an upload that can be committed as it is."""
    staging = await _written(s3, DATA[: 16 * MIB])

    async def busy(*_):
        raise Unavailable("busy")

    with monkeypatch.context() as patch:
        patch.setattr(staging._rooms, "extend", busy)
        with pytest.raises(Unavailable):
            await staging.write([b"x"])
    await staging.commit(digests(DATA[: 16 * MIB]))
    _landed(s3, DATA[: 16 * MIB])


@pytest.mark.parametrize("how", [{"status": 503}, {"status": 403}, {"status": None}])
async def test_a_park_that_failed_can_be_repeated(s3, how):
    """A park that the store did not take is Unavailable; the bytes are still in hand, and the next park succeeds."""
    staging = await _written(s3, SMALL)
    s3.fault("PutObject", times=10_000, **how)
    with pytest.raises(Unavailable):
        await staging.park()
    s3.double.faults.clear()
    await staging.write([DATA[len(SMALL) : len(SMALL) + 7]])
    await staging.park()
    resumed = await s3.reopen().intake.resume(ID, KEY)
    assert resumed.size_bytes == len(SMALL) + 7
    assert await whole(s3.zone.intake.read_back(ID, KEY)) == DATA[: len(SMALL) + 7]
    await resumed.commit(digests(DATA[: len(SMALL) + 7]))
    _landed(s3, DATA[: len(SMALL) + 7])


async def test_a_tail_that_cannot_be_read_is_still_there(s3):
    """A parked upload whose tail cannot be read just now is Unavailable, has its size, and goes on later."""
    staging = await _written(s3, SMALL)
    await staging.park()
    s3.fault("GetObject", status=403)
    with pytest.raises(Unavailable):
        await staging.write([b"x"])
    assert staging.size_bytes == len(SMALL)
    await staging.write([DATA[len(SMALL) :]])
    await staging.commit(digests(DATA))
    _landed(s3)


async def test_one_tail_is_kept(s3):
    """Of many parks the last one's tail is there, and no other."""
    staging = await s3.zone.intake.begin(ID, KEY, None)
    for piece in cut(DATA[: 20 * MIB], 2 * MIB):
        await staging.write([piece])
        await staging.park()
    kept = s3.objects()
    first, tail = sorted(kept)
    assert (first, tail.startswith(f"incoming/{ID}/tail-")) == (FIRST, True)
    assert kept[tail] == DATA[16 * MIB : 20 * MIB]
    await staging.abandon(None)
    assert s3.objects() == {}


async def test_bytes_changed_on_the_way_are_no_part(s3):
    """Parts that are changed on their way are refused by their checksum and kept in hand until they are sent whole."""
    changed = 0

    def corrupt(request, **_):
        nonlocal changed
        changed += 1
        request.data = b"X" * 8 * MIB

    s3.client.meta.events.register("before-sign.s3.UploadPart", corrupt)
    staging = await s3.zone.intake.begin(ID, KEY, None)
    with pytest.raises(Unavailable, match="BadDigest"):
        for piece in cut(DATA + DATA, MIB):
            await staging.write([piece])
    s3.client.meta.events.unregister("before-sign.s3.UploadPart", corrupt)
    assert changed > 0
    await staging._quiet()
    taken = staging.size_bytes
    await staging.write([(DATA + DATA)[taken:]])
    await staging.commit(digests(DATA + DATA))
    _landed(s3, DATA + DATA)


@pytest.mark.parametrize("appears", [True, False])
async def test_a_yes_to_a_further_try_is_looked_at(s3, monkeypatch, appears):
    """A store may say yes while the first try, of which nothing was heard, is under way: what can be seen counts."""
    monkeypatch.setattr(s3_multipart, "UNDER_WAY_SECONDS_MAX", 2.0)
    monkeypatch.setattr(s3_multipart, "LOOK_SECONDS", 0.1)
    staging = await _written(s3)
    complete = s3.client.complete_multipart_upload
    held: list[dict[str, object]] = []

    def hasty(**parameters):
        if not held:
            held.append(parameters)
            raise ReadTimeoutError(endpoint_url=s3.double.endpoint)
        return {"ETag": "early"}

    monkeypatch.setattr(s3.client, "complete_multipart_upload", hasty)
    committed = asyncio.ensure_future(staging.commit(digests(DATA)))
    await asyncio.sleep(0.3)
    assert not committed.done()
    if appears:
        await asyncio.to_thread(complete, **held[0])
        assert (await committed).crc64nvme == digests(DATA).crc64nvme
        _landed(s3)
    else:
        with pytest.raises(Unavailable, match="says yes"):
            await committed
        assert KEY not in s3.objects()


async def test_other_bytes_than_were_hashed_are_damage(s3):
    """Parts that do not add up to the checksum of what was received are never completed."""
    staging = await _written(s3)
    with pytest.raises(Damaged):
        await staging.commit(digests(b"X" + DATA[1:]))
    assert s3.double.calls["CompleteMultipartUpload"] == 0
    assert await staging.abandon(None) == 0


# --- giving up --------------------------------------------------------------------------------------------------------


async def test_evidence_is_whole_while_it_is_in_hand(s3):
    """What fits one part is kept whole, from memory or from its tail, in this process or another."""
    for parked in (False, True):
        held = key(int(parked), HELD)
        staging = await _written(s3, SMALL)
        if parked:
            await staging.park()
            staging = await s3.reopen().intake.resume(ID, KEY)
        assert await staging.abandon(held) == len(SMALL)
        assert s3.objects("held")[held] == SMALL
    assert set(s3.objects()) == {key(0, HELD), key(1, HELD)}


async def test_evidence_of_what_was_sent_is_its_beginning(s3):
    """Once a part is sent, the first 64 KiB are kept, also by a process that never had them."""
    staging = await _written(s3)
    await staging.park()
    resumed = await s3.reopen().intake.resume(ID, KEY)
    assert await resumed.abandon(HELD_KEY) == 64 * 1024
    assert s3.objects() == {HELD_KEY: DATA[: 64 * 1024]}
    assert s3.uploads() == 0
    assert await s3.books.parts.parts(ID) == (None, [])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", ONCE)
async def test_an_abort_is_made_sure_of(s3, how, when):
    """An abort that failed, or whose answer was lost, is repeated until the upload is certainly gone."""
    staging = await _written(s3)
    s3.fault("AbortMultipartUpload", when=when, **how)
    await staging.abandon(HELD_KEY)
    assert s3.uploads() == 0
    assert set(s3.objects()) == {HELD_KEY}


@pytest.mark.parametrize("operation", ["AbortMultipartUpload", "PutObject", "GetObject", "*"])
async def test_an_abandon_in_a_storm_can_be_repeated(s3, operation):
    """An abandon that a storm ended is Unavailable and lands nothing; repeated, it keeps the same evidence."""
    staging = await _written(s3)
    await staging.park()
    s3.fault(operation, status=503, times=10_000)
    with pytest.raises(Unavailable):
        await staging.abandon(HELD_KEY)
    s3.double.faults.clear()
    assert KEY not in s3.objects()
    assert await staging.abandon(HELD_KEY) == 64 * 1024
    assert s3.objects() == {HELD_KEY: DATA[: 64 * 1024]}
    assert s3.uploads() == 0


async def test_what_cannot_be_cleaned_up_does_not_undo_a_commit(s3):
    """A commit is a yes as soon as the object stands, also if what it leaves behind cannot be removed just now."""
    staging = await _written(s3)
    s3.fault("DeleteObject", status=503, times=10_000)
    await staging.commit(digests(DATA))
    assert s3.objects() == {KEY: DATA, FIRST: DATA[: 64 * 1024]}
    s3.double.faults.clear()
    await (await s3.reopen().intake.resume(ID, KEY)).abandon(None)
    _landed(s3)


async def test_a_dropped_staging_gives_its_rooms_back(s3):
    """A staging that nobody ends leaves no room taken in the budget once nobody knows it any more."""
    staging = await _written(s3, SMALL)
    assert s3.budget.memory_used > 0
    del staging
    gc.collect()
    await asyncio.sleep(0)
    assert s3.budget.memory_used == 0


async def test_too_many_parts_are_refused(s3):
    """An upload of unknown size that would take more than 10,000 parts is refused as too large."""
    staging = await s3.zone.intake.begin(ID, KEY, None)
    staging._multipart.last_number = 10_000
    with pytest.raises(Refused) as refused:
        await staging.write([b"x"])
    assert refused.value.reason == "too_large"


async def test_an_upload_carries_its_attempt(s3):
    """An object made of parts has the attempt's id in its metadata, as every other."""
    staging = await _written(s3)
    await staging.commit(digests(DATA))
    head = s3.double.client().head_object(Bucket=BUCKET, Key=f"{PREFIX}/{KEY}")
    assert head["Metadata"] == {"hw-v": "1", "hw-attempt": ID}
