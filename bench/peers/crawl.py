"""The usual crawler: a thread an account, boto3 and its paginators, everything kept as JSON lines.

    python crawl.py ENDPOINT PAYER FOLDER REGION...   crawls, prints what it saw by resource type
    python crawl.py --collectors                      prints the collectors of ours that it stands for

It asks what our collectors ask, and no more: shared listings once, global services once. One boto3
session makes all clients, so that a service's model is read once and not once an account or a
thread, which is where crawlers lose most of their time and memory. Documents go to FOLDER, a file
an account.
"""

import collections
import concurrent.futures
import json
import pathlib
import sys
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

THREADS = 16
HOME = "us-east-1"


class Account:
    """Clients in one account, and the file that its documents go to."""

    # Clients may be shared by threads; what makes them may not.
    session, making = boto3.Session(), threading.Lock()

    def __init__(self, endpoint, keys, sink):
        self.endpoint, self.keys, self.sink, self.clients = endpoint, keys, sink, {}
        self.counts = collections.Counter()

    def client(self, service, region=HOME):
        if (service, region) not in self.clients:
            with self.making:
                self.clients[service, region] = self.session.client(
                    service, endpoint_url=self.endpoint, region_name=region, **self.keys,
                    config=Config(retries={"mode": "standard", "total_max_attempts": 7}))
        return self.clients[service, region]

    def keep(self, kind, document, **more):
        document.pop("ResponseMetadata", None)
        self.sink.write(json.dumps({"type": kind, **document, **more}, default=str) + "\n")
        self.counts[kind] += 1


def everything(client, operation, member, **parameters):
    pages = client.get_paginator(operation).paginate(**parameters)
    return [item for page in pages for item in page.get(member, [])]


def or_none(call, **parameters):
    """An answer, or none where AWS says that there is nothing."""
    try:
        answer = call(**parameters)
        answer.pop("ResponseMetadata", None)
        return answer
    except ClientError as error:
        return {"error": error.response["Error"]["Code"]}


def s3(account, _):
    home = account.client("s3")
    for item in home.list_buckets(MaxBuckets=10_000)["Buckets"]:
        name = item["Name"]
        place = home.get_bucket_location(Bucket=name)["LocationConstraint"] or HOME
        client = account.client("s3", place)
        calls = {
            "Acl": client.get_bucket_acl, "Encryption": client.get_bucket_encryption,
            "Logging": client.get_bucket_logging, "PolicyStatus": client.get_bucket_policy_status,
            "PublicAccessBlock": client.get_public_access_block,
            "Versioning": client.get_bucket_versioning, "Tagging": client.get_bucket_tagging,
            "Policy": client.get_bucket_policy,
        }
        account.keep("AWS::S3::Bucket", item, **{
            what: or_none(call, Bucket=name) for what, call in calls.items()})


def iam(account, _):
    client = account.client("iam")
    details = client.get_paginator("get_account_authorization_details").paginate(
        Filter=["User", "Group", "Role", "LocalManagedPolicy"], MaxItems=1000).build_full_result()
    for user in details["UserDetailList"]:
        name = user["UserName"]
        account.keep(
            "AWS::IAM::User", user,
            AccessKeys=everything(client, "list_access_keys", "AccessKeyMetadata", UserName=name),
            LoginProfile=or_none(client.get_login_profile, UserName=name),
            MFADevices=everything(client, "list_mfa_devices", "MFADevices", UserName=name))
    for role in details["RoleDetailList"]:
        account.keep("AWS::IAM::Role", role)
    while client.generate_credential_report()["State"] != "COMPLETE":
        time.sleep(0.25)
    report = client.get_credential_report()
    summary = client.get_account_summary()["SummaryMap"]
    account.keep("AWS::IAM::CredentialReport", report, AccountSummary=summary)


def ec2(account, region):
    client = account.client("ec2", region)
    for group in everything(client, "describe_security_groups", "SecurityGroups", MaxResults=1000):
        account.keep("AWS::EC2::SecurityGroup", group)


SERVICES = [
    (s3, False, ["s3-buckets"]),
    (iam, False, ["iam-credential-report", "iam-roles", "iam-users"]),
    (ec2, True, ["ec2-security-groups"]),
]


def enter(endpoint, account_id, sink):
    """Opens an account by its audit role."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    sts = Account(endpoint, keys, None).client("sts")
    arn = f"arn:aws:iam::{account_id}:role/audit"
    found = sts.assume_role(RoleArn=arn, RoleSessionName="crawler")["Credentials"]
    keys = {"aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"]}
    return Account(endpoint, keys, sink)


def crawl(endpoint, folder, regions, account_id):
    """Crawls one account; gives how many documents of each type it has."""
    with (folder / f"{account_id}.jsonl").open("w") as sink:
        account = enter(endpoint, account_id, sink)
        for collect, is_regional, _ in SERVICES:
            for region in regions if is_regional else [HOME]:
                collect(account, region)
    return account.counts


def main():
    if sys.argv[1] == "--collectors":
        print(json.dumps(sorted(name for _, _, names in SERVICES for name in names)))
        return
    endpoint, payer, folder, *regions = sys.argv[1:]
    folder = pathlib.Path(folder)
    organizations = enter(endpoint, payer, None).client("organizations")
    ids = [item["Id"] for item in everything(organizations, "list_accounts", "Accounts")]
    total = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for counts in pool.map(lambda one: crawl(endpoint, folder, regions, one), ids):
            total += counts
    print(json.dumps({"accounts": len(ids), "resources": total}))


if __name__ == "__main__":
    main()
