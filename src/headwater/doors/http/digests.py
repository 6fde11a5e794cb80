"""The digests that a sender declares: Content-Digest and Repr-Digest (RFC 9530), and Content-MD5 (RFC 1864).

A request carries a whole representation, as it is sent: both digests are over the same bytes, those that land.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Final

from headwater.errors import Refused

# Structured fields (RFC 8941): a dictionary whose members are byte sequences, each maybe with parameters
_MEMBER: Final = re.compile(r"[ \t]*([a-z*][a-z0-9_.*-]{0,31})=:([A-Za-z0-9+/=]*):(?:;[^,\"]*)?[ \t]*(?:,|$)")
_NAMES: Final = {"sha-256": "sha256", "sha-512": "sha512", "sha": "sha1"}
_MEMBERS_MAX: Final = 8
_DIGEST_BYTES_MAX: Final = 128
_SIZES: Final = {
    name: hashlib.new(name, usedforsecurity=False).digest_size for name in ("sha256", "sha512", "sha1", "md5")
}


def declared_digests(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """What is declared, by our name of the algorithm (`sha256`, else the field's own), in hex.

    Raises Refused("bad_request") for what cannot be read, or contradicts itself: a digest is not to be ignored.
    """
    found: dict[str, str] = {}
    for field in (b"content-digest", b"repr-digest"):
        if field in headers:
            for algorithm, digest in _members(field.decode(), headers[field].decode("latin-1")):
                _add(found, algorithm, digest, field.decode())
    if b"content-md5" in headers:
        _add(found, "md5", _bytes(headers[b"content-md5"].decode("latin-1").strip(), "content-md5"), "content-md5")
    return found


def _members(field: str, value: str) -> list[tuple[str, bytes]]:
    members: list[tuple[str, bytes]] = []
    at = 0
    while at < len(value) or not members:
        member = _MEMBER.match(value, at)
        if member is None or len(members) == _MEMBERS_MAX:
            raise Refused("bad_request", f"{field} is not a list such as sha-256=:base64: (RFC 9530).")
        members.append((_NAMES.get(member[1], member[1]), _bytes(member[2], field)))
        at = member.end()
    return members


def _bytes(text: str, field: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("bad_request", f"{field} does not hold base64.") from None


def _add(found: dict[str, str], algorithm: str, digest: bytes, field: str) -> None:
    expected = _SIZES.get(algorithm, len(digest))
    if len(digest) != expected or not 0 < len(digest) <= _DIGEST_BYTES_MAX:
        raise Refused("bad_request", f"{field} holds a {algorithm} of {len(digest)} bytes; it has {expected}.")
    if found.setdefault(algorithm, digest.hex()) != digest.hex():
        raise Refused("bad_request", f"Two digests by {algorithm} are declared, and they differ.")
