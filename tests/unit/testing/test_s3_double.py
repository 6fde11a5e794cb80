from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from headwater.testing.s3_double import Fault, S3Double, Seen

THREADS = 16
ROUNDS = 50


@pytest.fixture
def double() -> Iterator[S3Double]:
    """A running double with one bucket of each kind."""
    with S3Double() as running:
        running.create_bucket("b")
        running.create_bucket("versioned", versioning=True)
        running.create_bucket("locked", object_lock=True)
        running.create_bucket("public", public=True)
        yield running


@pytest.fixture
def s3(double) -> Any:
    """A client of it that never retries."""
    return double.client()


def outcome(call: Callable[..., Any], **arguments) -> tuple[int, str]:
    """The status and the error code of a call; the code is empty when it went well."""
    try:
        return call(**arguments)["ResponseMetadata"]["HTTPStatusCode"], ""
    except botocore.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]


def race(call: Callable[[int], Any]) -> Counter[tuple[int, str]]:
    """The outcomes of one call made by all threads at the same moment."""
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> tuple[int, str]:
        barrier.wait()
        return outcome(call, number=number)

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(run, range(THREADS)))


class TestObjects:
    def test_round_trip(self, double, s3):
        """What was put is what is got, byte for byte, with its type and metadata."""
        body = bytes(range(256)) * 9000  # more than a block of the spill file
        s3.put_object(Bucket="b", Key="k", Body=body, ContentType="text/csv", Metadata={"hw-v": "1"})
        got = s3.get_object(Bucket="b", Key="k")
        assert got["Body"].read() == body == double.objects("b")["k"]
        assert (got["ContentType"], got["Metadata"]) == ("text/csv", {"hw-v": "1"})

    def test_streamed_body(self, double, s3, tmp_path):
        """A body from a file, sent after 100-continue, is stored whole."""
        (tmp_path / "body").write_bytes(body := os.urandom(3_000_001))
        with (tmp_path / "body").open("rb") as file:
            s3.put_object(Bucket="b", Key="k", Body=file)
        assert double.objects("b") == {"k": body}

    @pytest.mark.parametrize(
        "key", ["k", "k/a", "a b+c%41&?#é€😀", "x" * 1024, "//", "a/../b", "a/./b", "tab\tnew\nline"]
    )
    def test_any_key(self, double, s3, key):
        """Any key of up to 1,024 bytes names its own object."""
        s3.put_object(Bucket="b", Key=key, Body=b"1")
        assert s3.get_object(Bucket="b", Key=key)["Body"].read() == b"1"
        assert (
            list(double.objects("b")) == [key] == [each["Key"] for each in s3.list_objects_v2(Bucket="b")["Contents"]]
        )

    def test_key_too_long(self, s3):
        """A key of more than 1,024 bytes is refused, however few characters it has."""
        assert outcome(s3.put_object, Bucket="b", Key="é" * 513, Body=b"") == (400, "KeyTooLongError")

    def test_side_by_side(self, double, s3):
        """A key may be the beginning of another one."""
        s3.put_object(Bucket="b", Key="k/a", Body=b"1")
        s3.put_object(Bucket="b", Key="k", Body=b"2")
        assert double.objects("b") == {"k": b"2", "k/a": b"1"}

    @pytest.mark.parametrize(
        ("wanted", "status", "body"),
        [
            ("bytes=2-4", 206, b"234"),
            ("bytes=7-", 206, b"789"),
            ("bytes=-2", 206, b"89"),
            ("bytes=8-99", 206, b"89"),
            ("bytes=5-2", 200, b"0123456789"),
            ("bytes=0-1,3-4", 200, b"0123456789"),
        ],
    )
    def test_range(self, s3, wanted, status, body):
        """One range is answered with 206; what S3 does not heed, with the whole."""
        s3.put_object(Bucket="b", Key="k", Body=b"0123456789")
        got = s3.get_object(Bucket="b", Key="k", Range=wanted)
        assert (got["ResponseMetadata"]["HTTPStatusCode"], got["Body"].read()) == (status, body)

    def test_range_across_blocks(self, s3):
        """A range over the edge of spilled blocks is exact."""
        body = os.urandom(2_500_000)
        s3.put_object(Bucket="b", Key="k", Body=body)
        assert s3.get_object(Bucket="b", Key="k", Range="bytes=1048570-2097160")["Body"].read() == body[1048570:2097161]

    def test_range_beyond(self, s3):
        """A range that begins behind the end is 416."""
        s3.put_object(Bucket="b", Key="k", Body=b"0123456789")
        assert outcome(s3.get_object, Bucket="b", Key="k", Range="bytes=10-") == (416, "InvalidRange")

    def test_read_conditions(self, s3):
        """A read holds to If-Match and If-None-Match."""
        etag = s3.put_object(Bucket="b", Key="k", Body=b"1")["ETag"]
        assert outcome(s3.get_object, Bucket="b", Key="k", IfMatch='"other"') == (412, "PreconditionFailed")
        assert outcome(s3.get_object, Bucket="b", Key="k", IfNoneMatch=etag)[0] == 304
        assert outcome(s3.get_object, Bucket="b", Key="k", IfMatch=etag, IfNoneMatch='"other"') == (200, "")

    def test_nothing_there(self, s3):
        """What is not there is 404, each thing with its own code."""
        assert outcome(s3.get_object, Bucket="b", Key="k") == (404, "NoSuchKey")
        assert outcome(s3.head_object, Bucket="b", Key="k")[0] == 404
        assert outcome(s3.get_object, Bucket="none", Key="k") == (404, "NoSuchBucket")
        assert outcome(s3.head_bucket, Bucket="none")[0] == 404

    def test_metadata_too_large(self, s3):
        """More than 2 KiB of metadata is refused."""
        assert outcome(s3.put_object, Bucket="b", Key="k", Metadata={"a": "x" * 2048}) == (400, "MetadataTooLarge")

    def test_unsupported(self, double, s3):
        """What the double does not know it refuses, and never half does it."""
        s3.put_object(Bucket="b", Key="k", Body=b"1")
        assert outcome(s3.copy_object, Bucket="b", Key="c", CopySource="b/k") == (501, "NotImplemented")
        assert outcome(s3.put_object, Bucket="b", Key="t", Tagging="a=b") == (501, "NotImplemented")
        assert outcome(s3.put_object, Bucket="b", Key="k", Body=b"2", WriteOffsetBytes=1) == (501, "NotImplemented")
        assert outcome(s3.get_object, Bucket="b", Key="k", PartNumber=1) == (501, "NotImplemented")
        assert outcome(s3.list_objects, Bucket="b") == (501, "NotImplemented")
        assert outcome(s3.list_buckets) == (501, "NotImplemented")
        assert double.objects("b") == {"k": b"1"}
        assert double.calls["Unsupported"] == 2


