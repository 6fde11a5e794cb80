from __future__ import annotations

import asyncio
import json

from awscrt.checksums import crc64nvme

import headwater
from headwater.books.sqlite import SqliteBooks
from headwater.followers.manifests import (
    Manifests,
    manifest,
    manifest_bytes,
    symlink_bytes,
)
from headwater.layout import manifest_key, parse_feed, symlink_key
from headwater.stores.directory_zone import open_directory_zone
from headwater.terms import Position
from tests.homes import make_home


def test_a_manifest_lists_the_effective_set(tmp_path):
    """What is void or a repeat is left out; the order is that of landing; the same state has the same bytes."""
    feed = parse_feed("acme-crm/sales")
    with headwater.open(make_home(tmp_path / "home").path) as zone:
        for name, data in (("a.csv", b"a,b\n1,2\n"), ("b.csv", b"a,b\n1,2\n"), ("c.csv", b"a,b\n3,4\n")):
            zone.land(feed, data, name=name)
        deliveries = [each.known for each in zone.deliveries(feed, limit=None)]
        position = Position(max(each.position for each in deliveries))
    made = manifest(feed, position, deliveries)
    assert [each.name for each in made.objects] == ["a.csv", "c.csv"]
    assert manifest_bytes(made) == manifest_bytes(manifest(feed, position, reversed(deliveries)))
    assert json.loads(manifest_bytes(made))["objects"][0]["sha256"] == made.objects[0].sha256
    lines = symlink_bytes(made, "s3://bucket/landing/").decode().splitlines()
    assert lines == [f"s3://bucket/landing/{each.key}" for each in made.objects]


def test_manifests_lie_in_the_order_of_their_positions():
    """The newest is the last by name, and each has its addresses in a folder of its own."""
    feed = parse_feed("acme-crm/sales")
    keys = [manifest_key(feed, Position(n)) for n in (9, 10, 100_000)]
    assert keys == sorted(keys)
    assert keys[0] == "views/lz_source=acme-crm/lz_feed=sales/00000000000000000009.json"
    assert symlink_key(feed, Position(9)) == "views/lz_source=acme-crm/lz_feed=sales/00000000000000000009/symlink.txt"


def test_what_changed_is_written_once(tmp_path):
    """One manifest a feed that changed, with what counts now; where nothing has changed, nothing is written."""
    home = make_home(tmp_path / "home")
    with headwater.open(home.path) as zone:
        zone.land("acme-crm/sales", b"a\n", name="a.csv")
        zone.land("acme-crm/sales", b"a\n", name="again.csv")
        zone.land("acme-crm/other", b"b\n", name="b.csv")
        assert len(list(zone.deliveries(limit=None))) == 3  # the catalog knows them

    async def written() -> dict[str, bytes]:
        store, books = open_directory_zone(home.path / "zone"), SqliteBooks(home.path / "books.sqlite3")
        writer = Manifests(books.catalog, store.creator, books.cursors, crc64nvme, "s3://bucket/zone")
        try:
            assert (await writer.write_what_changed(), await writer.write_what_changed()) == (2, 0)
            keys = [each.key async for each in store.reader.list("views/")]
            return {key: b"".join([piece async for piece in store.reader.read(key)]) for key in keys}
        finally:
            await books.close()
            await store.close()

    bodies = asyncio.run(written())
    assert len(bodies) == 4
    (sales,) = [json.loads(body) for key, body in bodies.items() if "sales" in key and key.endswith(".json")]
    assert [each["name"] for each in sales["objects"]] == ["a.csv"]
    (lines,) = [body.decode() for key, body in bodies.items() if "sales" in key and key.endswith("symlink.txt")]
    assert lines == f"s3://bucket/zone/{sales['objects'][0]['key']}\n"
