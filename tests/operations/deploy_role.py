"""Deploys a template as a stack, and prints the role that IAM then has.

Usage: deploy_role.py ENDPOINT TEMPLATE PAYER
"""

import json
import sys

import boto3

endpoint, template, payer = sys.argv[1:]


def client(service):
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1",
                        aws_access_key_id="test", aws_secret_access_key="test")


with open(template, encoding="utf-8") as file:
    client("cloudformation").create_stack(
        StackName="role", TemplateBody=file.read(), Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": "Payer", "ParameterValue": payer}])
iam = client("iam")
role = iam.get_role(RoleName="Audit")["Role"]
policies = []
for policy in iam.list_attached_role_policies(RoleName="Audit")["AttachedPolicies"]:
    arn = policy["PolicyArn"]
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    policies.append(iam.get_policy_version(PolicyArn=arn, VersionId=version)
                    ["PolicyVersion"]["Document"])
print(json.dumps({"name": role["RoleName"], "path": role["Path"],
                  "trust": role["AssumeRolePolicyDocument"], "policies": policies}))
