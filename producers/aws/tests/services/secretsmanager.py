"""Secrets Manager: pages of secrets for the calls; no collector reads them yet."""

from common import TAGS


def fill(client, mark):
    secrets = client("secretsmanager")
    for number in range(5):
        secrets.create_secret(Name=f"s{number}", SecretString="x", Tags=TAGS, Description="ü\n")


def inventory(client, account):
    return {}
