"""Operations that moto lacks, in the form in which AWS's API reference describes them.

Trusted Advisor answers accounts with a support plan only. The results are made up: of three checks
in a row the first is ok, the second warns, the third fails, each of the latter with one resource.
A check that was refreshed finds that all is well now.
A domain's tags are kept in the server's memory.
"""

import datetime
import json

from moto.core.exceptions import JsonRESTError
from moto.route53domains.responses import Route53DomainsResponse
from moto.support.responses import SupportResponse

NO_PLAN = ("SubscriptionRequiredException",
           "Amazon Web Services Premium Support Subscription is required to use this service.")

# AWS last looked when the server started.
STARTED = datetime.datetime.now(datetime.UTC)


def result(number, check):
    """Gives the result of the check at a position of the list."""
    status = ["ok", "warning", "error"][number % 3]
    flagged = [] if status == "ok" else [{
        "status": status, "region": "us-east-1", "resourceId": f"r-{number}-ü",
        "isSuppressed": False,
        "metadata": [name if column % 2 else None
                     for column, name in enumerate(check["metadata"])],
    }]
    return {
        "checkId": check["id"], "status": status, "flaggedResources": flagged,
        "timestamp": STARTED.isoformat(),
        "resourcesSummary": {"resourcesProcessed": 7, "resourcesFlagged": len(flagged),
                             "resourcesIgnored": 0, "resourcesSuppressed": 0},
        "categorySpecificSummary": {"costOptimizing": {
            "estimatedMonthlySavings": 0.5 * number, "estimatedPercentMonthlySavings": 0.0}},
    }


def give_trusted_advisor(accounts):
    """Lets Trusted Advisor answer `accounts`, and refuse all others."""
    def checks(self):
        if self.current_account not in accounts:
            raise JsonRESTError(*NO_PLAN)
        return self.support_backend.describe_trusted_advisor_checks()

    def describe_trusted_advisor_checks(self):
        return json.dumps({"checks": checks(self)})

    def describe_trusted_advisor_check_result(self):
        wanted = self._get_param("checkId")
        for number, check in enumerate(checks(self)):
            if check["id"] == wanted:
                refreshed = wanted in self.support_backend.check_status
                return json.dumps({"result": result(0 if refreshed else number, check)})
        raise JsonRESTError("InvalidParameterValueException", f"{wanted} is no check")

    SupportResponse.describe_trusted_advisor_checks = describe_trusted_advisor_checks
    SupportResponse.describe_trusted_advisor_check_result = describe_trusted_advisor_check_result


def give_tags_to_domains():
    """Lets domains be tagged."""
    tags = {}

    def of(self):
        domain = self.route53domains_backend.get_domain(self._get_param("DomainName"))
        return tags.setdefault((self.current_account, domain.domain_name), {})

    def list_tags_for_domain(self):
        found = [{"Key": key, "Value": value} for key, value in of(self).items()]
        return json.dumps({"TagList": found})

    def update_tags_for_domain(self):
        of(self).update({tag["Key"]: tag["Value"] for tag in self._get_param("TagsToUpdate")})
        return "{}"

    Route53DomainsResponse.list_tags_for_domain = list_tags_for_domain
    Route53DomainsResponse.update_tags_for_domain = update_tags_for_domain
