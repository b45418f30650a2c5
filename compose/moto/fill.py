"""Makes a small organisation in moto, for trying the stack: payer 111111111111 with four accounts.

    python fill.py ENDPOINT

Safe to repeat: an organisation that is there stays as it is. moto draws account ids at random; the
seed makes them those of ../scorecard/accounts.csv.
"""

import json
import sys
import urllib.request

import boto3

PAYER = "111111111111"
REGION = "eu-west-1"
MEMBERS = ["payments", "website", "analytics", "sandbox"]
BUCKET = "scorecard-inventory"
SEED = 20261129
WORLD, OFFICE = "0.0.0.0/0", "198.51.100.0/24"


def session(endpoint, account):
    """Gives a function from service and region to client inside an account."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    sts = boto3.client("sts", endpoint_url=endpoint, region_name="us-east-1", **keys)
    role = f"arn:aws:iam::{account}:role/fill"
    found = sts.assume_role(RoleArn=role, RoleSessionName="fill")["Credentials"]
    keys = {"aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"]}
    return lambda service, region=REGION: boto3.client(
        service, endpoint_url=endpoint, region_name=region, **keys)


def organisation(endpoint):
    """Makes the organisation; gives its members by name, none when it was there before."""
    client = session(endpoint, PAYER)("organizations", "us-east-1")
    try:
        client.create_organization(FeatureSet="ALL")
    except client.exceptions.AlreadyInOrganizationException:
        return {}
    seed = urllib.request.Request(f"{endpoint}/moto-api/seed?a={SEED}", method="POST")
    urllib.request.urlopen(seed, timeout=10).close()
    made = {}
    for name in MEMBERS:
        status = client.create_account(AccountName=name, Email=f"{name}@example.com")
        made[name] = status["CreateAccountStatus"]["AccountId"]
    return made


def bucket(client, name, public=False, encrypted=True):
    s3 = client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    if encrypted:
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        s3.put_bucket_encryption(
            Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    if public:
        statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                     "Resource": f"arn:aws:s3:::{name}/*"}
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(
            {"Version": "2012-10-17", "Statement": [statement]}))


def group(client, name, port, source):
    ec2 = client("ec2")
    made = ec2.create_security_group(GroupName=name, Description=name)
    ec2.authorize_security_group_ingress(GroupId=made["GroupId"], IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": port, "ToPort": port,
         "IpRanges": [{"CidrIp": source}]}])


def role(client, name, trusted):
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{trusted}:root"},
                 "Action": "sts:AssumeRole"}
    client("iam", "us-east-1").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [statement]}))


def user(client, name, keys):
    iam = client("iam", "us-east-1")
    iam.create_user(UserName=name)
    for _ in range(keys):
        iam.create_access_key(UserName=name)


def fill(endpoint, ids):
    """Puts into each account what makes it differ from the others."""
    of = {name: session(endpoint, account) for name, account in ids.items()}
    for name, client in of.items():
        bucket(client, f"{name}-logs")
        role(client, "deploy", PAYER)
    group(of["payments"], "partner-ssh", 22, WORLD)
    group(of["payments"], "database", 5432, OFFICE)
    bucket(of["website"], "website-leaflets", public=True, encrypted=False)
    group(of["website"], "https", 443, WORLD)
    role(of["analytics"], "vendor", "999988887777")
    role(of["sandbox"], "somebody", "123123123123")
    user(of["sandbox"], "experimenter", keys=2)
    # Where the inventory goes.
    bucket(session(endpoint, PAYER), BUCKET)


def main():
    endpoint = sys.argv[1]
    ids = organisation(endpoint)
    if ids:
        fill(endpoint, ids)
    print(json.dumps(ids))


if __name__ == "__main__":
    main()
