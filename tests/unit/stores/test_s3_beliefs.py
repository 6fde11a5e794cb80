"""The list of beliefs about a store, held against the strict double and against stores that lie."""

from __future__ import annotations

import time

import pytest

from headwater.care.doctor import belief, is_safe
from headwater.stores.s3_beliefs import BELIEFS, prove
from headwater.stores.s3_ground import BeliefBroken, Ground
from headwater.stores.s3_probes_reading import is_encrypted
from tests.unit.stores.s3_world import BUCKET, world


@pytest.fixture
async def s3(tmp_path):
    """A zone on the double."""
    async with world(tmp_path) as made:
        yield made


def _broken(proved):
    return {each.belief.number for each in proved if not each.holds}


async def test_the_double_keeps_every_belief(s3):
    """Every belief holds on the strict double, and nothing of the probing is left there."""
    proved = await prove(s3.zone.calls)
    assert [(each.belief.number, each.seen) for each in proved if not each.holds] == []
    assert [each.belief for each in proved] == list(BELIEFS)
    assert s3.uploads() == 0
    left = s3.double.client().list_object_versions(Bucket=BUCKET)
    assert (left.get("Versions"), left.get("DeleteMarkers")) == (None, None)


def test_beliefs_are_numbered():
    """Each belief has a number of its own, from 1, and is one sentence."""
    assert [each.number for each in BELIEFS] == list(range(1, len(BELIEFS) + 1))
    assert all(each.sentence.endswith(".") and each.sentence.count(". ") == 0 for each in BELIEFS)


def _ignore(name):
    def ignore(params, **_):
        params["headers"].pop(name, None)

    return ignore


@pytest.mark.parametrize(
    ("event", "header", "broken"),
    [
        ("PutObject", "If-None-Match", {1, 3}),
        ("PutObject", "If-Match", {2, 4}),
        ("CompleteMultipartUpload", "If-None-Match", {6}),
        ("PutObject", "x-amz-checksum-crc64nvme", {9}),
        ("UploadPart", "x-amz-checksum-crc64nvme", {9}),
        ("PutObject", "Content-MD5", {10}),
        ("CompleteMultipartUpload", "x-amz-checksum-crc64nvme", {11}),
        ("CompleteMultipartUpload", "x-amz-mp-object-size", {12}),
        ("HeadObject", "x-amz-checksum-mode", {8}),
        ("GetObject", "Range", {15}),
    ],
)
async def test_a_store_that_ignores_what_it_is_asked_is_found_out(s3, event, header, broken):
    """A store that does not heed one header breaks exactly the beliefs that stand on it."""
    s3.client.meta.events.register(f"before-call.s3.{event}", _ignore(header))
    assert _broken(await prove(s3.zone.calls)) == broken


@pytest.mark.parametrize(
    ("operation", "how", "broken"),
    [
        ("HeadObject", {"status": 403}, {8, 9, 10, 11, 17, 18}),
        ("ListParts", {"status": 501}, {16}),
        ("AbortMultipartUpload", {"status": 501}, {17}),
        ("ListObjectsV2", {"status": 501}, {13}),
        ("GetBucketVersioning", {"status": 403}, {21}),
    ],
)
async def test_what_a_store_cannot_do_does_not_hold(s3, operation, how, broken):
    """An operation that is refused breaks the beliefs that stand on it, and no other."""
    s3.fault(operation, times=10_000, **how)
    assert _broken(await prove(s3.zone.calls)) == broken


@pytest.mark.parametrize(("ahead_seconds", "broken"), [(0, set()), (20, {20}), (-20, {20}), (3600, {19, 20})])
async def test_clocks_are_compared(s3, ahead_seconds, broken):
    """A clock 20 s off is told, one an hour off is unsafe."""
    assert _broken(await prove(s3.zone.calls, now=lambda: time.time() + ahead_seconds)) == broken


async def test_an_open_bucket_is_unsafe(tmp_path):
    """A bucket that its policy makes public, and one without versions, are told."""
    async with world(tmp_path) as s3:
        s3.double.create_bucket("open", versioning=False, public=True)
        s3.zone.calls.bucket = "open"
        assert {21, 22} == _broken(await prove(s3.zone.calls))


async def test_a_way_in_the_clear_is_unsafe(s3, monkeypatch):
    """Plain HTTP to anywhere but this machine is unsafe; localhost is this machine."""
    ground = Ground(s3.zone.calls, "doctor/x", time.time)
    for url, fine in (
        ("http://127.0.0.1:1", True),
        ("http://[::1]:1", True),
        ("http://localhost:1", True),
        ("https://s3.example", True),
        ("http://s3.example", False),
        ("http://10.0.0.1", False),
    ):
        monkeypatch.setattr(s3.client.meta, "_endpoint_url", url)
        if fine:
            await is_encrypted(ground)
        else:
            with pytest.raises(BeliefBroken, match="not https"):
                await is_encrypted(ground)


async def test_the_doctor_knows_what_to_make_of_it(s3):
    """What was proved becomes probes of `doctor`: safe here, unsafe where a must is broken."""
    proved = await prove(s3.zone.calls)
    assert is_safe(belief(each.belief, holds=each.holds, seen=each.seen) for each in proved)
    s3.client.meta.events.register("before-call.s3.PutObject", _ignore("If-Match"))
    proved = await prove(s3.zone.calls)
    assert not is_safe(belief(each.belief, holds=each.holds, seen=each.seen) for each in proved)
