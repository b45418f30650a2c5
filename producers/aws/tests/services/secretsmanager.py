"""Secrets Manager: secrets with and without policy and rotation, more than a page of them."""

import json

from common import POLICY, REGIONS, TAGS, resource


def fill(client, mark):
    secrets = client("secretsmanager")
    for number in range(5):
        secrets.create_secret(Name=f"s/{number}", SecretString="x", Tags=TAGS, Description="ü\n")
    secrets.create_secret(Name=f"bare+{mark}@=", SecretBinary=b"\0")
    policy = json.loads(json.dumps(POLICY))
    policy["Statement"][0] |= {"Principal": {"AWS": "arn:aws:iam::999999999999:root"}}
    secrets.put_resource_policy(SecretId="s/0", ResourcePolicy=json.dumps(policy))
    secrets.delete_secret(SecretId="s/4", RecoveryWindowInDays=7)


def inventory(client, account):
    out = {}
    for region in REGIONS:
        secrets = client("secretsmanager", region)
        for page in secrets.get_paginator("list_secrets").paginate(MaxResults=2):
            for secret in page["SecretList"]:
                policy = secrets.get_resource_policy(SecretId=secret["Name"]).get("ResourcePolicy")
                out[secret["ARN"]] = resource(
                    region, secret["Name"], secret["ARN"], secret.get("Tags"), secret,
                    {"ResourcePolicy": json.loads(policy) if policy else None})
    return {"AWS::SecretsManager::Secret": out}
