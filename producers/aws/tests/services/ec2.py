"""EC2: security groups."""

from common import REGIONS, TAGS, resource


def fill(client, mark):
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


def groups(client):
    out = {}
    for region in REGIONS:
        for group in client("ec2", region).describe_security_groups()["SecurityGroups"]:
            arn = (f"arn:aws:ec2:{region}:{group['OwnerId']}:security-group/{group['GroupId']}")
            arn = group.get("SecurityGroupArn", arn)
            out[group["GroupId"]] = resource(
                region, group["GroupName"], arn, group.get("Tags"), group, {})
    return out


def inventory(client, account):
    return {"AWS::EC2::SecurityGroup": groups(client)}
