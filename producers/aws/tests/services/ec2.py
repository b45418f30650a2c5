"""EC2: security groups, instances, VPCs with flow logs, interfaces, volumes, snapshots."""

from common import REGIONS, TAGS, resource

NAME = {"Key": "Name", "Value": "wéb <1>"}


def tagged(kind):
    return [{"ResourceType": kind, "Tags": [*TAGS, NAME]}]


def fill(client, mark):
    for region in REGIONS:
        fill_region(client("ec2", region), mark)


def fill_region(ec2, mark):
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
    subnet = fill_vpcs(ec2, vpc)
    fill_instances(ec2, subnet, group)
    fill_volumes(ec2)


def fill_vpcs(ec2, default):
    """Makes a VPC with two flow logs beside the default one, which has none but its subnet's."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]
    subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [default]}])["Subnets"][0]
    for kind, one, group in (("VPC", vpc, "lögs"), ("VPC", vpc, "more"),
                             ("Subnet", subnet["SubnetId"], "lögs")):
        ec2.create_flow_logs(
            ResourceType=kind, ResourceIds=[one], TrafficType="ALL", LogGroupName=group,
            DeliverLogsPermissionArn="arn:aws:iam::123456789012:role/logs",
            TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": TAGS}])
    return subnet["SubnetId"]


def fill_instances(ec2, subnet, group):
    """Makes a reservation of two with user data, one of one, and an interface of its own."""
    for count in (2, 1):
        ec2.run_instances(
            ImageId="ami-12345678", MinCount=count, MaxCount=count, SubnetId=subnet,
            SecurityGroupIds=[group], UserData="password=hunter2",
            TagSpecifications=tagged("instance") if count == 2 else [])
    ec2.create_network_interface(
        SubnetId=subnet, Description="ü & <so on>", Groups=[group],
        TagSpecifications=tagged("network-interface"))


def fill_volumes(ec2):
    """Makes a volume and three snapshots: private, for one account, for everyone."""
    zone = ec2.describe_availability_zones()["AvailabilityZones"][0]["ZoneName"]
    volume = ec2.create_volume(Size=1, AvailabilityZone=zone, Encrypted=True,
                               TagSpecifications=tagged("volume"))["VolumeId"]
    for share in ({}, {"UserIds": ["999999999999"]}, {"GroupNames": ["all"]}):
        snapshot = ec2.create_snapshot(
            VolumeId=volume, Description="&amp; ü", TagSpecifications=tagged("snapshot"))
        if share:
            ec2.modify_snapshot_attribute(
                SnapshotId=snapshot["SnapshotId"], Attribute="createVolumePermission",
                OperationType="add", **share)


def named(region, arn, item, further, found=None):
    """Gives a resource whose name is its tag `Name`, else the end of its ARN."""
    found = item.get("Tags") if found is None else found
    name = {tag["Key"]: tag["Value"] for tag in found or []}.get("Name", arn.split("/")[-1])
    return resource(region, name, arn, found, item, further)


def groups(ec2, region):
    for group in ec2.describe_security_groups()["SecurityGroups"]:
        arn = f"arn:aws:ec2:{region}:{group['OwnerId']}:security-group/{group['GroupId']}"
        yield group["GroupId"], resource(
            region, group["GroupName"], arn, group.get("Tags"), group, {})


def instances(ec2, region):
    for reservation in ec2.describe_instances()["Reservations"]:
        about = {key: value for key, value in reservation.items() if key != "Instances"}
        for instance in reservation["Instances"]:
            id = instance["InstanceId"]
            arn = f"arn:aws:ec2:{region}:{reservation['OwnerId']}:instance/{id}"
            yield id, named(region, arn, instance, {"Reservation": about})


def vpcs(ec2, region):
    for vpc in ec2.describe_vpcs()["Vpcs"]:
        id = vpc["VpcId"]
        logs = ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [id]}])
        arn = f"arn:aws:ec2:{region}:{vpc['OwnerId']}:vpc/{id}"
        yield id, named(region, arn, vpc, {"FlowLogs": logs["FlowLogs"]})


def interfaces(ec2, region):
    for interface in ec2.describe_network_interfaces()["NetworkInterfaces"]:
        id = interface["NetworkInterfaceId"]
        arn = f"arn:aws:ec2:{region}:{interface['OwnerId']}:network-interface/{id}"
        yield id, named(region, arn, interface, {}, interface["TagSet"])


def volumes(ec2, region, account):
    for volume in ec2.describe_volumes()["Volumes"]:
        id = volume["VolumeId"]
        yield id, named(region, f"arn:aws:ec2:{region}:{account}:volume/{id}", volume, {})


def snapshots(ec2, region):
    for snapshot in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]:
        id = snapshot["SnapshotId"]
        shared = ec2.describe_snapshot_attribute(
            SnapshotId=id, Attribute="createVolumePermission")["CreateVolumePermissions"]
        yield id, named(region, f"arn:aws:ec2:{region}::snapshot/{id}", snapshot,
                        {"CreateVolumePermissions": shared})


def inventory(client, account):
    out = {}
    for region in REGIONS:
        ec2 = client("ec2", region)
        for kind, found in (
                ("Instance", instances(ec2, region)),
                ("NetworkInterface", interfaces(ec2, region)),
                ("SecurityGroup", groups(ec2, region)),
                ("Snapshot", snapshots(ec2, region)),
                ("VPC", vpcs(ec2, region)),
                ("Volume", volumes(ec2, region, account))):
            out.setdefault(f"AWS::EC2::{kind}", {}).update(found)
    return out
