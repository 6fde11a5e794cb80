"""The multipart operations of the S3 double: nothing is an object before Complete, and Complete checks everything."""

from __future__ import annotations

import base64
import secrets
import time
from itertools import pairwise
from xml.etree import ElementTree as ET

from headwater.testing.s3_double_body import CHECKSUMS
from headwater.testing.s3_double_objects import checksum_headers, kept_headers, version_header
from headwater.testing.s3_double_state import (
    PART_NUMBER_MAX,
    PART_SIZE_BYTES_MIN,
    Ask,
    Checksum,
    Part,
    Upload,
    Version,
)
from headwater.testing.s3_wire import Answer, S3Error, leaf, tag, xml_answer

# The checksum types that each algorithm allows, the default first.
_TYPES = {
    "crc32": ("COMPOSITE", "FULL_OBJECT"),
    "crc32c": ("COMPOSITE", "FULL_OBJECT"),
    "crc64nvme": ("FULL_OBJECT",),
    "sha1": ("COMPOSITE",),
    "sha256": ("COMPOSITE",),
}


def find_upload(ask: Ask) -> Upload:
    """The upload that a request names; S3Error when it is not under way, or not for this key."""
    upload = ask.bucket.uploads.get(ask.query["uploadId"])
    if upload is None or upload.key != ask.key:
        raise S3Error("NoSuchUpload", "The specified upload does not exist: aborted, completed, or never there")
    return upload


def prepare_part(ask: Ask) -> None:
    """What is known to be wrong of an UploadPart from its head; and the upload's own checksum runs along."""
    algorithm = find_upload(ask).algorithm
    _part_number(ask)
    if algorithm is not None:
        ask.payload.digests.setdefault(algorithm, CHECKSUMS[algorithm]())


def _part_number(ask: Ask) -> int:
    text = ask.query.get("partNumber", "")
    if not text.isdecimal() or not 1 <= int(text) <= PART_NUMBER_MAX:
        raise S3Error("InvalidArgument", f"Part number must be an integer between 1 and {PART_NUMBER_MAX}, inclusive")
    return int(text)


def create_multipart_upload(ask: Ask) -> Answer:
    """CreateMultipartUpload."""
    algorithm = ask.headers.get("x-amz-checksum-algorithm", "").lower() or None
    wanted = ask.headers.get("x-amz-checksum-type")
    if algorithm is None and wanted is not None:
        raise S3Error("InvalidRequest", "The x-amz-checksum-type header can only be used with x-amz-checksum-algorithm")
    types = _TYPES.get(algorithm or "crc64nvme")
    if types is None:
        raise S3Error("NotImplemented", f"The checksum algorithm {algorithm} is not known here")
    if wanted not in {None, *types}:
        raise S3Error(
            "InvalidRequest", f"The {wanted} checksum type cannot be used with the {algorithm} checksum algorithm"
        )
    upload_id = f"{time.time_ns():016x}{secrets.token_hex(16)}"  # sorts by initiation
    upload = Upload(upload_id, ask.key, ask.account.now(), kept_headers(ask), algorithm, wanted or types[0])
    ask.bucket.uploads[upload_id] = upload
    body = tag(
        "InitiateMultipartUploadResult",
        leaf("Bucket", ask.bucket_name),
        leaf("Key", ask.key),
        leaf("UploadId", upload_id),
    )
    headers = (
        {"x-amz-checksum-algorithm": algorithm.upper(), "x-amz-checksum-type": upload.checksum_type}
        if algorithm
        else {}
    )
    return xml_answer(body, headers=headers)


def upload_part(ask: Ask) -> Answer:
    """UploadPart: a part sent again under its number replaces the one before."""
    upload, number, payload = find_upload(ask), _part_number(ask), ask.payload
    declared = ask.checksum[0] if ask.checksum else None
    needed = upload.algorithm if upload.checksum_type == "COMPOSITE" else declared
    if upload.algorithm is not None and needed is not None and declared != upload.algorithm:
        raise S3Error(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm}, actual: {declared}",
        )
    digests = {algorithm: digest.digest() for algorithm, digest in payload.digests.items()}
    part = Part(number, ask.account.now(), payload.md5.digest(), payload.body, digests)
    upload.parts[number] = part
    shown = declared or upload.algorithm or "crc64nvme"
    return Answer(200, {"ETag": f'"{part.etag}"', f"x-amz-checksum-{shown}": base64.b64encode(digests[shown]).decode()})


