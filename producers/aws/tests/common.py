"""What the scripts and their services share: clients, ugly names, and the form of a resource."""

import base64
import datetime
import importlib
import pathlib

import boto3

REGIONS = ["us-east-1", "eu-west-1"]
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Ugly",
            "Effect": "Allow",
            "Action": ["s3:*", "ec2:Describe*"],
            "Resource": "*",
            "Condition": {"StringLike": {"aws:PrincipalTag/Ä": ["ü %20 + &amp; <x>", ""]}},
        }
    ],
}
TAGS = [{"Key": "Näme", "Value": 'a<b>&"c"'}, {"Key": "Empty", "Value": ""},
        {"Key": " lead", "Value": "  two  "}]


def services():
    """Gives the modules of the folder `services`, sorted by name.

    Each has `fill(client, mark)`, which makes resources in one account, and `inventory(client,
    account)`, which gives what boto3 says of them: {type: {id: resource}}.
    """
    folder = pathlib.Path(__file__).parent / "services"
    names = sorted(path.stem for path in folder.glob("*.py"))
    return [importlib.import_module(f"services.{name}") for name in names]


def session(endpoint, account=None):
    """Gives a function from service and region to client, inside an account when one is named."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    if account:
        sts = boto3.client("sts", endpoint_url=endpoint, region_name="us-east-1", **keys)
        role = f"arn:aws:iam::{account}:role/Audit"
        found = sts.assume_role(RoleArn=role, RoleSessionName="fill")["Credentials"]
        keys = {"aws_access_key_id": found["AccessKeyId"],
                "aws_secret_access_key": found["SecretAccessKey"],
                "aws_session_token": found["SessionToken"]}
    return lambda service, region="us-east-1": boto3.client(
        service, endpoint_url=endpoint, region_name=region, **keys)


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


def tags(found):
    """Gives AWS's list of tags as a map."""
    return {tag["Key"]: tag.get("Value", "") for tag in found or []}


def resource(region, name, arn, found, configuration, supplementary, errors=()):
    """Gives a resource in the form in which the tests compare it; `found` is AWS's tags, `errors`
    the codes of the answers that could not be had."""
    return plain({"region": region, "name": name, "arn": arn, "tags": tags(found),
                  "configuration": configuration, "supplementary": supplementary,
                  "errors": dict(errors)})
