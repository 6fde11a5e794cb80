from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
import botocore.exceptions
import pytest
from botocore.config import Config

from headwater.testing.s3_double import Fault, S3Double, Seen
from tests.unit.testing.s3_calls import outcome


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
            keys: dict[str, Any] = {
                "aws_access_key_id": "AK",
                "aws_secret_access_key": "SK",
                "region_name": "us-east-1",
            }
            s3 = boto3.session.Session().client("s3", endpoint_url=endpoint, config=config, **keys)
            assert s3.put_object(Bucket="b", Key="k", Body=b"1", IfNoneMatch="*")["VersionId"]
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
