"""ECR: repositories with and without policy, tags and scanning."""

import json

from botocore.exceptions import ClientError

from common import POLICY, REGIONS, TAGS, resource


def fill(client, mark):
    ecr = client("ecr")
    plain = "plain/er"
    full = ecr.create_repository(
        repositoryName=f"full_{mark}/a.b-c", tags=TAGS, imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS"})["repository"]["repositoryName"]
    ecr.create_repository(repositoryName=plain)
    policy = json.loads(json.dumps(POLICY))
    del policy["Statement"][0]["Resource"]
    policy["Statement"][0] |= {"Principal": {"AWS": "*"}, "Action": "ecr:BatchGetImage"}
    ecr.set_repository_policy(repositoryName=full, policyText=json.dumps(policy))
    ecr.put_registry_scanning_configuration(scanType="ENHANCED", rules=[{
        "scanFrequency": "SCAN_ON_PUSH",
        "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}])


def inventory(client, account):
    out = {}
    for region in REGIONS:
        ecr = client("ecr", region)
        for page in ecr.get_paginator("describe_repositories").paginate(maxResults=1):
            for repository in page["repositories"]:
                out[repository["repositoryName"]] = document(ecr, region, repository)
    return {"AWS::ECR::Repository": out}


def document(ecr, region, repository):
    name, arn = repository["repositoryName"], repository["repositoryArn"]
    try:
        policy = json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"])
    except ClientError as error:
        assert error.response["Error"]["Code"] == "RepositoryPolicyNotFoundException"
        policy = None
    tags = ecr.list_tags_for_resource(resourceArn=arn)["tags"]
    scanning = ecr.get_registry_scanning_configuration()["scanningConfiguration"]
    return resource(region, name, arn, tags, repository,
                    {"Policy": policy, "RegistryScanning": scanning, "Tags": tags})