class TestConditions:
    def test_create_once(self, double, s3):
        """If-None-Match: * writes a key once; the second is 412 and changes nothing."""
        assert outcome(s3.put_object, Bucket="b", Key="k", Body=b"1", IfNoneMatch="*") == (200, "")
        assert outcome(s3.put_object, Bucket="b", Key="k", Body=b"2", IfNoneMatch="*") == (412, "PreconditionFailed")
        assert double.objects("b") == {"k": b"1"}

    def test_swap(self, double, s3):
        """If-Match writes over the very object that it names: 412 over another, 404 over none."""
        etag = s3.put_object(Bucket="b", Key="k", Body=b"1")["ETag"]
        assert outcome(s3.put_object, Bucket="b", Key="k", Body=b"2", IfMatch=etag) == (200, "")
        assert outcome(s3.put_object, Bucket="b", Key="k", Body=b"3", IfMatch=etag) == (412, "PreconditionFailed")
        assert outcome(s3.put_object, Bucket="b", Key="none", Body=b"3", IfMatch=etag) == (404, "NoSuchKey")
        assert double.objects("b") == {"k": b"2"}

    def test_unknown_conditions(self, s3):
        """Conditions that S3 does not take on a write are refused, not ignored."""
        etag = s3.put_object(Bucket="b", Key="k", Body=b"1")["ETag"]
        assert outcome(s3.put_object, Bucket="b", Key="k", IfNoneMatch=etag) == (501, "NotImplemented")
        assert outcome(s3.put_object, Bucket="b", Key="k", IfMatch="*") == (501, "NotImplemented")
        assert outcome(s3.put_object, Bucket="b", Key="k", IfMatch=etag, IfNoneMatch="*") == (501, "NotImplemented")

    def test_conditional_delete(self, double, s3):
        """Delete holds to If-Match: 412 over another object, 404 over none."""
        etag = s3.put_object(Bucket="b", Key="k", Body=b"1")["ETag"]
        assert outcome(s3.delete_object, Bucket="b", Key="k", IfMatch='"other"') == (412, "PreconditionFailed")
        assert double.objects("b") == {"k": b"1"}
        assert outcome(s3.delete_object, Bucket="b", Key="k", IfMatch=etag) == (204, "")
        assert outcome(s3.delete_object, Bucket="b", Key="k", IfMatch="*") == (404, "NoSuchKey")

    def test_create_race(self, double, s3):
        """Of 16 threads that create one key at the same moment exactly one wins, in each of 50 rounds."""
        for turn in range(ROUNDS):
            key = f"k{turn}"
            outcomes = race(
                lambda number, key=key: s3.put_object(Bucket="b", Key=key, Body=b"%d" % number, IfNoneMatch="*")
            )
            assert outcomes == {(200, ""): 1, (412, "PreconditionFailed"): THREADS - 1}
        assert len(double.objects("b")) == ROUNDS

    def test_swap_race(self, s3):
        """Of 16 threads that swap one object at the same moment exactly one wins, in each of 50 rounds."""
        etag = s3.put_object(Bucket="b", Key="k", Body=b"start")["ETag"]
        for turn in range(ROUNDS):
            outcomes = race(
                lambda number, etag=etag, turn=turn: s3.put_object(
                    Bucket="b", Key="k", Body=b"%d %d" % (turn, number), IfMatch=etag
                )
            )
            assert outcomes == {(200, ""): 1, (412, "PreconditionFailed"): THREADS - 1}
            etag = s3.head_object(Bucket="b", Key="k")["ETag"]


