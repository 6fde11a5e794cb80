"""Four failures, by who must act, and the one table of reasons with the answer each gets in every protocol.

- `Refused`: the sender or caller must change something; the same call will be refused again.
- `Unavailable`: the outside must recover; the same call may be tried again.
- `Damaged`: what is stored contradicts itself; a person must look before anything more is written.
- `Misconfigured`: whoever runs Headwater must change a setting, a folder or a store.
"""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """A stable reason and its answers: HTTP status, SFTP v3 status code, FTP reply code, and a title for people."""

    http: int
    sftp: int
    ftp: int
    title: str


_OK, _NO_FILE, _DENIED, _FAILURE, _BAD, _UNSUPPORTED = 0, 2, 3, 4, 5, 8

REASONS: dict[str, Reason] = {
    # Refused: who is asking
    "unauthenticated": Reason(401, _DENIED, 530, "No valid credential was shown"),
    "banned": Reason(429, _DENIED, 421, "Too many wrong attempts from this address"),
    "not_allowed": Reason(403, _DENIED, 550, "This identity may not do that here"),
    "address_not_allowed": Reason(403, _DENIED, 530, "This identity may not come from this address"),
    "insecure": Reason(403, _DENIED, 534, "This credential is accepted over TLS or on loopback only"),
    "factors_missing": Reason(403, _DENIED, 530, "This identity must show key and password together"),
    # Refused: what is asked
    "not_found": Reason(404, _NO_FILE, 550, "There is no such thing here, or it is not yours to see"),
    "bad_request": Reason(400, _BAD, 501, "The request cannot be understood"),
    "bad_name": Reason(400, _BAD, 553, "This name cannot be landed"),
    "bad_feed": Reason(400, _BAD, 553, "This is not a source/feed name"),
    "unsupported": Reason(415, _UNSUPPORTED, 504, "This is not supported"),
    "method_not_allowed": Reason(405, _UNSUPPORTED, 502, "This cannot be done to that"),
    "exists": Reason(409, _FAILURE, 553, "It exists already"),
    "erased": Reason(410, _NO_FILE, 550, "These bytes were erased"),
    "range_not_satisfiable": Reason(416, _FAILURE, 551, "The range lies outside the bytes"),
    # Refused: the bytes
    "cut": Reason(400, _FAILURE, 426, "The connection ended before the bytes did"),
    "too_large": Reason(413, _FAILURE, 552, "More bytes than the limit allows"),
    "size_mismatch": Reason(400, _FAILURE, 551, "The bytes are not as many as was declared"),
    "digest_mismatch": Reason(400, _FAILURE, 551, "The bytes do not have the declared digest"),
    "wrong_offset": Reason(409, _FAILURE, 551, "Bytes before this offset are durable already and cannot be rewritten"),
    "gap": Reason(400, _FAILURE, 551, "Bytes are missing before the end"),
    "never_renamed": Reason(409, _FAILURE, 551, "The temporary name was never given its final name"),
    "abandoned": Reason(409, _FAILURE, 551, "The upload was not finished in time"),
    "withdrawn": Reason(409, _FAILURE, 551, "The sender took it back before it was landed"),
    "changed_while_read": Reason(409, _FAILURE, 551, "The file changed while it was read"),
    # Refused: limits and keys
    "too_slow": Reason(408, _FAILURE, 426, "The bytes came too slowly"),
    "too_many": Reason(429, _FAILURE, 421, "Too many at once"),
    "in_progress": Reason(409, _FAILURE, 450, "An upload with this idempotency key is still open"),
    "key_reused": Reason(422, _FAILURE, 553, "This idempotency key was used for other bytes"),
    "overtaken": Reason(409, _FAILURE, 450, "Another holder has taken this upload over"),
    "stream_moved": Reason(409, _FAILURE, 450, "The stream does not stand where this entry expects it"),
    # Unavailable
    "busy": Reason(503, _FAILURE, 452, "No room for more bytes just now"),
    "store_unavailable": Reason(503, _FAILURE, 451, "The landing zone cannot be written just now"),
    "ledger_unavailable": Reason(503, _FAILURE, 451, "The ledger cannot be written just now"),
    "books_unavailable": Reason(503, _FAILURE, 451, "The books cannot be written just now"),
    "server_unavailable": Reason(503, _FAILURE, 451, "The server cannot be reached"),
    "full": Reason(507, _FAILURE, 452, "The landing zone is full"),
    "draining": Reason(503, _FAILURE, 421, "The server is stopping"),
    "timed_out": Reason(504, _FAILURE, 451, "It did not end in time"),
    # Damaged, Misconfigured
    "damaged": Reason(500, _FAILURE, 451, "Stored data contradict each other; nothing more is written"),
    "internal": Reason(500, _FAILURE, 451, "A fault of ours; it is in the log"),
    "misconfigured": Reason(500, _FAILURE, 451, "The configuration does not hold"),
    "unsafe_store": Reason(500, _FAILURE, 451, "This store is not safe to land in"),
    "in_use": Reason(500, _FAILURE, 451, "Another process is writing here"),
    "wrong_zone": Reason(500, _FAILURE, 451, "The books and the zone do not belong together"),
    "no_home": Reason(500, _FAILURE, 451, "There is no home here"),
}


class HeadwaterError(Exception):
    """A failure with a stable `reason` of `REASONS` and one or two sentences: what happened, what to do."""

    def __init__(self, reason: str, sentence: str = "") -> None:
        if reason not in REASONS:
            msg = f"{reason!r} is not in the table of reasons"
            raise ValueError(msg)
        self.reason = reason
        self.sentence = sentence or f"{REASONS[reason].title}."
        super().__init__(self.sentence)


class Refused(HeadwaterError):
    """The sender or caller must change something; the same call will be refused again."""


class Unavailable(HeadwaterError):
    """The outside must recover; the same call may be tried again after `retry_after_seconds`."""

    def __init__(self, reason: str, sentence: str = "", *, retry_after_seconds: int = 5) -> None:
        super().__init__(reason, sentence)
        self.retry_after_seconds = retry_after_seconds


class Damaged(HeadwaterError):
    """What is stored contradicts itself; a person must look before anything more is written."""

    def __init__(self, sentence: str) -> None:
        super().__init__("damaged", sentence)


class Misconfigured(HeadwaterError):
    """Whoever runs Headwater must change a setting, a folder or a store."""

    def __init__(self, sentence: str, reason: str = "misconfigured") -> None:
        super().__init__(reason, sentence)
