"""Signature Version 4 in the Authorization header, checked for real; also of the chunks of a signed streaming body.

Follows "Authenticating Requests: Using the Authorization Header" of the Amazon S3 API reference. Presigned URLs and
session tokens are not known here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

from headwater.testing.s3_wire import Request, S3Error

SKEW_SECONDS_MAX = 15 * 60
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([^/, ]+)/(\d{8})/([^/, ]+)/s3/aws4_request, *"
    r"SignedHeaders=([a-z0-9;-]+), *Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Seal:
    """What a checked signature leaves behind for the signatures of the chunks that follow it."""

    key: bytes
    time: str
    scope: str
    signature: str

    def chunk(self, previous: str, sha256_hex: str) -> str:
        """The signature of a chunk with this digest."""
        return self._sign("AWS4-HMAC-SHA256-PAYLOAD", previous, EMPTY_SHA256, sha256_hex)

    def trailer(self, previous: str, trailer: bytes) -> str:
        """The signature of the trailing headers, ``name:value`` and a line feed each."""
        return self._sign("AWS4-HMAC-SHA256-TRAILER", previous, hashlib.sha256(trailer).hexdigest())

    def _sign(self, algorithm: str, *lines: str) -> str:
        text = "\n".join([algorithm, self.time, self.scope, *lines])
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Signatures:
    """The one key pair that the double knows, in its one region."""

    access_key: str
    secret_key: str
    region: str

    def check(self, request: Request, now_seconds: float) -> Seal:
        """Check who asks and that nothing signed was changed.

        Raises:
            S3Error: as S3 refuses it: unsigned, malformed, unknown key, wrong secret, a clock more than 15 minutes off,
                an ``x-amz-`` header that is not under the signature.
        """
        authorization = request.headers.get("authorization")
        if authorization is None:
            raise S3Error("AccessDenied", "Access Denied: the request is not signed")
        found = _AUTHORIZATION.fullmatch(authorization)
        if found is None:
            raise S3Error("AuthorizationHeaderMalformed", "Only Signature Version 4 for S3 in the header is known here")
        access_key, date, region, signed, signature = found.groups()
        time = request.headers.get("x-amz-date", "")
        if abs(_seconds(time) - now_seconds) > SKEW_SECONDS_MAX:
            raise S3Error(
                "RequestTimeTooSkewed", "The difference between the request time and the current time is too large"
            )
        if region != self.region or not time.startswith(date):
            raise S3Error(
                "AuthorizationHeaderMalformed", f"The scope must be of {self.region} and of the day of {time}"
            )
        if access_key != self.access_key:
            raise S3Error("InvalidAccessKeyId", "The access key does not exist in our records")
        if "x-amz-content-sha256" not in request.headers:
            raise S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
        names = signed.split(";")
        unsigned = {"host", *filter(_must_be_signed, request.headers)}.difference(names)
        if unsigned:
            raise S3Error(
                "AccessDenied", f"Headers present in the request were not signed: {', '.join(sorted(unsigned))}"
            )
        seal = Seal(self.key(date), time, f"{date}/{region}/s3/aws4_request", signature)
        digest = hashlib.sha256(_canonical(request, names).encode("latin-1")).hexdigest()
        if not hmac.compare_digest(seal._sign("AWS4-HMAC-SHA256", digest), signature):  # noqa: SLF001
            raise S3Error(
                "SignatureDoesNotMatch", "The signature we calculated does not match the signature you provided"
            )
        return seal

    def key(self, date: str) -> bytes:
        """The key that signs on this day, ``YYYYMMDD``."""
        return _signing_key(self.secret_key, date, self.region)


def _must_be_signed(name: str) -> bool:
    return name.startswith("x-amz-")


def _canonical(request: Request, signed: list[str]) -> str:
    pairs = (part.partition(b"=") for part in request.query.split(b"&") if part)
    query = sorted((_encode(name, safe="-_.~"), _encode(value, safe="-_.~")) for name, _, value in pairs)
    headers = [f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed]
    return "\n".join(
        [
            request.method,
            _encode(request.path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in query),
            "".join(headers),
            ";".join(signed),
            request.headers["x-amz-content-sha256"],
        ]
    )


def _encode(sent: bytes, *, safe: str) -> str:
    return quote_from_bytes(unquote_to_bytes(sent), safe)


@lru_cache(maxsize=64)
def _seconds(amz_date: str) -> float:
    try:
        return datetime.strptime(amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise S3Error("AccessDenied", "A valid x-amz-date header is required") from None


@lru_cache(maxsize=64)
def _signing_key(secret_key: str, date: str, region: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