class TestVersions:
    def test_each_write_is_a_version(self, s3):
        """In a bucket with versions a write over a key leaves what was there, under its version id."""
        first = s3.put_object(Bucket="versioned", Key="k", Body=b"1")["VersionId"]
        second = s3.put_object(Bucket="versioned", Key="k", Body=b"2")["VersionId"]
        assert s3.get_object(Bucket="versioned", Key="k", VersionId=first)["Body"].read() == b"1"
        assert s3.get_object(Bucket="versioned", Key="k")["VersionId"] == second
        assert outcome(s3.get_object, Bucket="versioned", Key="k", VersionId="none") == (404, "NoSuchVersion")

    def test_delete_marker_reopens(self, double, s3):
        """A delete marker hides the object, and a key behind it can be created once again."""
        first = s3.put_object(Bucket="versioned", Key="k", Body=b"1", IfNoneMatch="*")["VersionId"]
        marker = s3.delete_object(Bucket="versioned", Key="k")
        assert marker["DeleteMarker"]
        assert outcome(s3.get_object, Bucket="versioned", Key="k") == (404, "NoSuchKey")
        versioned = {"Bucket": "versioned", "Key": "k", "VersionId": marker["VersionId"]}
        assert outcome(s3.get_object, **versioned) == (405, "MethodNotAllowed")
        assert outcome(s3.put_object, Bucket="versioned", Key="k", Body=b"2", IfNoneMatch="*") == (200, "")
        assert s3.get_object(Bucket="versioned", Key="k", VersionId=first)["Body"].read() == b"1"
        assert double.objects("versioned") == {"k": b"2"}

    def test_delete_of_a_version(self, double, s3):
        """A delete with a version id is for ever; of the marker, it brings the object back."""
        first = s3.put_object(Bucket="versioned", Key="k", Body=b"1")["VersionId"]
        marker = s3.delete_object(Bucket="versioned", Key="k")["VersionId"]
        assert s3.delete_object(Bucket="versioned", Key="k", VersionId=marker)["DeleteMarker"]
        assert double.objects("versioned") == {"k": b"1"}
        s3.delete_object(Bucket="versioned", Key="k", VersionId=first)
        assert "Versions" not in s3.list_object_versions(Bucket="versioned")
        assert outcome(s3.delete_object, Bucket="versioned", Key="k", VersionId=first) == (204, "")

    def test_suspended(self, s3):
        """Suspended versioning writes the null version over itself and leaves the older versions."""
        first = s3.put_object(Bucket="versioned", Key="k", Body=b"1")["VersionId"]
        s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Suspended"})
        for body in (b"2", b"3"):
            assert s3.put_object(Bucket="versioned", Key="k", Body=body)["VersionId"] == "null"
        listed = [each["VersionId"] for each in s3.list_object_versions(Bucket="versioned")["Versions"]]
        assert listed == ["null", first]

    def test_unversioned(self, s3):
        """A bucket that never had versions speaks of none, and a delete in it is for ever."""
        assert "VersionId" not in s3.put_object(Bucket="b", Key="k", Body=b"1")
        assert "DeleteMarker" not in s3.delete_object(Bucket="b", Key="k")
        assert "Versions" not in s3.list_object_versions(Bucket="b")

    def test_object_lock(self, double, s3):
        """A locked version cannot be deleted before its time; GOVERNANCE can be bypassed, COMPLIANCE cannot."""
        until = time.time() + 60
        lock = {"Bucket": "locked", "Key": "k", "ObjectLockRetainUntilDate": until, "ChecksumAlgorithm": "CRC32"}
        for mode, expected in (("COMPLIANCE", 403), ("GOVERNANCE", 204)):
            version = s3.put_object(**lock, ObjectLockMode=mode)["VersionId"]
            named = {"Bucket": "locked", "Key": "k", "VersionId": version}
            assert s3.head_object(**named)["ObjectLockMode"] == mode
            assert outcome(s3.delete_object, **named) == (403, "AccessDenied")
            assert outcome(s3.delete_object, **named, BypassGovernanceRetention=True)[0] == expected
        double.clock_offset_seconds = 61
        compliant = s3.list_object_versions(Bucket="locked")["Versions"][0]["VersionId"]
        assert outcome(s3.delete_object, Bucket="locked", Key="k", VersionId=compliant) == (204, "")

    def test_legal_hold(self, s3):
        """A legal hold forbids every delete of the version."""
        version = s3.put_object(Bucket="locked", Key="k", ObjectLockLegalHoldStatus="ON")["VersionId"]
        deletion = {"Bucket": "locked", "Key": "k", "VersionId": version, "BypassGovernanceRetention": True}
        assert outcome(s3.delete_object, **deletion) == (403, "AccessDenied")

    def test_lock_needs(self, double):
        """A lock needs a bucket with Object Lock, a mode with a date to come, and a digest of the body."""
        s3 = double.client(request_checksum_calculation="when_required")
        soon, past = time.time() + 60, time.time() - 60
        lock = {"Key": "k", "ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": soon}
        checked = {**lock, "ChecksumAlgorithm": "CRC32"}
        assert outcome(s3.put_object, Bucket="b", **checked) == (400, "InvalidRequest")
        assert outcome(s3.put_object, Bucket="locked", **lock) == (400, "InvalidRequest")
        checked["ObjectLockRetainUntilDate"] = past
        assert outcome(s3.put_object, Bucket="locked", **checked) == (400, "InvalidArgument")
        del checked["ObjectLockRetainUntilDate"]
        assert outcome(s3.put_object, Bucket="locked", **checked) == (400, "InvalidArgument")


