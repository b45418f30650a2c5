"""The addresses at which the provider's console shows resources, as its users know them."""

import re
import types
import urllib.parse

# What stands behind the host, by type.
CONSOLE = {
    "AWS::CloudTrail::Trail": lambda p: f"cloudtrailv2/home?region={p.region}#/trails/{p.arn}",
    "AWS::EC2::Instance":
        lambda p: f"ec2/home?region={p.region}#InstanceDetails:instanceId={p.last}",
    "AWS::EC2::SecurityGroup":
        lambda p: f"ec2/home?region={p.region}#SecurityGroup:groupId={p.last}",
    "AWS::EC2::Snapshot":
        lambda p: f"ec2/home?region={p.region}#SnapshotDetails:snapshotId={p.last}",
    "AWS::EC2::VPC": lambda p: f"vpcconsole/home?region={p.region}#VpcDetails:VpcId={p.last}",
    "AWS::EC2::Volume": lambda p: f"ec2/home?region={p.region}#VolumeDetails:volumeId={p.last}",
    "AWS::EC2::NetworkInterface":
        lambda p: f"ec2/home?region={p.region}#NetworkInterface:networkInterfaceId={p.last}",
    "AWS::ECR::Repository":
        lambda p: f"ecr/repositories/private/{p.account}/{p.id}?region={p.region}",
    "AWS::IAM::CredentialReport": lambda p: "iam/home#/credential_report",
    "AWS::IAM::Group": lambda p: f"iam/home#/groups/details/{p.name}",
    "AWS::IAM::Policy": lambda p: f"iam/home#/policies/details/{p.arn}",
    "AWS::IAM::Role": lambda p: f"iam/home#/roles/details/{p.name}",
    "AWS::IAM::User": lambda p: f"iam/home#/users/details/{p.name}",
    "AWS::RDS::DBInstance":
        lambda p: f"rds/home?region={p.region}#database:id={p.last};is-cluster=false",
    "AWS::RDS::DBSnapshot": lambda p: f"rds/home?region={p.region}#db-snapshot:id={p.last}",
    "AWS::S3::Bucket": lambda p: f"s3/buckets/{p.last}?region={p.region}",
    "AWS::SecretsManager::Secret":
        lambda p: f"secretsmanager/secret?name={p.name}&region={p.region}",
}

# What stands for an empty part; no address holds it.
NOTHING = " "


def console(key, row):
    """The address of a row's resource; None where no console or a part of it is not known."""
    _, account, region, id, _ = key
    parts = {"account": account, "region": region, "id": id, "name": row["name"] or id,
             "arn": row["arn"], "last": re.split("[/:]", row["arn"] or id)[-1]}
    place = types.SimpleNamespace(**{
        name: urllib.parse.quote(part, safe="") or NOTHING for name, part in parts.items()})
    path = CONSOLE.get(row["resource_type"], lambda _: None)(place)
    if path is None or NOTHING in path:
        return None
    host = "us-east-1" if region == "global" else region
    return f"https://{host}.console.aws.amazon.com/{path}"
