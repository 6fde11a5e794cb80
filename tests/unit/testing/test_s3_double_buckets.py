from __future__ import annotations

import time

from headwater.testing.s3_double import S3Double
from tests.unit.testing.s3_calls import head, outcome, send


class TestVersions:
    def test_each_write_is_a_version(self, s3):
        """In a bucket with versions a write over a key leaves what was there, under its version id."""
        first = s3.put_object(Bucket="versioned", Key="k", Body=b"1")["VersionId"]
        second = s3.put_object(Bucket="versioned", Key="k", Body=b"2")["VersionId"]
        assert s3.get_object(Bucket="versioned", Key="k", VersionId=first)["Body"].read() == b"1"
        assert s3.get_object(Bucket="versioned", Key="k")["VersionId"] == second
        assert outcome(s3.get_object, Bucket="versioned", Key="k", VersionId="none") == (404, "NoSuchVersion")

    def test_delete_marker_reopens(self, double, s3):
        """A delete marker hides the object, and a key behind it can be created once again."""
        first = s3.put_object(Bucket="versioned", Key="k", Body=b"1", IfNoneMatch="*")["VersionId"]
        marker = s3.delete_object(Bucket="versioned", Key="k")
        assert marker["DeleteMarker"]
        assert outcome(s3.get_object, Bucket="versioned", Key="k") == (404, "NoSuchKey")
        versioned = {"Bucket": "versioned", "Key": "k", "VersionId": marker["VersionId"]}
        assert outcome(s3.get_object, **versioned) == (405, "MethodNotAllowed")
        assert outcome(s3.put_object, Bucket="versioned", Key="k", Body=b"2", IfNoneMatch="*") == (200, "")
        assert s3.get_object(Bucket="versioned", Key="k", VersionId=first)["Body"].read() == b"1"
        assert double.objects("versioned") == {"k": b"2"}

    def test_delete_of_a_version(self, double, s3):
        """A delete with a version id is for ever; of the marker, it brings the object back."""
        first = s3.put_object(Bucket="versioned", Key="k", Body=b"1")["VersionId"]
        marker = s3.delete_object(Bucket="versioned", Key="k")["VersionId"]
        assert s3.delete_object(Bucket="versioned", Key="k", VersionId=marker)["DeleteMarker"]
        assert double.objects("versioned") == {"k": b"1"}
        s3.delete_object(Bucket="versioned", Key="k", VersionId=first)
        assert "Versions" not in s3.list_object_versions(Bucket="versioned")
        assert outcome(s3.delete_object, Bucket="versioned", Key="k", VersionId=first) == (204, "")

    def test_suspended(self, s3):
        """Suspended versioning writes the null version over itself and leaves the older versions."""
        first = s3.put_object(Bucket="versioned", Key="k", Body=b"1")["VersionId"]
        s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Suspended"})
        for body in (b"2", b"3"):
            assert s3.put_object(Bucket="versioned", Key="k", Body=body)["VersionId"] == "null"
        listed = [each["VersionId"] for each in s3.list_object_versions(Bucket="versioned")["Versions"]]
        assert listed == ["null", first]

    def test_unversioned(self, s3):
        """A bucket that never had versions speaks of none, and a delete in it is for ever."""
        assert "VersionId" not in s3.put_object(Bucket="b", Key="k", Body=b"1")
        assert "DeleteMarker" not in s3.delete_object(Bucket="b", Key="k")
        assert "Versions" not in s3.list_object_versions(Bucket="b")

    def test_object_lock(self, double, s3):
        """A locked version cannot be deleted before its time; GOVERNANCE can be bypassed, COMPLIANCE cannot."""
        until = time.time() + 60
        lock = {"Bucket": "locked", "Key": "k", "ObjectLockRetainUntilDate": until, "ChecksumAlgorithm": "CRC32"}
        for mode, expected in (("COMPLIANCE", 403), ("GOVERNANCE", 204)):
            version = s3.put_object(**lock, ObjectLockMode=mode)["VersionId"]
            named = {"Bucket": "locked", "Key": "k", "VersionId": version}
            assert s3.head_object(**named)["ObjectLockMode"] == mode
            assert outcome(s3.delete_object, **named) == (403, "AccessDenied")
            assert outcome(s3.delete_object, **named, BypassGovernanceRetention=True)[0] == expected
        double.clock_offset_seconds = 61
        compliant = s3.list_object_versions(Bucket="locked")["Versions"][0]["VersionId"]
        assert outcome(s3.delete_object, Bucket="locked", Key="k", VersionId=compliant) == (204, "")

    def test_legal_hold(self, s3):
        """A legal hold forbids every delete of the version."""
        version = s3.put_object(Bucket="locked", Key="k", ObjectLockLegalHoldStatus="ON")["VersionId"]
        deletion = {"Bucket": "locked", "Key": "k", "VersionId": version, "BypassGovernanceRetention": True}
        assert outcome(s3.delete_object, **deletion) == (403, "AccessDenied")

    def test_lock_needs(self, double):
        """A lock needs a bucket with Object Lock, a mode with a date to come, and a digest of the body."""
        s3 = double.client(request_checksum_calculation="when_required")
        soon, past = time.time() + 60, time.time() - 60
        lock = {"Key": "k", "ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": soon}
        checked = {**lock, "ChecksumAlgorithm": "CRC32"}
        assert outcome(s3.put_object, Bucket="b", **checked) == (400, "InvalidRequest")
        assert outcome(s3.put_object, Bucket="locked", **lock) == (400, "InvalidRequest")
        checked["ObjectLockRetainUntilDate"] = past
        assert outcome(s3.put_object, Bucket="locked", **checked) == (400, "InvalidArgument")
        del checked["ObjectLockRetainUntilDate"]
        assert outcome(s3.put_object, Bucket="locked", **checked) == (400, "InvalidArgument")


