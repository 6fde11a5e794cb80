"""Two kinds of Refused that all doors share: not let in, and not just now."""

from __future__ import annotations

from enum import StrEnum
from math import ceil

from headwater.errors import Refused


class Why(StrEnum):
    """Why a caller was not let in, as operators see it counted; callers see less."""

    NONE_SHOWN = "none_shown"
    UNKNOWN = "unknown"
    WRONG = "wrong"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ADDRESS = "address_not_allowed"
    INSECURE = "insecure"
    KEY = "wrong_key"
    FACTORS = "factors_missing"
    LEGACY = "legacy_algorithms"


GUESSES = frozenset({Why.UNKNOWN, Why.WRONG, Why.EXPIRED, Why.REVOKED})
"""What looks the same from outside and counts towards a ban."""

_SENTENCES = {
    Why.ADDRESS: "This credential is right, but may not be used from the address that this connection comes from.",
    Why.INSECURE: "A name with a secret is taken over TLS or from loopback only.",
    Why.FACTORS: "This credential is right, but this sender must show its key and its password: over SFTP it can.",
}
_ONE_FOR_ALL = "No valid credential was shown. Whoever runs this landing zone can see why."


class NotLetIn(Refused):
    """No caller could be made of what was shown.

    Whatever was wrong with the credential, the reason is `unauthenticated` and the sentence one and the same. `why`,
    and the name of the known `sender` it concerns, are for counters alone.
    """

    def __init__(self, why: Why, sender: str = "") -> None:
        super().__init__(why if why in _SENTENCES else "unauthenticated", _SENTENCES.get(why, _ONE_FOR_ALL))
        self.why = why
        self.sender = sender


class TryLater(Refused):
    """Refused for now: the same call may be let in after `retry_after_seconds`, at least 1."""

    def __init__(self, reason: str, sentence: str, *, retry_after_seconds: float) -> None:
        super().__init__(reason, sentence)
        self.retry_after_seconds = max(1, ceil(retry_after_seconds))
