"""Opening a zone in a bucket; reading, listing and erasing there."""

from __future__ import annotations

import subprocess
import sys

import pytest
from botocore.response import StreamingBody

from headwater.config_schema import S3
from headwater.errors import Misconfigured, Refused, Unavailable
from headwater.stores.s3 import S3Eraser
from headwater.stores.s3_calls import S3Calls, connect
from headwater.stores.s3_objects import Body, checksum, create
from headwater.stores.s3_zone import open_s3_zone
from headwater.terms import Key
from tests.contract.stores.samples import MIB, body, digests, key, whole
from tests.unit.stores.s3_world import BUCKET, PREFIX, session, world

KEY, DATA = key(1), body(3 * MIB + 5)


@pytest.fixture
async def s3(tmp_path):
    """A zone on the double."""
    async with world(tmp_path) as made:
        yield made


# --- opening ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def chain(monkeypatch):
    """The double's credentials in the AWS chain."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIADOUBLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "double-secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


async def _open(s3, bucket=BUCKET, prefix=PREFIX, **settings):
    chosen = S3(**{"endpoint": s3.double.endpoint, **settings})
    return await open_s3_zone(bucket, prefix, chosen, buffers=s3.budget, parts=s3.books.parts, threads=2)


@pytest.mark.parametrize(("prefix", "name"), [("", "s3://zones"), ("a/b", "s3://zones/a/b")])
async def test_a_zone_is_opened_by_the_chain(s3, chain, prefix, name):
    """With credentials in the AWS chain a zone opens, is called by its URL, and keeps to its prefix."""
    zone = await _open(s3, prefix=prefix)
    assert zone.name == name
    await zone.creator.create(KEY, [b"abc"], digests(b"abc"))
    assert [stored.key async for stored in zone.reader.list("")] == [KEY]
    assert s3.double.objects(BUCKET) == {f"{prefix}/{KEY}".lstrip("/"): b"abc"}
    await zone.close()


async def test_no_bucket_is_misconfigured(s3, chain):
    """A bucket that is not there is said so, with what to do."""
    with pytest.raises(Misconfigured, match="no bucket other"):
        await _open(s3, bucket="other")


async def test_wrong_credentials_are_misconfigured(s3, chain):
    """Credentials that the store does not know are said so."""
    chain.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(Misconfigured, match="credentials"):
        await _open(s3)


async def test_no_credentials_are_misconfigured(s3, chain):
    """An empty AWS chain is said so."""
    chain.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(Misconfigured, match="no AWS credentials"):
        await _open(s3)


async def test_no_server_is_unavailable(s3, chain):
    """A store that cannot be reached is Unavailable: it may come back."""
    with pytest.raises(Unavailable):
        await _open(s3, endpoint="http://127.0.0.1:9")


def test_a_directory_loads_no_sdk():
    """Who lands in a directory does not wait for the S3 SDK to load."""
    script = "import sys, headwater.stores.directory_zone; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


# --- the client -------------------------------------------------------------------------------------------------------


def _sent(client, size_bytes, **more):
    """The head of a PUT as it would go out."""
    seen = {}

    def stop(request, **_):
        seen.update(request.headers)
        raise KeyboardInterrupt

    client.meta.events.register("before-send.s3.PutObject", stop)
    with pytest.raises(KeyboardInterrupt):
        client.put_object(Bucket=BUCKET, Key="k", Body=Body([bytes(size_bytes)]), ContentLength=size_bytes, **more)
    client.close()
    return {name.lower(): value if isinstance(value, str) else value.decode() for name, value in seen.items()}


@pytest.mark.parametrize(
    ("endpoint", "signed"), [("http://127.0.0.1:9", True), ("https://127.0.0.1:9", False), (None, False)]
)
def test_a_body_is_never_framed(endpoint, signed):
    """No body goes out as aws-chunked; over TLS it is not hashed a second time, for it carries its checksum."""
    client = connect(session(), S3(endpoint=endpoint, region="eu-central-1"), threads=1, silence_seconds_max=1)
    head = _sent(client, 10, ChecksumCRC64NVME="AAAAAAAAAAA=")
    assert "content-encoding" not in head
    assert "transfer-encoding" not in head
    assert head["content-length"] == "10"
    assert (head["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD") is not signed


@pytest.mark.parametrize(("size_bytes", "expects"), [(0, False), (MIB - 1, False), (MIB, True), (8 * MIB, True)])
def test_only_large_bodies_wait_to_be_asked_for(size_bytes, expects):
    """`Expect: 100-continue` costs a round trip, so that small bodies go out without."""
    client = connect(session(), S3(endpoint="http://127.0.0.1:9"), threads=1, silence_seconds_max=1)
    assert ("expect" in _sent(client, size_bytes)) is expects


async def test_objects_are_encrypted_with_the_key_that_is_set(s3):
    """With a KMS key, every write asks for it and for a bucket key."""
    asked = []

    def note(params, **_):
        asked.append({name: value for name, value in params["headers"].items() if "encryption" in name})

    s3.client.meta.events.register("before-call.s3.PutObject", note)
    calls = S3Calls(s3.client, BUCKET, PREFIX, s3.zone.calls.threads, kms_key="arn:aws:kms:x")
    with pytest.raises(Unavailable, match="NotImplemented"):
        await create(calls, KEY, [b"abc"], checksum([b"abc"]))
    assert asked[0] == {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:x",
        "x-amz-server-side-encryption-bucket-key-enabled": "true",
    }


@pytest.mark.parametrize("pieces", [[], [b""], [b"abc"], [b"a", b"", b"bc"], [bytes(MIB), b"x", bytes(2 * MIB)]])
def test_a_body_is_its_pieces(pieces):
    """A body gives its pieces in order, as often as it is sent from its beginning, and from nowhere else."""
    sent = Body(pieces)
    for _ in range(2):
        assert b"".join(iter(lambda: bytes(sent.read(1 << 16)), b"")) == b"".join(pieces)
        assert sent.tell() == sent.size_bytes
        sent.seek(0)
    with pytest.raises(ValueError, match="beginning"):
        sent.seek(1)


# --- reading ----------------------------------------------------------------------------------------------------------


async def test_a_read_that_breaks_goes_on_where_it_broke(s3, monkeypatch):
    """A connection that breaks in the middle of an object is replaced by one for the rest: every byte once."""
    await s3.zone.creator.create(KEY, [DATA], digests(DATA))
    read = StreamingBody.read
    broken: list[StreamingBody] = []

    def break_once(self, amount=None):
        if len(broken) < 3 and self._amount_read >= MIB:
            broken.append(self)
            self._raw_stream.close()
            return b""
        return read(self, amount)

    monkeypatch.setattr(StreamingBody, "read", break_once)
    assert await whole(s3.zone.reader.read(KEY, offset=5)) == DATA[5:]
    assert len(broken) == 2  # after 1 MiB, and after one more; the rest is shorter


async def test_a_read_that_keeps_breaking_is_unavailable(s3, monkeypatch):
    """A store that cannot give the rest makes a read Unavailable, never short."""
    await s3.zone.creator.create(KEY, [DATA], digests(DATA))
    got = []
    with pytest.raises(Unavailable):
        async for piece in s3.zone.reader.read(KEY):
            got.append(piece)
            s3.fault("GetObject", status=503, times=99)
            monkeypatch.setattr(StreamingBody, "read", lambda self, amount=None: b"")
    assert b"".join(got) == DATA[:MIB]


async def test_a_read_goes_on_in_the_same_object_only(s3, monkeypatch):
    """A read whose object was replaced in the middle, by another role, does not go on in the new one."""
    await s3.zone.creator.create(KEY, [DATA], digests(DATA))
    got = []
    with pytest.raises(Unavailable, match="412"):
        async for piece in s3.zone.reader.read(KEY):
            got.append(piece)
            s3.double.client().put_object(Bucket=BUCKET, Key=f"{PREFIX}/{KEY}", Body=b"x" * len(DATA))
            monkeypatch.setattr(StreamingBody, "read", lambda self, amount=None: b"")
    assert b"".join(got) == DATA[:MIB]


async def test_a_version_is_read_as_it_was(s3):
    """With its version an object is read although a newer one, or a delete marker, lies above it."""
    stored = await s3.zone.creator.create(KEY, [b"first"], digests(b"first"))
    client = s3.double.client()
    client.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{KEY}", Body=b"second")
    assert await whole(s3.zone.reader.read(KEY, version=stored.version)) == b"first"
    marker = client.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{KEY}")["VersionId"]
    assert await whole(s3.zone.reader.read(KEY, version=stored.version, offset=1)) == b"irst"
    assert await s3.zone.reader.head(KEY) is None
    for missing in (None, marker, "no-such-version"):
        with pytest.raises(Refused) as refused:
            await whole(s3.zone.reader.read(KEY, version=missing))
        assert refused.value.reason == "not_found"


@pytest.mark.parametrize("status", [403, 500, 503, None])
async def test_who_cannot_tell_says_so(s3, status):
    """While the store gives no plain answer, no object is said to be missing and no listing to be whole."""
    await s3.zone.creator.create(KEY, [b"abc"], digests(b"abc"))
    for operation, call in (
        ("HeadObject", lambda: s3.zone.reader.head(KEY)),
        ("GetObject", lambda: whole(s3.zone.reader.read(KEY))),
        ("ListObjectsV2", lambda: anext(s3.zone.reader.list("raw/"))),
        ("ListObjectVersions", lambda: s3.zone.eraser.erase(KEY)),
        ("DeleteObject", lambda: s3.zone.eraser.erase(KEY)),
        ("ListParts", lambda: s3.zone.intake.resume("1", KEY)),
    ):
        await s3.books.parts.begin("1", "store's own id")
        s3.fault(operation, status=status, times=99)
        with pytest.raises(Unavailable):
            await call()
        s3.double.faults.clear()
    assert (await s3.zone.reader.head(KEY)).size_bytes == 3


# --- forgetting -------------------------------------------------------------------------------------------------------


async def test_every_version_is_erased(s3, monkeypatch):
    """Erasing takes every version and delete marker of a key, over several pages, and nothing of its neighbours."""
    client, name = s3.double.client(), f"{PREFIX}/{KEY}"
    for n in range(3):
        client.put_object(Bucket=BUCKET, Key=name, Body=b"%d" % n)
        client.delete_object(Bucket=BUCKET, Key=name)
    client.put_object(Bucket=BUCKET, Key=f"{name}.md5", Body=b"neighbour")

    def short(params, **_):
        params["MaxKeys"] = 2

    s3.client.meta.events.register("before-parameter-build.s3.ListObjectVersions", short)
    assert await s3.zone.eraser.erase(KEY) == 3
    left = client.list_object_versions(Bucket=BUCKET)
    assert [each["Key"] for each in left["Versions"]] == [f"{name}.md5"]
    assert "DeleteMarkers" not in left


async def test_what_does_not_go_is_not_called_erased(s3):
    """A store that answers a delete with yes and keeps the version makes erase Unavailable."""
    await s3.zone.creator.create(KEY, [b"abc"], digests(b"abc"))

    def mark_only(params, **_):
        params.pop("VersionId", None)

    s3.client.meta.events.register("before-parameter-build.s3.DeleteObject", mark_only)
    with pytest.raises(Unavailable, match="still listed"):
        await s3.zone.eraser.erase(KEY)


async def test_an_unversioned_bucket_is_erased_too(s3):
    """Where the bucket keeps no versions the one object goes."""
    s3.double.create_bucket("plain", versioning=False)
    calls = S3Calls(s3.client, "plain", "", s3.zone.calls.threads)
    stored = await create(calls, Key("held/x"), [b"abc"], checksum([b"abc"]))
    assert stored.version is None
    assert await S3Eraser(calls).erase(Key("held/x")) == 1
    assert s3.double.objects("plain") == {}
