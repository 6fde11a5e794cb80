"""What the S3 double holds: buckets, versions, uploads; and the rules that decide by them alone, without a wire."""

from __future__ import annotations

import base64
import bisect
import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from headwater.testing.s3_double_body import CHECKSUMS, COMBINE, Body, Payload
from headwater.testing.s3_wire import S3Error

PART_SIZE_BYTES_MIN = 5 << 20  # but for the last one
PART_SIZE_BYTES_MAX = 5 << 30
PART_NUMBER_MAX = 10_000
KEY_SIZE_BYTES_MAX = 1024
METADATA_SIZE_BYTES_MAX = 2048


@dataclass(frozen=True, slots=True)
class Checksum:
    """The one checksum that S3 keeps of an object; of COMPOSITE type its text ends with the number of parts."""

    algorithm: str
    text: str
    type: str = "FULL_OBJECT"

    def headers(self) -> dict[str, str]:
        """As it stands in an answer's head."""
        return {f"x-amz-checksum-{self.algorithm}": self.text, "x-amz-checksum-type": self.type}


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a key: bytes and what was said of them, or a delete marker."""

    version_id: str
    modified: float
    etag: str = ""
    size_bytes: int = 0
    bodies: tuple[Body, ...] = ()
    checksum: Checksum | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    marker: bool = False

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes of [start, stop), piece by piece."""
        for body in self.bodies:
            if start < body.size_bytes and stop > 0:
                yield from body.read(max(start, 0), min(stop, body.size_bytes))
            start -= body.size_bytes
            stop -= body.size_bytes

    def locked(self, now: datetime, *, bypass_governance: bool) -> bool:
        """Whether Object Lock forbids to delete this version."""
        if self.headers.get("x-amz-object-lock-legal-hold") == "ON":
            return True
        until = self.headers.get("x-amz-object-lock-retain-until-date")
        if until is None or datetime.fromisoformat(until) <= now:
            return False
        return self.headers["x-amz-object-lock-mode"] == "COMPLIANCE" or not bypass_governance


@dataclass(frozen=True, slots=True)
class Part:
    """One uploaded part, with its raw digests by algorithm."""

    number: int
    modified: float
    md5: bytes
    body: Body
    digests: Mapping[str, bytes]

    @property
    def etag(self) -> str:
        """As UploadPart answered it, without the quotes."""
        return self.md5.hex()


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload under way; without an algorithm of its own it gets CRC64NVME, as S3 does."""

    upload_id: str
    key: str
    initiated: float
    headers: Mapping[str, str]
    algorithm: str | None
    checksum_type: str
    parts: dict[int, Part] = field(default_factory=dict)

    def checksum(self, parts: list[Part]) -> Checksum:
        """The object's checksum from those of its parts."""
        algorithm = self.algorithm or "crc64nvme"
        if self.checksum_type == "COMPOSITE":
            digest = CHECKSUMS[algorithm]()
            for part in parts:
                digest.update(part.digests[algorithm])
            return Checksum(algorithm, f"{base64.b64encode(digest.digest()).decode()}-{len(parts)}", "COMPOSITE")
        crc = 0
        for part in parts:
            crc = COMBINE[algorithm](crc, int.from_bytes(part.digests[algorithm], "big"), part.body.size_bytes)
        raw = crc.to_bytes(len(parts[0].digests[algorithm]), "big")
        return Checksum(algorithm, base64.b64encode(raw).decode())

    def etag(self, parts: list[Part]) -> str:
        """The MD5 of the parts' MD5s, and their number."""
        return f"{hashlib.md5(b''.join(part.md5 for part in parts), usedforsecurity=False).hexdigest()}-{len(parts)}"


@dataclass(slots=True)
class Bucket:
    """A bucket: for each key its versions, newest last, and the keys in order."""

    name: str
    created: float
    versioning: str = ""  # "", "Enabled", "Suspended"
    object_lock: bool = False
    public: bool = False
    versions: dict[str, list[Version]] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)

    def current(self, key: str) -> Version | None:
        """The object that a key names now; None also behind a delete marker."""
        versions = self.versions.get(key)
        return versions[-1] if versions and not versions[-1].marker else None

    def find(self, key: str, version_id: str) -> Version | None:
        """One version of a key."""
        return next((each for each in self.versions.get(key, ()) if each.version_id == version_id), None)

    def next_version_id(self) -> str:
        """The id of a version to be written now."""
        return secrets.token_urlsafe(24) if self.versioning == "Enabled" else "null"

    def add(self, key: str, version: Version) -> None:
        """Make a version the current one; the null version is replaced, all others stay."""
        versions = self.versions.get(key)
        if versions is None:
            versions = self.versions[key] = []
            bisect.insort(self.keys, key)
        elif version.version_id == "null":
            versions[:] = [each for each in versions if each.version_id != "null"]
        versions.append(version)

    def remove(self, key: str, version_id: str) -> None:
        """Forget one version for ever."""
        versions = [each for each in self.versions.get(key, ()) if each.version_id != version_id]
        if versions:
            self.versions[key] = versions
        elif self.versions.pop(key, None) is not None:
            del self.keys[bisect.bisect_left(self.keys, key)]

    def check_condition(self, key: str, headers: Mapping[str, str]) -> None:
        """Decide a conditional write against the current version.

        Raises:
            S3Error: 412 when the condition does not hold, 404 when If-Match meets no object, 501 for an unknown one.
        """
        current = self.current(key)
        match, none_match = headers.get("if-match"), headers.get("if-none-match")
        if none_match not in {None, "*"} or match == "*" or (match and none_match):
            raise S3Error("NotImplemented", "A write takes If-None-Match: * or If-Match: <etag>, not both")
        if none_match is not None and current is not None:
            raise S3Error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
        if match is not None:
            self.check_match(current, match)

    @staticmethod
    def check_match(version: Version | None, match: str) -> None:
        """Decide an If-Match; an ETag counts with or without its quotes."""
        if version is None:
            raise S3Error("NoSuchKey", "The specified key does not exist")
        if match not in {"*", version.etag, f'"{version.etag}"'}:
            raise S3Error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold")


@dataclass(frozen=True, slots=True)
class Account:
    """All that one owner has in one region, under the double's own clock (seconds since 1970)."""

    region: str
    now: Callable[[], float]
    buckets: dict[str, Bucket] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """What one request asks for, read but not yet done."""

    account: Account
    bucket_name: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    payload: Payload
    checksum: tuple[str, str | None] | None

    @property
    def bucket(self) -> Bucket:
        """The bucket that is asked for; S3Error when there is none."""
        try:
            return self.account.buckets[self.bucket_name]
        except KeyError:
            raise S3Error("NoSuchBucket", "The specified bucket does not exist") from None

    def count(self, name: str, default: int) -> int:
        """A number of the query, such as max-keys, never above the default; S3Error when it is none."""
        text = self.query.get(name, str(default))
        if not text.isdecimal():
            raise S3Error("InvalidArgument", f"{name} must be an integer between 0 and 2147483647")
        return min(int(text), default)
