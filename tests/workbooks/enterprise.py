"""What every cell of the enterprise's and of payers' workbooks must hold: they name no resource."""

import math
from fractions import Fraction

from past import YOUNG, is_move, points
from workbook import FORMULAS, Sheet, Workbook, counted, moment, percent, time

# Rows of each list on the summary, accounts that moved, and names in one red box.
ROWS_MAX, MOVERS_MAX, NAMES_MAX = 8, 5, 3
# How long a text about mending is on the summary.
HOW_MAX = 160


def all_of(model):
    payers = {}
    for account in model.accounts.values():
        if account["payer"]:
            payers.setdefault(account["payer"], []).append(account)
    books = {f"payer-{payer}.xlsx": Many(model, f"accounts of payer {payer}", accounts)
             for payer, accounts in payers.items()}
    books["enterprise.xlsx"] = Enterprise(model, "all accounts", list(model.accounts.values()))
    return {name: book.sheets() for name, book in books.items()}


def whole(cents):
    """Rounds an amount to what cells show of it."""
    return f"{math.floor(Fraction(cents, 100) + Fraction(1, 2)):,}"


def is_unapproved(row):
    """A vendor is recognised, which approves nothing."""
    return row["resources"] > 0 and (not row["known"] or row["known_by"] == "vendor")


def through(row):
    """The resources that let a principal in, as far as the row names them."""
    more = row["resources"] - len(row["names"])
    return ", ".join(row["names"]) + (f" and {more} more" if more else "")


def short(text):
    text = text.replace("\n", " ")
    return text if len(text) <= HOW_MAX else text[:HOW_MAX - 1].rstrip() + "…"


