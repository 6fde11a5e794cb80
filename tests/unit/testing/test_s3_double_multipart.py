from __future__ import annotations

import base64
import hashlib
import os
from typing import Any

import pytest
from awscrt import checksums

from headwater.testing.s3_double import S3Double
from tests.unit.testing.s3_calls import THREADS, head, outcome, race, send

MIB = 1 << 20
FIRST, LAST = os.urandom(5 * MIB), os.urandom(1000)
NAMED = {"Bucket": "b", "Key": "k"}


def crc64nvme(body: bytes) -> str:
    """The checksum as it stands in a header."""
    return base64.b64encode(checksums.crc64nvme(body).to_bytes(8, "big")).decode()


def begin(s3, parts: list[bytes], algorithm: str = "CRC64NVME", **create) -> dict[str, Any]:
    """The arguments of a Complete of these parts, uploaded."""
    upload = s3.create_multipart_upload(**NAMED, ChecksumAlgorithm=algorithm, **create)["UploadId"]
    listed = []
    for number, body in enumerate(parts, 1):
        arguments = {**NAMED, "UploadId": upload, "PartNumber": number, "Body": body, "ChecksumAlgorithm": algorithm}
        answer = s3.upload_part(**arguments)
        kept = {name: value for name, value in answer.items() if name.startswith("Checksum") or name == "ETag"}
        listed.append({"PartNumber": number, **kept})
    return {**NAMED, "UploadId": upload, "MultipartUpload": {"Parts": listed}}


