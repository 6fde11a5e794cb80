from __future__ import annotations

import base64
import json
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.ledger.head import Head, Torn, decode_frames, encode_frame, new_head

ENTRIES = st.lists(st.binary(max_size=40), max_size=8)


def grown(batches: list[list[bytes]]) -> tuple[Head, bytes]:
    """A head after some commits, and the row of frames that a directory keeps of them."""
    head = new_head("log-1", 0, "me")
    data = encode_frame(head, 0)
    for number, batch in enumerate(batches):
        if number % 3 == 2:
            head = head.tiled_to(head.size)
        after = head.appended(batch, number)
        data += encode_frame(after, head.size)
        head = after
    return head, data


@given(st.lists(ENTRIES, max_size=8))
def test_a_row_of_frames_adds_up_to_the_head(batches):
    """Frames written one commit after the other give the head of the last one, pending entries included."""
    head, data = grown(batches)

    assert decode_frames(data) == head


@given(st.lists(ENTRIES, max_size=8))
def test_one_frame_holds_a_whole_head(batches):
    """The single frame that S3 keeps gives the same head as the row of frames."""
    head, _ = grown(batches)

    assert decode_frames(encode_frame(head, head.tiled)) == head


@given(st.lists(ENTRIES, min_size=1, max_size=5), st.data())
def test_a_torn_end_gives_the_commit_before(batches, data):
    """Cut anywhere inside the last frame, the head is that of the frames before, and says how many bytes are good."""
    before, whole = grown(batches[:-1])
    _, frames = grown(batches)
    cut = data.draw(st.integers(len(whole), len(frames) - 1))

    if cut == len(whole):
        assert decode_frames(frames[:cut]) == before
        return
    with pytest.raises(Torn) as torn:
        decode_frames(frames[:cut])

    assert torn.value.head == before
    assert torn.value.whole_bytes == len(whole)


@pytest.mark.parametrize("at", [0, 3, 5, 20])
def test_a_broken_frame_before_a_whole_one_is_no_torn_end(at):
    """A flipped byte in an earlier frame, its length included, is damage, never taken for an unfinished write."""
    _, data = grown([[b"one"], [b"two"], [b"three"]])
    first = int.from_bytes(data[:4]) + 8
    broken = bytearray(data)
    broken[first + at] ^= 1

    with pytest.raises(ValueError, match="followed by a whole one"):
        decode_frames(bytes(broken))


def test_a_wrong_root_is_refused():
    """A frame whose root is not that of its edge is refused, though its checksum holds."""
    head = new_head("log-1", 0, "me").appended([b"x"], 1)
    payload = encode_frame(head, 0)[8:]
    header, _, rest = payload.partition(b"\n")
    changed = json.loads(header)
    changed["root"] = base64.b64encode(bytes(32)).decode()
    payload = json.dumps(changed).encode() + b"\n" + rest

    with pytest.raises(ValueError, match="root"):
        decode_frames(struct.pack(">II", len(payload), zlib.crc32(payload)) + payload)


def test_nothing_is_torn_from_the_start():
    """An empty file is the torn beginning of a log, with no head."""
    with pytest.raises(Torn) as torn:
        decode_frames(b"")

    assert torn.value.head is None


def test_tiled_entries_leave_pending():
    """Pending is exactly what tiles do not hold."""
    head = new_head("log-1", 0, "me").appended([b"a", b"b", b"c"], 1)

    assert head.tiled_to(2).pending == (b"c",)
    assert head.tiled_to(3).pending == ()
    assert head.tiled_to(2).root == head.root


def frame(head: Head, first: int, entries: bytes | None = None, **fields: object) -> bytes:
    """A frame with a good checksum, in which something else is wrong."""
    line, _, rest = encode_frame(head, first)[8:].partition(b"\n")
    payload = json.dumps(json.loads(line) | fields).encode() + b"\n" + (rest if entries is None else entries)
    return struct.pack(">II", len(payload), zlib.crc32(payload)) + payload


ONE = new_head("log-1", 0, "me").appended([b"x"], 1)
TWO = ONE.appended([b"y"], 2)


@pytest.mark.parametrize(
    ("frames", "match"),
    [
        ([frame(ONE, 0, b"")], "does not hold"),
        ([frame(ONE, 0, b"\x00\x01x\x00\x01y")], "does not hold"),
        ([frame(ONE, 0, b"\x00\x02x")], "does not hold"),
        ([encode_frame(TWO, 1)], "the first frame"),
        ([encode_frame(ONE, 0), encode_frame(TWO, 0)], "does not follow"),
        ([encode_frame(ONE, 0), frame(TWO, 1, log="log-2")], "does not follow"),
        ([frame(ONE, 0, epoch=3), encode_frame(TWO, 1)], "does not follow"),
        ([encode_frame(ONE, 0), frame(TWO, 1, tiled=2)], "does not follow"),
    ],
)
def test_frames_that_contradict_are_refused(frames, match):
    """Entries too few, too many or cut, a first frame that leaves some out, and frames that do not join are damage."""
    with pytest.raises(ValueError, match=match):
        decode_frames(b"".join(frames))


def test_what_is_tiled_is_not_framed():
    """A frame holds pending entries alone; asking for others is a fault of ours."""
    with pytest.raises(ValueError, match="not pending"):
        encode_frame(TWO.tiled_to(1), 0)


def test_a_torn_frame_whose_entries_look_like_a_frame_is_torn():
    """What only begins like a frame inside an unfinished one is no whole frame behind it."""
    torn = encode_frame(ONE.appended([encode_frame(ONE, 0)[8:] * 3], 2), 1)[:-1]
    with pytest.raises(Torn):
        decode_frames(encode_frame(ONE, 0) + torn)
