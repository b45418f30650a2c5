"""What the organisation's tables and workbooks must say, found by other code than the program's.

    python model.py FACTS    FACTS is a JSON file; the answer is printed as JSON

It reads what fill.py made, what boto3 lists of the same server (the inventories that the tests of
the collectors have), the registers and reports as they lie beside the configuration, and of the
standard only words and weights: which resource fails what is written here by hand.
Times that only a run knows (when a scope ended, since when a verdict stands) come with the facts.
"""

import csv
import datetime
import decimal
import fnmatch
import json
import pathlib
import re
import sys

import yaml

# What follows from verdicts, and what workbooks must say of it, is shared with another test.
sys.path.append(str(pathlib.Path(__file__).parent.parent / "workbooks"))

import enterprise  # noqa: E402
import owner  # noqa: E402
from figures import Figures, path  # noqa: E402
from told import past_of  # noqa: E402

OPEN_GROUPS = {"open-v4", "open-v6", "open-protocol", "open-halves"}
# Whose accounts the list of vendors knows: that approves nothing.
VENDORS = {"464622532012": "Datadog"}
# The words of the tests' proxy.
DENIED = "AccessDenied: User is not authorized to perform: sts AssumeRole"
# What is asked once an account, and what in each region.
GLOBAL = [
    "AWS::Account::Settings", "AWS::IAM::CredentialReport", "AWS::IAM::Group", "AWS::IAM::Policy",
    "AWS::IAM::Role", "AWS::IAM::User", "AWS::Route53::HostedZone", "AWS::Route53Domains::Domain",
    "AWS::S3::Bucket", "AWS::TrustedAdvisor::Check"]
REGIONAL = [
    "AWS::CloudTrail::Trail", "AWS::EC2::Instance", "AWS::EC2::NetworkInterface",
    "AWS::EC2::SecurityGroup", "AWS::EC2::Snapshot", "AWS::EC2::VPC", "AWS::EC2::Volume",
    "AWS::ECR::Repository", "AWS::ECS::Cluster", "AWS::ECS::Service", "AWS::ECS::Task",
    "AWS::ECS::TaskDefinition", "AWS::OpenSearch::Domain", "AWS::SecretsManager::Secret"]
REPORT = "report/cloudsploit"
KEY_AGE_MAX_DAYS = 90


def with_values(requirement):
    """Gives a requirement whose sentences have the parameters' values in them."""
    values = requirement.get("parameters", {})
    sentences = {name: re.sub(r"\{param\.(\w+)\}", lambda found: str(values[found[1]]), text)
                 for name, text in requirement.items() if isinstance(text, str)}
    return requirement | sentences


