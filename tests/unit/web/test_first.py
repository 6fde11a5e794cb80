def test_a_file_goes_in_and_comes_back(live):
    """What was PUT is landed, and comes back byte for byte."""
    data = b"a,b\n1,2\n" * 100
    put = live.call("PUT", "/v1/feeds/acme-crm/daily/sales.csv", data)
    assert put.status == 201, put.body
    print(put.headers, put.body)
    id = put.json["receipt"]["id"]
    got = live.call("GET", f"/v1/deliveries/{id}/content")
    print(got.headers)
    assert got.body == data
    one = live.call("GET", f"/v1/deliveries/{id}")
    print(one.body)
    print(live.call("GET", "/v1/deliveries").body)
    for fmt in ("zip", "tlog-proof"):
        p = live.call("GET", f"/v1/deliveries/{id}/proof?format={fmt}")
        print(p.status, p.headers, p.body[:200])
    for path in (
        "/v1/changes",
        "/v1/attempts",
        "/v1/feeds",
        "/v1/feeds/acme-crm/daily",
        "/v1/checkpoint",
        "/v1/whoami",
        "/healthz",
        "/readyz",
        "/metrics",
    ):
        a = live.call("GET", path)
        print(path, a.status, a.body[:300])
    for path in (
        "/v1/senders",
        "/v1/users",
        "/v1/senders/acme",
        "/v1/senders/acme/guide",
        "/v1/senders/acme/check?from=127.0.0.1&path=/acme-crm/daily/x",
    ):
        a = live.call("GET", path, who="admin")
        print(path, a.status, a.body[:300])
