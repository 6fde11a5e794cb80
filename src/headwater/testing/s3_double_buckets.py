"""The operations of the S3 double on a bucket: making it, and what a doctor asks of it."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from headwater.testing.s3_double_state import Ask, Bucket
from headwater.testing.s3_wire import Answer, S3Error, leaf, tag, xml_answer

_NAME = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OWNER = tag("Owner", leaf("ID", "s3-double"))


def create_bucket(ask: Ask) -> Answer:
    """CreateBucket, in the double's region only."""
    if not _NAME.fullmatch(ask.bucket_name):
        raise S3Error("InvalidBucketName", "The specified bucket is not valid")
    if ask.bucket_name in ask.account.buckets:
        raise S3Error("BucketAlreadyOwnedByYou", "The bucket you tried to create already exists, and you own it")
    document = _document(ask)
    asked = "us-east-1" if document is None else document.findtext("{*}LocationConstraint")
    if asked != ask.account.region:
        raise S3Error(
            "IllegalLocationConstraintException", f"The location constraint must be that of {ask.account.region}"
        )
    locked = ask.headers.get("x-amz-bucket-object-lock-enabled", "").lower() == "true"
    bucket = Bucket(ask.bucket_name, ask.account.now(), "Enabled" if locked else "", object_lock=locked)
    ask.account.buckets[ask.bucket_name] = bucket
    return Answer(200, {"Location": f"/{ask.bucket_name}"})


def head_bucket(ask: Ask) -> Answer:
    """HeadBucket."""
    return Answer(200, {"x-amz-bucket-region": ask.account.region})


def get_bucket_versioning(ask: Ask) -> Answer:
    """GetBucketVersioning: without a status when it never was switched on."""
    status = ask.bucket.versioning
    return xml_answer(tag("VersioningConfiguration", leaf("Status", status) if status else ""))


def put_bucket_versioning(ask: Ask) -> Answer:
    """PutBucketVersioning; a bucket with Object Lock cannot suspend it."""
    document = _document(ask)
    status = None if document is None else document.findtext("{*}Status")
    if status not in {"Enabled", "Suspended"}:
        raise S3Error("MalformedXML", "The XML you provided did not validate against our published schema")
    if ask.bucket.object_lock and status == "Suspended":
        raise S3Error("InvalidBucketState", "Versioning cannot be suspended: Object Lock is enabled on this bucket")
    ask.bucket.versioning = status
    return Answer(200)


def get_bucket_location(ask: Ask) -> Answer:
    """GetBucketLocation: empty means us-east-1."""
    region = ask.account.region
    return xml_answer(leaf("LocationConstraint", "" if region == "us-east-1" else region))


def get_public_access_block(ask: Ask) -> Answer:
    """GetPublicAccessBlock: all four on, or no such configuration where the bucket is public."""
    if ask.bucket.public:
        raise S3Error("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    return xml_answer(tag("PublicAccessBlockConfiguration", *(leaf(name, "true") for name in names)))


def get_bucket_policy_status(ask: Ask) -> Answer:
    """GetBucketPolicyStatus: a bucket has a policy only where it is public."""
    if not ask.bucket.public:
        raise S3Error("NoSuchBucketPolicy", "The bucket policy does not exist")
    return xml_answer(tag("PolicyStatus", leaf("IsPublic", "true")))


def get_bucket_acl(ask: Ask) -> Answer:
    """GetBucketAcl: the owner's full control and, where the bucket is public, everybody's READ."""
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    owner = f'<Grantee {xsi} xsi:type="CanonicalUser">{leaf("ID", "s3-double")}</Grantee>'
    everybody = "http://acs.amazonaws.com/groups/global/AllUsers"
    grants = tag("Grant", owner, leaf("Permission", "FULL_CONTROL"))
    if ask.bucket.public:
        grantee = f'<Grantee {xsi} xsi:type="Group">{leaf("URI", everybody)}</Grantee>'
        grants += tag("Grant", grantee, leaf("Permission", "READ"))
    return xml_answer(tag("AccessControlPolicy", _OWNER, tag("AccessControlList", grants)))


def get_object_lock_configuration(ask: Ask) -> Answer:
    """GetObjectLockConfiguration: enabled without a default retention, or not found."""
    if not ask.bucket.object_lock:
        raise S3Error(
            "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"
        )
    return xml_answer(tag("ObjectLockConfiguration", leaf("ObjectLockEnabled", "Enabled")))


def _document(ask: Ask) -> ET.Element | None:
    """The XML of the body; None when there is no body."""
    text = b"".join(ask.payload.body.read(0, ask.payload.body.size_bytes))
    try:
        return ET.fromstring(text) if text else None  # noqa: S314
    except ET.ParseError:
        raise S3Error("MalformedXML", "The XML you provided was not well-formed") from None
