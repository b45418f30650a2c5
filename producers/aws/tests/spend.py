"""Puts estimated charges into a server's CloudWatch, as billing does.

Usage: spend.py ENDPOINT NOW_SECONDS

Account 111111111111: 12.30, six hours later 12.345; 222222222222: 1e3; 333333333333: only long ago.
"""

import datetime
import sys

import boto3

endpoint, now = sys.argv[1], int(sys.argv[2])
# Who calls moto with the keys of a role counts as the account of that role.
sts = boto3.client("sts", endpoint_url=endpoint, region_name="us-east-1",
                   aws_access_key_id="test", aws_secret_access_key="test")
keys = sts.assume_role(RoleArn="arn:aws:iam::999999999999:role/Audit",
                       RoleSessionName="fill")["Credentials"]
cloudwatch = boto3.client("cloudwatch", endpoint_url=endpoint, region_name="us-east-1",
                          aws_access_key_id=keys["AccessKeyId"],
                          aws_secret_access_key=keys["SecretAccessKey"],
                          aws_session_token=keys["SessionToken"])


def put(account, value, hours, more=()):
    at = datetime.datetime.fromtimestamp(now - hours * 3600, datetime.timezone.utc)
    dimensions = [{"Name": "LinkedAccount", "Value": account},
                  {"Name": "Currency", "Value": "USD"}, *more]
    cloudwatch.put_metric_data(Namespace="AWS/Billing", MetricData=[{
        "MetricName": "EstimatedCharges", "Timestamp": at, "Value": value,
        "Dimensions": dimensions}])


put("111111111111", 12.30, 8)
put("111111111111", 12.345, 2)
put("111111111111", 7.0, 2, [{"Name": "ServiceName", "Value": "AmazonEC2"}])
put("222222222222", 1e3, 2)
put("333333333333", 5.0, 100)
