from __future__ import annotations

import os

import pytest

from tests.unit.testing.s3_calls import THREADS, outcome, race

ROUNDS = 50


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
            put = {"Bucket": "b", "Key": key, "IfNoneMatch": "*"}
            outcomes = race(s3.put_object, [{**put, "Body": b"%d" % number} for number in range(THREADS)])
            assert outcomes == {(200, ""): 1, (412, "PreconditionFailed"): THREADS - 1}
        assert len(double.objects("b")) == ROUNDS

    def test_swap_race(self, s3):
        """Of 16 threads that swap one object at the same moment exactly one wins, in each of 50 rounds."""
        etag = s3.put_object(Bucket="b", Key="k", Body=b"start")["ETag"]
        for turn in range(ROUNDS):
            put = {"Bucket": "b", "Key": "k", "IfMatch": etag}
            bodies = (b"%d %d" % (turn, number) for number in range(THREADS))
            outcomes = race(s3.put_object, [{**put, "Body": body} for body in bodies])
            assert outcomes == {(200, ""): 1, (412, "PreconditionFailed"): THREADS - 1}
            etag = s3.head_object(Bucket="b", Key="k")["ETag"]
