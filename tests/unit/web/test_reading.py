"""Looking at what landed: pages, changes, attempts and feeds, each caller within its scope."""

from __future__ import annotations

import threading
import time

import pytest

FEED = "/v1/feeds/acme-crm/daily/"


def land(live, path: str, body: bytes = b"x", who: str = "acme"):
    """The delivery of a file that was PUT."""
    put = live.call("PUT", f"/v1/feeds/{path}", body, who=who)
    assert put.status == 201, put.body
    return put.json


def ids(live, path: str, who: str = "acme") -> list[str]:
    """The ids on a page."""
    answer = live.call("GET", path, who=who)
    assert answer.status == 200, answer.body
    return [each["receipt"]["id"] for each in answer.json["deliveries"]]


def test_what_landed_is_seen_at_once(live):
    """A delivery is there for its sender, in every list, as soon as it was answered 201."""
    for number in range(20):
        made = land(live, f"acme-crm/daily/{number}", b"%d" % number)
        id = made["receipt"]["id"]
        assert live.call("GET", f"/v1/deliveries/{id}").json == made
        assert ids(live, "/v1/deliveries?limit=1") == [id]
        assert (
            live.call("GET", f"/v1/changes?after={made['position'] - 1}").json["changes"][0]["position"]
            == made["position"]
        )


def test_pages_follow_each_other(live):
    """Newest first by cursor, oldest first by position: the pages together are the whole, each linked to the next."""
    made = [land(live, f"acme-crm/daily/{number}")["receipt"]["id"] for number in range(7)]
    for first, order in (("/v1/deliveries?limit=3", made[::-1]), ("/v1/deliveries?limit=3&after=0", made)):
        found, path, pages = [], first, 0
        while path:
            answer = live.call("GET", path)
            found += [each["receipt"]["id"] for each in answer.json["deliveries"]]
            link = answer.headers.get("link", "")
            assert bool(link) is (answer.json["next"] is not None)
            path = link[1 : link.index(">")] if link else ""
            pages += 1
        assert (found, pages) == (order, 3)


def test_filters_narrow_a_page(live):
    """Source, feed, name, sender, state, completeness, door and time each narrow a page."""
    one = land(live, "acme-crm/daily/a.csv", b"1")["receipt"]
    two = land(live, "acme-crm/other/b+1.txt", b"2")["receipt"]
    three = land(live, "shop/orders/c.csv", b"3", who="shop")["receipt"]
    again = land(live, "acme-crm/daily/a.csv", b"1")
    everything = [again["receipt"]["id"], two["id"], one["id"]]
    assert again["now"]["state"] == "repeat"
    cases = {
        "": everything,
        "?source=acme-crm": everything,
        "?feed=acme-crm/other": [two["id"]],
        "?source=acme-crm&feed=other": [two["id"]],
        "?name=*.csv&state=effective": [one["id"]],
        "?name=b%2B1.txt": [two["id"]],
        "?state=repeat": [again["receipt"]["id"]],
        "?completeness=suspect": [],
        "?door=http&completeness=proven&sender=acme": everything,
        "?door=sftp": [],
        "?since=2020-01-01": everything,
        "?until=2020-01-01T00:00:00%2B02:00": [],
        f"?since={two['landed_at']}": everything[:2],
        f"?until={two['landed_at']}": everything[2:],
        f"?id={one['id']}": [one["id"]],
        f"?id={one['id'][-8:]}": [one["id"]],
        f"?id={one['key']}": [one["id"]],
        f"?id=s3://bucket/prefix/{one['key']}": [one["id"]],
        f"?id={three['id']}": [],
    }
    for query, found in cases.items():
        assert ids(live, f"/v1/deliveries{query}") == found, query


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "cursor=zz",
        "since=yesterday",
        "state=gone",
        "feed=daily",
        "feed=UPPER/case",
        "id=xyz",
        "who=me",
        "limit=1&limit=2",
        "name=%ff",
        "&".join(f"a{n}=1" for n in range(60)),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(live, query):
    """What a query cannot mean is answered 400 with the field, never guessed at."""
    answer = live.call("GET", f"/v1/deliveries?{query}")
    assert answer.status == 400
    assert answer.json["reason"] in {"bad_request", "bad_feed"}


def test_changes_wait_for_news(live):
    """A question that waits is answered as soon as something lands in its scope, and after its time with nothing."""
    position = live.call("GET", "/v1/changes?wait=0").json["position"]
    found = []

    def ask():
        found.append(live.call("GET", f"/v1/changes?after={position}&wait=20&feed=acme-crm/daily", who="reader").json)

    asking = threading.Thread(target=ask)
    asking.start()
    land(live, "shop/orders/not-mine", who="shop")
    land(live, "acme-crm/other/neither")
    made = land(live, "acme-crm/daily/this")
    began = time.monotonic()
    asking.join(10)
    assert time.monotonic() - began < 5
    assert [change["delivery"]["receipt"]["id"] for change in found[0]["changes"]] == [made["receipt"]["id"]]
    assert found[0]["position"] >= made["position"]
    nothing = live.call("GET", f"/v1/changes?after={found[0]['position']}&wait=0.2")
    assert nothing.json == {"changes": [], "position": found[0]["position"]}


