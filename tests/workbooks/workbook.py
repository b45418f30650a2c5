"""What the workbooks of owners and of those who look over many have in common, from the model.

A text that only explains is `ANY_TEXT`: it must be there, its words are free. A moment is
{"ms": ...}; everything else is the value itself, and a cell that is not named must be empty.
"""

import datetime
from fractions import Fraction

from figures import BILLION, SEVERITIES, half_up
from past import YOUNG, moved, points

ANY_TEXT = {"text": True}
DAY_MS = 86_400_000
# Sections that only explain, with the number of their lines.
FORMULAS, WORDS = 10, 19
# From how many tenths of a percent on.
GRADES = [("A", 950), ("B", 900), ("C", 800), ("D", 650), ("F", 0)]
# How an exception stands: those that speak first come first.
PHASES = ["live", "waiting", "asked", "expired", "withdrawn", "rejected"]
# Names in a line that names the first of many.
NAMES_MAX = 8


def moment(ms):
    at = datetime.datetime.fromtimestamp(ms // 1000, datetime.UTC)
    return at.strftime("%Y-%m-%d" if ms % DAY_MS == 0 else "%Y-%m-%d %H:%M")


def day(ms):
    return moment(ms)[:10]


def time(ms):
    return None if ms is None else {"ms": ms}


def counted(n, one, many):
    return f"{n:,} {one if n == 1 else many}"


def shown(score):
    """The tenths of a percent that are shown: half up, and 1,000 only where nothing is missing."""
    billionths = half_up(score, BILLION)
    tenths = half_up(Fraction(billionths, BILLION), 1_000)
    return tenths if billionths >= BILLION else min(tenths, 999)


def percent(score):
    return f"{shown(score) // 10}.{shown(score) % 10} %"


def age(ms):
    minutes = max(ms, 0) // 60_000
    if minutes == 0:
        return "under a minute"
    if minutes < 2 * 60:
        return counted(minutes, "minute", "minutes")
    if minutes < 2 * 24 * 60:
        return counted(minutes // 60, "hour", "hours")
    return counted(minutes // (24 * 60), "day", "days")


def named(names):
    """The first of some names, and how many more there are."""
    more = len(names) - NAMES_MAX
    return ", ".join(names[:NAMES_MAX]) + (f" and {more} more" if more > 0 else "")


def letters(column):
    """How a column is called."""
    first, last = divmod(column, 26)
    return (letters(first - 1) if first else "") + chr(ord("A") + last)


class Partial(float):
    """A score that stands for what was collected: its cell has a mark."""


class Sheet:
    """Rows of cells; a pair (value, n) takes n columns."""

    def __init__(self, title=None, subtitle=None):
        self.cells, self.row = {}, 0
        for text in (title, subtitle):
            if text:
                self.add(text)

    def add(self, *values, margin=0):
        self.row += 1
        column = margin
        for value in values:
            value, columns = value if isinstance(value, tuple) else (value, 1)
            if value not in (None, ""):
                cell = f"{letters(column)}{self.row}"
                self.cells[cell] = value
                if isinstance(value, Partial):
                    self.cells[f"{cell} is partial"] = True
            column += columns

    def skip(self):
        self.row += 1

    def section(self, title, remark=""):
        self.skip()
        self.add(title, margin=1)
        if remark:
            self.add(remark, margin=1)


# Who answers to nobody has no score.
NONE = {"status": "not_collected", "score": None, "total": 0, "noncompliant": 0, "excepted": 0}


class Workbook:
    """Some accounts, and the tabs that every workbook has. `rolled_up`: the tables sum them up."""

    whose = "all accounts"
    label = "Accounts of"
    formulas = FORMULAS

    def __init__(self, model, title, accounts, rolled_up=True):
        self.model, self.title = model, title
        self.rolled_up = rolled_up and any(map(model.is_scored, accounts))
        self.at, self.past = model.facts["at_ms"], model.past
        self.accounts = sorted(accounts, key=lambda one: (one["name"].lower(), one["id"]))
        self.ids = [one["id"] for one in self.accounts]
        self.requirements = sorted(model.standard, key=lambda one: (
            -SEVERITIES.index(one["severity"]), -one["weight"], one["title"], one["id"]))
        self.sum = model.sum_over(self.ids)
        self.missing = [one for one in self.accounts if not self.is_collected(one)]
        self.turns = self.past.turned(self.ids)
        self.known_exceptions = self.exceptions()

    def sheets(self):
        """The cells of every tab, in order."""
        return [[name, sheet.cells] for name, sheet in self.tabs()]

    def as_of(self):
        return f"{self.title} · as of {moment(self.at)} UTC"

    # Scores, as cells and as words.

    def of(self, account, requirement="*"):
        return self.model.scores[account["id"]].get(requirement, NONE)

    def cell(self, score):
        if score["score"] is not None:
            return (Partial if self.is_partial(score) else float)(score["score"])
        return {"not_applicable": "N/A", "not_collected": "not collected"}[score["status"]]

    def is_partial(self, score):
        return score["scopes_collected"] < score["scopes"]

    def grade(self, score):
        if score["score"] is None:
            return ""
        at = shown(score["score"])
        return f"grade {next(letter for letter, low in GRADES if at >= low)} · "

    def word(self, score):
        if score["score"] is None:
            return self.cell(score)
        at = shown(score["score"])
        return "● good" if at >= 950 else "▲ fair" if at >= 800 else "■ poor"

    def own(self):
        """The score of all accounts, as a score of an account is one."""
        collected = len(self.missing) < len(self.accounts)
        status = "not_applicable" if collected else "not_collected"
        return {"score": self.sum["score"], "status": status,
                "scopes": sum(self.covers(one, "scopes") for one in self.accounts),
                "scopes_collected": sum(self.covers(one, "collected") for one in self.accounts)}

    def open(self, score):
        return score["noncompliant"] - score["excepted"]

    def moved_cell(self, now, before):
        """How far a score moved; `before` is None without one, and YOUNG without a log of it."""
        if now is None:
            return None
        if before is YOUNG:
            return "not kept"
        return "none then" if before is None else points(now, before)

    # What is known of the accounts.

    def covers(self, account, name):
        return sum(one[name] for one in account["coverage"].values())

    def is_collected(self, account):
        return self.covers(account, "collected") > 0

    def counts(self, account):
        """To fix, accepted, not judged: no figure stands for no data."""
        score = self.of(account)
        if score["status"] == "not_collected":
            return [None] * 3
        return [self.open(score), score["excepted"], len(self.rows(account, "unknown"))]

    def share_collected(self, account):
        scopes = self.covers(account, "scopes")
        return self.covers(account, "collected") / scopes if scopes else "none"

    def oldest(self, account):
        times = [one["oldest_ms"] for one in account["coverage"].values() if one["oldest_ms"]]
        return min(times, default=None)

    def oldest_of_all(self):
        return min(filter(None, map(self.oldest, self.accounts)), default=None)

    def old(self, ms):
        return age(self.at - ms) if ms else "not collected"

    def worst_first(self):
        return sorted(self.accounts, key=lambda one: (
            self.of(one)["score"] is None, self.of(one)["score"] or 0))

    def rows(self, account, verdict):
        """Rows of an account, by requirement, then by region, resource and part."""
        found = self.model.judged.get(account["id"], {})
        found = [one for requirement in self.requirements
                 for one in found.get(requirement["id"], []) if one[1]["verdict"] == verdict]
        return sorted(found, key=lambda one: one[1]["credit"] == "live")

    def remarks(self, account):
        listed, status = account["listed"], account["status"]
        left = {"left": "left its organisation, not scored", "suspended": "suspended, not scored"}
        words = ["no organisation lists it"] if not listed and status != "left" else []
        words += [left.get(status, status)] if status != "active" else []
        failed = self.covers(account, "failed")
        if failed:
            kind, error = next((kind, one["error"]) for kind, one in account["coverage"].items()
                               if one["error"])
            words.append(
                f"last scan failed in {counted(failed, 'scope', 'scopes')} ({kind}: {error})")
        return "; ".join(words)

    def covered(self, exception):
        """The accounts of these that an exception names, by id, unit or tag."""
        def is_named(one, account):
            if one.startswith("unit:"):
                units = one.removeprefix("unit:").split("/")
                return account["units"][:len(units)] == units
            if one.startswith("tag:"):
                name, _, value = one.removeprefix("tag:").partition("=")
                return account["tags"].get(name) == value
            return one in ("*", account["id"])
        return [account for account in self.accounts
                if any(is_named(one, account) for one in exception["accounts"])]

    def exceptions(self):
        """Exceptions that concern the accounts: how each stands, and the rows it is noted at."""
        noted = {}
        for account in self.accounts:
            for _, row in self.rows(account, "fail"):
                if row["exception"]:
                    noted.setdefault(row["exception"], []).append(row["credit"] == "live")
        found = []
        for one in self.model.exceptions:
            if self.covered(one):
                of = noted.get(one["id"], [])
                found.append(one | {"phase": self.model.phase(one), "credited": of.count(True),
                                    "noted": of.count(False)})
        last = 2**63
        return sorted(found, key=lambda one: (
            PHASES.index(one["phase"]), last if one["expires"] is None else one["expires"],
            one["id"]))

    def expiring(self):
        return [one for one in self.known_exceptions if one["phase"] == "live"
                and one["expires"] and one["expires"] <= self.at + 30 * DAY_MS]

    def expired_in_use(self):
        return [one for one in self.known_exceptions
                if one["phase"] == "expired" and one["noted"]]

    def new(self):
        """Accounts that have a score and had none at the time since which changes are told."""
        return [one for one in self.accounts if self.of(one)["score"] is not None
                and self.past.account(one["id"], 1) is None]

    # The head of every summary.

    def head(self):
        sheet = Sheet()
        sheet.add("Cloud security scorecard", margin=1)
        sheet.add(self.as_of(), margin=1)
        if self.missing:
            sheet.add(f"⚠ No data from {len(self.missing)} of "
                      f"{counted(len(self.accounts), 'account', 'accounts')}: "
                      f"{named([one['name'] for one in self.missing])}. They are in no score.",
                      margin=1)
        for cards in (self.standing(), self.trend(), self.trusted()):
            sheet.skip()
            for line in zip(*cards):
                sheet.add(*zip(line, [1, 3, 3, 2, 1]), margin=1)
        return sheet

    def standing(self):
        total, bad, excepted = (self.sum[name] for name in ("total", "noncompliant", "excepted"))
        left, own = bad - excepted, self.own()
        score = float(own["score"]) if own["score"] is not None else self.word(own)
        return [
            ("Risk-weighted score", score,
             f"{self.grade(own)}{self.word(own)} · by risk, over {self.whose}"),
            ("Resources in order", 1 - left / total if total else self.word(own),
             f"{total - left:,} of {total:,} votes pass or are accepted; each counts the same"),
            ("Still to fix", left, f"of {bad:,} non-compliant votes"),
            ("Accepted risk", excepted, "non-compliant votes credited by a live exception"),
            ("Accounts", len(self.accounts),
             f"{len(self.missing)} not collected" if self.missing else "all collected")]

    def trend(self):
        now, before = self.sum["score"], self.past.together(self.ids, 1)
        none = before is None or before is YOUNG
        if before is YOUNG:
            note = "the log keeps none"
        elif before is None:
            note = "none of these accounts had one"
        else:
            note = f"since {moment(self.past.since)} UTC, {percent(before)} then"
            new = len(self.new())
            note += f"; {counted(new, 'account came', 'accounts came')} since" if new else ""
        word = self.word(self.own()) if now is None else (
            "no earlier score" if none else moved(points(now, before)))
        kinds = [turn["kind"] for turn in self.turns]
        range_of = self.past.extremes(self.ids, now)
        if range_of:
            lowest, highest = map(percent, range_of)
            range_of = f"from {lowest} to {highest}; the tab Trend has all"
        return [
            ("Trend", word, note),
            *[(label, "not known" if none else kinds.count(kind), ANY_TEXT) for label, kind in [
                ("Newly failing", "✗ newly failing"), ("Fixed", "✓ fixed"),
                ("Credit lapsed", "✗ credit lapsed")]],
            # The weeks are drawn.
            ("Last 13 weeks", None if self.past.weeks else "no earlier score",
             range_of)]

    def trusted(self):
        unknown = sum(len(self.rows(one, "unknown")) for one in self.accounts)
        scopes, collected, failed = (sum(self.covers(one, name) for one in self.accounts)
                                     for name in ("scopes", "collected", "failed"))
        oldest = self.oldest_of_all()
        return [
            ("Could not be judged", unknown, "data was missing; in no score"),
            ("Collected", f"{collected:,} of {scopes:,} scopes" if scopes else "nothing yet",
             f"a scope is a resource type in a region; {failed:,} failed last time"),
            ("Oldest data", age(self.at - oldest) if oldest else "none",
             f"collected {moment(oldest)} UTC" if oldest else None),
            ("Exceptions expiring", len(self.expiring()), "within 30 days"),
            ("Expired exceptions in use", len(self.expired_in_use()),
             "still noted at resources, without credit")]

    # The tabs that every workbook has.

    def scores(self):
        sheet = Sheet("Scores by requirement and account", self.as_of())
        sheet.add((ANY_TEXT, 6), *[one["name"] for one in self.accounts])
        sheet.add(ANY_TEXT, None, None, None, None, self.old(self.oldest_of_all()),
                  *[self.old(self.oldest(one)) for one in self.accounts])
        sheet.add("Account score, weighted by risk", None, None, self.open(self.sum), None,
                  self.cell(self.own()), *[self.cell(self.of(one)) for one in self.accounts])
        self.heading(sheet, "All, mean")
        penalties = [one for one in self.requirements if one["scoring"] == "penalty"]
        for one in self.requirements:
            if one["scoring"] != "penalty":
                scores = [self.of(account, one["id"]) for account in self.accounts]
                words = [self.cell(score) for score in scores]
                self.line(sheet, one, [self.mean(scores, words), *words])
        if penalties:
            sheet.skip()
            sheet.add("Penalty points (open failures × weight): lower is better, in no score")
            self.heading(sheet, "All, sum")
        for one in penalties:
            scores = [self.of(account, one["id"]) for account in self.accounts]
            points = [self.open(score) * one["weight"] for score in scores]
            words = [self.cell(score) if score["score"] is None else each
                     for score, each in zip(scores, points)]
            self.line(sheet, one, [sum(points), *words])
        return sheet

    def heading(self, sheet, total):
        sheet.add("Requirement", "Severity", "Weight", "To fix", "Oldest data", total,
                  *[f"…{id[-4:]}" for id in self.ids])

    def line(self, sheet, requirement, cells):
        """A row of the scores: its beginning, all accounts together and each of them."""
        ages = [self.model.coverage_of(requirement, id).get("oldest_ms")
                for id in self.ids if self.model.is_scored(self.model.accounts[id])]
        open = sum(self.open(self.of(account, requirement["id"])) for account in self.accounts)
        sheet.add(requirement["title"], requirement["severity"], requirement["weight"], open,
                  self.old(min(filter(None, ages), default=None)), *cells)

    def mean(self, scores, words):
        """The plain mean over the accounts, or why there is none."""
        values = [score["score"] for score in scores if score["score"] is not None]
        if values:
            partial = "not collected" in words or any(isinstance(one, Partial) for one in words)
            return (Partial if partial else float)(sum(values) / len(values))
        return "N/A" if "N/A" in words else "not collected"

    def weeks(self):
        """The tab Trend; none where the log keeps no score of a week before."""
        weeks = self.past.weeks
        if not weeks:
            return []
        sheet = Sheet("Scores by week", self.as_of())
        sheet.add(ANY_TEXT)
        sheet.add("Account", "Trend", "Points", *[day(self.past.ms(one)) for one in weeks], "now")
        lines = [("All accounts", self.own(), [self.past.together(self.ids, one) for one in weeks])]
        lines += [(one["name"], self.of(one), [self.past.account(one["id"], week)
                                               for week in weeks]) for one in self.worst_first()]
        for name, now, scores in lines:
            first = next((one for one in scores if one is not None), None)
            sheet.add(name, None, self.moved_cell(now["score"], first),
                      *[None if one is None else float(one) for one in scores], self.cell(now))
        sheet.skip()
        sheet.add("All accounts together")
        return [["Trend", sheet]]

    def about(self):
        sheet = Sheet("About this workbook")
        sheet.skip()
        sheet.add("Made of")
        oldest, weeks = self.oldest_of_all(), len(self.past.weeks)
        for label, value in [
                (self.label, self.title), ("Time of the data", f"{moment(self.at)} UTC"),
                ("Software", f"scorecard {self.model.facts['version']}"),
                ("Accounts", f"{len(self.accounts):,}"),
                ("Requirements", f"{len(self.requirements):,}"), ("Standard", ANY_TEXT),
                ("Oldest data", f"collected {moment(oldest)} UTC" if oldest
                 else "none was ever collected"),
                ("Compared with", f"{moment(self.past.since)} UTC; the tab Trend has "
                 f"{counted(weeks, 'week', 'weeks')}" if weeks
                 else "nothing: the log keeps no score of an earlier time"),
                ("Sum over the accounts",
                 "taken from the roll-up; the accounts' own figures add up to it"
                 if self.rolled_up else "added up from the accounts' own figures"),
                ("Times", ANY_TEXT), ("Print", ANY_TEXT)]:
            sheet.add(label, value)
        for title, lines in [("How scores are made", self.formulas), ("Words and marks", WORDS)]:
            sheet.skip()
            sheet.add(title)
            for _ in range(lines):
                sheet.add(ANY_TEXT, ANY_TEXT)
        sheet.skip()
        sheet.add("Not collected")
        for one in self.missing:
            sheet.add(one["name"], f"{one['id']}: {self.remarks(one) or 'never tried'}")
        if not self.missing:
            sheet.add("None", "Data came from every account.")
        sheet.skip()
        sheet.add("Cut")
        sheet.add("Nothing", "Every row is in this workbook.")
        return sheet