class TestBuckets:
    def test_create(self, s3):
        """A bucket is made once, under a valid name, in the double's region."""
        assert outcome(s3.create_bucket, Bucket="new") == (200, "")
        assert outcome(s3.create_bucket, Bucket="new") == (409, "BucketAlreadyOwnedByYou")
        assert outcome(s3.create_bucket, Bucket="Upper_Case") == (400, "InvalidBucketName")
        elsewhere = {"LocationConstraint": "eu-west-1"}
        answer = outcome(s3.create_bucket, Bucket="far", CreateBucketConfiguration=elsewhere)
        assert answer == (400, "IllegalLocationConstraintException")
        assert s3.head_bucket(Bucket="new")["BucketRegion"] == "us-east-1"
        assert s3.get_bucket_location(Bucket="new")["LocationConstraint"] is None

    def test_region(self):
        """A double of another region answers that region only."""
        with S3Double(region="eu-central-1") as double:
            s3 = double.client()
            s3.create_bucket(Bucket="new", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
            assert s3.get_bucket_location(Bucket="new")["LocationConstraint"] == "eu-central-1"

    def test_versioning(self, s3):
        """Versioning is off, then what it was set to; Object Lock forbids to suspend it."""
        assert "Status" not in s3.get_bucket_versioning(Bucket="b")
        s3.put_bucket_versioning(Bucket="b", VersioningConfiguration={"Status": "Enabled"})
        assert s3.get_bucket_versioning(Bucket="b")["Status"] == "Enabled"
        suspended = {"Status": "Suspended"}
        answer = outcome(s3.put_bucket_versioning, Bucket="locked", VersioningConfiguration=suspended)
        assert answer == (409, "InvalidBucketState")
        answer = outcome(s3.put_bucket_versioning, Bucket="b", VersioningConfiguration={"Status": "x"})
        assert answer == (400, "MalformedXML")

    def test_object_lock_configuration(self, s3):
        """Object Lock shows where it is enabled, also by CreateBucket, and is not found elsewhere."""
        s3.create_bucket(Bucket="new", ObjectLockEnabledForBucket=True)
        for bucket in ("locked", "new"):
            found = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
            assert found == {"ObjectLockEnabled": "Enabled"}
        answer = outcome(s3.get_object_lock_configuration, Bucket="b")
        assert answer == (404, "ObjectLockConfigurationNotFoundError")

    def test_who_can_see(self, s3):
        """A doctor can tell a public bucket from a private one in each of the three ways."""
        assert all(s3.get_public_access_block(Bucket="b")["PublicAccessBlockConfiguration"].values())
        answer = outcome(s3.get_public_access_block, Bucket="public")
        assert answer == (404, "NoSuchPublicAccessBlockConfiguration")
        assert outcome(s3.get_bucket_policy_status, Bucket="b") == (404, "NoSuchBucketPolicy")
        assert s3.get_bucket_policy_status(Bucket="public")["PolicyStatus"]["IsPublic"]
        assert [grant["Permission"] for grant in s3.get_bucket_acl(Bucket="b")["Grants"]] == ["FULL_CONTROL"]
        assert [grant["Permission"] for grant in s3.get_bucket_acl(Bucket="public")["Grants"]] == [
            "FULL_CONTROL",
            "READ",
        ]


class TestFaults:
    def test_before(self, double, s3):
        """A fault before the deed leaves it undone; the next call goes well."""
        fault = double.faults.add(Fault("PutObject", status=503))
        assert outcome(s3.put_object, Bucket="b", Key="k", Body=b"1") == (503, "SlowDown")
        assert (double.objects("b"), fault.hits) == ({}, 1)
        assert outcome(s3.put_object, Bucket="b", Key="k", Body=b"1") == (200, "")

    def test_after(self, double, s3):
        """A fault after the deed answers no to what is done."""
        double.faults.add(Fault("PutObject", when="after", status=500))
        assert outcome(s3.put_object, Bucket="b", Key="k", Body=b"1", IfNoneMatch="*") == (500, "InternalError")
        assert double.objects("b") == {"k": b"1"}

    @pytest.mark.parametrize(("when", "objects"), [("before", {}), ("after", {"k": b"1"})])
    def test_cut(self, double, s3, when, objects):
        """Status None cuts the connection without an answer, the deed done or not as asked."""
        double.faults.add(Fault("PutObject", when=when, status=None))
        with pytest.raises(botocore.exceptions.ConnectionClosedError):
            s3.put_object(Bucket="b", Key="k", Body=b"1")
        assert double.objects("b") == objects

    @pytest.mark.parametrize(
        ("status", "code"),
        [(403, "AccessDenied"), (404, "NoSuchKey"), (409, "ConditionalRequestConflict"), (412, "PreconditionFailed")],
    )
    def test_usual_codes(self, double, s3, status, code):
        """A fault has the code that S3 usually gives with its status, or the one it was given."""
        double.faults.add(Fault("PutObject", status=status))
        double.faults.add(Fault("PutObject", status=status, code="NoSuchUpload"))
        assert outcome(s3.put_object, Bucket="b", Key="k") == (status, code)
        assert outcome(s3.put_object, Bucket="b", Key="k") == (status, "NoSuchUpload")

    def test_matching(self, double, s3):
        """A fault meets its own operation and keys only, so many times, and not at all once cleared."""
        double.faults.add(Fault("*", key_matches=r"^raw/", times=2))
        calls = [("head", "head/x"), ("raw", "raw/x"), ("raw", "raw/y"), ("raw", "raw/z")]
        assert [outcome(s3.put_object, Bucket="b", Key=key)[0] for _, key in calls] == [200, 500, 500, 200]
        double.faults.add(Fault("GetObject"))
        assert outcome(s3.put_object, Bucket="b", Key="raw/x") == (200, "")
        double.faults.clear()
        assert outcome(s3.get_object, Bucket="b", Key="raw/x") == (200, "")

    def test_unknown_operation(self, double):
        """A fault that could never be met is refused where it is planted."""
        with pytest.raises(ValueError, match="PutObjekt"):
            double.faults.add(Fault("PutObjekt"))

    def test_error_within_success(self, double, s3):
        """Status 200 with a code is a success whose body is an error, as S3 may answer; botocore makes it a 500."""
        upload = s3.create_multipart_upload(Bucket="b", Key="k")["UploadId"]
        part = s3.upload_part(Bucket="b", Key="k", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
        double.faults.add(Fault("CompleteMultipartUpload", when="after", status=200, code="InternalError"))
        parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
        answer = outcome(s3.complete_multipart_upload, Bucket="b", Key="k", UploadId=upload, MultipartUpload=parts)
        assert answer == (500, "InternalError")
        assert double.objects("b") == {"k": b"1"}

    def test_hang(self, double):
        """A hanging call holds up no other one, and one that its client gave up was done all the same."""
        fault = double.faults.add(Fault("PutObject", key_matches="slow", when="after", status=200, hang_seconds=60))
        impatient = double.client(read_timeout=0.5)
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(impatient.put_object, Bucket="b", Key="slow", Body=b"1")
            assert fault.reached.wait(10)
            assert double.objects("b") == {"slow": b"1"}
            assert outcome(double.client().put_object, Bucket="b", Key="quick", Body=b"2") == (200, "")
            with pytest.raises(botocore.exceptions.ReadTimeoutError):
                slow.result()

    def test_slow_success(self, double, s3):
        """Status 200 without a code lets the call go its way, only later."""
        double.faults.add(Fault("PutObject", status=200, hang_seconds=0.1))
        began = time.monotonic()
        assert outcome(s3.put_object, Bucket="b", Key="k", Body=b"1") == (200, "")
        assert time.monotonic() - began >= 0.1


class TestClockAndPace:
    def test_latency_in_parallel(self, double, s3):
        """Each call takes the latency longer, and 64 at once take it together."""
        s3.put_object(Bucket="b", Key="warm")
        double.latency_seconds = 0.2
        began = time.monotonic()
        with ThreadPoolExecutor(64) as pool:
            list(pool.map(lambda number: s3.put_object(Bucket="b", Key=f"k{number}"), range(64)))
        assert 0.2 <= time.monotonic() - began < 64 * 0.2 / 4

    def test_clock(self, double, s3):
        """The double's clock is in its Date, and a client more than 15 minutes away from it is refused."""
        double.clock_offset_seconds = 14 * 60
        date = s3.put_object(Bucket="b", Key="k")["ResponseMetadata"]["HTTPHeaders"]["date"]
        assert parsedate_to_datetime(date).timestamp() == pytest.approx(time.time() + 14 * 60, abs=5)
        for minutes in (16, -16):
            double.clock_offset_seconds = minutes * 60
            assert outcome(s3.put_object, Bucket="b", Key="k") == (403, "RequestTimeTooSkewed")

    def test_counts(self, double, s3):
        """Calls are counted by operation and remembered with their keys, refused ones too."""
        s3.put_object(Bucket="b", Key="k")
        outcome(s3.get_object, Bucket="b", Key="none")
        s3.list_objects_v2(Bucket="b")
        assert double.calls == {"PutObject": 1, "GetObject": 1, "ListObjectsV2": 1}
        assert list(double.requests) == [("PutObject", "k"), ("GetObject", "none"), Seen("ListObjectsV2", "")]


class TestRunning:
    def test_port_taken(self, double):
        """A double that cannot listen says so where it is started."""
        port = int(double.endpoint.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), S3Double(port=port):
            pytest.fail("two doubles on one port")

    def test_stopped(self):
        """After its with the double is gone, connections and all."""
        with S3Double() as double:
            double.create_bucket("b")
            s3 = double.client()
            s3.put_object(Bucket="b", Key="k")
        with pytest.raises(botocore.exceptions.EndpointConnectionError):
            s3.head_bucket(Bucket="b")

    def test_alone(self):
        """As a process it prints its endpoint, serves, and ends well at SIGTERM."""
        command = [sys.executable, "-m", "headwater.testing.s3_double", "--bucket", "b", "--versioning"]
        command += ["--access-key", "AK", "--secret-key", "SK", "--latency", "0.01"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            endpoint = process.stdout.readline().strip()
            config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, proxies={})
            keys = {"aws_access_key_id": "AK", "aws_secret_access_key": "SK", "region_name": "us-east-1"}
            s3 = boto3.session.Session().client("s3", endpoint_url=endpoint, config=config, **keys)
            assert s3.put_object(Bucket="b", Key="k", Body=b"1", IfNoneMatch="*")["VersionId"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
