"""The listings of the S3 double: objects, versions, uploads, parts; page by page, in the order of the keys' bytes."""

from __future__ import annotations

import base64
import bisect
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import dropwhile, islice
from urllib.parse import quote

from headwater.testing.s3_double_multipart import find_upload
from headwater.testing.s3_double_state import Ask, Part, Version
from headwater.testing.s3_wire import Answer, S3Error, leaf, tag, xml_answer

PAGE_ENTRIES_MAX = 1000

_OWNER = tag("Owner", leaf("ID", "s3-double"))


def list_objects_v2(ask: Ask) -> Answer:
    """ListObjectsV2: current versions only; whatever was answered before the call began is in it."""
    bucket, query = ask.bucket, ask.query
    limit = ask.count("max-keys", PAGE_ENTRIES_MAX)
    token = query.get("continuation-token")
    start = _after(query.get("start-after", "")) if token is None else _read_token(token)
    found = _walk(ask, bucket.keys, start, lambda key: bucket.current(key) is not None)
    page = list(islice(found, limit + 1))
    truncated = len(page) > limit > 0
    parts = [leaf("Name", bucket.name), *_echo(ask, "prefix", "delimiter", "start-after")]
    parts += [leaf("KeyCount", len(page[:limit])), leaf("MaxKeys", limit), leaf("IsTruncated", str(truncated).lower())]
    if token is not None:
        parts.append(leaf("ContinuationToken", token))
    if truncated:
        parts.append(leaf("NextContinuationToken", base64.urlsafe_b64encode(page[limit][0].encode()).decode()))
    for name, shared in page[:limit]:
        version = bucket.current(name)
        if shared or version is None:
            parts.append(tag("CommonPrefixes", leaf("Prefix", _shown(ask, name))))
        else:
            owner = _OWNER if query.get("fetch-owner") == "true" else ""
            parts.append(tag("Contents", leaf("Key", _shown(ask, name)), _described(version), owner))
    return xml_answer(tag("ListBucketResult", *parts))


def list_object_versions(ask: Ask) -> Answer:
    """ListObjectVersions: every version and delete marker, of a key the newest first."""
    bucket, query = ask.bucket, ask.query
    limit = ask.count("max-keys", PAGE_ENTRIES_MAX)
    page = list(islice(_walk_versions(ask), limit + 1))
    truncated = len(page) > limit > 0
    parts = [leaf("Name", bucket.name), *_echo(ask, "prefix", "delimiter", "key-marker")]
    parts += [leaf("VersionIdMarker", query.get("version-id-marker", "")), leaf("MaxKeys", limit)]
    parts.append(leaf("IsTruncated", str(truncated).lower()))
    if truncated:
        name, version = page[limit - 1]
        parts.append(leaf("NextKeyMarker", _shown(ask, name)))
        if version is not None:
            parts.append(leaf("NextVersionIdMarker", version.version_id))
    for name, version in page[:limit]:
        if version is None:
            parts.append(tag("CommonPrefixes", leaf("Prefix", _shown(ask, name))))
            continue
        latest = str(version is bucket.versions[name][-1]).lower()
        head = [leaf("Key", _shown(ask, name)), leaf("VersionId", version.version_id), leaf("IsLatest", latest), _OWNER]
        if version.marker:
            parts.append(tag("DeleteMarker", *head, leaf("LastModified", _iso(version.modified))))
        else:
            parts.append(tag("Version", *head, _described(version)))
    return xml_answer(tag("ListVersionsResult", *parts))


def list_multipart_uploads(ask: Ask) -> Answer:
    """ListMultipartUploads: by key, then by time."""
    query, limit = ask.query, ask.count("max-uploads", PAGE_ENTRIES_MAX)
    marker = (query.get("key-marker", ""), query.get("upload-id-marker", "\U0010ffff"))
    uploads = sorted((upload.key, upload.upload_id, upload) for upload in ask.bucket.uploads.values())
    left = [each for each in uploads if each[:2] > marker and each[0].startswith(query.get("prefix", ""))]
    truncated = len(left) > limit > 0
    parts = [leaf("Bucket", ask.bucket.name), *_echo(ask, "prefix", "key-marker")]
    parts += [leaf("MaxUploads", limit), leaf("IsTruncated", str(truncated).lower())]
    if truncated:
        key, upload_id, _ = left[limit - 1]
        parts += [leaf("NextKeyMarker", _shown(ask, key)), leaf("NextUploadIdMarker", upload_id)]
    for key, upload_id, upload in left[:limit]:
        algorithm = (upload.algorithm or "crc64nvme").upper()
        kind = leaf("ChecksumAlgorithm", algorithm) + leaf("ChecksumType", upload.checksum_type)
        initiated = leaf("Initiated", _iso(upload.initiated))
        parts.append(tag("Upload", leaf("Key", _shown(ask, key)), leaf("UploadId", upload_id), initiated, kind))
    return xml_answer(tag("ListMultipartUploadsResult", *parts))


