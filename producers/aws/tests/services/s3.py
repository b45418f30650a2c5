"""S3: buckets."""

import json

from botocore.exceptions import ClientError

from common import POLICY, TAGS, resource

QUESTIONS = {
    "Acl": ("get_bucket_acl", None),
    "Encryption": ("get_bucket_encryption", "ServerSideEncryptionConfiguration"),
    "Location": ("get_bucket_location", None),
    "Logging": ("get_bucket_logging", None),
    "Policy": ("get_bucket_policy", "Policy"),
    "PolicyStatus": ("get_bucket_policy_status", "PolicyStatus"),
    "PublicAccessBlock": ("get_public_access_block", "PublicAccessBlockConfiguration"),
    "Tagging": ("get_bucket_tagging", None),
    "Versioning": ("get_bucket_versioning", None),
}


def fill(client, mark):
    s3 = client("s3")
    full, empty, dotted = f"full-{mark}", f"empty-{mark}", f"dotted.{mark}"
    s3.create_bucket(Bucket=full)
    for bucket in (empty, dotted):
        s3.create_bucket(Bucket=bucket,
                         CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_encryption(Bucket=full, ServerSideEncryptionConfiguration={"Rules": [{
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"},
        "BucketKeyEnabled": True}]})
    # Before the policy: moto fails on logging where a policy has Principal "*".
    s3.put_bucket_acl(Bucket=full, ACL="log-delivery-write")
    s3.put_bucket_logging(Bucket=full, BucketLoggingStatus={"LoggingEnabled": {
        "TargetBucket": full, "TargetPrefix": "lögs/&"}})
    policy = json.loads(json.dumps(POLICY))
    policy["Statement"][0] |= {"Principal": "*", "Resource": f"arn:aws:s3:::{full}/*"}
    s3.put_bucket_policy(Bucket=full, Policy=json.dumps(policy, ensure_ascii=False))
    s3.put_bucket_versioning(Bucket=full, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket=full, Tagging={"TagSet": TAGS})
    s3.put_public_access_block(Bucket=full, PublicAccessBlockConfiguration={
        "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False,
        "RestrictPublicBuckets": True})
    s3.put_bucket_acl(Bucket=empty, ACL="public-read")


def inventory(client, account):
    s3 = client("s3")
    out = {}
    for bucket in s3.list_buckets()["Buckets"]:
        name, details = bucket["Name"], {}
        for key, (operation, member) in QUESTIONS.items():
            try:
                answer = getattr(s3, operation)(Bucket=name)
                answer.pop("ResponseMetadata")
                details[key] = answer[member] if member else answer
            except ClientError:
                details[key] = None
        if details["Policy"]:
            details["Policy"] = json.loads(details["Policy"])
        region = details["Location"]["LocationConstraint"] or "us-east-1"
        found = (details["Tagging"] or {}).get("TagSet")
        arn = f"arn:aws:s3:::{name}"
        out[name] = resource(region, name, arn, found, bucket, details)
    return {"AWS::S3::Bucket": out}
