"""What every cell of the owners' workbooks must hold: these name resources."""

from fractions import Fraction
from itertools import groupby

from console import console
from past import YOUNG, moved, points
from workbook import (ANY_TEXT, DAY_MS, Sheet, Workbook, counted, day, moment, named, percent,
                      time)

# Changes of one kind, and exceptions that expire, on the summary.
TOLD_MAX, SOON_MAX = 5, 10
# Behind the evidence of a verdict that newer data could not tell.
KEPT = " (kept: newer data could not tell)"
# What the tab of exceptions and an account's tab say of where one stands.
STATES = {"live": "● live", "waiting": "○ not begun", "asked": "○ not approved",
          "expired": "✗ expired", "withdrawn": "✗ withdrawn", "rejected": "✗ rejected"}


def all_of(model):
    owners = {}
    for account in model.accounts.values():
        owners.setdefault(account["owner"], []).append(account)
    return {f"owner-{owner or 'unassigned'}.xlsx":
            Owner(model, owner or "unassigned accounts", accounts, rolled_up=bool(owner)).sheets()
            for owner, accounts in owners.items()}


class Owner(Workbook):
    whose = "all your accounts"
    label = "Owner"

    def tabs(self):
        return [["Summary", self.summary()], ["Scores", self.scores()],
                *self.changes(), *self.weeks(),
                *[[one["name"], self.tab(one)] for one in self.accounts],
                ["Exceptions", self.exceptions_tab()], ["About", self.about()]]

    def summary(self):
        sheet = self.head()
        self.what_changed(sheet)
        self.fix_first(sheet)
        self.soon(sheet)
        self.list_accounts(sheet)
        return sheet

    # What changed.

    def without_score(self):
        names = named([one["name"] for one in self.new()])
        accounts = counted(len(self.new()), "account", "accounts")
        return f"{accounts} had no score then, and nothing in them is told as new: {names}." \
            if names else ""

    def resource(self, sheet, column, turn):
        """Puts a resource's name into the last row, and where it leads to while it is there."""
        key, row = turn["key"], turn["row"]
        link = console(key, row) if turn["is_there"] else None
        if link:
            sheet.cells[f"{column}{sheet.row} leads to"] = link

    def what_changed(self, sheet):
        if not self.past.weeks:
            sheet.section("What changed")
            sheet.add("Nothing can be said: the log keeps no score of an earlier time.", margin=1)
            return
        sheet.section(f"What changed since {moment(self.past.since)}, and why",
                      self.without_score())
        if not self.turns:
            sheet.add("Nothing: no verdict turned in a way that counts."
                      if self.past.together(self.ids, 1) is not None
                      else "Nothing can be said: none of these accounts had a score then.",
                      margin=1)
            return
        sheet.add("Requirement", "Account", "Severity", ("Change", 2), ("Resource", 3), "When",
                  "Why", margin=1)
        kinds = groupby(self.turns, lambda turn: turn["kind"])
        told = [turn for _, turns in kinds for turn in list(turns)[:TOLD_MAX]]
        for turn in told:
            requirement, account, *_ = turn["key"]
            one = self.model.requirement(requirement)
            sheet.add(one["title"], self.model.accounts[account]["name"], one["severity"],
                      (turn["kind"], 2), (turn["row"]["name"], 3), time(turn["at"]),
                      f"{turn['from_to']}: {turn['why']}", margin=1)
            self.resource(sheet, "G", turn)
        more = len(self.turns) - len(told)
        if more:
            sheet.add(f"{counted(more, 'more change', 'more changes')}: see the tab Changes",
                      margin=1)

    def changes(self):
        """The tab of all changes; none where the log keeps no score of the time."""
        if not self.past.weeks:
            return []
        sheet = Sheet(f"Changes since {moment(self.past.since)}", self.as_of())
        if self.without_score():
            sheet.add(self.without_score())
        sheet.add("Change", "Severity", "Requirement", "Account", "Resource", "Part", "Region",
                  "When", "From → to", "Why", "Resource id", "Cause")
        for turn in self.turns:
            requirement, account, region, id, part = turn["key"]
            one = self.model.requirement(requirement)
            sheet.add(turn["kind"], one["severity"], one["title"],
                      self.model.accounts[account]["name"], turn["row"]["name"], part, region,
                      time(turn["at"]), turn["from_to"], turn["why"], id, turn["cause"])
            self.resource(sheet, "E", turn)
        if not self.turns:
            sheet.add("Nothing: no verdict turned in a way that counts.")
        return [["Changes", sheet]]

    # What is to be done.

    def actions(self):
        """What brings most points for each resource that is mended, as exact fractions, and what
        the score grows by as scores are kept: what mends everything makes it 1."""
        found = []
        for account in self.accounts:
            for one in self.requirements:
                score = self.of(account, one["id"])
                # Penalties weigh nothing, and so there is nothing to win.
                if score["score"] is None or not self.open(score) or not score["weight"]:
                    continue
                mend = self.open(score)
                if one["scoring"] == "all_or_nothing":
                    mend = sum(row["credit"] != "live" for key, row in self.rows(account, "fail")
                               if key[0] == one["id"])
                gain = Fraction(one["weight"] * self.open(score), score["total"])
                grown = one["weight"] * (1 - score["score"]) / self.sum["weight"]
                found.append((account, one, mend, gain / self.sum["weight"], grown))
        return sorted(found, key=lambda one: (-one[3] / one[2], -one[3]))[:5]

    def fix_first(self, sheet):
        sheet.section("What to fix first", "Most points of your risk-weighted score for the fewest "
                      "resources. A point is 1 % of the score.")
        actions, score = self.actions(), self.sum["score"]
        if not actions:
            sheet.add("Nothing: no resource is non-compliant without an exception."
                      if score is not None else "Nothing can be said: there is no score yet.",
                      margin=1)
            return
        sheet.add("Requirement", ("Account", 2), "Severity", "To mend", "Points", "Score after",
                  "How", margin=1)
        for account, one, mend, gain, grown in actions:
            sheet.add(one["title"], (account["name"], 2), one["severity"], mend,
                      float(gain * 100), float(score + grown), one["remediation"].strip(),
                      margin=1)
        gain, grown = (sum(one[at] for one in actions) for at in (3, 4))
        sheet.add("All of these together", (None, 2), None, sum(one[2] for one in actions),
                  float(gain * 100), float(score + grown), margin=1)

    def soon(self, sheet):
        sheet.section("Exceptions that expire within 30 days",
                      "From that day on their resources count as non-compliant again.")
        if not self.expiring():
            sheet.add("None.", margin=1)
            return
        sheet.add("Reason", "Exception", "Expires", "Days left", "Resources credited",
                  ("Requirement", 2), "Resource", margin=1)
        for one in self.expiring()[:SOON_MAX]:
            sheet.add(one["reason"], one["id"], time(one["expires"]),
                      (one["expires"] - self.at) // DAY_MS, one["credited"],
                      (", ".join(one["requirements"]), 2), one["resource"], margin=1)
        more = len(self.expiring()) - SOON_MAX
        if more > 0:
            sheet.add(f"{more} more: see the tab Exceptions.", margin=1)

    def list_accounts(self, sheet):
        sheet.section("Your accounts", "The lowest score first. A name leads to the account's tab.")
        sheet.add("Account", "Account id", "Score", "Standing", "To fix", "Accepted", "Not judged",
                  "Scopes collected", "Oldest data", "Remarks", margin=1)
        for one in self.worst_first():
            score = self.of(one)
            sheet.add(one["name"], one["id"], self.cell(score), self.word(score),
                      *self.counts(one), self.share_collected(one), time(self.oldest(one)),
                      self.remarks(one), margin=1)

    # An account.

    def tab(self, account):
        sheet, score = Sheet(account["name"]), self.of(account)
        facts = [f"{account['provider'].upper()} account {account['id']}"]
        facts += [f"payer {account['payer']}"] if account["payer"] else []
        facts.append(f"owner {account['owner']}" if account["owner"] else "no owner")
        facts += [f"executive {account['executive']}"] if account["executive"] else []
        facts.append(f"as of {moment(self.at)} UTC")
        sheet.add(" · ".join(facts))
        sheet.add("← Summary")
        sheet.add("Score", "Standing", "To fix", "Accepted", "Not judged", "Oldest data", "Data",
                  "Trend")
        failing, unknown = self.rows(account, "fail"), self.rows(account, "unknown")
        collected, scopes, failed = (self.covers(account, name)
                                     for name in ("collected", "scopes", "failed"))
        data = f"{collected:,} of {scopes:,} scopes collected, last scan failed in {failed:,}"
        sheet.add(self.cell(score), self.word(score), *self.counts(account),
                  time(self.oldest(account)), data if scopes else "no scope was ever tried",
                  self.trend_of(account))
        sheet.skip()
        self.verdicts(sheet, failing)
        if score["status"] == "not_collected":
            sheet.add("⚠ This account was never collected: nothing is known of its resources.")
        elif not failing:
            sheet.add("Nothing to fix: every resource that could be judged is in order.")
        self.kept(sheet, account)
        if unknown:
            sheet.skip()
            sheet.add(f"Could not be judged ({len(unknown):,})")
            sheet.add(ANY_TEXT)
            self.verdicts(sheet, unknown)
        self.coverage(sheet, account)
        return sheet

    def kept(self, sheet, account):
        """How many verdicts of all kinds stand because newer data could not tell."""
        rows = self.model.judged.get(account["id"], {}).values()
        held = sum(row["held"] for of in rows for _, row in of)
        if held:
            verdicts = counted(held, "verdict is", "verdicts are")
            sheet.add(f"{verdicts} kept from older data, because newer data could not tell.")

    def trend_of(self, account):
        now, before = self.of(account)["score"], self.past.account(account["id"], 1)
        if now is None or before is None or before is YOUNG:
            return "no earlier score"
        return (f"{moved(points(now, before))} since {day(self.past.since)} "
                f"({percent(before)} then)")

    def verdicts(self, sheet, rows):
        sheet.add("Severity", "Requirement", "Resource", "Part", "Region", "Since", "Exception",
                  "Evidence", "How to mend", "Resource id", "Type", "Source")
        for key, row in rows:
            requirement = self.model.by_id[key[0]]
            sheet.add(requirement["severity"], requirement["title"], row["name"], key[4], key[2],
                      time(self.model.since(key)), self.annotation(row),
                      row["evidence"] + (KEPT if row["held"] else ""),
                      requirement["remediation"].strip(), row["arn"] or key[3],
                      row["resource_type"], row["source"])
            link = console(key, row)
            if link:
                sheet.cells[f"C{sheet.row} leads to"] = link

    def coverage(self, sheet, account):
        sheet.skip()
        sheet.add("What was collected")
        if not account["coverage"]:
            sheet.add("⚠ Nothing was ever tried.")
            return
        sheet.add("State", "Type", "Scopes", "Collected", "Failed", "Oldest", "Error")
        for kind, one in account["coverage"].items():
            state = "none" if not one["collected"] else (
                "partly" if one["collected"] < one["scopes"] else
                "stale" if one["failed"] else "all")
            sheet.add(state, kind, one["scopes"], one["collected"], one["failed"],
                      time(one["oldest_ms"]), one["error"])

    # Accepted risk.

    def exceptions_tab(self):
        sheet = Sheet("Exceptions", f"{self.as_of()} · live ones first, the next to expire first")
        sheet.add(ANY_TEXT)
        sheet.add("State", "Expires", "Days left", "Exception", "Reason", "Accounts",
                  "Requirements", "Resource", "Resources credited", "Noted, no credit",
                  "Asked for by")
        for one in self.known_exceptions:
            left = None if one["expires"] is None else (one["expires"] - self.at) // DAY_MS
            decided = one["phase"] in ("asked", "withdrawn", "rejected")
            requirements = one["requirements"]
            sheet.add(STATES[one["phase"]], time(one["expires"]) or "never",
                      None if decided else left, one["id"], one["reason"], self.named_in(one),
                      "every requirement" if "*" in requirements else ", ".join(requirements),
                      one["resource"], one["credited"], one["noted"], one["owner"])
        if not self.known_exceptions:
            sheet.add("None concerns these accounts.")
        return sheet

    def named_in(self, exception):
        """These accounts of an exception, units and tags as they are, and how many others."""
        ids = exception["accounts"]
        if "*" in ids:
            return "every account"
        names = [own["name"] for own in self.accounts if own["id"] in ids]
        names += [id for id in ids if id.startswith(("unit:", "tag:"))]
        others = len(ids) - len(names)
        return ", ".join(names + ([f"{others} of others"] if others else []))

    def annotation(self, row):
        if row["credit"] == "none":
            return ""
        until = row["exception_expires_ms"]
        reason = f"{row['exception_reason']} ({row['exception']})"
        if row["credit"] == "live":
            how = f"credited until {moment(until)}" if until else "credited without an end"
            return f"{how}: {reason}"
        one = next(one for one in self.model.exceptions if one["id"] == row["exception"])
        phase = self.model.phase(one)
        how = f"expired {moment(until)}" if phase == "expired" else STATES[phase][2:]
        return f"{how}: no credit: {reason}"
