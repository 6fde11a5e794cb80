from __future__ import annotations

import base64
import hashlib
import io
import zlib

import pytest
from awscrt import checksums
from botocore.httpchecksum import AwsChunkedWrapper, CrtCrc64NvmeChecksum

from headwater.testing.s3_double_signature import Seal, Signatures
from headwater.testing.s3_wire import Request, S3Error
from tests.unit.testing.s3_calls import head, outcome, send

BODY = b"id,v\n1,a\n" * 20_000
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


def encoded(raw: bytes) -> str:
    """As digests stand in headers."""
    return base64.b64encode(raw).decode()


VALUES = {
    "CRC32": encoded(zlib.crc32(BODY).to_bytes(4, "big")),
    "CRC32C": encoded(checksums.crc32c(BODY).to_bytes(4, "big")),
    "CRC64NVME": encoded(checksums.crc64nvme(BODY).to_bytes(8, "big")),
    "SHA1": encoded(hashlib.sha1(BODY).digest()),
    "SHA256": encoded(hashlib.sha256(BODY).digest()),
}


class TestHeaders:
    @pytest.mark.parametrize("algorithm", VALUES)
    def test_right(self, s3, algorithm):
        """A checksum that is right is kept, and HEAD and GET tell it when asked, not otherwise."""
        s3.put_object(Bucket="b", Key="k", Body=BODY, **{f"Checksum{algorithm}": VALUES[algorithm]})
        answer = s3.head_object(Bucket="b", Key="k", ChecksumMode="ENABLED")
        assert (answer[f"Checksum{algorithm}"], answer["ChecksumType"]) == (VALUES[algorithm], "FULL_OBJECT")
        assert f"Checksum{algorithm}" not in s3.head_object(Bucket="b", Key="k")
        assert s3.get_object(Bucket="b", Key="k", ChecksumMode="ENABLED")["Body"].read() == BODY

    @pytest.mark.parametrize("algorithm", VALUES)
    def test_wrong(self, double, s3, algorithm):
        """A checksum that is wrong stores nothing, and neither does one that can be none."""
        put = {"Bucket": "b", "Key": "k", "Body": BODY + b"x"}
        assert outcome(s3.put_object, **put, **{f"Checksum{algorithm}": VALUES[algorithm]}) == (400, "BadDigest")
        assert outcome(s3.put_object, **put, **{f"Checksum{algorithm}": "AAAA"}) == (400, "InvalidRequest")
        assert double.objects("b") == {}

    def test_default(self, double):
        """Without a checksum from the client the object gets CRC64NVME."""
        s3 = double.client(request_checksum_calculation="when_required")
        s3.put_object(Bucket="b", Key="k", Body=BODY)
        assert s3.head_object(Bucket="b", Key="k", ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == VALUES["CRC64NVME"]

    def test_content_md5(self, double, s3):
        """A Content-MD5 is checked, and what cannot be one is told apart from a wrong one."""
        put = {"Bucket": "b", "Key": "k", "Body": BODY}
        assert outcome(s3.put_object, **put, ContentMD5=encoded(hashlib.md5(b"").digest())) == (400, "BadDigest")
        assert outcome(s3.put_object, **put, ContentMD5="no digest") == (400, "InvalidDigest")
        assert double.objects("b") == {}
        assert outcome(s3.put_object, **put, ContentMD5=encoded(hashlib.md5(BODY).digest())) == (200, "")

    def test_payload_hash(self, double):
        """The payload hash under the signature is checked against the body."""
        request = head(double, "PUT", "/b/k", hashlib.sha256(b"other").hexdigest(), content_length="4") + b"body"
        assert "<Code>XAmzContentSHA256Mismatch</Code>" in send(double, request)[1]
        assert double.objects("b") == {}

    @pytest.mark.parametrize(
        ("headers", "code"),
        [
            ({"x_amz_checksum_crc32": "AAAAAA==", "x_amz_checksum_crc32c": "AAAAAA=="}, "InvalidRequest"),
            ({"x_amz_sdk_checksum_algorithm": "CRC32"}, "InvalidRequest"),
            ({"x_amz_sdk_checksum_algorithm": "CRC32", "x_amz_checksum_crc32c": "AAAAAA=="}, "InvalidRequest"),
            ({"x_amz_checksum_md5": "AAAAAA=="}, "NotImplemented"),
            ({"content_encoding": "aws-chunked"}, "InvalidRequest"),
        ],
    )
    def test_contradictions(self, double, headers, code):
        """Headers that contradict each other, or name what is not known here, store nothing."""
        request = head(double, "PUT", "/b/k", content_length="0", **headers)
        assert f"<Code>{code}</Code>" in send(double, request)[1]
        assert double.objects("b") == {}


def trailer(value: str, body: bytes = BODY, size: int = 65536) -> bytes:
    """An unsigned aws-chunked body with a CRC64NVME in its trailer."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return chunks + b"0\r\nx-amz-checksum-crc64nvme:" + value.encode() + b"\r\n\r\n"


class TestChunks:
    def put(self, double, body: bytes, kind: str = UNSIGNED, **headers) -> str:
        """The answer to a chunked Put of these bytes on the wire: its error code, or nothing."""
        stated = {
            "content_encoding": "gzip,aws-chunked",
            "content_length": str(len(body)),
            "x_amz_decoded_content_length": str(len(BODY)),
            "x_amz_trailer": "x-amz-checksum-crc64nvme",
        }
        stated = {name: value for name, value in (stated | headers).items() if value}
        answer = send(double, head(double, "PUT", "/b/k", kind, **stated) + body)[1]
        return answer.partition("<Code>")[2].partition("</Code>")[0]

    def test_trailer(self, double, s3):
        """A chunked body is stored without its chunk sizes and trailer, and the trailer is its checksum."""
        assert self.put(double, trailer(VALUES["CRC64NVME"])) == ""
        assert double.objects("b") == {"k": BODY}
        answer = s3.head_object(Bucket="b", Key="k", ChecksumMode="ENABLED")
        assert (answer["ChecksumCRC64NVME"], answer["ContentEncoding"]) == (VALUES["CRC64NVME"], "gzip")

    def test_both_chunked(self, double):
        """What botocore makes of a body over TLS, aws-chunked inside HTTP's own chunks, is stored as that body."""
        name = "x-amz-checksum-crc64nvme"
        wire = AwsChunkedWrapper(io.BytesIO(BODY), CrtCrc64NvmeChecksum, name, chunk_size=65536).read()
        pieces = [wire[start : start + 5] for start in range(0, len(wire), 5)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        assert self.put(double, body, transfer_encoding="chunked", content_length="") == ""
        assert double.objects("b") == {"k": BODY}

    @pytest.mark.parametrize(
        ("body", "headers", "code"),
        [
            (trailer(VALUES["CRC64NVME"], BODY[:-1] + b"x"), {}, "BadDigest"),
            (trailer(""), {}, "InvalidRequest"),
            (trailer(VALUES["CRC64NVME"], BODY[:-1]), {}, "IncompleteBody"),
            (trailer(VALUES["CRC64NVME"], BODY + b"x"), {}, "IncompleteBody"),
            (trailer(VALUES["CRC64NVME"])[:-2], {}, "IncompleteBody"),
            (trailer(VALUES["CRC64NVME"], size=8191), {}, "InvalidChunkSizeError"),
            (trailer("").replace(b"nvme", b"none"), {}, "MalformedTrailerError"),
            (trailer("").replace(b"x-amz-checksum-crc64nvme:\r\n", b""), {}, "MalformedTrailerError"),
            (BODY, {}, "InvalidRequest"),
            (b"x" * 5000, {}, "InvalidRequest"),
            (b"4\r\nabcdef\r\n", {}, "InvalidRequest"),
            (trailer(VALUES["CRC64NVME"]), {"x_amz_trailer": ""}, "InvalidRequest"),
            (trailer(VALUES["CRC64NVME"]), {"x_amz_decoded_content_length": ""}, "MissingContentLength"),
        ],
    )
    def test_wrong(self, double, body, headers, code):
        """A chunked body that is not exactly what it should be stores nothing."""
        assert self.put(double, body, **headers) == code
        assert double.objects("b") == {}

    @pytest.mark.parametrize("with_trailer", [False, True])
    @pytest.mark.parametrize("marker", [None, b"id,v", b"chunk-signature=", b"crc64nvme:", b"trailer-signature:"])
    def test_signed(self, double, with_trailer, marker):
        """In a signed body each chunk and the trailer are signed; one changed byte of any stores nothing."""
        size = len(signed_chunks(double, "20260101T000000Z", "0" * 64, with_trailer=with_trailer))
        headers = {"content_length": str(size), "x_amz_decoded_content_length": str(len(BODY))}
        if with_trailer:
            headers["x_amz_trailer"] = "x-amz-checksum-crc64nvme"
        request = head(double, "PUT", "/b/k", SIGNED + "-TRAILER" if with_trailer else SIGNED, **headers)
        fields = dict(line.split(": ", 1) for line in request.decode().splitlines()[1:] if line)
        seed = fields["Authorization"].rpartition("=")[2]
        body = bytearray(signed_chunks(double, fields["X-Amz-Date"], seed, with_trailer=with_trailer))
        spoiled = marker is not None and marker in body
        if spoiled:
            body[body.index(marker) + len(marker)] ^= 1
        assert (send(double, request + body)[0] == 200) != spoiled
        assert double.objects("b") == ({} if spoiled else {"k": BODY})


def signed_chunks(double, time: str, seed: str, *, with_trailer: bool) -> bytes:
    """The body in signed chunks, after a head of this time with this signature."""
    seal = Seal(double.signatures.key(time[:8]), time, f"{time[:8]}/{double.region}/s3/aws4_request", seed)
    wire, previous = b"", seed
    for piece in (BODY[:100_000], BODY[100_000:], b""):
        previous = seal.chunk(previous, hashlib.sha256(piece).hexdigest())
        wire += b"%x;chunk-signature=%s\r\n" % (len(piece), previous.encode()) + (piece + b"\r\n" if piece else b"")
    if with_trailer:
        line = f"x-amz-checksum-crc64nvme:{VALUES['CRC64NVME']}"
        signature = seal.trailer(previous, line.encode() + b"\n")
        wire += f"{line}\r\nx-amz-trailer-signature:{signature}\r\n".encode()
    return wire + b"\r\n"


class TestPublishedExample:
    """The example of "Transferring Payload in Multiple Chunks" in the S3 API reference, by its published values."""

    SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"

    def test_seed(self):
        """The signature over the head is the published one."""
        signatures = Signatures("AKIAIOSFODNN7EXAMPLE", self.SECRET, "us-east-1")
        scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
        headers = {
            "content-encoding": "aws-chunked",
            "content-length": "66824",
            "host": "s3.amazonaws.com",
            "x-amz-content-sha256": SIGNED,
            "x-amz-date": "20130524T000000Z",
            "x-amz-decoded-content-length": "66560",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
        }
        signed = ";".join(headers)
        headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={signed},Signature={self.SEED}"
        request = Request("PUT", b"/examplebucket/chunkObject.txt", b"", headers)
        assert signatures.check(request, 1369353600).signature == self.SEED
        with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
            signatures.check(Request("PUT", b"/examplebucket/other.txt", b"", headers), 1369353600)

    def test_chunks(self):
        """The signatures of the three chunks are the published ones."""
        key = Signatures("", self.SECRET, "us-east-1").key("20130524")
        seal = Seal(key, "20130524T000000Z", "20130524/us-east-1/s3/aws4_request", self.SEED)
        previous = self.SEED
        for piece, published in (
            (b"a" * 65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (b"a" * 1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (b"", "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ):
            previous = seal.chunk(previous, hashlib.sha256(piece).hexdigest())
            assert previous == published
