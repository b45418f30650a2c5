"""Recomputes the signatures of requests with botocore; fails when one differs.

    python signatures.py REQUESTS   JSON: [{method, uri, headers, body}], signed with the keys below
"""

import json
import re
import sys

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEYS = Credentials("AKIDEXAMPLE", "wJalr", "tok/+=")


def check(request):
    headers = {name.lower(): value for name, value in request["headers"].items()}
    authorization = headers["authorization"]
    scope = re.search(r"Credential=([^,]+)", authorization)[1].split("/")
    _, _, region, service, _ = scope
    signed = re.search(r"SignedHeaders=([^,]+)", authorization)[1].split(";")
    again = AWSRequest(request["method"], request["uri"], data=request["body"].encode(),
                       headers={name: headers[name] for name in signed if name != "host"})
    again.context["timestamp"] = headers["x-amz-date"]
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    signer = kind(KEYS, service, region)
    canonical = signer.canonical_request(again)
    signature = signer.signature(signer.string_to_sign(again, canonical), again)
    if signature != authorization.split("Signature=")[1]:
        raise SystemExit(f"{request['method']} {request['uri']} is signed otherwise:\n{canonical}")
    print(service, region)


for request in json.loads(sys.argv[1]):
    check(request)
