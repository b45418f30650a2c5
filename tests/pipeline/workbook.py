"""What every cell of the owners' workbooks must hold, computed from the model.

A text that only explains is `ANY_TEXT`: it must be there, its words are free. A moment is
{"ms": ...}; everything else is the value itself, and a cell that is not named must be empty.
"""

import datetime
import re
import types
import urllib.parse
from fractions import Fraction

ANY_TEXT = {"text": True}
DAY_MS = 86_400_000
SEVERITIES = ["info", "low", "medium", "high", "critical"]
# Sections that only explain, with the number of their lines.
EXPLAINED = {"How scores are made": 10, "Words and marks": 19}
GRADES = [("A", 0.95), ("B", 0.9), ("C", 0.8), ("D", 0.65), ("F", 0)]
# Where the console shows a resource: what stands behind the host, by type.
CONSOLE = {
    "AWS::CloudTrail::Trail": lambda p: f"cloudtrailv2/home?region={p.region}#/trails/{p.arn}",
    "AWS::EC2::Instance":
        lambda p: f"ec2/home?region={p.region}#InstanceDetails:instanceId={p.last}",
    "AWS::EC2::SecurityGroup":
        lambda p: f"ec2/home?region={p.region}#SecurityGroup:groupId={p.last}",
    "AWS::EC2::Snapshot":
        lambda p: f"ec2/home?region={p.region}#SnapshotDetails:snapshotId={p.last}",
    "AWS::EC2::VPC": lambda p: f"vpcconsole/home?region={p.region}#VpcDetails:VpcId={p.last}",
    "AWS::EC2::Volume": lambda p: f"ec2/home?region={p.region}#VolumeDetails:volumeId={p.last}",
    "AWS::EC2::NetworkInterface":
        lambda p: f"ec2/home?region={p.region}#NetworkInterface:networkInterfaceId={p.last}",
    "AWS::ECR::Repository":
        lambda p: f"ecr/repositories/private/{p.account}/{p.id}?region={p.region}",
    "AWS::IAM::CredentialReport": lambda p: "iam/home#/credential_report",
    "AWS::IAM::Group": lambda p: f"iam/home#/groups/details/{p.name}",
    "AWS::IAM::Policy": lambda p: f"iam/home#/policies/details/{p.arn}",
    "AWS::IAM::Role": lambda p: f"iam/home#/roles/details/{p.name}",
    "AWS::IAM::User": lambda p: f"iam/home#/users/details/{p.name}",
    "AWS::RDS::DBInstance":
        lambda p: f"rds/home?region={p.region}#database:id={p.last};is-cluster=false",
    "AWS::RDS::DBSnapshot": lambda p: f"rds/home?region={p.region}#db-snapshot:id={p.last}",
    "AWS::S3::Bucket": lambda p: f"s3/buckets/{p.last}?region={p.region}",
    "AWS::SecretsManager::Secret":
        lambda p: f"secretsmanager/secret?name={p.name}&region={p.region}",
}


def all_of(model):
    owners = {}
    for account in model.accounts.values():
        owners.setdefault(account["owner"], []).append(account)
    # Those of many owners are there; their cells are held to the tables by the sink's own tests.
    many = ["enterprise", *{f"payer-{one['payer']}" for one in model.accounts.values()}]
    return {f"{name}.xlsx": None for name in many} | {
        f"owner-{owner or 'unassigned'}.xlsx": Workbook(model, owner, accounts).sheets()
        for owner, accounts in owners.items()}


