"""Findings over HTTP: of a delivery, of a feed, and made again."""

from __future__ import annotations

import pytest

DAILY = "/v1/feeds/acme-crm/daily"


@pytest.fixture
def landed(live):
    """Three deliveries; the first two were inspected."""
    ids = []
    for n, body in enumerate((b"id,amount\n1,2\n", b"id\n1\n", b"id\n2\n")):
        ids.append(live.call("PUT", f"{DAILY}/day{n}.csv", body).json["receipt"]["id"])
    for id in ids[:2]:
        assert live.call("POST", f"/v1/deliveries/{id}/findings", who="operator").status == 200
    return ids


def names(page):
    """The names on a page of findings."""
    return [each["finding"]["name"] for each in page["findings"]]


def test_a_delivery_shows_its_findings(live, landed):
    """The newest first, each with detector, run, time and place; none where inspection has not come so far."""
    made = live.call("POST", f"/v1/deliveries/{landed[1]}/findings", who="operator").json
    assert (made["id"], made["run"], made["feed"]) == (landed[1], 2, "acme-crm/daily")
    found = live.call("GET", f"/v1/deliveries/{landed[1]}/findings").json["findings"]
    assert [each["run"] for each in found] == [2, 1]
    assert found[0] == made
    assert found[0]["finding"]["problems"][0]["code"] == "column_gone"
    assert live.call("GET", f"/v1/deliveries/{landed[2]}/findings").json == {"findings": [], "next": None}


@pytest.mark.parametrize(("who", "sees"), [("acme", True), ("reader", True), ("operator", True), ("auditor", False)])
def test_values_are_for_those_who_may_read_bytes(live, landed, who, sees):
    """An auditor sees columns and counts; samples are bytes of the delivery, which are not for it."""
    finding = live.call("GET", f"/v1/deliveries/{landed[0]}/findings", who=who).json["findings"][0]["finding"]
    column = finding["schema"][0]["columns"][0]
    assert finding["rows"] == 1
    assert column.get("samples") == (["7"] if sees else None)


def test_a_feed_shows_the_newest_of_each(live, landed):
    """Newest delivery first, page by page; a sender sees its own."""
    assert names(live.call("GET", f"{DAILY}/findings").json) == ["day1.csv", "day0.csv"]
    first = live.call("GET", f"{DAILY}/findings?limit=1", who="reader")
    assert names(first.json) == ["day1.csv"]
    following = live.call("GET", first.headers["link"].partition(">")[0].lstrip("<"), who="reader").json
    assert (names(following), following["next"]) == (["day0.csv"], None)
    assert live.call("GET", f"{DAILY}/findings", who="shop").status == 404
    assert live.call("GET", "/v1/feeds/acme-crm/other/findings").json["findings"] == []


def test_what_cannot_be_inspected_says_why(live, landed):
    """Companions are no data; where inspection is off, 405 and how to turn it on."""
    companion = live.call("PUT", f"{DAILY}/day0.csv.md5", b"0" * 32).json["receipt"]["id"]
    refused = live.call("POST", f"/v1/deliveries/{companion}/findings", who="operator")
    assert (refused.status, refused.json["reason"]) == (400, "bad_request")
    object.__setattr__(live.world.services, "inspect_again", None)
    off = live.call("POST", f"/v1/deliveries/{landed[0]}/findings", who="operator")
    assert (off.status, off.json["reason"]) == (405, "method_not_allowed")
    assert "enabled" in off.json["detail"]
