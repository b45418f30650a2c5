"""Fills moto with accounts whose names, tags and policies are as ugly as AWS allows.

    python fill.py account ENDPOINT        one account
    python fill.py organisations ENDPOINT  two payers with two more accounts each; prints
                                           {payer: [account ids]}

What an account has is in `services`, a file each.
"""

import json
import sys

from common import services, session

PAYERS = ["111111111111", "222222222222"]


def fill(client, mark):
    for service in services():
        service.fill(client, mark)


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
    else:
        organisations(endpoint)


main()