class TestBuckets:
    def test_create(self, s3):
        """A bucket is made once, under a valid name, in the double's region."""
        assert outcome(s3.create_bucket, Bucket="new") == (200, "")
        assert outcome(s3.create_bucket, Bucket="new") == (409, "BucketAlreadyOwnedByYou")
        assert outcome(s3.create_bucket, Bucket="Upper_Case") == (400, "InvalidBucketName")
        elsewhere = {"LocationConstraint": "eu-west-1"}
        answer = outcome(s3.create_bucket, Bucket="far", CreateBucketConfiguration=elsewhere)
        assert answer == (400, "IllegalLocationConstraintException")
        assert s3.head_bucket(Bucket="new")["BucketRegion"] == "us-east-1"
        assert s3.get_bucket_location(Bucket="new")["LocationConstraint"] is None

    def test_region(self):
        """A double of another region answers that region only."""
        with S3Double(region="eu-central-1") as double:
            s3 = double.client()
            s3.create_bucket(Bucket="new", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
            assert s3.get_bucket_location(Bucket="new")["LocationConstraint"] == "eu-central-1"

    def test_versioning(self, double, s3):
        """Versioning is off, then what it was set to; Object Lock forbids to suspend it."""
        assert "Status" not in s3.get_bucket_versioning(Bucket="b")
        s3.put_bucket_versioning(Bucket="b", VersioningConfiguration={"Status": "Enabled"})
        assert s3.get_bucket_versioning(Bucket="b")["Status"] == "Enabled"
        suspended = {"Status": "Suspended"}
        answer = outcome(s3.put_bucket_versioning, Bucket="locked", VersioningConfiguration=suspended)
        assert answer == (409, "InvalidBucketState")
        for document in (b"", b"<Versioning", b"<VersioningConfiguration/>"):
            request = head(double, "PUT", "/b?versioning", content_length=str(len(document)))
            assert "<Code>MalformedXML</Code>" in send(double, request + document)[1]

    def test_object_lock_configuration(self, s3):
        """Object Lock shows where it is enabled, also by CreateBucket, and is not found elsewhere."""
        s3.create_bucket(Bucket="new", ObjectLockEnabledForBucket=True)
        for bucket in ("locked", "new"):
            found = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
            assert found == {"ObjectLockEnabled": "Enabled"}
        answer = outcome(s3.get_object_lock_configuration, Bucket="b")
        assert answer == (404, "ObjectLockConfigurationNotFoundError")

    def test_who_can_see(self, s3):
        """A doctor can tell a public bucket from a private one in each of the three ways."""
        assert all(s3.get_public_access_block(Bucket="b")["PublicAccessBlockConfiguration"].values())
        answer = outcome(s3.get_public_access_block, Bucket="public")
        assert answer == (404, "NoSuchPublicAccessBlockConfiguration")
        assert outcome(s3.get_bucket_policy_status, Bucket="b") == (404, "NoSuchBucketPolicy")
        assert s3.get_bucket_policy_status(Bucket="public")["PolicyStatus"]["IsPublic"]
        assert [grant["Permission"] for grant in s3.get_bucket_acl(Bucket="b")["Grants"]] == ["FULL_CONTROL"]
        assert [grant["Permission"] for grant in s3.get_bucket_acl(Bucket="public")["Grants"]] == [
            "FULL_CONTROL",
            "READ",
        ]
