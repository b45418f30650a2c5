"""Calls a moto server as the kit's own tests need it, and prints what it saw as JSON.

    python probe.py ENDPOINT          roles in two accounts, users' keys, root MFA, S3 objects
    python probe.py ENDPOINT denied   error codes of calls that the test has denied
"""

import datetime
import json
import sys

import boto3
from botocore.exceptions import ClientError


def client(service, credentials=None):
    """A client of the server, as the session of an assumed role when `credentials` are given."""
    keys = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test", "SessionToken": None}
    return boto3.client(
        service,
        endpoint_url=sys.argv[1],
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def code_or(call):
    """The call's result, or the code of the error that it was answered with."""
    try:
        return call()
    except ClientError as error:
        return error.response["Error"]["Code"]


def assume(account):
    """Session credentials of the audit role in `account`."""
    role = f"arn:aws:iam::{account}:role/audit"
    answer = client("sts").assume_role(RoleArn=role, RoleSessionName="probe")
    return answer["Credentials"]


def key_age_days(name):
    """Makes a user with a key and tells the key's age."""
    iam = client("iam")
    iam.create_user(UserName=name)
    iam.create_access_key(UserName=name)
    key = iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]
    return (datetime.datetime.now(datetime.UTC) - key["CreateDate"]).days


def root_mfa(session):
    """What the session's account says about MFA of its root user."""
    summary = client("iam", session).get_account_summary()["SummaryMap"]
    return summary["AccountMFAEnabled"]


def everything():
    """The probe of the first form."""
    sessions = [code_or(lambda: assume(account)) for account in ["1" * 12, "2" * 12]]
    held = [session for session in sessions if isinstance(session, dict)]
    s3 = client("s3")
    s3.create_bucket(Bucket="probe-bucket")
    s3.put_object(Bucket="probe-bucket", Key="folder/key", Body=b"hello")
    return {
        "accounts": [
            client("sts", session).get_caller_identity()["Account"] if session in held else session
            for session in sessions
        ],
        "root_mfa": [code_or(lambda: root_mfa(session)) for session in held],
        "key_age_days": {name: key_age_days(name) for name in ["new-user", "old-user"]},
        "buckets": code_or(lambda: [b["Name"] for b in s3.list_buckets()["Buckets"]]),
        "body": s3.get_object(Bucket="probe-bucket", Key="folder/key")["Body"].read().decode(),
    }


def denied():
    """The probe of the second form."""
    return {
        "organizations": code_or(lambda: client("organizations").list_accounts()),
        "ec2": code_or(lambda: client("ec2").describe_security_groups()),
    }


print(json.dumps(denied() if "denied" in sys.argv[2:] else everything()))