def test_a_sender_sees_its_own_changes_alone(live):
    """Changes of others are passed over, also where they fill whole pages, and never counted twice."""
    for number in range(5):
        land(live, f"shop/orders/{number}", who="shop")
    made = land(live, "acme-crm/daily/mine")
    page = live.call("GET", "/v1/changes?limit=2&source=acme-crm").json
    assert [change["position"] for change in page["changes"]] == [made["position"]]
    assert live.call("GET", "/v1/changes?limit=2").json == page
    assert live.call("GET", "/v1/changes?source=shop", who="acme").json["changes"] == []
    assert live.call("GET", f"/v1/changes?after={page['position']}").json["changes"] == []


def test_a_void_delivery_is_a_change(live):
    """An operator takes a delivery out with a reason: an entry says who and why, a change follows, the bytes stay."""
    made = land(live, "acme-crm/daily/wrong")
    path = made["receipt"]["id"]
    refused = live.call("POST", f"/v1/deliveries/{path}/void", {"reason": "sent twice"}, who="acme")
    assert refused.status == 403
    assert live.call("POST", f"/v1/deliveries/{path}/void", {}, who="operator").status == 400
    void = live.call("POST", f"/v1/deliveries/{path}/void", {"reason": "sent twice"}, who="operator")
    assert (void.status, void.json["now"]["state"]) == (200, "void")
    again = live.call("POST", f"/v1/deliveries/{path}/void", {"reason": "sent twice"}, who="operator")
    assert again.json == void.json
    (change,) = live.call("GET", f"/v1/changes?after={made['position']}").json["changes"]
    assert (change["kind"], change["delivery"]["now"]["state"]) == ("void", "void")
    assert live.call("GET", f"/v1/deliveries/{path}/content").body == b"x"
    entry = live.run(live.world.entries)[-1]
    assert (entry.by, entry.reason) == ("operator", "sent twice")


def test_a_repeat_that_counts_from_now_on_is_a_change(live):
    """When its first delivery is void the repeat has landed at that position: on one page, however short that is."""
    first, repeat = (land(live, f"acme-crm/daily/{name}") for name in "ab")
    live.call("POST", f"/v1/deliveries/{first['receipt']['id']}/void", {"reason": "wrong"}, who="operator")
    for query in ("", "&feed=acme-crm/daily", "&limit=1"):
        page = live.call("GET", f"/v1/changes?after={repeat['position']}{query}").json
        assert [(change["kind"], change["delivery"]["receipt"]["id"]) for change in page["changes"]] == [
            ("void", first["receipt"]["id"]),
            ("landed", repeat["receipt"]["id"]),
        ]
        assert {change["position"] for change in page["changes"]} == {page["position"]}
        assert page["changes"][1]["delivery"]["now"]["state"] == "effective"
        assert live.call("GET", f"/v1/changes?after={page['position']}{query}").json["changes"] == []


def test_attempts_answer_did_it_land(live):
    """Attempts are listed newest first, by outcome and key; a page's cursor goes on; others' are not found."""
    land(live, "acme-crm/daily/a")
    live.call("PUT", FEED + "b", b"b", headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})
    live.call("PUT", FEED + "c", b"c", headers={"Idempotency-Key": "k"})
    land(live, "shop/orders/d", who="shop")
    page = live.call("GET", "/v1/attempts?limit=2").json
    assert [one["name"] for one in page["attempts"]] == ["c", "b"]
    rest = live.call("GET", f"/v1/attempts?limit=2&cursor={page['next']}").json
    assert ([one["name"] for one in rest["attempts"]], rest["next"]) == (["a"], None)
    held = live.call("GET", "/v1/attempts?outcome=held,refused").json["attempts"]
    assert [(one["name"], one["reason"]) for one in held] == [("b", "digest_mismatch")]
    assert [one["name"] for one in live.call("GET", "/v1/attempts?key=k").json["attempts"]] == ["c"]
    assert live.call("GET", f"/v1/attempts/{held[0]['id']}").json == held[0]
    for one in page["attempts"] + held:
        assert live.call("GET", f"/v1/attempts?id={one['id'][-8:]}").json["attempts"] == [one]
        assert live.call("GET", f"/v1/attempts?id={one['id'][-8:]}", who="shop").json["attempts"] == []
    assert live.call("GET", f"/v1/attempts/{held[0]['id']}", who="shop").status == 404
    assert live.call("GET", "/v1/attempts?sender=shop").status == 404
    seen = live.call("GET", "/v1/attempts", who="operator").json["attempts"]
    assert [one["name"] for one in seen] == ["c", "b", "a"]


def test_feeds_have_their_state(live):
    """Feeds that one may use are listed with what landed in them, declared ones also while they are empty."""
    land(live, "acme-crm/daily/a", b"abc")
    land(live, "acme-crm/new/b", b"abc")
    found = live.call("GET", "/v1/feeds").json["feeds"]
    assert [(one["feed"], one["declared"], one["deliveries"], one["size_bytes"]) for one in found] == [
        ("acme-crm/daily", True, 1, 3),
        ("acme-crm/other", True, 0, 0),
        ("acme-crm/unsorted", False, 1, 3),
    ]
    assert live.call("GET", "/v1/feeds/acme-crm/daily").json == found[0]
    assert live.call("GET", "/v1/feeds/shop/orders").status == 404
    assert live.call("GET", "/v1/feeds/acme-crm/never").status == 404
    assert live.call("GET", "/v1/feeds/Acme/never").json["reason"] == "bad_feed"
