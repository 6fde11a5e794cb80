"""The aws-chunked content encoding, taken off a body as it comes in."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping

from headwater.testing.s3_double_signature import Seal
from headwater.testing.s3_wire import S3Error

CHUNK_SIZE_BYTES_MIN = 8192  # but for the last one

_LINE_SIZE_BYTES_MAX = 4096
_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?")
_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD"


class AwsChunks:
    """Chunk sizes, chunk signatures and trailers of one body: read, checked, and never payload.

    Follows "Transferring Payload in Multiple Chunks" and "Including Trailing Headers" of the Amazon S3 API reference:
    signed with and without a trailer, unsigned with one. Methods raise S3Error on what the reference does not allow.
    """

    def __init__(self, headers: Mapping[str, str], seal: Seal) -> None:
        kind = headers["x-amz-content-sha256"]
        self._trailer_name = headers.get("x-amz-trailer", "").strip().lower()
        if kind not in ({_SIGNED + "-TRAILER", _UNSIGNED + "-TRAILER"} if self._trailer_name else {_SIGNED}):
            raise S3Error("InvalidRequest", "x-amz-content-sha256 and x-amz-trailer together name no kind of body")
        if not headers.get("x-amz-decoded-content-length", "").isdecimal():
            raise S3Error("MissingContentLength", "You must provide the x-amz-decoded-content-length")
        self.trailers: dict[str, str] = {}
        self._payload_left = int(headers["x-amz-decoded-content-length"])
        self._seal = seal if kind.startswith(_SIGNED) else None
        self._previous = seal.signature
        self._wire = bytearray()
        self._expected = "size"  # then "data", "end of chunk"; after the last chunk "trailer", "nothing"
        self._chunk_size = CHUNK_SIZE_BYTES_MIN
        self._chunk_left = 0
        self._chunk_signature = ""
        self._chunk_sha256 = hashlib.sha256()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The payload in the next bytes from the wire."""
        self._wire += data
        while self._wire:
            if self._expected == "data":
                piece = bytes(self._wire[: self._chunk_left])
                del self._wire[: len(piece)]
                self._take(piece)
                yield piece
                continue
            end = self._wire.find(b"\r\n", 0, _LINE_SIZE_BYTES_MAX)
            if end < 0 and len(self._wire) >= _LINE_SIZE_BYTES_MAX:
                raise S3Error("InvalidRequest", "The body is not aws-chunked")
            if end < 0:
                return
            line = bytes(self._wire[:end])
            del self._wire[: end + 2]
            self._take_line(line)

    def close(self) -> None:
        """The body is over: it must be whole."""
        if self._expected != "nothing" or self._payload_left:
            raise S3Error("IncompleteBody", "The body ended before the bytes that x-amz-decoded-content-length states")

    def _take(self, piece: bytes) -> None:
        self._chunk_left -= len(piece)
        self._payload_left -= len(piece)
        if self._payload_left < 0:
            raise S3Error("IncompleteBody", "The body has more bytes than x-amz-decoded-content-length states")
        if self._seal is not None:
            self._chunk_sha256.update(piece)
        if not self._chunk_left:
            self._expected = "end of chunk"

    def _take_line(self, line: bytes) -> None:
        if self._expected == "size":
            self._begin_chunk(line)
        elif self._expected == "end of chunk" and not line:
            self._check_chunk()
            self._expected = "size"
        elif self._expected == "trailer" and line:
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()
        elif self._expected == "trailer":
            self._check_trailer()
            self._expected = "nothing"
        else:
            raise S3Error("InvalidRequest", f"Where {self._expected} was expected came {line[:80]!r}")

    def _begin_chunk(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if found is None or (found[2] is None) != (self._seal is None):
            raise S3Error("InvalidRequest", f"{line[:80]!r} begins no chunk of this kind of body")
        last_size, self._chunk_size = self._chunk_size, int(found[1], 16)
        if self._chunk_size and last_size < CHUNK_SIZE_BYTES_MIN:
            raise S3Error("InvalidChunkSizeError", "Only the last chunk is allowed to have a size less than 8192 bytes")
        self._chunk_left = self._chunk_size
        self._chunk_signature = (found[2] or b"").decode()
        self._chunk_sha256 = hashlib.sha256()
        if self._chunk_size:
            self._expected = "data"
        else:
            self._check_chunk()
            self._expected = "trailer"

    def _check_chunk(self) -> None:
        if self._seal is not None:
            wanted = self._seal.chunk(self._previous, self._chunk_sha256.hexdigest())
            self._check_signature(self._chunk_signature, wanted)

    def _check_trailer(self) -> None:
        signature = self.trailers.pop("x-amz-trailer-signature", "")
        if set(self.trailers) != ({self._trailer_name} if self._trailer_name else set()):
            raise S3Error("MalformedTrailerError", "The trailing headers are not those that x-amz-trailer announces")
        if self._seal is not None and self.trailers:
            text = "".join(f"{name}:{value}\n" for name, value in self.trailers.items())
            self._check_signature(signature, self._seal.trailer(self._previous, text.encode("latin-1")))

    def _check_signature(self, given: str, wanted: str) -> None:
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise S3Error("SignatureDoesNotMatch", "The signature of a chunk or of the trailer does not match")
        self._previous = wanted
