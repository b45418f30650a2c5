"""Route 53: a public zone of odd records, and a private one."""

from common import TAGS, resource


def fill(client, mark):
    route53, ec2 = client("route53"), client("ec2")
    public = f"a-{mark}.example.com."
    zone = create(route53, public, HostedZoneConfig={"Comment": "ü & <zone>"})
    route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone.split("/")[-1],
                                     AddTags=TAGS[:2])
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    create(route53, "private.", VPC={"VPCRegion": "us-east-1", "VPCId": vpc},
           HostedZoneConfig={"PrivateZone": True, "Comment": ""})
    alias = {"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": "d1.cloudfront.net.",
             "EvaluateTargetHealth": False}
    texts = [{"Value": '"v=spf1 -all"'}, {"Value": r'"a<b>&\"c\" ü"'}]
    records = [
        {"Name": public, "Type": "TXT", "TTL": 60, "ResourceRecords": texts},
        {"Name": f"*.{public}", "Type": "A", "AliasTarget": alias},
        {"Name": f"w.{public}", "Type": "A", "TTL": 1, "SetIdentifier": "one", "Weight": 0,
         "ResourceRecords": [{"Value": "192.0.2.1"}]},
        {"Name": f"w.{public}", "Type": "A", "TTL": 1, "SetIdentifier": "two", "Weight": 255,
         "ResourceRecords": [{"Value": "192.0.2.2"}]},
        {"Name": f"geo.{public}", "Type": "CNAME", "TTL": 1, "SetIdentifier": "x",
         "GeoLocation": {"CountryCode": "*"}, "ResourceRecords": [{"Value": "x.example.net"}]},
    ]
    changes = [{"Action": "CREATE", "ResourceRecordSet": record} for record in records]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def create(route53, name, **settings):
    return route53.create_hosted_zone(Name=name, CallerReference=f"ref {name}",
                                      **settings)["HostedZone"]["Id"]


def inventory(client, account):
    route53 = client("route53")
    out = {}
    for page in route53.get_paginator("list_hosted_zones").paginate(MaxItems="1"):
        for zone in page["HostedZones"]:
            identity = zone["Id"].split("/")[-1]
            further = route53.get_hosted_zone(Id=zone["Id"])
            # In one page: moto's pages begin with a name, and may repeat records that share one.
            records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])
            assert not records["IsTruncated"]
            tags = route53.list_tags_for_resource(ResourceType="hostedzone", ResourceId=identity)
            tags = tags["ResourceTagSet"]["Tags"]
            out[identity] = resource(
                "global", zone["Name"], f"arn:aws:route53:::hostedzone/{identity}", tags, zone, {
                    "DelegationSet": further.get("DelegationSet"), "VPCs": further.get("VPCs"),
                    "ResourceRecordSets": records["ResourceRecordSets"],
                    "Tags": tags})
    return {"AWS::Route53::HostedZone": out}
