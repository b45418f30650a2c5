"""Makes buckets and says what they hold, by boto3.

    python bucket.py make ENDPOINT BUCKET
    python bucket.py keys ENDPOINT BUCKET
    python bucket.py show ENDPOINT BUCKET

`keys` prints a list. `show` prints one JSON object: for each key its encryption, grantees, type and
body; gzipped bodies are unpacked, and what is no text is shown with replacements.
"""

import gzip
import json
import sys

import boto3


def keys(client, bucket):
    """Lists the keys of all objects."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def show(client, bucket):
    """Reads every object with its metadata."""
    objects = {}
    for key in keys(client, bucket):
        got = client.get_object(Bucket=bucket, Key=key)
        body = got["Body"].read()
        if key.endswith(".gz"):
            body = gzip.decompress(body)
        grants = client.get_object_acl(Bucket=bucket, Key=key)["Grants"]
        objects[key] = {
            "encryption": got.get("ServerSideEncryption"),
            "grantees": [grant["Grantee"]["Type"] for grant in grants],
            "type": got["ContentType"],
            "body": body.decode(errors="replace"),
        }
    return objects


def main():
    """Does what the arguments say."""
    verb, endpoint, bucket = sys.argv[1:]
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    if verb == "make":
        client.create_bucket(Bucket=bucket)
    else:
        print(json.dumps({"keys": keys, "show": show}[verb](client, bucket)))


main()
