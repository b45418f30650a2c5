"""Fills moto with accounts whose names, tags and policies are as ugly as AWS allows.

    python fill.py account ENDPOINT        one account, with pages of secrets for the JSON protocols
    python fill.py organisations ENDPOINT  two payers with two more accounts each; prints
                                           {payer: [account ids]}
"""

import json
import sys

import boto3

REGIONS = ["us-east-1", "eu-west-1"]
PAYERS = ["111111111111", "222222222222"]
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
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999999999999:root"},
         "Action": "sts:AssumeRole", "Condition": {}},
        {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"},
    ],
}
TAGS = [{"Key": "Näme", "Value": 'a<b>&"c"'}, {"Key": "Empty", "Value": ""},
        {"Key": " lead", "Value": "  two  "}]


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


def fill_ec2(client, mark):
    for region in REGIONS:
        ec2 = client("ec2", region)
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        group = ec2.create_security_group(
            GroupName=f"ugly-{mark}", Description="d &amp; <x> ü", VpcId=vpc,
            TagSpecifications=[{"ResourceType": "security-group", "Tags": TAGS}])["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
             "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all &lt; of it"}],
             "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
            {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]},
        ])


def fill_iam(client, mark):
    iam = client("iam")
    document = json.dumps(POLICY)
    managed = iam.create_policy(PolicyName="managed", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_group(GroupName="group")
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


def fill_s3(client, mark):
    s3 = client("s3")
    full, empty, dotted = f"full-{mark}", f"empty-{mark}", f"dotted.{mark}"
    s3.create_bucket(Bucket=full)
    for bucket in (empty, dotted):
        s3.create_bucket(Bucket=bucket,
                         CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_encryption(Bucket=full, ServerSideEncryptionConfiguration={"Rules": [{
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"},
        "BucketKeyEnabled": True}]})
    # Before the policy: moto fails on logging where a policy has Principal "*".
    s3.put_bucket_acl(Bucket=full, ACL="log-delivery-write")
    s3.put_bucket_logging(Bucket=full, BucketLoggingStatus={"LoggingEnabled": {
        "TargetBucket": full, "TargetPrefix": "lögs/&"}})
    policy = json.loads(json.dumps(POLICY))
    policy["Statement"][0] |= {"Principal": "*", "Resource": f"arn:aws:s3:::{full}/*"}
    s3.put_bucket_policy(Bucket=full, Policy=json.dumps(policy, ensure_ascii=False))
    s3.put_bucket_versioning(Bucket=full, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_tagging(Bucket=full, Tagging={"TagSet": TAGS})
    s3.put_public_access_block(Bucket=full, PublicAccessBlockConfiguration={
        "BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": False,
        "RestrictPublicBuckets": True})
    s3.put_bucket_acl(Bucket=empty, ACL="public-read")


def fill(client, mark):
    fill_ec2(client, mark)
    fill_iam(client, mark)
    fill_s3(client, mark)


def fill_json(client):
    secrets = client("secretsmanager")
    for number in range(5):
        secrets.create_secret(Name=f"s{number}", SecretString="x", Tags=TAGS, Description="ü\n")
    client("opensearch").create_domain(DomainName="domain", TagList=TAGS[:1])


def organisations(endpoint):
    out = {}
    for payer in PAYERS:
        organizations = session(endpoint, payer)("organizations")
        organizations.create_organization(FeatureSet="ALL")
        for name in ("Ünit & <one>", "two"):
            organizations.create_account(AccountName=name, Email="a+b@example.com")
        pages = organizations.get_paginator("list_accounts").paginate()
        out[payer] = sorted(a["Id"] for page in pages for a in page["Accounts"])
        for account in out[payer]:
            fill(session(endpoint, account), account)
    print(json.dumps(out))


def main():
    what, endpoint = sys.argv[1:]
    if what == "account":
        fill(session(endpoint), "one")
        fill_json(session(endpoint))
    else:
        organisations(endpoint)


if __name__ == "__main__":
    main()
