"""The operations of the S3 double on one object: Put, Get, Head, Delete."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import formatdate

from headwater.testing.s3_double_state import METADATA_SIZE_BYTES_MAX, Ask, Bucket, Checksum, Version
from headwater.testing.s3_wire import Answer, S3Error

_KEPT = {
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def put_object(ask: Ask) -> Answer:
    """PutObject: what is stored is exactly the payload, at once, or nothing."""
    bucket, payload = ask.bucket, ask.payload
    algorithm = ask.checksum[0] if ask.checksum else "crc64nvme"
    version = Version(
        version_id=bucket.next_version_id(),
        modified=ask.account.now(),
        etag=payload.md5.hexdigest(),
        size_bytes=payload.body.size_bytes,
        bodies=(payload.body,),
        checksum=Checksum(algorithm, base64.b64encode(payload.digests[algorithm].digest()).decode()),
        headers=kept_headers(ask),
    )
    bucket.check_condition(ask.key, ask.headers)
    bucket.add(ask.key, version)
    return Answer(200, {"ETag": f'"{version.etag}"', **version_header(bucket, version), **checksum_headers(version)})


def read_object(ask: Ask) -> Answer:
    """GetObject and HeadObject: one range at most, the checksum when its mode is ENABLED and the whole is asked for."""
    version = _find(ask)
    etag = f'"{version.etag}"'
    if "if-match" in ask.headers:
        Bucket.check_match(version, ask.headers["if-match"])
    if ask.headers.get("if-none-match") in {"*", version.etag, etag}:
        raise S3Error("NotModified", headers={"ETag": etag})
    headers = {
        "ETag": etag,
        "Last-Modified": formatdate(version.modified, usegmt=True),
        "Accept-Ranges": "bytes",
        **version.headers,
        **version_header(ask.bucket, version),
    }
    wanted = _range(ask.headers.get("range", ""), version.size_bytes)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{version.size_bytes}"
        return Answer(206, headers, version.read(wanted.start, wanted.stop), len(wanted))
    if ask.headers.get("x-amz-checksum-mode") == "ENABLED":
        headers |= checksum_headers(version)
    return Answer(200, headers, version.read(0, version.size_bytes), version.size_bytes)


def delete_object(ask: Ask) -> Answer:
    """DeleteObject: without a version id a delete marker where the bucket has versions; with one, for ever."""
    bucket, version_id = ask.bucket, ask.query.get("versionId")
    target = bucket.current(ask.key) if version_id is None else bucket.find(ask.key, version_id)
    if "if-match" in ask.headers:
        bucket.check_match(target, ask.headers["if-match"])
    if version_id is None and bucket.versioning:
        marker = Version(bucket.next_version_id(), ask.account.now(), marker=True)
        bucket.add(ask.key, marker)
        return Answer(204, {"x-amz-delete-marker": "true", **version_header(bucket, marker)})
    if target is None:
        return Answer(204)
    bypass = ask.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"
    if target.locked(datetime.fromtimestamp(ask.account.now(), UTC), bypass_governance=bypass):
        raise S3Error("AccessDenied", "Access Denied because object protected by object lock")
    bucket.remove(ask.key, target.version_id)
    marker_header = {"x-amz-delete-marker": "true"} if target.marker else {}
    return Answer(204, {**marker_header, **version_header(bucket, target)})


def kept_headers(ask: Ask) -> dict[str, str]:
    """The headers of a Put or CreateMultipartUpload that stay with the object; S3Error for those it may not have."""
    kept = {name: value for name, value in ask.headers.items() if name in _KEPT or name.startswith("x-amz-meta-")}
    encodings = [each.strip() for each in kept.pop("content-encoding", "").split(",")]
    encodings = [each for each in encodings if each not in {"", "aws-chunked"}]
    if encodings:
        kept["content-encoding"] = ",".join(encodings)
    size = sum(len(name) - len("x-amz-meta-") + len(kept[name]) for name in kept if name.startswith("x-amz-meta-"))
    if size > METADATA_SIZE_BYTES_MAX:
        raise S3Error("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
    _check_lock(ask, kept)
    return {"content-type": "binary/octet-stream", **kept}


def version_header(bucket: Bucket, version: Version) -> dict[str, str]:
    """The version id, where the bucket ever had versions."""
    return {"x-amz-version-id": version.version_id} if bucket.versioning else {}


def checksum_headers(version: Version) -> dict[str, str]:
    """The checksum that S3 keeps of the object."""
    return version.checksum.headers() if version.checksum else {}


def _check_lock(ask: Ask, kept: Mapping[str, str]) -> None:
    lock = {name: value for name, value in kept.items() if name.startswith("x-amz-object-lock-")}
    if not lock:
        return
    if not ask.bucket.object_lock:
        raise S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")
    if "uploads" not in ask.query and ask.checksum is None and "content-md5" not in ask.headers:
        raise S3Error("InvalidRequest", "Content-MD5 or x-amz-checksum- is required for Put requests with Object Lock")
    mode, until = lock.get("x-amz-object-lock-mode"), lock.get("x-amz-object-lock-retain-until-date")
    if (mode is None) != (until is None) or mode not in {None, "GOVERNANCE", "COMPLIANCE"}:
        raise S3Error("InvalidArgument", "Object Lock takes GOVERNANCE or COMPLIANCE together with a date")
    if until is not None and datetime.fromisoformat(until).timestamp() <= ask.account.now():
        raise S3Error("InvalidArgument", "The retain until date must be in the future!")


def _find(ask: Ask) -> Version:
    bucket, version_id = ask.bucket, ask.query.get("versionId")
    if version_id is None:
        version = bucket.versions.get(ask.key, [None])[-1]
        if version is None:
            raise S3Error("NoSuchKey", "The specified key does not exist")
        if version.marker:
            headers = {"x-amz-delete-marker": "true", **version_header(bucket, version)}
            raise S3Error("NoSuchKey", "The specified key does not exist", headers=headers)
        return version
    version = bucket.find(ask.key, version_id)
    if version is None:
        raise S3Error("NoSuchVersion", "The specified version does not exist")
    if version.marker:
        headers = {"x-amz-delete-marker": "true", **version_header(bucket, version)}
        raise S3Error("MethodNotAllowed", "The specified method is not allowed against this resource", headers=headers)
    return version


def _range(header: str, size_bytes: int) -> range | None:
    """The one range asked for; None when there is none or S3 would not heed it."""
    found = _RANGE.fullmatch(header)
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        start, stop = max(size_bytes - int(found[2]), 0), size_bytes
    else:
        start, stop = int(found[1]), min(int(found[2] or size_bytes) + 1, size_bytes)
        if found[2] and int(found[2]) < start:
            return None
    if start >= stop:
        raise S3Error(
            "InvalidRange", "The requested range is not satisfiable", headers={"Content-Range": f"bytes */{size_bytes}"}
        )
    return range(start, stop)
