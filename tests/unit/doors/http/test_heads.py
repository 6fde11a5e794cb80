"""What heads say, apart from any connection."""

from __future__ import annotations

import base64
import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.doors.http.digests import declared_digests
from headwater.doors.http.heads import ending_for, key_of, readable, target_of
from headwater.errors import Refused

SHA256 = hashlib.sha256(b"x")


def b64(data: bytes) -> bytes:
    """As a header has it."""
    return base64.b64encode(data)


def test_digests_go_by_our_names():
    """RFC 9530's names of algorithms become ours, in hex; parameters are passed over, unknown ones kept as they are."""
    value = b"sha-256=:%s:;q=1, unixsum=:AAA=:,sha-512=:%s:" % (b64(SHA256.digest()), b64(b"\1" * 64))
    assert declared_digests({b"content-digest": value, b"repr-digest": b"sha=:%s:" % b64(b"\2" * 20)}) == {
        "sha256": SHA256.hexdigest(),
        "unixsum": "0000",
        "sha512": "01" * 64,
        "sha1": "02" * 20,
    }


@given(st.binary(max_size=120))
def test_any_digest_field_is_read_or_refused(value):
    """Whatever stands in a digest field, it gives hex digests or Refused."""
    for field in (b"content-digest", b"content-md5"):
        with contextlib.suppress(Refused):
            assert all(bytes.fromhex(digest) for digest in declared_digests({field: value}).values())


@given(st.text(max_size=60), st.text(min_size=1, max_size=60))
def test_any_target_is_read_or_refused(feed, name):
    """A path of whatever bytes gives a feed and a name that stand for these bytes, or Refused."""
    raw = f"/v1/feeds/{feed}/{name}".encode()
    with contextlib.suppress(Refused):
        target_of(raw)
    assert target_of(b"/v1/feeds/acme-crm/daily/" + name.replace("%", "%25").encode())[1] == name


@pytest.mark.parametrize(
    ("value", "key"), [(b"run-1", "run-1"), (b'"run-1"', "run-1"), (b' "a b" ', "a b"), (b'"', '"'), (None, None)]
)
def test_a_key_may_be_quoted(value, key):
    """An idempotency key is the same with the quotes of a structured field and without."""
    assert key_of({} if value is None else {b"idempotency-key": value}) == key


def test_media_types_give_endings():
    """A push is named by its media type where that is a known one."""
    assert ending_for("Application/JSON; charset=utf-8") == ".json"
    assert [ending_for(None), ending_for("image/x-unheard-of")] == ["", ""]


def test_a_path_is_made_readable():
    """A path in a receipt is UTF-8 whatever its bytes are."""
    assert readable("/a/b\udcff") == "/a/b\\xff"