class TestComplete:
    def test_object(self, double, s3):
        """An object appears at Complete and not before, with its parts' bytes, its headers and its checksum."""
        complete = begin(s3, [FIRST, LAST], Metadata={"hw-attempt": "1"}, ContentType="text/csv")
        assert double.objects("b") == {}
        body = FIRST + LAST
        done = s3.complete_multipart_upload(
            **complete,
            IfNoneMatch="*",
            ChecksumCRC64NVME=crc64nvme(body),
            ChecksumType="FULL_OBJECT",
            MpuObjectSize=len(body),
        )
        assert double.objects("b") == {"k": body}
        md5s = hashlib.md5(FIRST).digest() + hashlib.md5(LAST).digest()
        assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-2"'
        head = s3.head_object(**NAMED, ChecksumMode="ENABLED")
        assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (crc64nvme(body), "FULL_OBJECT")
        assert (head["Metadata"], head["ContentType"]) == ({"hw-attempt": "1"}, "text/csv")
        assert outcome(s3.complete_multipart_upload, **complete) == (404, "NoSuchUpload")

    def test_range_across_parts(self, s3):
        """A range over the edge of two parts is exact."""
        s3.complete_multipart_upload(**begin(s3, [FIRST, LAST]))
        got = s3.get_object(**NAMED, Range=f"bytes={5 * MIB - 3}-{5 * MIB + 2}")
        assert got["Body"].read() == FIRST[-3:] + LAST[:3]

    def test_create_once(self, double, s3):
        """Complete with If-None-Match: * is 412 over an object, which stays; the upload stays too."""
        complete = begin(s3, [LAST])
        s3.put_object(**NAMED, Body=b"1")
        answer = outcome(s3.complete_multipart_upload, **complete, IfNoneMatch="*")
        assert answer == (412, "PreconditionFailed")
        assert double.objects("b") == {"k": b"1"}
        s3.delete_object(**NAMED)
        assert outcome(s3.complete_multipart_upload, **complete, IfNoneMatch="*") == (200, "")

    def test_swap(self, double, s3):
        """Complete with If-Match writes over the object it names only."""
        complete = begin(s3, [LAST])
        assert outcome(s3.complete_multipart_upload, **complete, IfMatch='"x"') == (404, "NoSuchKey")
        etag = s3.put_object(**NAMED, Body=b"1")["ETag"]
        assert outcome(s3.complete_multipart_upload, **complete, IfMatch='"x"') == (412, "PreconditionFailed")
        assert outcome(s3.complete_multipart_upload, **complete, IfMatch=etag) == (200, "")
        assert double.objects("b") == {"k": LAST}

    def test_create_race(self, s3):
        """Of 16 uploads of one key completed at the same moment exactly one wins, in each of 10 rounds."""
        for _ in range(10):
            completes = [begin(s3, [b"%d" % number]) for number in range(THREADS)]
            outcomes = race(s3.complete_multipart_upload, [{**each, "IfNoneMatch": "*"} for each in completes])
            assert outcomes == {(200, ""): 1, (412, "PreconditionFailed"): THREADS - 1}
            s3.delete_object(**NAMED)

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"ChecksumCRC64NVME": crc64nvme(b"other")}, "BadDigest"),
            ({"ChecksumCRC32": "AAAAAA=="}, "InvalidRequest"),
            ({"ChecksumType": "COMPOSITE"}, "BadDigest"),
            ({"MpuObjectSize": 999}, "InvalidRequest"),
        ],
    )
    def test_wrong_object(self, double, s3, wrong, code):
        """A Complete that says something untrue of the object makes none, and can be sent again."""
        complete = begin(s3, [LAST])
        assert outcome(s3.complete_multipart_upload, **complete, **wrong) == (400, code)
        assert double.objects("b") == {}
        assert outcome(s3.complete_multipart_upload, **complete, MpuObjectSize=1000) == (200, "")

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            (lambda first, second: [second, first], "InvalidPartOrder"),
            (lambda first, _: [first, first], "InvalidPartOrder"),
            (lambda first, second: [{**first, "ETag": second["ETag"]}], "InvalidPart"),
            (lambda first, _: [{**first, "PartNumber": 3}], "InvalidPart"),
            (lambda first, second: [{**first, "ChecksumCRC64NVME": second["ChecksumCRC64NVME"]}], "InvalidPart"),
            (lambda *_: [], "MalformedXML"),
        ],
    )
    def test_wrong_list(self, double, s3, change, code):
        """A list of parts that is not what was uploaded, in order, makes no object."""
        complete = begin(s3, [FIRST, LAST])
        complete["MultipartUpload"] = {"Parts": change(*complete["MultipartUpload"]["Parts"])}
        assert outcome(s3.complete_multipart_upload, **complete) == (400, code)
        assert double.objects("b") == {}

    @pytest.mark.parametrize("document", [b"", b"<Complete", b"<Delete><Part/></Delete>"])
    def test_no_list(self, double, s3, document):
        """A Complete whose body is no list of parts makes no object."""
        upload = begin(s3, [LAST])["UploadId"]
        request = head(double, "POST", f"/b/k?uploadId={upload}", content_length=str(len(document)))
        status, answer = send(double, request + document)
        assert (status, "<Code>MalformedXML</Code>" in answer, double.objects("b")) == (400, True, {})

    def test_too_small(self, double, s3):
        """A part below 5 MiB is refused at Complete, unless it is the last."""
        complete = begin(s3, [FIRST[:-1], LAST])
        assert outcome(s3.complete_multipart_upload, **complete) == (400, "EntityTooSmall")
        complete["MultipartUpload"]["Parts"].pop()
        assert outcome(s3.complete_multipart_upload, **complete) == (200, "")
        assert double.objects("b") == {"k": FIRST[:-1]}

    def test_composite(self, double, s3):
        """SHA-256 is composite only: the digest of the parts' digests, each of which Complete must list."""
        complete = begin(s3, [FIRST, LAST], "SHA256")
        bare = [
            {"PartNumber": each["PartNumber"], "ETag": each["ETag"]} for each in complete["MultipartUpload"]["Parts"]
        ]
        answer = outcome(s3.complete_multipart_upload, **{**complete, "MultipartUpload": {"Parts": bare}})
        assert answer == (400, "InvalidRequest")
        done = s3.complete_multipart_upload(**complete)
        digests = hashlib.sha256(FIRST).digest() + hashlib.sha256(LAST).digest()
        expected = base64.b64encode(hashlib.sha256(digests).digest()).decode()
        assert (done["ChecksumSHA256"], done["ChecksumType"]) == (f"{expected}-2", "COMPOSITE")
        assert s3.get_object(**NAMED)["Body"].read() == FIRST + LAST

    @pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C"])
    def test_combined(self, s3, algorithm):
        """CRC32 and CRC32C can be of the full object, combined from those of the parts."""
        done = s3.complete_multipart_upload(**begin(s3, [FIRST, LAST], algorithm, ChecksumType="FULL_OBJECT"))
        whole = getattr(checksums, algorithm.lower())(FIRST + LAST).to_bytes(4, "big")
        assert done[f"Checksum{algorithm}"] == base64.b64encode(whole).decode()