class Many(Workbook):
    """The accounts of one payer."""

    def tabs(self):
        return [["Summary", self.summary()], ["Scores", self.scores()],
                ["Accounts", self.accounts_tab()], *self.weeks(), *self.executives_tab(),
                ["Trust", self.trust_tab()], ["About", self.about()]]

    def summary(self):
        sheet = self.head()
        self.alarms(sheet)
        self.movers(sheet)
        self.list_executives(sheet)
        self.lowest(sheet)
        self.costliest(sheet)
        return sheet

    # An executive's score is one over all payers: only the enterprise's workbook has it.

    def list_executives(self, sheet):
        pass

    def executives_tab(self):
        return []

    # What needs a decision now.

    def alarms(self, sheet):
        sheet.section("What needs a decision now")
        alarms = [one for one in (self.poor(), self.unapproved(), self.expired()) if one]
        for label, text in alarms:
            sheet.add(label, (text, 9), margin=1)
        if not alarms:
            sheet.add("Nothing: no account is poor, nobody unknown is trusted, no exception "
                      "expired.", margin=1)

    def poor(self):
        """Accounts that stand poorly, by what they spend; those without a figure are the last."""
        poor = [one for one in self.accounts if self.word(self.of(one)) == "■ poor"]
        poor.sort(key=lambda one: -1 if one["spend"] is None else one["spend"], reverse=True)
        named = [f"{one['name']} ({percent(self.of(one)['score'])}, "
                 + ("spend not known" if one["spend"] is None else f"spends {whole(one['spend'])}")
                 + ")" for one in poor[:NAMES_MAX]]
        stand = counted(len(poor), "account stands", "accounts stand")
        return poor and (
            "■ Poor accounts", f"{stand} below 80 %. Most is spent in {', '.join(named)}")

    def unapproved(self):
        relations = self.relations()
        unknown = sum(not row["known"] for _, row in relations)
        vendors = counted(len(relations) - unknown, "vendor", "vendors")
        if not relations:
            return None
        if not unknown:
            return "▲ Vendors", f"{vendors} that nobody approved may act in an account"
        principals = counted(unknown, "principal", "principals")
        text = f"{principals} that nobody knows may act in an account"
        if unknown < len(relations):
            text += f"; so may {vendors} that nobody approved"
        return "■ Unknown trust", text

    def expired(self):
        expired = self.expired_in_use()
        rows = counted(sum(one["noted"] for one in expired), "resource fails", "resources fail")
        were = "it was" if len(expired) == 1 else "they were"
        ids = ", ".join(one["id"] for one in expired[:NAMES_MAX])
        more = len(expired) - NAMES_MAX
        ids += f" and {more} more" if more > 0 else ""
        return expired and (
            "■ Expired exceptions", f"{counted(len(expired), 'exception', 'exceptions')} expired, "
            f"and {rows} that {were} for still: {ids}")

    # The lists of the summary.

    def rest(self, sheet, all, tab):
        more = len(all) - ROWS_MAX
        if more > 0:
            sheet.add(f"{more:,} more on the tab {tab}", margin=1)

    def movers(self, sheet):
        if not self.past.weeks:
            sheet.section("Accounts that moved most")
            sheet.add("Nothing can be said: the log keeps no score of an earlier time.", margin=1)
            return
        sheet.section(f"Accounts that moved most since {moment(self.past.since)}",
                      "In points of their own scores.")
        moves = []
        for one in self.accounts:
            now, before = self.of(one)["score"], self.past.account(one["id"], 1)
            if now is not None and before is not None and is_move(points(now, before)):
                moves.append((points(now, before), one))
        up = sorted((one for one in moves if one[0] > 0), key=lambda one: -one[0])
        down = sorted((one for one in moves if one[0] < 0), key=lambda one: one[0])
        sheet.add("Up", "Points", "Score", None, ("Down", 3), "Points", "Score", margin=1)
        for at in range(MOVERS_MAX):
            sheet.add(*self.mover(up, at, 1), None, *self.mover(down, at, 3), margin=1)

    def mover(self, moves, at, columns):
        if at >= len(moves):
            return [("" if at or moves else "None.", columns), None, None]
        points, account = moves[at]
        return [(account["name"], columns), points, self.cell(self.of(account))]

    def lowest(self, sheet):
        sheet.section("Accounts with the lowest scores")
        sheet.add("Account", "Account id", "Score", "Standing", "To fix", ("Spend", 2),
                  ("Owner", 2), "Executive", margin=1)
        for one in self.worst_first()[:ROWS_MAX]:
            score = self.of(one)
            sheet.add(one["name"], one["id"], self.cell(score), self.word(score),
                      self.counts(one)[0], (self.spend(one), 2), (one["owner"] or "nobody", 2),
                      one["executive"] or "nobody", margin=1)
        self.rest(sheet, self.accounts, "Accounts")

    def costs(self):
        """What each requirement takes from the score, in points, the costliest first."""
        costs = []
        for one in self.requirements:
            if one["scoring"] == "penalty":
                continue
            scores = [self.of(account, one["id"]) for account in self.accounts]
            scores = [score for score in scores if score["score"] is not None]
            lost = sum(one["weight"] * (1 - score["score"]) for score in scores)
            open = [self.open(score) for score in scores]
            if any(open):
                costs.append((one, lost / self.sum["weight"], sum(open), sum(map(bool, open))))
        return sorted(costs, key=lambda cost: -cost[1])

    def costliest(self, sheet):
        sheet.section("Requirements that cost the most", "How many points of the risk-weighted "
                      "score would come back. A point is 1 %.")
        costs = self.costs()
        if not costs:
            sheet.add("None: no resource is non-compliant without an exception.", margin=1)
            return
        sheet.add(("Requirement", 2), "Severity", "Points", "To fix", "Accounts", ("How", 4),
                  margin=1)
        for one, lost, open, accounts in costs[:ROWS_MAX]:
            sheet.add((one["title"], 2), one["severity"], float(lost * 100), open, accounts,
                      (short(one["remediation"].strip()), 4), margin=1)
        self.rest(sheet, costs, "Scores")

    # The tabs.

    def spend(self, account):
        return "no figure" if account["spend"] is None else account["spend"] / 100

    def moves(self, account):
        now = self.of(account)["score"]
        return [self.moved_cell(now, self.past.account(account["id"], weeks)) for weeks in (1, 13)]

    def accounts_tab(self):
        sheet = Sheet("Accounts", f"{self.as_of()} · the lowest score first · spend: estimated "
                      "charges of the period")
        sheet.add("Account", "Account id", "Score", "Standing", "In 7 days", "In 13 weeks", "Spend",
                  "Share of spend", "Owner", "Executive", "To fix", "Accepted", "Not judged",
                  "Scopes collected", "Oldest data", "Payer", "Remarks")
        all = sum(one["spend"] or 0 for one in self.accounts)
        for one in self.worst_first():
            score = self.of(one)
            share = one["spend"] / all if all and one["spend"] is not None else None
            sheet.add(one["name"], one["id"], self.cell(score), self.word(score), *self.moves(one),
                      self.spend(one), share, one["owner"] or "nobody",
                      one["executive"] or "nobody", *self.counts(one), self.share_collected(one),
                      time(self.oldest(one)), one["payer"], self.remarks(one))
        return sheet

    def relations(self):
        """Whom the accounts trust and nobody approved: unknown ones first, the newest first."""
        trust = self.model.trust()
        by = {}
        for key, row in trust.items():
            by.setdefault(key.split()[0], []).append(row)
        found = [(one, row) for one in self.accounts
                 for row in sorted(by.get(one["id"], []), key=lambda row: row["principal"])
                 if is_unapproved(row)]
        return sorted(found, key=lambda one: (one[1]["known"], -one[1]["first_seen_ms"]))

    def trust_tab(self):
        sheet = Sheet("Trusted by the accounts, approved by nobody", self.as_of())
        sheet.add("Principal", "Its account", "Known", "Kind", "May act in", "Account id",
                  "Resources", "Through", "Conditions (resources)", "First seen")
        relations = self.relations()
        for account, row in relations:
            known = f"▲ {row['vendor']}, not approved" if row["known"] else "■ unknown"
            sheet.add(row["principal"], row["principal_account"], known, row["kind"],
                      account["name"], account["id"], row["resources"], through(row),
                      ", ".join(f"{one['key']} ({one['resources']})"
                                for one in row.get("conditions", [])),
                      time(row["first_seen_ms"]))
        if not relations:
            sheet.add("Nobody: every principal is one of ours, a service, or approved.")
        return sheet


