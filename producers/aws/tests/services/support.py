"""Trusted Advisor, for accounts with a support plan; the server decides which have one."""

from botocore.exceptions import ClientError

from common import resource


def fill(client, mark):
    pass


def inventory(client, account):
    support = client("support")
    try:
        checks = support.describe_trusted_advisor_checks(language="en")["checks"]
    except ClientError as error:
        refused = error.response["Error"]
        configuration = {"available": False, "reason": f"{refused['Code']}: {refused['Message']}"}
        none = resource("global", "not available", "", None, configuration, {})
        return {"AWS::TrustedAdvisor::Check": {account: none}}
    out = {}
    for check in checks:
        result = support.describe_trusted_advisor_check_result(checkId=check["id"])["result"]
        del result["timestamp"]
        out[check["id"]] = resource("global", check["name"], "", None, check, {"Result": result})
    return {"AWS::TrustedAdvisor::Check": out}