def complete_multipart_upload(ask: Ask) -> Answer:
    """CompleteMultipartUpload: the object is there at once, or the upload stays as it was."""
    bucket, upload = ask.bucket, find_upload(ask)
    parts = _chosen(upload, b"".join(ask.payload.body.read(0, ask.payload.body.size_bytes)))
    checksum, size_bytes = upload.checksum(parts), sum(part.body.size_bytes for part in parts)
    _check_object(ask, checksum, size_bytes)
    bucket.check_condition(ask.key, ask.headers)
    version = Version(
        version_id=bucket.next_version_id(),
        modified=ask.account.now(),
        etag=upload.etag(parts),
        size_bytes=size_bytes,
        bodies=tuple(part.body for part in parts),
        checksum=checksum,
        headers=upload.headers,
    )
    bucket.add(ask.key, version)
    del bucket.uploads[upload.upload_id]
    body = tag(
        "CompleteMultipartUploadResult",
        leaf("Location", f"/{ask.bucket_name}/{ask.key}"),
        leaf("Bucket", ask.bucket_name),
        leaf("Key", ask.key),
        leaf("ETag", f'"{version.etag}"'),
        leaf(f"Checksum{checksum.algorithm.upper()}", checksum.text),
        leaf("ChecksumType", checksum.type),
    )
    return xml_answer(body, headers=version_header(bucket, version) | checksum_headers(version))


def abort_multipart_upload(ask: Ask) -> Answer:
    """AbortMultipartUpload: the parts are gone."""
    del ask.bucket.uploads[find_upload(ask).upload_id]
    return Answer(204)


def _check_object(ask: Ask, checksum: Checksum, size_bytes: int) -> None:
    """Hold the object that would come of Complete against what the request says of it."""
    if ask.headers.get("x-amz-checksum-type", checksum.type) != checksum.type:
        raise S3Error("BadDigest", f"The upload was created with the checksum type {checksum.type}")
    if ask.checksum is not None and ask.checksum[0] != checksum.algorithm:
        raise S3Error("InvalidRequest", f"The upload was created with the checksum algorithm {checksum.algorithm}")
    if ask.checksum is not None and ask.checksum[1] != checksum.text:
        raise S3Error("BadDigest", f"The {checksum.algorithm} you specified did not match the calculated checksum")
    if ask.headers.get("x-amz-mp-object-size", str(size_bytes)) != str(size_bytes):
        raise S3Error(
            "InvalidRequest", "The provided x-amz-mp-object-size header does not match the size of the object"
        )


def _chosen(upload: Upload, body: bytes) -> list[Part]:
    """The parts that Complete lists, each held against what was uploaded."""
    listed = _listed(body)
    numbers = [int(entry["PartNumber"]) for entry in listed]
    if any(first >= second for first, second in pairwise(numbers)):
        raise S3Error("InvalidPartOrder", "The list of parts was not in ascending order")
    parts = []
    for number, entry in zip(numbers, listed, strict=True):
        part = upload.parts.get(number)
        if part is None or entry["ETag"].strip('"') != part.etag:
            raise S3Error("InvalidPart", f"Part {number} was not uploaded, or its entity tag is another")
        _check_listed_checksum(upload, part, entry)
        parts.append(part)
    if any(part.body.size_bytes < PART_SIZE_BYTES_MIN for part in parts[:-1]):
        raise S3Error("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
    return parts


def _check_listed_checksum(upload: Upload, part: Part, entry: dict[str, str]) -> None:
    given = {
        name.removeprefix("Checksum").lower(): value for name, value in entry.items() if name.startswith("Checksum")
    }
    if upload.checksum_type == "COMPOSITE" and upload.algorithm not in given:
        raise S3Error(
            "InvalidRequest", f"The complete request must include the {upload.algorithm} of part {part.number}"
        )
    for algorithm, value in given.items():
        if base64.b64encode(part.digests.get(algorithm, b"")).decode() != value:
            raise S3Error("InvalidPart", f"Part {part.number} has another {algorithm}")


def _listed(body: bytes) -> list[dict[str, str]]:
    """The Part elements of a CompleteMultipartUpload document, each as its texts by name."""
    try:
        root = ET.fromstring(body)  # noqa: S314
    except ET.ParseError:
        raise S3Error("MalformedXML", "The XML you provided was not well-formed") from None
    listed = [{_local(each.tag): each.text or "" for each in part} for part in root if _local(part.tag) == "Part"]
    whole = all("ETag" in entry and entry.get("PartNumber", "").isdecimal() for entry in listed)
    if _local(root.tag) != "CompleteMultipartUpload" or not whole or not listed or len(listed) != len(root):
        raise S3Error("MalformedXML", "The XML you provided did not validate against our published schema")
    return listed


def _local(name: str) -> str:
    return name.rpartition("}")[2]
