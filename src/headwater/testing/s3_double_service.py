"""From a request on the wire to an operation of the S3 double: the routes, the checks before, the faults around."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

from headwater.testing import s3_double_buckets as buckets
from headwater.testing import s3_double_listings as listings
from headwater.testing import s3_double_multipart as multipart
from headwater.testing import s3_double_objects as objects
from headwater.testing.s3_double_body import Payload, Spill, declared_checksum
from headwater.testing.s3_double_faults import Faults
from headwater.testing.s3_double_signature import Signatures
from headwater.testing.s3_double_state import KEY_SIZE_BYTES_MAX, PART_SIZE_BYTES_MAX, Account, Ask
from headwater.testing.s3_wire import Answer, Request, S3Error


class Operation(NamedTuple):
    """An operation of the S3 API and the query parameters that it takes here."""

    name: str
    perform: Callable[[Ask], Answer]
    parameters: frozenset[str] = frozenset()


def _operation(name: str, perform: Callable[[Ask], Answer], parameters: str = "") -> Operation:
    return Operation(name, perform, frozenset(parameters.split()))


_V2 = "list-type prefix delimiter start-after continuation-token max-keys encoding-type fetch-owner"
_VERSIONS = "versions prefix delimiter key-marker version-id-marker max-keys encoding-type"
_UPLOADS = "uploads prefix key-marker upload-id-marker max-uploads encoding-type"

# By method, whether there is a key, and the query parameter that tells operations of one method apart.
ROUTES = {
    ("PUT", False, ""): _operation("CreateBucket", buckets.create_bucket),
    ("HEAD", False, ""): _operation("HeadBucket", buckets.head_bucket),
    ("GET", False, "versioning"): _operation("GetBucketVersioning", buckets.get_bucket_versioning, "versioning"),
    ("PUT", False, "versioning"): _operation("PutBucketVersioning", buckets.put_bucket_versioning, "versioning"),
    ("GET", False, "location"): _operation("GetBucketLocation", buckets.get_bucket_location, "location"),
    ("GET", False, "acl"): _operation("GetBucketAcl", buckets.get_bucket_acl, "acl"),
    ("GET", False, "policyStatus"): _operation(
        "GetBucketPolicyStatus", buckets.get_bucket_policy_status, "policyStatus"
    ),
    ("GET", False, "publicAccessBlock"): _operation(
        "GetPublicAccessBlock", buckets.get_public_access_block, "publicAccessBlock"
    ),
    ("GET", False, "object-lock"): _operation(
        "GetObjectLockConfiguration", buckets.get_object_lock_configuration, "object-lock"
    ),
    ("GET", False, "list-type"): _operation("ListObjectsV2", listings.list_objects_v2, _V2),
    ("GET", False, "versions"): _operation("ListObjectVersions", listings.list_object_versions, _VERSIONS),
    ("GET", False, "uploads"): _operation("ListMultipartUploads", listings.list_multipart_uploads, _UPLOADS),
    ("PUT", True, ""): _operation("PutObject", objects.put_object),
    ("GET", True, ""): _operation("GetObject", objects.read_object, "versionId"),
    ("HEAD", True, ""): _operation("HeadObject", objects.read_object, "versionId"),
    ("DELETE", True, ""): _operation("DeleteObject", objects.delete_object, "versionId"),
    ("POST", True, "uploads"): _operation("CreateMultipartUpload", multipart.create_multipart_upload, "uploads"),
    ("PUT", True, "uploadId"): _operation("UploadPart", multipart.upload_part, "uploadId partNumber"),
    ("POST", True, "uploadId"): _operation("CompleteMultipartUpload", multipart.complete_multipart_upload, "uploadId"),
    ("DELETE", True, "uploadId"): _operation("AbortMultipartUpload", multipart.abort_multipart_upload, "uploadId"),
    ("GET", True, "uploadId"): _operation("ListParts", listings.list_parts, "uploadId max-parts part-number-marker"),
}
OPERATIONS = frozenset(operation.name for operation in ROUTES.values())
UNSUPPORTED = "Unsupported"  # the name under which all that is not in the table is counted

_SELECTORS = frozenset(selector for _, _, selector in ROUTES) - {""}
_HEADERS = frozenset(
    [
        "x-amz-bucket-object-lock-enabled",
        "x-amz-bypass-governance-retention",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-mp-object-size",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-trailer",
    ]
)
_HEADER_PREFIXES = ("x-amz-checksum-", "x-amz-meta-", "x-amz-object-lock-")
_CONDITIONS = {
    "if-match": {"PutObject", "CompleteMultipartUpload", "DeleteObject", "GetObject", "HeadObject"},
    "if-none-match": {"PutObject", "CompleteMultipartUpload", "GetObject", "HeadObject"},
    "if-modified-since": set[str](),
    "if-unmodified-since": set[str](),
}


class Service(Protocol):
    """What the double tells each call: who may, what there is, how slow, and what goes wrong."""

    signatures: Signatures
    account: Account
    spill: Spill
    faults: Faults
    latency_seconds: float

    def count(self, operation: str, key: str) -> None:
        """Remember a call whose body is whole."""


class ServiceCall:
    """One request from its head to its answer; nothing is done before its body is whole and has passed every check."""

    def __init__(self, service: Service, request: Request) -> None:
        self._service = service
        self._error: S3Error | None = None
        self._name = UNSUPPORTED
        self._bucket_name = self._key = ""
        self._operation: Operation
        self._ask: Ask
        try:
            self._begin(request)
        except S3Error as error:
            self._error = error

    @property
    def refused(self) -> bool:
        """Whether the answer is known to be a no."""
        return self._error is not None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the body; those of a refused request go nowhere."""
        if self._error is None:
            try:
                self._ask.payload.feed(data)
            except S3Error as error:
                self._error = error

    async def answer(self) -> Answer | None:
        """Half the latency, the work in one step that no other call can come between, the other half."""
        service = self._service
        service.count(self._name, self._key)
        await _pause(service.latency_seconds / 2)
        fault = service.faults.take(self._name, self._key)
        answer: Answer | None = None
        if fault is None or fault.when == "after" or not fault.ends:
            answer = self._perform()
        if fault is not None:
            fault.reached.set()
            await _pause(fault.hang_seconds)
            answer = fault.answer() if fault.ends else answer
        await _pause(service.latency_seconds / 2)
        return answer

    def _perform(self) -> Answer:
        try:
            if self._error is not None:
                raise self._error
            # The checksum in the head of a Complete speaks of the object, not of this body.
            whole = self._name == "CompleteMultipartUpload"
            self._ask.payload.check(None if whole else self._ask.checksum)
            return self._operation.perform(self._ask)
        except S3Error as error:
            return error.answer()

    def _begin(self, request: Request) -> None:
        service, headers = self._service, request.headers
        self._bucket_name, self._key = _path(request.path)
        query = _query(request.query)
        selector = next((name for name in query if name in _SELECTORS), "")
        operation = ROUTES.get((request.method, bool(self._key), selector)) if self._bucket_name else None
        if operation is not None:
            self._name, self._operation = operation.name, operation
        seal = service.signatures.check(request, service.account.now())
        _check_supported(operation, query, headers)
        _check_length(self._name, headers)
        checksum = declared_checksum(headers)
        algorithms = {checksum[0]} if checksum else set()
        if self._name in {"PutObject", "UploadPart"}:
            algorithms.add("crc64nvme")
        payload = Payload(headers, seal, service.spill, algorithms)
        self._ask = Ask(service.account, self._bucket_name, self._key, query, headers, payload, checksum)
        if self._name == "UploadPart":
            multipart.prepare_part(self._ask)
        elif self._name != "CreateBucket":
            _ = self._ask.bucket