class Model(Figures):
    """Everything that follows from the facts."""

    def __init__(self, facts):
        self.facts = facts
        self.site = pathlib.Path(facts["site"])
        self.world = facts["world"]
        self.standard = [with_values(yaml.safe_load(path.read_text()))
                         for path in sorted(pathlib.Path(facts["standard"]).glob("*.yaml"))]
        self.by_id = {one["id"]: one for one in self.standard}
        self.register = self.read_register()
        self.exceptions = self.read_risks()
        self.inventory = {id: self.held(id) for id in self.world["accounts"] if not self.never(id)}
        self.accounts = {id: self.account(id) for id in self.world["accounts"]}
        self.rows = {}
        for id in self.accounts:
            self.judge(id)
        self.settle()
        self.past = past_of(self)

    def read_register(self):
        rows = csv.DictReader((self.site / "accounts.csv").open())
        return {row["account"]: row for row in rows}

    def read_risks(self):
        entries = json.loads((self.site / "risks.json").read_text())["value"]
        return [{"id": str(entry["Id"]), "reason": entry["Title"],
                 "accounts": re.findall(r"\d{12}", json.dumps(entry["Accounts"])) or ["*"],
                 "requirements": [id for id in self.by_id
                                  if id in json.dumps(entry["Requirements"])],
                 "resource": entry["Resource ID"], "owner": entry["RequestedBy"]["Title"],
                 "state": {"Approved": "approved", "Pending": "asked"}[entry["Approval Status"]],
                 "starts": None, "expires": expiry(entry["Expiration Date"])} for entry in entries]

    def never(self, id):
        return id in self.facts["denied"]

    def held(self, id):
        """What boto3 lists: {type: {id: resource}}; what fill.py made is all of it, or in it."""
        found, holds = self.facts["inventory"][id], self.world["accounts"][id]
        assert not found.keys() - {*GLOBAL, *REGIONAL}, found.keys()
        made = {"AWS::S3::Bucket": [one["name"] for one in holds["buckets"]],
                "AWS::EC2::SecurityGroup": [one["id"] for one in holds["groups"]],
                "AWS::IAM::User": [one["id"] for one in holds["users"]],
                "AWS::IAM::Role": [one["id"] for one in holds["roles"]],
                "AWS::IAM::CredentialReport": [id], "AWS::Account::Settings": [id]}
        for kind, ids in made.items():
            assert sorted(found.get(kind, {})) == sorted(ids), (id, kind, found.get(kind))
        return found

    def account(self, id):
        listed, known = self.world["accounts"][id], self.register.get(id, {})
        failed = self.never(id) or id in self.facts["stale"]
        coverage = {}
        for kind in sorted(GLOBAL + REGIONAL):
            regions = ["global"] if kind in GLOBAL else sorted(self.world["regions"])
            scopes = len(regions)
            coverage[kind] = {"scopes": scopes, "collected": 0 if self.never(id) else scopes,
                              "failed": scopes if failed else 0,
                              "error": f"{regions[0]}: {DENIED}" if failed else None,
                              "resources": len(self.inventory.get(id, {}).get(kind, {}))}
        if self.report(id) is not None:
            coverage[REPORT] = {"scopes": 1, "collected": 1, "failed": 0, "error": None,
                                "resources": 0}
        for kind, one in coverage.items():
            one["oldest_ms"] = self.facts["oldest"].get(id, {}).get(kind)
        return {"id": id, "name": known.get("name") or listed["listed"], "provider": "aws",
                "listed": True, "status": "active",
                "payer": listed["payer"], "owner": known.get("owner") or None,
                "executive": known.get("executive") or None, "coverage": coverage,
                "spend": cents(listed["charged"])}

    def report(self, id):
        path = self.site / "cloudsploit" / f"{id}.json"
        if not path.exists():
            return None
        report = json.loads(path.read_text())
        return report["resultsData"] if isinstance(report, dict) else report

    def judge(self, id):
        """Writes the rows of an account: what it holds, against what is asked."""
        if not self.never(id):
            holds = self.world["accounts"][id]
            for bucket in holds["buckets"]:
                self.judge_bucket(id, bucket)
            for group in holds["groups"]:
                about = (id, group["region"], group["id"], group["name"], group["arn"])
                self.row("ec2-admin-ports", about, "", group["name"] not in OPEN_GROUPS,
                         f"security group {group['name']} ({group['id']}) lets the whole "
                         "internet reach one of the ports 22, 3389")
            for user in holds["users"]:
                self.judge_user(id, user)
            for role in holds["roles"]:
                about = (id, "global", role["id"], role["name"], role["arn"])
                self.row("iam-role-trust", about, "", self.is_known(role["trusts"]),
                         f"role {role['name']} trusts {role['trusts']}")
            self.row("iam-root", (id, "global", id, id, ""), "", holds["root_mfa"],
                     f"the root user of {id} has active access keys or no MFA device")
        for finding in self.report(id) or []:
            self.judge_finding(id, finding)

    def judge_bucket(self, id, bucket):
        name = bucket["name"]
        about = (id, bucket["region"], name, name, f"arn:aws:s3:::{name}")
        opened = bucket["public_policy"] or bucket["public_acl"]
        self.row("s3-public-access", about, "", not opened or bucket["blocked"],
                 f"bucket {name} can be reached by everyone through its policy or its grants")
        self.row("s3-encryption", about, "", bucket["encrypted"],
                 f"bucket {name} has no default encryption by one of "
                 "AES256, aws:kms, aws:kms:dsse")

    def judge_user(self, id, user):
        about = (id, "global", user["id"], user["name"], user["arn"])
        self.row("iam-console-mfa", about, "", user["mfa"] if user["password"] else None,
                 f"user {user['name']} has a console password and no MFA device")
        for key in user["keys"]:
            made = datetime.datetime.fromisoformat(key["made"])
            at = datetime.datetime.fromtimestamp(self.facts["at_ms"] / 1000, datetime.UTC)
            young = (at - made).days <= KEY_AGE_MAX_DAYS
            self.row("iam-access-key-age", about, key["id"], young if key["active"] else None,
                     f"key {key['id']} of {user['name']} was made on {key['made']}, more than "
                     "90 days ago")

    def judge_finding(self, id, finding):
        fed = {"rdsEncryptionEnabled": "rds-encryption", "cloudtrailEnabled": "cloudtrail-enabled"}
        word = finding.get("status") or ["OK", "WARN", "FAIL", "UNKNOWN"][finding["statusNumber"]]
        message, resource = finding["message"], finding["resource"]
        nothing = message.startswith(("No RDS instances", "Unable to query"))
        if finding["plugin"] not in fed or nothing:
            return
        arn = "" if resource == "N/A" else resource
        about = (id, finding["region"], arn or id, arn or id, arn)
        good = {"OK": True, "WARN": False, "FAIL": False, "UNKNOWN": "unknown"}[word]
        self.row(fed[finding["plugin"]], about, f"cloudsploit:{finding['plugin']}", good, message,
                 "cloudsploit")

    def row(self, requirement, about, part, good, evidence, source="rule"):
        account, region, resource, name, arn = about
        verdict = {True: "pass", False: "fail", None: "not_applicable"}.get(good, good)
        row = {"resource_type": self.by_id[requirement]["resource_type"], "name": name,
               "arn": arn, "verdict": verdict, "source": source, "held": False, "credit": "none",
               "stale": False,
               "exception": None, "exception_reason": None, "exception_expires_ms": None}
        if verdict in ("fail", "unknown"):
            row["evidence"] = evidence
        if verdict == "fail":
            row |= self.credit(requirement, account, (resource, name, arn))
        self.rows[(requirement, account, region, resource, part)] = row

    def credit(self, requirement, account, names):
        """No row of this organisation has two exceptions, so there is none to choose."""
        for one in self.exceptions:
            if (requirement in one["requirements"]
                    and (one["accounts"] == ["*"] or account in one["accounts"])
                    and any(fnmatch.fnmatchcase(name, one["resource"]) for name in names)):
                return {"credit": "live" if self.is_live(one) else "lapsed",
                        "exception": one["id"], "exception_reason": one["reason"],
                        "exception_expires_ms": one["expires"]}
        return {}

    def knowledge(self, account):
        """What a row of trust says of its principal, by the account that it lies in."""
        by = ("organisation" if account in self.accounts else
              "register" if account in self.world["approved"] else
              "vendor" if account in VENDORS else "nobody")
        named = {"kind": "public", "principal": "*", "principal_account": None}
        if account != "*":
            named = {"kind": "account", "principal": f"arn:aws:iam::{account}:root",
                     "principal_account": account}
        return named | {"known_by": by, "known": by != "nobody", "vendor": VENDORS.get(account)}

    def is_known(self, account):
        """Whose accounts are ours, an approved third party's, or nobody's (a service)."""
        return account is None or account in self.accounts or account in self.world["approved"]

    def since(self, key):
        return self.facts["since"].get("/".join(key))

    def rollups(self):
        return self.sums() | self.foreign()

    def foreign(self):
        """Accounts that are not ours, with who trusts them: resources fail while it is unknown."""
        sums = {}
        for key, row in self.trust().items():
            id, of = key.split(" ")
            if of == "*" or of in self.accounts:
                continue
            sum = sums.setdefault(path(("foreign", of)), {
                "score": None, "weight": 0, "scored": 0, "accounts": 0, "total": 0,
                "noncompliant": 0, "excepted": 0, "trusted_by": []})
            sum["accounts"] += 1
            sum["trusted_by"] = sorted(sum["trusted_by"] + [id])
            sum["total"] += len(row["through"])
            sum["noncompliant"] += 0 if row["known"] else len(row["through"])
        return sums

    def resources(self):
        """The inventory's rows: what is there, whose documents are the tests of the collectors'."""
        return {path((id, one["region"], kind, name)):
                {"resource": {"name": one["name"], "arn": one["arn"], "tags": one["tags"]}}
                for id, kinds in self.inventory.items()
                for kind, found in kinds.items() for name, one in found.items()}

    def trust(self):
        """Who may act in each account: by the principal's account (`*`: everyone)."""
        rows = {}
        for id, holds in self.world["accounts"].items():
            if self.never(id):
                continue
            ways = [(one["trusts"], (id, "global", "AWS::IAM::Role", one["id"]), one["name"])
                    for one in holds["roles"] if one["trusts"]]
            ways += [("*", (id, one["region"], "AWS::S3::Bucket", one["name"]), one["name"])
                     for one in holds["buckets"] if one["public_policy"] or one["public_acl"]]
            for principal, through, name in ways:
                rows.setdefault(f"{id} {principal}", []).append((path(through), name))
        return {key: self.knowledge(key.split()[1]) | {
            "resources": len(ways), "through": [through for through, _ in sorted(ways)],
            "names": [name for _, name in sorted(ways)],
            "first_seen_ms": self.facts["first_seen"].get(key, 0)} for key, ways in rows.items()}

    def answer(self):
        accounts = {id: {"name": one["name"], "payer": one["payer"], "owner": one["owner"],
                         "executive": one["executive"], "listed": True, "status": "active",
                         "spend_cents": one["spend"],
                         "coverage": {kind: {name: cover[name] for name in
                                             ("scopes", "collected", "failed", "error",
                                              "resources")}
                                      for kind, cover in one["coverage"].items()}}
                    for id, one in self.accounts.items()}
        scores = {path((id, key)): score for id, of in self.scores.items()
                  for key, score in of.items()}
        return {"account.state": accounts, "resource.state": self.resources(),
                "compliance.state": {path(key): row for key, row in self.rows.items()},
                "score.state": scores, "rollup.state": self.rollups(),
                "trust.state": self.trust(),
                "workbooks": enterprise.all_of(self) | owner.all_of(self)}


def cents(dollars):
    """Gives whole hundredths of what was billed, if anything was."""
    return None if dollars is None else int(decimal.Decimal(dollars) * 100)


def expiry(text):
    """Gives the first millisecond without credit: a day counts through its end, and the site's
    midnight is how SharePoint writes a day."""
    if text is None:
        return None
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if "T" not in text:
        moment = moment.replace(tzinfo=datetime.UTC)
    if moment.time() == datetime.time() and moment.utcoffset() == datetime.timedelta():
        moment += datetime.timedelta(days=1)
    return round(moment.timestamp() * 1000)


if __name__ == "__main__":
    given = json.loads(pathlib.Path(sys.argv[1]).read_text())
    print(json.dumps(Model(given).answer(), default=float))
