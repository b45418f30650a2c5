"""What boto3 says of the same server, as the tests' second opinion.

    python oracle.py calls ENDPOINT CALLS           CALLS is JSON: [{service, operation, parameters,
                                                    all, region}]; prints one {document} or {code}
                                                    for each
    python oracle.py inventory ENDPOINT ACCOUNT...  prints {account: {type: {id: resource}}}
"""

import base64
import csv
import datetime
import io
import json
import sys

import botocore
from botocore.exceptions import ClientError

from fill import REGIONS, session

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


def plain(value):
    """Gives what the AWS CLI would print: ISO times, Base64 bytes."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def call(client, wanted):
    operation = botocore.xform_name(wanted["operation"])
    api = client(wanted["service"], wanted["region"])
    try:
        if wanted["all"] and api.can_paginate(operation):
            pages = api.get_paginator(operation).paginate(**wanted["parameters"])
            return {"document": plain(pages.build_full_result())}
        return {"document": plain(getattr(api, operation)(**wanted["parameters"]))}
    except ClientError as error:
        return {"code": error.response["Error"]["Code"]}


def tags(found):
    return {tag["Key"]: tag.get("Value", "") for tag in found or []}


def resource(region, name, arn, found, configuration, supplementary):
    return plain({"region": region, "name": name, "arn": arn, "tags": tags(found),
                  "configuration": configuration, "supplementary": supplementary})


def buckets(client):
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
    return out


def groups(client):
    out = {}
    for region in REGIONS:
        for group in client("ec2", region).describe_security_groups()["SecurityGroups"]:
            arn = (f"arn:aws:ec2:{region}:{group['OwnerId']}:security-group/{group['GroupId']}")
            arn = group.get("SecurityGroupArn", arn)
            out[group["GroupId"]] = resource(
                region, group["GroupName"], arn, group.get("Tags"), group, {})
    return out


def users(client, details):
    iam = client("iam")
    out = {}
    for user in details["UserDetailList"]:
        name = {"UserName": user["UserName"]}
        try:
            profile = iam.get_login_profile(**name)["LoginProfile"]
        except ClientError:
            profile = None
        further = {
            "AccessKeys": iam.list_access_keys(**name)["AccessKeyMetadata"],
            "LoginProfile": profile,
            "MFADevices": iam.list_mfa_devices(**name)["MFADevices"],
        }
        out[user["UserId"]] = resource(
            "global", user["UserName"], user["Arn"], user.get("Tags"), user, further)
    return out


def roles(details):
    return {role["RoleId"]: resource("global", role["RoleName"], role["Arn"], role.get("Tags"),
                                     role, {})
            for role in details["RoleDetailList"]}


def report(client, account):
    iam = client("iam")
    found = iam.get_credential_report()
    rows = list(csv.DictReader(io.StringIO(found["Content"].decode())))
    configuration = {"rows": rows}
    summary = {"AccountSummary": iam.get_account_summary()["SummaryMap"]}
    return {account: resource("global", account, "", None, configuration, summary)}


def inventory(endpoint, account):
    client = session(endpoint, account)
    details = client("iam").get_account_authorization_details(Filter=["User", "Role"])
    return {
        "AWS::EC2::SecurityGroup": groups(client),
        "AWS::IAM::CredentialReport": report(client, account),
        "AWS::IAM::Role": roles(details),
        "AWS::IAM::User": users(client, details),
        "AWS::S3::Bucket": buckets(client),
    }


def main():
    what, endpoint, *rest = sys.argv[1:]
    if what == "calls":
        client = session(endpoint)
        print(json.dumps([call(client, wanted) for wanted in json.loads(rest[0])]))
    else:
        print(json.dumps({account: inventory(endpoint, account) for account in rest}))


main()