async def _pause(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


def _path(path: bytes) -> tuple[str, str]:
    bucket, _, key = path.removeprefix(b"/").partition(b"/")
    try:
        names = unquote_to_bytes(bucket).decode(), unquote_to_bytes(key).decode()
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", "Couldn't parse the specified URI") from None
    if len(names[1].encode()) > KEY_SIZE_BYTES_MAX:
        raise S3Error("KeyTooLongError", "Your key is too long")
    return names


def _query(query: bytes) -> dict[str, str]:
    pairs = (part.partition(b"=") for part in query.split(b"&") if part)
    try:
        return {unquote_to_bytes(name).decode(): unquote_to_bytes(value).decode() for name, _, value in pairs}
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", "Couldn't parse the specified URI") from None


def _check_supported(operation: Operation | None, query: dict[str, str], headers: dict[str, str]) -> None:
    """Refuse what the double would otherwise silently leave undone."""
    if operation is None or not operation.parameters.issuperset(query):
        raise S3Error("NotImplemented", "The double does not know this operation, or not with these parameters")
    for name in headers:
        unknown = name.startswith("x-amz-") and name not in _HEADERS and not name.startswith(_HEADER_PREFIXES)
        if unknown or operation.name not in _CONDITIONS.get(name, {operation.name}):
            raise S3Error(
                "NotImplemented", f"A header you provided implies functionality that is not implemented: {name}"
            )


def _check_length(operation: str, headers: dict[str, str]) -> None:
    if "transfer-encoding" in headers and not headers["x-amz-content-sha256"].startswith("STREAMING-"):
        raise S3Error(
            "NotImplemented", "A header you provided implies functionality that is not implemented: transfer-encoding"
        )
    if operation in {"PutObject", "UploadPart"} and not {"content-length", "transfer-encoding"} & headers.keys():
        raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header")
    stated = headers.get("x-amz-decoded-content-length", headers.get("content-length", "0"))
    if stated.isdecimal() and int(stated) > PART_SIZE_BYTES_MAX:
        raise S3Error("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