class Enterprise(Many):
    """All accounts, and the executives who answer for them."""

    # An executive's score is explained too.
    formulas = FORMULAS + 1

    def executives(self):
        """Executives with their sums and what their accounts spend, the lowest score first."""
        sums, found = self.model.executives(), []
        for key, sum_of in sums.items():
            name = key.removeprefix("executive/")
            accounts = [one for one in self.accounts if one["executive"] == name]
            spent = sum(one["spend"] or 0 for one in accounts)
            found.append(sum_of | {"name": name, "spent": spent / 100, "status": "not_collected",
                                   "scopes": sum_of["accounts"],
                                   "scopes_collected": sum_of["scored"],
                                   "ids": [one["id"] for one in accounts]})
        return sorted(found, key=lambda one: (one["score"] is None, one["score"] or 0, one["name"]))

    def moved(self, executive, weeks):
        """How far it moved, earlier scores weighted by what the accounts spend now."""
        then = {id: self.past.account(id, weeks) for id in executive["ids"]}
        if YOUNG in then.values():
            return self.moved_cell(executive["score"], YOUNG)
        then = {id: score for id, score in then.items() if score is not None}
        weights, _ = self.model.weights(executive["ids"], then)
        weight = sum(weights.values())
        before = sum(weights[id] * score for id, score in then.items()) / weight if weight else None
        return self.moved_cell(executive["score"], before)

    def remark(self, executive):
        estimated, scored = executive["estimated"], executive["scored"]
        if not estimated:
            return ""
        if estimated == scored:
            return "no spend is known: every account weighs the same"
        weighs = counted(estimated, "account weighs", "accounts weigh")
        return f"{weighs} as the median of the others: no figure"

    def list_executives(self, sheet):
        sheet.section("Executives", "The lowest score first, weighted by spend.")
        sheet.add(("Executive", 2), "Score", "Standing", "In 7 days", "Accounts", "To fix", "Spend",
                  ("Remarks", 2), margin=1)
        executives = self.executives()
        for one in executives[:ROWS_MAX]:
            sheet.add((one["name"], 2), self.cell(one), self.word(one), self.moved(one, 1),
                      one["accounts"], self.open(one), one["spent"], (self.remark(one), 2),
                      margin=1)
        self.rest(sheet, executives, "Executives")

    def executives_tab(self):
        sheet = Sheet("Executives", f"as of {moment(self.at)} UTC · the lowest score first · an "
                      "account's score counts by what it spends, an earlier one by what it spends "
                      "now")
        sheet.add("Executive", "Score", "Standing", "In 7 days", "In 13 weeks", "Spend", "Accounts",
                  "With a score", "To fix", "Accepted", "Remarks")
        for one in self.executives():
            sheet.add(one["name"], self.cell(one), self.word(one), self.moved(one, 1),
                      self.moved(one, 13), one["spent"], one["accounts"], one["scored"],
                      self.open(one), one["excepted"], self.remark(one))
        return [["Executives", sheet]]
