"""CloudTrail: a trail of one region, and one of all regions that is seen in its home alone."""

import re

from common import REGIONS, TAGS, resource


def fill(client, mark):
    client("s3").create_bucket(Bucket=f"trails-{mark}")
    for region in REGIONS:
        trails = client("cloudtrail", region)
        everywhere = region == "eu-west-1"
        name = f"trail-{mark}"
        trails.create_trail(
            Name=name, S3BucketName=f"trails-{mark}", S3KeyPrefix="präfix/&",
            IsMultiRegionTrail=everywhere, EnableLogFileValidation=everywhere,
            TagsList=[TAGS[0], TAGS[2]])
        trails.start_logging(Name=name)
        # A trail at work has a later delivery in each of moto's answers.
        trails.stop_logging(Name=name)
        if everywhere:
            trails.put_event_selectors(TrailName=name, AdvancedEventSelectors=[{
                "Name": "ü & <x>", "FieldSelectors": [
                    {"Field": "eventCategory", "Equals": ["Management"]}]}])
        else:
            trails.put_event_selectors(TrailName=name, EventSelectors=[{
                "ReadWriteType": "All", "IncludeManagementEvents": True,
                "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}])


def inventory(client, account):
    # The list of one region lacks the trails of another that are not of all regions.
    lists = [client("cloudtrail", region).list_trails()["Trails"] for region in REGIONS]
    homes = {trail["TrailARN"]: trail["HomeRegion"] for trails in lists for trail in trails}
    return {"AWS::CloudTrail::Trail": {
        arn: described(client("cloudtrail", region), arn, region)
        for arn, region in homes.items()}}


def described(api, arn, region):
    trail = api.describe_trails(includeShadowTrails=False)["trailList"][0]
    selectors = api.get_event_selectors(TrailName=arn)
    selectors.pop("ResponseMetadata")
    status = api.get_trail_status(Name=trail["Name"])
    for moves in [name for name in status if re.fullmatch("Latest.*(Time|Succeeded)", name)]:
        del status[moves]
    status.pop("ResponseMetadata")
    found = api.list_tags(ResourceIdList=[arn])["ResourceTagList"][0]["TagsList"]
    return resource(region, trail["Name"], arn, found, trail,
                    {"EventSelectors": selectors, "Status": status, "Tags": found})
