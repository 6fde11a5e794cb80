"""What an answer of S3 means: the deed is certainly not done, or nobody can tell, or it is worth asking again (law 11).

Error codes as in the S3 API reference, "Error responses"; those for a full store are what servers other than AWS say.
"""

from __future__ import annotations

from http import HTTPStatus

from botocore.exceptions import BotoCoreError, ClientError

from headwater.errors import Unavailable

FAILURES = (BotoCoreError, ClientError)
S3Failure = BotoCoreError | ClientError

_ABSENT = frozenset(("404", "NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed"))
_FULL = frozenset(("InsufficientStorage", "QuotaExceeded", "StorageFull", "XMinioStorageFull"))
_PASSING = frozenset(("RequestTimeout", "BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"))
_UNSETTLED = frozenset((404, 408, 409, 412, 429))
_MESSAGE_LENGTH_MAX = 200


def status(failure: S3Failure) -> int:
    """The HTTP status of the answer, 0 where there was none."""
    return failure.response["ResponseMetadata"]["HTTPStatusCode"] if isinstance(failure, ClientError) else 0


def code(failure: S3Failure) -> str:
    """The error code of the answer; that of a HEAD, which has no body, is its status."""
    return failure.response["Error"].get("Code", "") if isinstance(failure, ClientError) else ""


def is_absent(failure: S3Failure) -> bool:
    """Whether the answer to a read says that the object is certainly not there; a delete marker (405) is no object."""
    return status(failure) in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED} and code(failure) in _ABSENT


def is_full(failure: S3Failure) -> bool:
    """Whether the store has no room."""
    return status(failure) == HTTPStatus.INSUFFICIENT_STORAGE or code(failure) in _FULL


def is_refusal(failure: S3Failure) -> bool:
    """Whether the answer to a write says that it is certainly not done.

    Not so are 412 and 409, which our own write may have caused, and 404, which a bucket on its way back may give.
    """
    settled = HTTPStatus.BAD_REQUEST <= status(failure) < HTTPStatus.INTERNAL_SERVER_ERROR
    return is_full(failure) or (settled and status(failure) not in _UNSETTLED)


def is_passing(failure: S3Failure) -> bool:
    """Whether the same again may help: no answer, a slow-down, a fault of the server, bytes changed on their way."""
    if is_full(failure):
        return False
    number = status(failure)
    return number == 0 or number in {408, 429} or number >= 500 or code(failure) in _PASSING  # noqa: PLR2004


def unavailable(failure: S3Failure) -> Unavailable:
    """The failure that this answer means to a caller: `full` when there is no room, else `store_unavailable`."""
    reason = "full" if is_full(failure) else "store_unavailable"
    if isinstance(failure, ClientError):
        message = failure.response["Error"].get("Message", "")
        said = f"{status(failure)} {code(failure)} to {failure.operation_name}: {message}"
    else:
        said = str(failure)
    return Unavailable(reason, f"The landing zone's S3 says: {said[:_MESSAGE_LENGTH_MAX]}")
