"""Calls a moto server as the kit's own tests need it, and prints what it saw as JSON.

    python probe.py ENDPOINT          roles in two accounts, users' keys, root MFA, S3 objects
    python probe.py ENDPOINT codes ACCOUNT...
                                      what one call of each protocol is answered in each account:
                                      its error code and status, or its result's status
    python probe.py ENDPOINT pages    how many pages of some listings come, five at most, or the
                                      code of the error that ended them
"""

import datetime
import itertools
import json
import sys

import boto3
from botocore.config import Config
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
        config=Config(retries={"total_max_attempts": 1}),
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


CALLS = {
    "sts": "get_caller_identity", "iam": "get_account_summary", "ec2": "describe_vpcs",
    "s3": "list_buckets", "route53": "list_hosted_zones", "secretsmanager": "list_secrets",
    "organizations": "list_roots", "opensearch": "list_domain_names",
}

LISTINGS = {
    "iam": "list_roles", "ec2": "describe_vpcs", "s3": "list_buckets",
    "route53": "list_hosted_zones", "secretsmanager": "list_secrets", "ecs": "list_clusters",
    "cloudtrail": "list_trails",
}


def answer(session, service, operation):
    """Code and status of an answer."""
    try:
        found = getattr(client(service, session), operation)()
        return str(found["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return f"{error.response['Error']['Code']} {status}"


def codes(*accounts):
    """The probe of the second form."""
    def all_of(session):
        client("organizations", session).create_organization(FeatureSet="ALL")
        return {name: answer(session, name, operation) for name, operation in CALLS.items()}

    return {account: all_of(assume(account)) for account in accounts}


def pages():
    """The probe of the third form."""
    def count(service, operation):
        found = client(service).get_paginator(operation).paginate()
        return code_or(lambda: sum(1 for _ in itertools.islice(found, 5)))

    return {service: count(service, operation) for service, operation in LISTINGS.items()}


FORMS = {"codes": codes, "pages": pages}
print(json.dumps(FORMS[sys.argv[2]](*sys.argv[3:]) if sys.argv[2:] else everything()))
