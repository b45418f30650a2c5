"""OpenSearch: a domain for the calls; no collector reads it yet."""

from common import TAGS


def fill(client, mark):
    client("opensearch").create_domain(DomainName="domain", TagList=TAGS[:1])


def inventory(client, account):
    return {}
