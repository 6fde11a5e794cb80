"""The bytes of a delivery over HTTP, and its proof."""

from __future__ import annotations

import base64
import hashlib
import io
import socket
import zipfile

import pytest

from headwater.ledger.entries import Erased

DATA = bytes(range(256)) * 40
SIZE = len(DATA)


@pytest.fixture
def landed(live):
    """A delivery, and the path of its bytes."""
    put = live.call(
        "PUT", "/v1/feeds/acme-crm/daily/folder/gr%C3%BCn%22;.csv", DATA, headers={"Content-Type": "text/html"}
    )
    assert put.status == 201
    return put.json, f"/v1/deliveries/{put.json['receipt']['id']}/content"


def test_bytes_are_given_as_a_file_to_keep(live, landed):
    """The whole comes with digest and tag, as an attachment under its true name, and nobody is to guess its type."""
    answer = live.call("GET", landed[1])
    sha256 = hashlib.sha256(DATA)
    assert (answer.status, answer.body) == (200, DATA)
    assert answer.headers["etag"] == f'"{sha256.hexdigest()}"'
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(sha256.digest()).decode()}:"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-transform" in answer.headers["cache-control"]
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"gr_n__.csv\"; filename*=UTF-8''gr%C3%BCn%22%3B.csv"
    )


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, SIZE - 1),
        ("bytes=100-199", 100, 199),
        ("bytes=100-999999", 100, SIZE - 1),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE - 1),
        ("bytes=-1", SIZE - 1, SIZE - 1),
        ("bytes=-999999", 0, SIZE - 1),
        ("bytes= 5-6 ", 5, 6),
    ],
)
def test_one_range(live, landed, asked, first, last):
    """One range of bytes is answered 206 with exactly these; HEAD says the same without them."""
    for method, body in (("GET", DATA[first : last + 1]), ("HEAD", b"")):
        answer = live.call(method, landed[1], headers={"Range": asked})
        assert (answer.status, answer.body) == (206, body)
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
        assert answer.headers["content-length"] == str(last + 1 - first)


@pytest.mark.parametrize("asked", ["bytes=1-0", "bytes=0-1,3-4", "lines=0-1", "bytes=-", "bytes=a-b", "nonsense"])
def test_other_ranges_are_ignored(live, landed, asked):
    """Several ranges, other units and nonsense give the whole, as they may."""
    answer = live.call("GET", landed[1], headers={"Range": asked})
    assert (answer.status, answer.body) == (200, DATA)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=-0", "bytes=99999999999999999999-"])
def test_a_range_outside_is_416(live, landed, asked):
    """A range that begins beyond the end is refused with the size."""
    answer = live.call("GET", landed[1], headers={"Range": asked})
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert answer.json["reason"] == "range_not_satisfiable"


def test_conditions(live, landed):
    """Bytes one has already are not sent again, and a range of other bytes than these is not given."""
    tag = live.call("HEAD", landed[1]).headers["etag"]
    for value in (tag, f'"x", W/{tag}', "*"):
        answer = live.call("GET", landed[1], headers={"If-None-Match": value})
        assert (answer.status, answer.body, answer.headers["etag"]) == (304, b"", tag)
    assert live.call("GET", landed[1], headers={"If-None-Match": '"other"'}).status == 200
    assert live.call("GET", landed[1], headers={"Range": "bytes=0-1", "If-Range": tag}).status == 206
    assert live.call("GET", landed[1], headers={"Range": "bytes=0-1", "If-Range": '"other"'}).status == 200


def test_an_empty_file_has_no_ranges(live):
    """An empty delivery is given whole; any range of it lies outside."""
    put = live.call("PUT", "/v1/feeds/acme-crm/daily/empty", b"")
    path = f"/v1/deliveries/{put.json['receipt']['id']}/content"
    assert (live.call("GET", path).status, live.call("GET", path).body) == (200, b"")
    assert live.call("GET", path, headers={"Range": "bytes=0-"}).status == 416


def test_a_large_file_streams(live):
    """A file of many pieces comes back whole, and a client that goes away early leaves the server well."""
    data = bytes(range(256)) * 40_000
    put = live.call("PUT", "/v1/feeds/acme-crm/daily/large", data)
    path = f"/v1/deliveries/{put.json['receipt']['id']}/content"
    head = live.head("GET", path)
    with socket.create_connection(("127.0.0.1", live.port)) as connection:
        connection.sendall(head)
        connection.recv(1000)
    assert live.call("GET", path).body == data


def test_erased_bytes_are_gone(live, landed):
    """What was erased is answered 410; the delivery itself is still told."""
    id = landed[0]["receipt"]["id"]
    live.run(lambda: live.world.sequencer.append(Erased(v=1, id=id, versions=1)))
    live.call("GET", "/v1/changes")
    answer = live.call("GET", landed[1])
    assert (answer.status, answer.json["reason"]) == (410, "erased")
    assert live.call("GET", f"/v1/deliveries/{id}").json["now"]["state"] == "erased"


def test_the_entries_about_a_delivery_are_told(live, landed):
    """Each exactly as it was entered, the receipt first, to who may see the delivery; others do not find it."""
    path = f"/v1/deliveries/{landed[0]['receipt']['id']}/entries"
    first = live.call("GET", path).json["entries"][0]
    assert first["entry"]["kind"] == "receipt"
    assert {**first["entry"], "kind": None} == {**landed[0]["receipt"], "kind": None}
    assert (first["log"], first["index"], first["position"]) == tuple(
        landed[0][n] for n in ("log", "index", "position")
    )
    assert live.call("GET", path, who="auditor").status == 200
    assert live.call("GET", path, who="shop").status == 404


def test_a_proof_comes_as_a_bundle_or_alone(live, landed):
    """A proof is there as soon as its delivery: a zip with the receipt, with the bytes if wanted, or it alone."""
    path = f"/v1/deliveries/{landed[0]['receipt']['id']}/proof"
    bundle = zipfile.ZipFile(io.BytesIO(live.call("GET", path).body))
    assert {"receipt.json", "receipt.tlog-proof", "README.txt", "keys.txt"} <= set(bundle.namelist())
    assert not [name for name in bundle.namelist() if name.startswith("bytes/")]
    whole = zipfile.ZipFile(io.BytesIO(live.call("GET", f"{path}?bytes=true").body))
    (file,) = [name for name in whole.namelist() if name.startswith("bytes/")]
    assert whole.read(file) == DATA
    assert live.call("GET", f"{path}?format=tlog-proof").body.startswith(b"c2sp.org/tlog-proof@v1\n")
    assert live.call("GET", f"{path}?format=pdf").status == 400
    assert live.call("GET", path, who="auditor").status == 200
    assert live.call("GET", f"{path}?bytes=true", who="auditor").status == 403
    assert live.call("GET", path, who="shop").status == 404
