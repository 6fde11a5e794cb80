r"""The head of a log, its one mutable truth, and how it is framed on disk.

A frame is `u32be length · u32be CRC-32 (zlib) of the payload · payload`; the payload is one line of JSON (the header),
`\n`, and entries as `u16be length · bytes`, as in a tlog-tiles entry bundle. The header's `from` is the index of the
first entry that follows. On S3 the head is one frame with every pending entry (`from` = `tiled`). In a directory it is
a row of frames: the first like that, each later one with the entries that its commit added (`from` = the size before).
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import msgspec

from headwater.ledger.merkle import EMPTY_EDGE, Edge, leaf_hash

_FRAME = struct.Struct(">II")
_LENGTH = struct.Struct(">H")
_HEADER_START = b'{"v":1,"log":"'


class Head(msgspec.Struct, frozen=True):
    """The state of a log: every entry in `[tiled, edge.size)` is in `pending`, the rest is in tiles and bundles.

    `epoch` counts the takeovers, `writer` says who has it now, `base` is how many entries earlier logs hold, `time` is
    the time of the last entry (microseconds), `beat` counts the writer's signs of life.
    """

    log: str
    epoch: int
    base: int
    edge: Edge
    tiled: int
    pending: tuple[bytes, ...]
    time: int
    writer: str = ""
    beat: int = 0

    @property
    def size(self) -> int:
        """How many entries the log has."""
        return self.edge.size

    @property
    def root(self) -> bytes:
        """The Merkle tree hash over all entries (RFC 6962 §2.1)."""
        return self.edge.root()

    def appended(self, entries: Sequence[bytes], time: int) -> Head:
        """The head after these entries."""
        return msgspec.structs.replace(
            self,
            edge=self.edge.extend([leaf_hash(entry) for entry in entries]),
            pending=(*self.pending, *entries),
            time=time,
        )

    def tiled_to(self, size: int) -> Head:
        """The head after the tiles and bundles of `size` entries stand: those entries leave `pending`."""
        return msgspec.structs.replace(self, pending=self.pending[size - self.tiled :], tiled=size)

    def taken_over(self, writer: str) -> Head:
        """The head under a new writer: all that an older one still sends will be refused."""
        return msgspec.structs.replace(self, epoch=self.epoch + 1, writer=writer, beat=0)

    def beaten(self) -> Head:
        """The head with one more sign of life of its writer."""
        return msgspec.structs.replace(self, beat=self.beat + 1)


def new_head(log: str, base: int, writer: str) -> Head:
    """The head of a log without entries."""
    return Head(log, 1, base, EMPTY_EDGE, 0, (), 0, writer)


class _Header(msgspec.Struct, frozen=True):
    v: int
    log: str
    epoch: int
    base: int
    size: int
    root: str
    tiled: int
    edge: list[str]
    time: int
    writer: str
    beat: int
    from_: int = msgspec.field(name="from")


_decoder = msgspec.json.Decoder(_Header)
_encoder = msgspec.json.Encoder()


def encode_frame(head: Head, first: int) -> bytes:
    """One frame: the header of `head` and its entries from index `first` on. ValueError if `first` is not pending."""
    if not head.tiled <= first <= head.size:
        msg = f"entries from {first} are not pending in [{head.tiled}, {head.size})"
        raise ValueError(msg)
    header = _Header(
        1,
        head.log,
        head.epoch,
        head.base,
        head.size,
        _b64(head.root),
        head.tiled,
        [_b64(node) for node in head.edge.hashes],
        head.time,
        head.writer,
        head.beat,
        first,
    )
    parts = [_encoder.encode(header), b"\n"]
    for entry in head.pending[first - head.tiled :]:
        parts += (_LENGTH.pack(len(entry)), entry)
    payload = b"".join(parts)
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


class Torn(ValueError):
    """The frames end in the middle of one: `whole_bytes` of them are good."""

    def __init__(self, head: Head | None, whole_bytes: int) -> None:
        super().__init__(f"the frames are torn after {whole_bytes} bytes")
        self.head = head
        self.whole_bytes = whole_bytes


def decode_frames(data: bytes) -> Head:
    """The head that a row of frames adds up to.

    Raises Torn, with the head so far, when nothing but a frame cut short or never finished stands at the end; plain
    ValueError when the frames contradict each other, or a broken one is followed by more.
    """
    head: Head | None = None
    offset = 0
    while offset < len(data):
        payload = _payload(data, offset)
        if payload is None:
            if _another_frame_follows(data, offset):
                msg = f"a broken frame at byte {offset} is followed by a whole one"
                raise ValueError(msg)
            raise Torn(head, offset)
        head = _joined(head, *_unpacked(payload))
        offset += _FRAME.size + len(payload)
    if head is None:
        raise Torn(None, 0)
    return head


def _payload(data: bytes, offset: int) -> bytes | None:
    if len(data) < offset + _FRAME.size:
        return None
    length, crc = _FRAME.unpack_from(data, offset)
    payload = data[offset + _FRAME.size : offset + _FRAME.size + length]
    if len(payload) < length or length == 0 or zlib.crc32(payload) != crc:
        return None
    return payload


def _another_frame_follows(data: bytes, offset: int) -> bool:
    """Whether a whole frame stands anywhere behind: then bytes of the broken one were changed.

    An unfinished write at the end never has a whole frame behind it.
    """
    at = data.find(_HEADER_START, offset + _FRAME.size + 1)
    while at >= 0:
        if _payload(data, at - _FRAME.size) is not None:
            return True
        at = data.find(_HEADER_START, at + 1)
    return False


def _unpacked(payload: bytes) -> tuple[_Header, tuple[bytes, ...]]:
    line, _, rest = payload.partition(b"\n")
    header = _decoder.decode(line)
    entries = []
    offset = 0
    while offset < len(rest):
        (length,) = _LENGTH.unpack_from(rest, offset)
        entries.append(rest[offset + 2 : offset + 2 + length])
        offset += 2 + length
    if offset != len(rest) or len(entries) != header.size - header.from_:
        msg = f"a frame of {header.log} does not hold the entries [{header.from_}, {header.size})"
        raise ValueError(msg)
    return header, tuple(entries)


def _joined(before: Head | None, header: _Header, entries: tuple[bytes, ...]) -> Head:
    edge = Edge(header.size, tuple(base64.b64decode(node, validate=True) for node in header.edge))
    if before is None:
        if header.from_ != header.tiled:
            msg = f"the first frame of {header.log} begins at {header.from_}, not at {header.tiled}"
            raise ValueError(msg)
        pending = entries
    else:
        follows = before.log == header.log and before.size == header.from_ and before.epoch <= header.epoch
        if not (follows and before.tiled <= header.tiled <= before.size):
            msg = f"a frame of {header.log} does not follow the one before it"
            raise ValueError(msg)
        pending = (*before.pending[header.tiled - before.tiled :], *entries)
    head = Head(
        header.log, header.epoch, header.base, edge, header.tiled, pending, header.time, header.writer, header.beat
    )
    if _b64(head.root) != header.root:
        msg = f"the root of {header.log} at size {header.size} is not that of its edge"
        raise ValueError(msg)
    return head


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