class TestUploads:
    def test_types(self, s3):
        """An algorithm takes the checksum types that S3 allows it, no others, and a type needs an algorithm."""
        for algorithm, kind in (("CRC64NVME", "COMPOSITE"), ("SHA256", "FULL_OBJECT"), ("SHA1", "FULL_OBJECT")):
            create = {**NAMED, "ChecksumAlgorithm": algorithm, "ChecksumType": kind}
            assert outcome(s3.create_multipart_upload, **create) == (400, "InvalidRequest")
        answer = outcome(s3.create_multipart_upload, **NAMED, ChecksumType="FULL_OBJECT")
        assert answer == (400, "InvalidRequest")
        answer = outcome(s3.create_multipart_upload, **NAMED, ChecksumAlgorithm="XXHASH3")
        assert answer == (501, "NotImplemented")

    def test_other_checksum(self, s3):
        """A part with another checksum than its upload's is refused, and one without where all parts need it."""
        upload = s3.create_multipart_upload(**NAMED, ChecksumAlgorithm="SHA256")["UploadId"]
        part = {**NAMED, "UploadId": upload, "PartNumber": 1, "Body": LAST}
        assert outcome(s3.upload_part, **part, ChecksumAlgorithm="CRC32") == (400, "InvalidRequest")

    def test_part_without(self, double):
        """A composite upload needs each part's checksum; one of full objects computes what is not sent."""
        s3 = double.client(request_checksum_calculation="when_required")
        for algorithm, status in (("SHA256", 400), ("CRC32C", 400), ("CRC64NVME", 200)):
            upload = s3.create_multipart_upload(**NAMED, ChecksumAlgorithm=algorithm)["UploadId"]
            assert outcome(s3.upload_part, **NAMED, UploadId=upload, PartNumber=1, Body=LAST)[0] == status
        upload = s3.create_multipart_upload(**NAMED, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")["UploadId"]
        part = s3.upload_part(**NAMED, UploadId=upload, PartNumber=1, Body=LAST)
        assert part["ChecksumCRC32"] == base64.b64encode(checksums.crc32(LAST).to_bytes(4, "big")).decode()

    def test_without_algorithm(self, s3):
        """An upload that names no algorithm takes parts with any and ends with a full-object CRC64NVME."""
        upload = s3.create_multipart_upload(**NAMED)["UploadId"]
        part = s3.upload_part(**NAMED, UploadId=upload, PartNumber=1, Body=LAST, ChecksumAlgorithm="SHA1")
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA1": part["ChecksumSHA1"]}]}
        done = s3.complete_multipart_upload(**NAMED, UploadId=upload, MultipartUpload=parts)
        assert done["ChecksumCRC64NVME"] == crc64nvme(LAST)

    @pytest.mark.parametrize("number", [0, 10_001])
    def test_part_numbers(self, s3, number):
        """Part numbers go from 1 to 10,000."""
        upload = s3.create_multipart_upload(**NAMED)["UploadId"]
        part = {**NAMED, "UploadId": upload, "Body": LAST}
        assert outcome(s3.upload_part, **part, PartNumber=number) == (400, "InvalidArgument")
        assert outcome(s3.upload_part, **part, PartNumber=10_000) == (200, "")

    def test_part_again(self, double, s3):
        """A part sent again replaces the one before, which Complete then no longer knows."""
        complete = begin(s3, [b"first"])
        named = {**NAMED, "UploadId": complete["UploadId"], "ChecksumAlgorithm": "CRC64NVME"}
        part = s3.upload_part(**named, PartNumber=1, Body=b"second")
        assert outcome(s3.complete_multipart_upload, **complete) == (400, "InvalidPart")
        complete["MultipartUpload"] = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        s3.complete_multipart_upload(**complete)
        assert double.objects("b") == {"k": b"second"}

    def test_wrong_part(self, s3):
        """A part that is not what its checksum says is not kept."""
        upload = s3.create_multipart_upload(**NAMED)["UploadId"]
        part = {**NAMED, "UploadId": upload, "PartNumber": 1, "Body": LAST}
        assert outcome(s3.upload_part, **part, ChecksumCRC64NVME=crc64nvme(b"")) == (400, "BadDigest")
        assert "Parts" not in s3.list_parts(**NAMED, UploadId=upload)

    def test_abort(self, double, s3):
        """An aborted upload is gone for every call, and so is one of another key."""
        complete = begin(s3, [LAST])
        named = {**NAMED, "UploadId": complete["UploadId"]}
        assert outcome(s3.abort_multipart_upload, **{**named, "Key": "other"}) == (404, "NoSuchUpload")
        assert outcome(s3.abort_multipart_upload, **named) == (204, "")
        for call in (s3.abort_multipart_upload, s3.list_parts):
            assert outcome(call, **named) == (404, "NoSuchUpload")
        assert outcome(s3.upload_part, **named, PartNumber=1, Body=LAST) == (404, "NoSuchUpload")
        assert outcome(s3.complete_multipart_upload, **complete) == (404, "NoSuchUpload")
        assert "Uploads" not in s3.list_multipart_uploads(Bucket="b")
        assert double.objects("b") == {}

    def test_blocks_are_used_again(self):
        """What is deleted gives its blocks of the spill file to what comes next."""
        with S3Double() as double:
            double.create_bucket("b")
            s3: Any = double.client()
            for _ in range(5):
                s3.complete_multipart_upload(**begin(s3, [FIRST, LAST]))
                s3.delete_object(**NAMED)
            assert double.spill._count == 5