def list_parts(ask: Ask) -> Answer:
    """ListParts: what was uploaded so far, by number."""
    upload, limit = find_upload(ask), ask.count("max-parts", PAGE_ENTRIES_MAX)
    marker = ask.count("part-number-marker", 2**31 - 1) if "part-number-marker" in ask.query else 0
    left = [upload.parts[number] for number in sorted(upload.parts) if number > marker]
    truncated = len(left) > limit > 0
    algorithm = upload.algorithm or "crc64nvme"
    parts = [leaf("Bucket", ask.bucket.name), leaf("Key", upload.key), leaf("UploadId", upload.upload_id)]
    parts += [leaf("PartNumberMarker", marker), leaf("MaxParts", limit), leaf("IsTruncated", str(truncated).lower())]
    parts += [leaf("ChecksumAlgorithm", algorithm.upper()), leaf("ChecksumType", upload.checksum_type)]
    if truncated:
        parts.append(leaf("NextPartNumberMarker", left[limit - 1].number))
    parts += [_part(part, algorithm) for part in left[:limit]]
    return xml_answer(tag("ListPartsResult", *parts))


def _part(part: Part, algorithm: str) -> str:
    checksum = base64.b64encode(part.digests[algorithm]).decode()
    return tag(
        "Part",
        leaf("PartNumber", part.number),
        leaf("LastModified", _iso(part.modified)),
        leaf("ETag", f'"{part.etag}"'),
        leaf("Size", part.body.size_bytes),
        leaf(f"Checksum{algorithm.upper()}", checksum),
    )


def _walk(ask: Ask, keys: Sequence[str], start: str, visible: Callable[[str], bool]) -> Iterator[tuple[str, bool]]:
    """The visible keys from ``start`` on that the query asks for; True marks a prefix that many keys share."""
    prefix, delimiter = ask.query.get("prefix", ""), ask.query.get("delimiter", "")
    index = bisect.bisect_left(keys, max(start, prefix))
    while index < len(keys) and keys[index].startswith(prefix):
        key = keys[index]
        cut = key.find(delimiter, len(prefix)) if delimiter else -1
        shared = "" if cut < 0 else key[: cut + len(delimiter)]
        end = bisect.bisect_left(keys, _beyond(shared), index) if shared else index + 1
        if any(visible(each) for each in islice(keys, index, end)):
            yield shared or key, bool(shared)
        index = end


def _walk_versions(ask: Ask) -> Iterator[tuple[str, Version | None]]:
    """Each key with each of its versions, after the markers; None stands beside a shared prefix."""
    bucket, query = ask.bucket, ask.query
    marker, version_marker = query.get("key-marker", ""), query.get("version-id-marker", "")
    delimiter = query.get("delimiter")
    if delimiter and marker.endswith(delimiter):
        start = _beyond(marker)  # the page before ended with this shared prefix
    else:
        start = marker if version_marker else _after(marker)
    for name, shared in _walk(ask, bucket.keys, start, lambda _: True):
        if shared:
            yield name, None
            continue
        versions = reversed(bucket.versions[name])
        if name == marker and version_marker:
            versions = islice(dropwhile(lambda each: each.version_id != version_marker, versions), 1, None)
        for version in versions:
            yield name, version


def _described(version: Version) -> str:
    checksum = version.checksum
    kind = (
        leaf("ChecksumAlgorithm", checksum.algorithm.upper()) + leaf("ChecksumType", checksum.type) if checksum else ""
    )
    etag, size = leaf("ETag", f'"{version.etag}"'), leaf("Size", version.size_bytes)
    return leaf("LastModified", _iso(version.modified)) + etag + kind + size + leaf("StorageClass", "STANDARD")


def _echo(ask: Ask, *names: str) -> list[str]:
    """What was asked for, as each listing repeats it."""
    titles = {name: "".join(word.capitalize() for word in name.split("-")) for name in names}
    echoed = [leaf(title, _shown(ask, ask.query[name])) for name, title in titles.items() if name in ask.query]
    return [*echoed, leaf("EncodingType", "url")] if "encoding-type" in ask.query else echoed


def _shown(ask: Ask, name: str) -> str:
    return quote(name, safe="/-_.~*") if ask.query.get("encoding-type") == "url" else name


def _after(name: str) -> str:
    """The least key above this one."""
    return name + "\0" if name else ""


def _beyond(prefix: str) -> str:
    """The least key above all that begin so."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _read_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except ValueError:
        raise S3Error("InvalidArgument", "The continuation token provided is incorrect") from None


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
