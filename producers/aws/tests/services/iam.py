"""IAM: users, groups, roles, policies and the credential report."""

import csv
import io
import json

from botocore.exceptions import ClientError

from common import POLICY, TAGS, resource

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
         "Action": "sts:AssumeRole", "Condition": {}},
        {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"},
    ],
}


def fill(client, mark):
    iam = client("iam")
    document = json.dumps(POLICY)
    managed = iam.create_policy(PolicyName="managed", PolicyDocument=document)["Policy"]["Arn"]
    second = json.loads(document)
    second["Statement"][0]["Sid"] = "Second"
    iam.create_policy_version(PolicyArn=managed, PolicyDocument=json.dumps(second),
                              SetAsDefault=True)
    iam.create_policy(PolicyName=f"un.used-{mark}", PolicyDocument=document, Path="/deep/er/",
                      Description="ü & <so on>", Tags=TAGS)
    iam.create_group(GroupName="group", Path="/deep/er/")
    iam.create_group(GroupName="emp+ty=1")
    iam.put_group_policy(GroupName="group", PolicyName="inline", PolicyDocument=document)
    iam.attach_group_policy(GroupName="group", PolicyArn=managed)
    for user in [f"a.{mark}@b-c+d=e", "plain"]:
        iam.create_user(UserName=user, Tags=TAGS[:2], Path="/deep/er/")
        iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=document)
    iam.create_user(UserName="bare")
    iam.attach_user_policy(UserName="plain", PolicyArn=managed)
    iam.add_user_to_group(GroupName="group", UserName="plain")
    iam.create_access_key(UserName="plain")
    key = iam.create_access_key(UserName="plain")["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName="plain", AccessKeyId=key, Status="Inactive")
    iam.create_login_profile(UserName="plain", Password="Long-Enough-1", PasswordResetRequired=True)
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="device")
    serial = device["VirtualMFADevice"]["SerialNumber"]
    iam.enable_mfa_device(UserName="plain", SerialNumber=serial,
                          AuthenticationCode1="123456", AuthenticationCode2="654321")
    iam.create_role(RoleName="trusting", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=TAGS,
                    Description="ü & <so on>")
    iam.put_role_policy(RoleName="trusting", PolicyName="inline", PolicyDocument=document)
    for _ in range(3):
        iam.generate_credential_report()


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


def groups(details):
    return {group["GroupId"]: resource("global", group["GroupName"], group["Arn"], None, group, {})
            for group in details["GroupDetailList"]}


def policies(client, details):
    """Gives the policies that ListPolicies knows too; those of AWS are in no account's list."""
    pages = client("iam").get_paginator("list_policies").paginate(Scope="Local")
    local = {policy["Arn"] for page in pages for policy in page["Policies"]}
    return {policy["PolicyId"]: resource("global", policy["PolicyName"], policy["Arn"], None,
                                         policy, {})
            for policy in details["Policies"] if policy["Arn"] in local}


def report(client, account):
    iam = client("iam")
    found = iam.get_credential_report()
    rows = list(csv.DictReader(io.StringIO(found["Content"].decode())))
    configuration = {"rows": rows}
    summary = {"AccountSummary": iam.get_account_summary()["SummaryMap"]}
    return {account: resource("global", account, "", None, configuration, summary)}


def inventory(client, account):
    details = client("iam").get_account_authorization_details()
    return {
        "AWS::IAM::CredentialReport": report(client, account),
        "AWS::IAM::Group": groups(details),
        "AWS::IAM::Policy": policies(client, details),
        "AWS::IAM::Role": roles(details),
        "AWS::IAM::User": users(client, details),
    }
