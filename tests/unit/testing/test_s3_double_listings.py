from __future__ import annotations

from itertools import chain

import pytest

from tests.unit.testing.s3_calls import outcome

KEYS = ["a", "a/1", "a/2", "a/b/3", "b c", "é/ü", "z/1", "z/2"]


@pytest.fixture
def filled(s3):
    """The client, with some keys in the bucket and one that was deleted."""
    for key in KEYS:
        s3.put_object(Bucket="b", Key=key, Body=key.encode())
        s3.put_object(Bucket="versioned", Key=key, Body=b"1")
        s3.put_object(Bucket="versioned", Key=key, Body=b"2")
    s3.delete_object(Bucket="versioned", Key="a/b/3")
    return s3


def names(page) -> list[str]:
    """The keys and common prefixes of a page of a listing, in the order of their names."""
    entries = chain(page.get("Contents", ()), page.get("Versions", ()), page.get("DeleteMarkers", ()))
    return sorted([each["Key"] for each in entries] + [each["Prefix"] for each in page.get("CommonPrefixes", ())])


class TestObjects:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, KEYS),
            ({"Prefix": "a/"}, ["a/1", "a/2", "a/b/3"]),
            ({"Delimiter": "/"}, ["a", "a/", "b c", "z/", "é/"]),
            ({"Delimiter": "/", "Prefix": "a/"}, ["a/1", "a/2", "a/b/"]),
            ({"StartAfter": "a/2"}, ["a/b/3", "b c", "z/1", "z/2", "é/ü"]),
            ({"StartAfter": "a/2", "Prefix": "z/"}, ["z/1", "z/2"]),
            ({"Prefix": "none"}, []),
            ({"MaxKeys": 0}, []),
        ],
    )
    def test_selection(self, filled, query, expected):
        """Prefix, delimiter and start-after select as S3 does, on pages of any size."""
        page = filled.list_objects_v2(Bucket="b", **query)
        assert names(page) == sorted(expected)
        assert (page["KeyCount"], page["IsTruncated"]) == (len(expected), False)

    @pytest.mark.parametrize("size", [1, 2, 3])
    @pytest.mark.parametrize("query", [{}, {"Delimiter": "/"}, {"Delimiter": "/", "Prefix": "a/"}])
    def test_pages(self, filled, query, size):
        """Pages of any size together are the one large page, nothing twice and nothing left out."""
        whole = names(filled.list_objects_v2(Bucket="b", **query))
        pages = filled.get_paginator("list_objects_v2").paginate(
            Bucket="b", PaginationConfig={"PageSize": size}, **query
        )
        assert sorted(chain.from_iterable(names(page) for page in pages)) == whole

    def test_deleted(self, filled):
        """A deleted object is in no listing of objects, and no prefix stands for it."""
        assert names(filled.list_objects_v2(Bucket="versioned", Prefix="a/", Delimiter="/")) == ["a/1", "a/2"]

    def test_entry(self, filled):
        """An entry tells size, ETag and the kind of checksum; the owner when asked for."""
        entry = filled.list_objects_v2(Bucket="b", Prefix="b c")["Contents"][0]
        assert (entry["Size"], entry["ETag"]) == (3, filled.head_object(Bucket="b", Key="b c")["ETag"])
        assert (entry["ChecksumAlgorithm"], entry["ChecksumType"]) == (["CRC32"], "FULL_OBJECT")
        assert "Owner" not in entry
        assert "Owner" in filled.list_objects_v2(Bucket="b", Prefix="b c", FetchOwner=True)["Contents"][0]

    def test_wrong_arguments(self, filled):
        """A token that is not ours and a page size that is no number are refused."""
        answer = outcome(filled.list_objects_v2, Bucket="b", ContinuationToken="€")
        assert answer == (400, "InvalidArgument")
        assert outcome(filled.list_objects_v2, Bucket="b", MaxKeys=-1) == (400, "InvalidArgument")


class TestVersions:
    def test_order(self, filled):
        """Every version is listed, of a key the newest first, and one of each key is the latest."""
        page = filled.list_object_versions(Bucket="versioned", Prefix="a/b")
        assert page["DeleteMarkers"][0]["IsLatest"]
        assert [each["IsLatest"] for each in page["Versions"]] == [False, False]
        page = filled.list_object_versions(Bucket="versioned", Prefix="a/1")
        assert [each["IsLatest"] for each in page["Versions"]] == [True, False]

    @pytest.mark.parametrize("size", [1, 2, 3])
    @pytest.mark.parametrize("query", [{}, {"Delimiter": "/"}, {"Delimiter": "/", "Prefix": "a/"}])
    def test_pages(self, filled, query, size):
        """Pages of any size together are the one large page, also when one ends between versions of a key."""
        whole = names(filled.list_object_versions(Bucket="versioned", **query))
        config = {"PageSize": size}
        pages = filled.get_paginator("list_object_versions").paginate(
            Bucket="versioned", PaginationConfig=config, **query
        )
        assert sorted(chain.from_iterable(names(page) for page in pages)) == whole


class TestUploads:
    @pytest.mark.parametrize("size", [1, 2, 1000])
    def test_uploads(self, s3, size):
        """Uploads under way are listed by key, then in the order they began, on pages of any size."""
        begun = [
            (key, s3.create_multipart_upload(Bucket="b", Key=key)["UploadId"]) for key in ("k b", "k b", "é", "k a")
        ]
        pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket="b", PaginationConfig={"PageSize": size})
        listed = [(each["Key"], each["UploadId"]) for page in pages for each in page["Uploads"]]
        assert listed == [begun[3], begun[0], begun[1], begun[2]]
        page = s3.list_multipart_uploads(Bucket="b", Prefix="é")
        assert [each["Key"] for each in page["Uploads"]] == ["é"]

    @pytest.mark.parametrize("size", [1, 2, 1000])
    def test_parts(self, s3, size):
        """Parts are listed by number with size, ETag and checksum, on pages of any size."""
        upload = s3.create_multipart_upload(Bucket="b", Key="k", ChecksumAlgorithm="CRC64NVME")["UploadId"]
        named = {"Bucket": "b", "Key": "k", "UploadId": upload, "ChecksumAlgorithm": "CRC64NVME"}
        sent = [s3.upload_part(**named, PartNumber=number, Body=b"%d" % number) for number in (10, 2, 9)]
        pages = s3.get_paginator("list_parts").paginate(
            Bucket="b", Key="k", UploadId=upload, PaginationConfig={"PageSize": size}
        )
        listed = [each for page in pages for each in page["Parts"]]
        assert [(each["PartNumber"], each["Size"]) for each in listed] == [(2, 1), (9, 1), (10, 2)]
        assert [(each["ETag"], each["ChecksumCRC64NVME"]) for each in listed] == [
            (sent[index]["ETag"], sent[index]["ChecksumCRC64NVME"]) for index in (1, 2, 0)
        ]