def moment(ms):
    at = datetime.datetime.fromtimestamp(ms // 1000, datetime.UTC)
    return at.strftime("%Y-%m-%d" if ms % DAY_MS == 0 else "%Y-%m-%d %H:%M")


def time(ms):
    return None if ms is None else {"ms": ms}


def counted(n, one, many):
    return f"{n} {one if n == 1 else many}"


def age(ms):
    minutes = max(ms, 0) // 60_000
    if minutes == 0:
        return "under a minute"
    return counted(minutes, "minute", "minutes") if minutes < 120 else counted(
        minutes // 60, "hour", "hours")


# What stands for an empty part; no address holds it.
NOTHING = " "


def console(key, row):
    """The address of a row's resource; None where no console or a part of it is not known."""
    _, account, region, id, _ = key
    parts = {"account": account, "region": region, "id": id, "name": row["name"] or id,
             "arn": row["arn"], "last": re.split("[/:]", row["arn"] or id)[-1]}
    place = types.SimpleNamespace(**{
        name: urllib.parse.quote(part, safe="") or NOTHING for name, part in parts.items()})
    path = CONSOLE.get(row["resource_type"], lambda _: None)(place)
    if path is None or NOTHING in path:
        return None
    host = "us-east-1" if region == "global" else region
    return f"https://{host}.console.aws.amazon.com/{path}"


class Sheet:
    """Rows of cells; a pair (value, n) takes n columns."""

    def __init__(self):
        self.cells, self.row = {}, 0

    def add(self, *values, margin=0):
        self.row += 1
        column = margin
        for value in values:
            value, columns = value if isinstance(value, tuple) else (value, 1)
            if value not in (None, ""):
                self.cells[f"{chr(ord('A') + column)}{self.row}"] = value
            column += columns

    def skip(self):
        self.row += 1


class Workbook:
    def __init__(self, model, owner, accounts):
        self.model, self.owner, self.at = model, owner, model.facts["at_ms"]
        self.accounts = sorted(accounts, key=lambda one: (one["name"].lower(), one["id"]))
        self.requirements = sorted(model.standard, key=lambda one: (
            -SEVERITIES.index(one["severity"]), -one["weight"], one["title"], one["id"]))
        self.sum = model.sum_over([one["id"] for one in self.accounts])
        self.title = owner or "unassigned accounts"

    def sheets(self):
        names = [["Summary", self.summary()], ["Scores", self.scores()]]
        names += [[one["name"], self.tab(one)] for one in self.accounts]
        names += [["Exceptions", self.exceptions_tab()], ["About", self.about()]]
        return [[name, sheet.cells] for name, sheet in names]

    # What the tabs share.

    def of(self, account, requirement="*"):
        return self.model.scores[account["id"]][requirement]

    def cell(self, score):
        if score["score"] is not None:
            return score["score"]
        return {"not_applicable": "N/A", "not_collected": "not collected"}[score["status"]]

    def grade(self, score):
        if score["score"] is None:
            return ""
        shown = round(score["score"], 3)
        return f"grade {next(letter for letter, low in GRADES if shown >= low)} · "

    def word(self, score):
        if score["score"] is None:
            return self.cell(score)
        shown = round(score["score"], 3)
        return "● good" if shown >= 0.95 else "▲ fair" if shown >= 0.8 else "■ poor"

    def own(self):
        """The owner's score, as a score of an account is one."""
        status = "not_applicable" if any(map(self.is_collected, self.accounts)) else "not_collected"
        return {"score": self.sum["score"], "status": status}

    def covers(self, account, name):
        return sum(one[name] for one in account["coverage"].values())

    def is_collected(self, account):
        return self.covers(account, "collected") > 0

    def oldest(self, account):
        times = [one["oldest_ms"] for one in account["coverage"].values() if one["oldest_ms"]]
        return min(times, default=None)

    def old(self, times):
        times = [ms for ms in times if ms]
        return age(self.at - min(times)) if times else "not collected"

    def open(self, score):
        return score["noncompliant"] - score["excepted"]

    def rows(self, account, verdict):
        """Rows of an account, by requirement, then by region, resource and part."""
        found = []
        for requirement in self.requirements:
            found += [(key, row) for key, row in sorted(self.model.rows.items())
                      if key[:2] == (requirement["id"], account["id"])
                      and row["verdict"] == verdict]
        return sorted(found, key=lambda one: one[1]["credit"] == "live")

    def remarks(self, account):
        failed = self.covers(account, "failed")
        if not failed:
            return ""
        kind, error = next((kind, one["error"]) for kind, one in account["coverage"].items()
                           if one["error"])
        return f"last scan failed in {counted(failed, 'scope', 'scopes')} ({kind}: {error})"

    def exceptions(self):
        """Exceptions that concern the accounts: how each stands, and the rows it is noted at."""
        found = []
        ids = [one["id"] for one in self.accounts]
        for one in self.model.exceptions:
            if one["accounts"] != ["*"] and not set(ids) & set(one["accounts"]):
                continue
            standing = (0 if self.model.is_live(one) else 2) if one["approved"] else 1
            noted = [row["credit"] for key, row in self.model.rows.items()
                     if key[1] in ids and row["exception"] == one["id"]]
            found.append(one | {"standing": standing, "credited": noted.count("live"),
                                "noted": noted.count("lapsed")})
        last = 2**63
        return sorted(found, key=lambda one: (
            one["standing"], last if one["expires"] is None else one["expires"], one["id"]))

    def expiring(self):
        return [one for one in self.exceptions() if one["standing"] == 0
                and one["expires"] and one["expires"] <= self.at + 30 * DAY_MS]

    # The tabs.

    def summary(self):
        sheet = Sheet()
        sheet.add("Cloud security scorecard", margin=1)
        sheet.add(f"{self.title} · as of {moment(self.at)} UTC", margin=1)
        missing = [one["name"] for one in self.accounts if not self.is_collected(one)]
        if missing:
            sheet.add(f"⚠ No data from {len(missing)} of "
                      f"{counted(len(self.accounts), 'account', 'accounts')}: "
                      f"{', '.join(missing)}. They are in no score.", margin=1)
        sheet.skip()
        self.standing(sheet, missing)
        sheet.skip()
        self.trend(sheet)
        sheet.skip()
        self.trusted(sheet)
        self.section(sheet, "What changed", "")
        sheet.add("Nothing can be said: the log keeps no score of an earlier time.", margin=1)
        self.fix_first(sheet)
        self.soon(sheet)
        self.list_accounts(sheet)
        return sheet

    def cards(self, sheet, cards):
        for line in zip(*cards):
            sheet.add(*zip(line, [1, 3, 3, 2, 1]), margin=1)

    def standing(self, sheet, missing):
        total, bad, excepted = (self.sum[name] for name in ("total", "noncompliant", "excepted"))
        left, own = bad - excepted, self.own()
        score = own["score"] if own["score"] is not None else self.word(own)
        self.cards(sheet, [
            ("Risk-weighted score", score,
             f"{self.grade(own)}{self.word(own)} · by risk, over all your accounts"),
            ("Resources in order", 1 - left / total if total else self.word(own),
             f"{total - left} of {total} votes pass or are accepted; each counts the same"),
            ("Still to fix", left, f"of {bad} non-compliant votes"),
            ("Accepted risk", excepted, "non-compliant votes credited by a live exception"),
            ("Accounts", len(self.accounts),
             f"{len(missing)} not collected" if missing else "all collected")])

    def trend(self, sheet):
        """The log of a site is younger than a week: nothing is compared, and nothing made up."""
        own = self.own()
        trend = self.word(own) if own["score"] is None else "no earlier score"
        self.cards(sheet, [
            ("Trend", trend, "the log keeps none"),
            ("Newly failing", "not known", ANY_TEXT), ("Fixed", "not known", ANY_TEXT),
            ("Credit lapsed", "not known", ANY_TEXT), ("Last 13 weeks", "no earlier score", "")])

    def trusted(self, sheet):
        unknown = sum(len(self.rows(one, "unknown")) for one in self.accounts)
        scopes, collected, failed = (sum(self.covers(one, name) for one in self.accounts)
                                     for name in ("scopes", "collected", "failed"))
        times = [self.oldest(one) for one in self.accounts if self.oldest(one)]
        in_use = [one for one in self.exceptions() if one["standing"] == 1 and one["noted"]]
        self.cards(sheet, [
            ("Could not be judged", unknown, "data was missing; in no score"),
            ("Collected", f"{collected} of {scopes} scopes",
             f"a scope is a resource type in a region; {failed} failed last time"),
            ("Oldest data", age(self.at - min(times)) if times else "none",
             f"collected {moment(min(times))} UTC" if times else None),
            ("Exceptions expiring", len(self.expiring()), "within 30 days"),
            ("Expired exceptions in use", len(in_use),
             "still noted at resources, without credit")])

    def section(self, sheet, title, remark):
        sheet.skip()
        sheet.add(title, margin=1)
        if remark:
            sheet.add(remark, margin=1)

    def actions(self):
        """What brings most points for each resource that is mended, as exact fractions."""
        found = []
        for account in self.accounts:
            for one in self.requirements:
                score = self.of(account, one["id"])
                if score["score"] is None or not self.open(score):
                    continue
                mend = self.open(score)
                if one["scoring"] == "all_or_nothing":
                    mend = sum(row["credit"] != "live" for key, row in self.rows(account, "fail")
                               if key[0] == one["id"])
                gain = Fraction(one["weight"] * self.open(score), score["total"])
                found.append((account, one, mend, gain / self.sum["weight"]))
        return sorted(found, key=lambda one: (-one[3] / one[2], -one[3]))[:5]

    def fix_first(self, sheet):
        self.section(sheet, "What to fix first", "Most points of your risk-weighted score for the "
                     "fewest resources. A point is 1 % of the score.")
        actions, score = self.actions(), self.sum["score"]
        if not actions:
            sheet.add("Nothing: no resource is non-compliant without an exception."
                      if score is not None else "Nothing can be said: there is no score yet.",
                      margin=1)
            return
        sheet.add("Requirement", ("Account", 2), "Severity", "To mend", "Points", "Score after",
                  "How", margin=1)
        for account, one, mend, gain in actions:
            sheet.add(one["title"], (account["name"], 2), one["severity"], mend,
                      float(gain * 100), score + float(gain), one["remediation"].strip(), margin=1)
        gain = float(sum(gain for *_, gain in actions))
        sheet.add("All of these together", (None, 2), None, sum(one[2] for one in actions),
                  gain * 100, score + gain, margin=1)

    def soon(self, sheet):
        self.section(sheet, "Exceptions that expire within 30 days",
                     "From that day on their resources count as non-compliant again.")
        if not self.expiring():
            sheet.add("None.", margin=1)
            return
        sheet.add("Reason", "Exception", "Expires", "Days left", "Resources credited",
                  ("Requirement", 2), "Resource", margin=1)
        for one in self.expiring():
            sheet.add(one["reason"], one["id"], time(one["expires"]),
                      (one["expires"] - self.at) // DAY_MS, one["credited"],
                      (", ".join(one["requirements"]), 2), one["resource"], margin=1)

    def list_accounts(self, sheet):
        self.section(sheet, "Your accounts",
                     "The lowest score first. A name leads to the account's tab.")
        sheet.add("Account", "Account id", "Score", "Standing", "To fix", "Accepted", "Not judged",
                  "Scopes collected", "Oldest data", "Remarks", margin=1)
        worst_first = sorted(self.accounts, key=lambda one: (
            self.of(one)["score"] is None, self.of(one)["score"] or 0))
        for one in worst_first:
            score = self.of(one)
            counts = [self.open(score), score["excepted"], len(self.rows(one, "unknown"))]
            if not self.is_collected(one):
                counts = [None] * 3
            share = self.covers(one, "collected") / self.covers(one, "scopes")
            sheet.add(one["name"], one["id"], self.cell(score), self.word(score), *counts, share,
                      time(self.oldest(one)), self.remarks(one), margin=1)

    def scores(self):
        sheet = Sheet()
        sheet.add("Scores by requirement and account")
        sheet.add(f"{self.title} · as of {moment(self.at)} UTC")
        sheet.add((ANY_TEXT, 6), *[one["name"] for one in self.accounts])
        ages = [self.oldest(one) for one in self.accounts]
        sheet.add(ANY_TEXT, None, None, None, None, self.old(ages),
                  *[self.old([age]) for age in ages])
        sheet.add("Account score, weighted by risk", None, None,
                  self.sum["noncompliant"] - self.sum["excepted"], None, self.cell(self.own()),
                  *[self.cell(self.of(one)) for one in self.accounts])
        sheet.add("Requirement", "Severity", "Weight", "To fix", "Oldest data", "All, mean",
                  *[f"…{one['id'][-4:]}" for one in self.accounts])
        for one in self.requirements:
            scores = [self.of(account, one["id"]) for account in self.accounts]
            values = [score["score"] for score in scores if score["score"] is not None]
            words = [self.cell(score) for score in scores]
            mean = (sum(values) / len(values) if values
                    else "N/A" if "N/A" in words else "not collected")
            ages = [self.model.coverage_of(one, account["id"]).get("oldest_ms")
                    for account in self.accounts]
            sheet.add(one["title"], one["severity"], one["weight"],
                      sum(self.open(score) for score in scores),
                      self.old(ages), mean, *words)
        return sheet

    def tab(self, account):
        sheet, score = Sheet(), self.of(account)
        facts = [f"AWS account {account['id']}", f"payer {account['payer']}",
                 f"owner {account['owner']}" if account["owner"] else "no owner",
                 f"executive {account['executive']}", f"as of {moment(self.at)} UTC"]
        sheet.add(account["name"])
        sheet.add(" · ".join(facts))
        sheet.add("← Summary")
        sheet.add("Score", "Standing", "To fix", "Accepted", "Not judged", "Oldest data", "Data",
                  "Trend")
        failing, unknown = self.rows(account, "fail"), self.rows(account, "unknown")
        counts = [self.open(score), score["excepted"], len(unknown)]
        collected, scopes, failed = (self.covers(account, name)
                                     for name in ("collected", "scopes", "failed"))
        sheet.add(self.cell(score), self.word(score), *(counts if collected else [None] * 3),
                  time(self.oldest(account)),
                  f"{collected} of {scopes} scopes collected, last scan failed in {failed}",
                  "no earlier score")
        sheet.skip()
        self.verdicts(sheet, failing)
        if not collected:
            sheet.add("⚠ This account was never collected: nothing is known of its resources.")
        elif not failing:
            sheet.add("Nothing to fix: every resource that could be judged is in order.")
        if unknown:
            sheet.skip()
            sheet.add(f"Could not be judged ({len(unknown)})")
            sheet.add(ANY_TEXT)
            self.verdicts(sheet, unknown)
        self.coverage(sheet, account)
        return sheet

    def verdicts(self, sheet, rows):
        sheet.add("Severity", "Requirement", "Resource", "Part", "Region", "Since", "Exception",
                  "Evidence", "How to mend", "Resource id", "Type", "Source")
        for key, row in rows:
            requirement = self.model.by_id[key[0]]
            sheet.add(requirement["severity"], requirement["title"], row["name"], key[4], key[2],
                      time(self.model.facts["since"].get("/".join(key))), annotation(row),
                      row["evidence"], requirement["remediation"].strip(), row["arn"] or key[3],
                      row["resource_type"], row["source"])
            link = console(key, row)
            if link:
                sheet.cells[f"C{sheet.row} leads to"] = link

    def coverage(self, sheet, account):
        sheet.skip()
        sheet.add("What was collected")
        sheet.add("State", "Type", "Scopes", "Collected", "Failed", "Oldest", "Error")
        for kind, one in account["coverage"].items():
            state = "none" if not one["collected"] else "stale" if one["failed"] else "all"
            sheet.add(state, kind, one["scopes"], one["collected"], one["failed"],
                      time(one["oldest_ms"]), one["error"])

    def exceptions_tab(self):
        sheet = Sheet()
        sheet.add("Exceptions")
        sheet.add(f"{self.title} · as of {moment(self.at)} UTC · live ones first, the next to "
                  "expire first")
        sheet.add(ANY_TEXT)
        sheet.add("State", "Expires", "Days left", "Exception", "Reason", "Accounts",
                  "Requirements", "Resource", "Resources credited", "Noted, no credit",
                  "Asked for by")
        for one in self.exceptions():
            names = [own["name"] for own in self.accounts if own["id"] in one["accounts"]]
            others = len(one["accounts"]) - len(names)
            names += [f"{others} of others"] if others else []
            left = None if one["expires"] is None else (one["expires"] - self.at) // DAY_MS
            sheet.add(["● live", "○ not approved", "✗ expired"][one["standing"]],
                      time(one["expires"]) or "never", left if one["standing"] != 1 else None,
                      one["id"], one["reason"],
                      "every account" if one["accounts"] == ["*"] else ", ".join(names),
                      ", ".join(one["requirements"]), one["resource"], one["credited"],
                      one["noted"], one["owner"])
        return sheet

    def about(self):
        sheet = Sheet()
        sheet.add("About this workbook")
        sheet.skip()
        sheet.add("Made of")
        times = [self.oldest(one) for one in self.accounts if self.oldest(one)]
        for label, value in [
                ("Owner", self.title), ("Time of the data", f"{moment(self.at)} UTC"),
                ("Software", f"scorecard {self.model.facts['version']}"),
                ("Accounts", str(len(self.accounts))),
                ("Requirements", str(len(self.requirements))), ("Standard", ANY_TEXT),
                ("Oldest data", f"collected {moment(min(times))} UTC" if times
                 else "none was ever collected"),
                ("Compared with", "nothing: the log keeps no score of an earlier time"),
                ("Sum over the accounts",
                 "taken from the roll-up; the accounts' own figures add up to it" if self.owner
                 else "added up from the accounts' own figures"),
                ("Times", ANY_TEXT), ("Print", ANY_TEXT)]:
            sheet.add(label, value)
        for title, lines in EXPLAINED.items():
            sheet.skip()
            sheet.add(title)
            for _ in range(lines):
                sheet.add(ANY_TEXT, ANY_TEXT)
        sheet.skip()
        sheet.add("Not collected")
        missing = [one for one in self.accounts if not self.is_collected(one)]
        for one in missing:
            sheet.add(one["name"], f"{one['id']}: {self.remarks(one)}")
        if not missing:
            sheet.add("None", "Data came from every account.")
        sheet.skip()
        sheet.add("Cut")
        sheet.add("Nothing", "Every row is in this workbook.")
        return sheet


def annotation(row):
    reason = f"{row['exception_reason']} ({row['exception']})"
    until = row["exception_expires_ms"]
    if row["credit"] == "live":
        how = f"credited until {moment(until)}" if until else "credited without an end"
        return f"{how}: {reason}"
    if row["credit"] == "lapsed":
        how = f"expired {moment(until)}" if until else "not approved"
        return f"{how}: no credit: {reason}"
    return ""
