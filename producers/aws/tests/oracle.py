"""What boto3 says of the same server, as the tests' second opinion.

    python oracle.py calls ENDPOINT CALLS           CALLS is JSON: [{service, operation, parameters,
                                                    all, region}]; prints one {document} or {code}
                                                    for each
    python oracle.py inventory ENDPOINT ACCOUNT...  prints {account: {type: {id: resource}}}

The inventory is put together in `services`, a file each.
"""

import json
import sys

import botocore
from botocore.exceptions import ClientError

from common import plain, services, session


def call(client, wanted):
    operation = botocore.xform_name(wanted["operation"])
    api = client(wanted["service"], wanted["region"])
    try:
        if wanted["all"] and api.can_paginate(operation):
            pages = api.get_paginator(operation).paginate(**wanted["parameters"])
            return {"document": plain(pages.build_full_result())}
        return {"document": plain(getattr(api, operation)(**wanted["parameters"]))}
    except ClientError as error:
        return {"code": error.response["Error"]["Code"]}


def inventory(endpoint, account):
    client = session(endpoint, account)
    out = {}
    for service in services():
        found = service.inventory(client, account)
        assert not out.keys() & found.keys(), "a type is in two services"
        out |= {kind: resources for kind, resources in found.items() if resources}
    return out


def main():
    what, endpoint, *rest = sys.argv[1:]
    if what == "calls":
        client = session(endpoint)
        print(json.dumps([call(client, wanted) for wanted in json.loads(rest[0])]))
    else:
        print(json.dumps({account: inventory(endpoint, account) for account in rest}))


main()
