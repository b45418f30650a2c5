"""The usual crawler: a thread an account, boto3 and its paginators, everything kept as JSON lines.

    python crawl.py ENDPOINT PAYER FOLDER REGION...
                                      crawls, prints what it saw by resource type
    python crawl.py --collectors                      prints the collectors of ours it stands for

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
    for member, kind in [("RoleDetailList", "AWS::IAM::Role"), ("Policies", "AWS::IAM::Policy"),
                         ("GroupDetailList", "AWS::IAM::Group")]:
        for item in details[member]:
            account.keep(kind, item)
    while client.generate_credential_report()["State"] != "COMPLETE":
        time.sleep(0.25)
    report = client.get_credential_report()
    summary = client.get_account_summary()["SummaryMap"]
    account.keep("AWS::IAM::CredentialReport", report, AccountSummary=summary)
    settings(account, client, summary)


def settings(account, iam_client, summary):
    client = account.client("account")
    contacts = {f"{kind}Contact": or_none(client.get_alternate_contact, AlternateContactType=kind)
                for kind in ("BILLING", "OPERATIONS", "SECURITY")}
    account.keep(
        "AWS::Account::Settings", {}, AccountSummary=summary, **contacts,
        ContactInformation=or_none(client.get_contact_information),
        Regions=or_none(client.list_regions, MaxResults=50),
        PasswordPolicy=or_none(iam_client.get_account_password_policy))


def ec2(account, region):
    client = account.client("ec2", region)
    for operation, member, kind in [
            ("describe_security_groups", "SecurityGroups", "SecurityGroup"),
            ("describe_network_interfaces", "NetworkInterfaces", "NetworkInterface"),
    ]:
        for item in everything(client, operation, member, MaxResults=1000):
            account.keep(f"AWS::EC2::{kind}", item)
    for item in everything(client, "describe_volumes", "Volumes", MaxResults=500):
        account.keep("AWS::EC2::Volume", item)
    for reservation in everything(client, "describe_instances", "Reservations", MaxResults=1000):
        for instance in reservation.pop("Instances"):
            account.keep("AWS::EC2::Instance", instance, Reservation=reservation)
    for item in everything(client, "describe_snapshots", "Snapshots", OwnerIds=["self"],
                           MaxResults=1000):
        shared = or_none(client.describe_snapshot_attribute, SnapshotId=item["SnapshotId"],
                         Attribute="createVolumePermission")
        account.keep("AWS::EC2::Snapshot", item, Shared=shared)
    vpcs = everything(client, "describe_vpcs", "Vpcs", MaxResults=1000)
    logs = everything(client, "describe_flow_logs", "FlowLogs", MaxResults=1000) if vpcs else []
    for vpc in vpcs:
        own = [log for log in logs if log["ResourceId"] == vpc["VpcId"]]
        account.keep("AWS::EC2::VPC", vpc, FlowLogs=own)


def cloudtrail(account, region):
    client = account.client("cloudtrail", region)
    for trail in client.describe_trails(includeShadowTrails=True)["trailList"]:
        if trail["HomeRegion"] == region:
            arn = trail["TrailARN"]
            account.keep(
                "AWS::CloudTrail::Trail", trail, Status=or_none(client.get_trail_status, Name=arn),
                EventSelectors=or_none(client.get_event_selectors, TrailName=arn),
                Tags=everything(client, "list_tags", "ResourceTagList", ResourceIdList=[arn]))


def ecr(account, region):
    client, scanning = account.client("ecr", region), None
    for item in everything(client, "describe_repositories", "repositories", maxResults=1000):
        scanning = scanning or or_none(client.get_registry_scanning_configuration)
        account.keep(
            "AWS::ECR::Repository", item, Scanning=scanning,
            Policy=or_none(client.get_repository_policy, repositoryName=item["repositoryName"],
                           registryId=item["registryId"]),
            Tags=or_none(client.list_tags_for_resource, resourceArn=item["repositoryArn"]))


def ecs(account, region):
    client, definitions = account.client("ecs", region), set()
    clusters = everything(client, "list_clusters", "clusterArns", maxResults=100)
    for some in chunks(clusters, 100):
        include = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "TAGS"]
        for item in client.describe_clusters(clusters=some, include=include)["clusters"]:
            account.keep("AWS::ECS::Cluster", item)
    for cluster in clusters:
        for kind, at_once in [("service", 10), ("task", 100)]:
            arns = everything(client, f"list_{kind}s", f"{kind}Arns", cluster=cluster,
                              maxResults=100)
            for some in chunks(arns, at_once):
                describe = getattr(client, f"describe_{kind}s")
                found = describe(cluster=cluster, include=["TAGS"], **{f"{kind}s": some})
                for item in found[f"{kind}s"]:
                    account.keep(f"AWS::ECS::{kind.title()}", item)
                    definitions.add(item.get("taskDefinition") or item["taskDefinitionArn"])
    # The newest of each family, and those in use.
    newest = {}
    for arn in everything(client, "list_task_definitions", "taskDefinitionArns", status="ACTIVE",
                          maxResults=100):
        family, revision = arn.rsplit(":", 1)
        newest[family] = max(newest.get(family, 0), int(revision))
    for arn in definitions | {f"{family}:{number}" for family, number in newest.items()}:
        found = client.describe_task_definition(taskDefinition=arn, include=["TAGS"])
        account.keep("AWS::ECS::TaskDefinition", found)


def chunks(items, size):
    return [items[at:at + size] for at in range(0, len(items), size)]


def secrets(account, region):
    client = account.client("secretsmanager", region)
    for item in everything(client, "list_secrets", "SecretList", MaxResults=100):
        policy = or_none(client.get_resource_policy, SecretId=item["ARN"])
        account.keep("AWS::SecretsManager::Secret", item, ResourcePolicy=policy)


def opensearch(account, region):
    client = account.client("opensearch", region)
    names = [item["DomainName"] for item in client.list_domain_names()["DomainNames"]]
    for some in chunks(names, 5):
        for item in client.describe_domains(DomainNames=some)["DomainStatusList"]:
            tags = or_none(client.list_tags, ARN=item["ARN"])
            account.keep("AWS::OpenSearch::Domain", item, Tags=tags)


def route53(account, _):
    client = account.client("route53")
    for item in everything(client, "list_hosted_zones", "HostedZones", MaxItems="100"):
        name = item["Id"].rsplit("/", 1)[1]
        account.keep(
            "AWS::Route53::HostedZone", item, Zone=or_none(client.get_hosted_zone, Id=name),
            Tags=or_none(client.list_tags_for_resource, ResourceType="hostedzone",
                         ResourceId=name),
            Records=everything(client, "list_resource_record_sets", "ResourceRecordSets",
                               HostedZoneId=name, MaxItems="300"))
    client = account.client("route53domains")
    for item in everything(client, "list_domains", "Domains", MaxItems=100):
        name = item["DomainName"]
        account.keep("AWS::Route53Domains::Domain", item,
                     Tags=or_none(client.list_tags_for_domain, DomainName=name),
                     Detail=or_none(client.get_domain_detail, DomainName=name))


def support(account, _):
    client = account.client("support")
    found = or_none(client.describe_trusted_advisor_checks, language="en")
    if "checks" not in found:
        account.keep("AWS::TrustedAdvisor::Check", found)
    for item in found.get("checks", []):
        result = or_none(client.describe_trusted_advisor_check_result, checkId=item["id"])
        account.keep("AWS::TrustedAdvisor::Check", item, Result=result)


# What collects, whether in each region, and the collectors of ours that it stands for.
SERVICES = [
    (s3, False, ["s3-buckets"]),
    (iam, False, ["account-settings", "iam-credential-report", "iam-groups", "iam-policies",
                  "iam-roles", "iam-users"]),
    (ec2, True, ["ec2-instances", "ec2-network-interfaces", "ec2-security-groups", "ec2-snapshots",
                 "ec2-volumes", "ec2-vpcs"]),
    (cloudtrail, True, ["cloudtrail-trails"]),
    (ecr, True, ["ecr-repositories"]),
    (ecs, True, ["ecs-clusters", "ecs-services", "ecs-task-definitions", "ecs-tasks"]),
    (secrets, True, ["secretsmanager-secrets"]),
    (opensearch, True, ["opensearch-domains"]),
    (route53, False, ["route53-domains", "route53-zones"]),
    (support, False, ["support-trusted-advisor"]),
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


def organisation(client):
    """Lists the accounts, their units and their tags; gives the accounts' ids."""
    ids = [item["Id"] for item in everything(client, "list_accounts", "Accounts")]
    parents = [item["Id"] for item in everything(client, "list_roots", "Roots")]
    while parents:
        parent = parents.pop()
        everything(client, "list_accounts_for_parent", "Accounts", ParentId=parent)
        below = everything(client, "list_organizational_units_for_parent", "OrganizationalUnits",
                           ParentId=parent)
        parents.extend(item["Id"] for item in below)
    for account_id in ids:
        everything(client, "list_tags_for_resource", "Tags", ResourceId=account_id)
    return ids


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
    ids = organisation(enter(endpoint, payer, None).client("organizations"))
    total = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for counts in pool.map(lambda one: crawl(endpoint, folder, regions, one), ids):
            total += counts
    print(json.dumps({"accounts": len(ids), "resources": total}))


if __name__ == "__main__":
    main()
