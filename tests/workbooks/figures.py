"""What follows from verdicts, by the manual's words and in exact fractions: votes, scores, sums.

What is known of an organisation is a class on top of `Figures`, which gives it `facts` (`at_ms`,
`version`), `standard` (requirements), `accounts` by id, `rows` (verdicts by requirement, account,
region, resource and part), `exceptions` and `past`; then `settle` finds the rest.
"""

import math
import statistics
from fractions import Fraction

SEVERITIES = ["info", "low", "medium", "high", "critical"]
COUNTS = ["total", "noncompliant", "excepted", "expired", "unknown"]
BILLION = 10**9


def half_up(fraction, one):
    """A fraction in whole parts of 1, as many as `one`."""
    return math.floor(fraction * one + Fraction(1, 2))


def votes(scoring, rows):
    """The votes of one resource's rows: the manual's table of scorings."""
    assert len({row["source"] for row in rows}) == 1, "which of two sources speaks is not told here"
    failing = [row["credit"] for row in rows if row["verdict"] == "fail"]
    live, lapsed = failing.count("live"), failing.count("lapsed")
    passing, unknown = (sum(row["verdict"] == verdict for row in rows)
                        for verdict in ("pass", "unknown"))
    if scoring == "resources":
        # It fails with any part, has credit when every failing part has, and passes with all.
        accepted = live == len(failing)
        passing, unknown = int(passing > 0 and not unknown), int(unknown > 0)
        if failing:
            passing = unknown = 0
            live, lapsed = int(accepted), int(lapsed > 0 and not accepted)
            failing = failing[:1]
    counts = len(failing) + passing, len(failing), live, lapsed, unknown
    return dict(zip(COUNTS, counts))


def one_vote(counts):
    """The votes of a requirement that is all or nothing."""
    fails = counts["noncompliant"] > 0
    accepted = fails and counts["excepted"] == counts["noncompliant"]
    return {"total": int(counts["total"] > 0), "noncompliant": int(fails),
            "excepted": int(accepted), "expired": int(not accepted and counts["expired"] > 0),
            "unknown": int(counts["unknown"] > 0 and not counts["total"])}


def path(parts):
    """Joins parts as keys are written; no part here needs more than `/` escaped."""
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)


class Figures:
    """Scores and sums of an organisation."""

    def settle(self):
        self.by_id = {one["id"]: one for one in self.standard}
        self.judged = {}
        for key, row in sorted(self.rows.items()):
            self.judged.setdefault(key[1], {}).setdefault(key[0], []).append((key, row))
        self.scores = {id: self.score(id) for id in self.accounts}

    def requirement(self, id):
        """A requirement's text; what the standard holds no more goes by its id, and is grave."""
        return self.by_id.get(id, {"title": id, "severity": "high"})

    def severity(self, requirement):
        return SEVERITIES.index(self.requirement(requirement)["severity"])

    def is_scored(self, account):
        """Who is suspended or left answers to nobody."""
        return account["status"] not in ("suspended", "left")

    def phase(self, exception):
        """Where an exception stands."""
        now, starts, expires = self.facts["at_ms"], exception["starts"], exception["expires"]
        if exception["state"] != "approved":
            return exception["state"]
        if expires is not None and expires <= now:
            return "expired"
        return "waiting" if starts is not None and starts > now else "live"

    def is_live(self, exception):
        return self.phase(exception) == "live"

    def coverage_of(self, requirement, id):
        """How far all was collected that a requirement needs, and how old it is."""
        of, rule = self.accounts[id]["coverage"], requirement.get("rule")
        fed = {f"report/{check['source']}" for check in requirement.get("checks", [])}
        fed |= {requirement["resource_type"]} if rule else set()
        # What a rule only asks about counts beside something to judge.
        asked = {one["resource_type"] for one in (rule or {}).get("related", [])}
        kinds = [of[kind] for kind in fed if kind in of]
        if any(kind["collected"] for kind in kinds):
            kinds += [of[kind] for kind in asked - fed if kind in of]
        times = [kind["oldest_ms"] for kind in kinds if kind["oldest_ms"] is not None]
        return {"scopes": sum(kind["scopes"] for kind in kinds),
                "collected": sum(kind["collected"] for kind in kinds),
                "oldest_ms": min(times, default=None)}

    def score(self, id):
        """Scores of each requirement in an account, and of the account (`*`)."""
        account = self.accounts[id]
        if not self.is_scored(account):
            return {}
        found = self.judged.get(id, {})
        scores = {one["id"]: self.requirement_score(one, id, found.get(one["id"], []))
                  for one in self.standard}
        coverage = account["coverage"].values()
        scores["*"] = self.account_score(scores.values()) | {
            name: sum(kind[of] for kind in coverage)
            for name, of in [("scopes", "scopes"), ("scopes_collected", "collected")]}
        return scores

    def requirement_score(self, requirement, id, found):
        coverage = self.coverage_of(requirement, id)
        counts = self.counts(requirement, found)
        score, status = None, "not_applicable" if coverage["collected"] else "not_collected"
        if counts["total"]:
            left = counts["noncompliant"] - counts["excepted"]
            # Scores are kept in billionths, and whatever is made of them is exact.
            score = Fraction(half_up(1 - Fraction(left, counts["total"]), BILLION), BILLION)
            status = "scored"
        # Penalties are shown beside the scores and never averaged in.
        weight = 0 if requirement["scoring"] == "penalty" else requirement["weight"]
        return counts | {"status": status, "score": score, "weight": weight,
                         "scopes": coverage["scopes"], "scopes_collected": coverage["collected"]}

    def counts(self, requirement, found):
        resources, scoring = {}, requirement["scoring"]
        for key, row in found:
            resources.setdefault(key[2:4], []).append(row)
        all = [votes(scoring, rows) for rows in resources.values()]
        counts = {name: sum(one[name] for one in all) for name in COUNTS}
        return one_vote(counts) if scoring == "all_or_nothing" else counts

    def account_score(self, scores):
        """The mean of what has a score, weighted by risk."""
        scored = [one for one in scores if one["score"] is not None]
        weight = sum(one["weight"] for one in scored)
        score = sum(one["weight"] * one["score"] for one in scored) / weight if weight else None
        concerned = any(one["status"] != "not_collected" for one in scores)
        status = "scored" if weight else "not_applicable" if concerned else "not_collected"
        whole = {name: sum(one[name] for one in scores) for name in COUNTS}
        return whole | {"status": status, "weight": weight, "score": score}

    def sum_over(self, ids):
        """The weighted sum over accounts, requirement by requirement."""
        ids = [id for id in ids if self.is_scored(self.accounts[id])]
        shares = [score for id in ids for key, score in self.scores[id].items() if key != "*"]
        scored = [share for share in shares if share["score"] is not None]
        weight = sum(share["weight"] for share in scored)
        sums = {name: sum(share[name] for share in shares)
                for name in ("total", "noncompliant", "excepted")}
        score = sum(one["weight"] * one["score"] for one in scored)
        return sums | {"accounts": len(ids), "scored": len(scored), "weight": weight,
                       "score": score / weight if weight else None}

    def sums(self):
        """The sums over the enterprise, payers, owners and executives, by their keys."""
        groups = {("enterprise", "all"): list(self.accounts)}
        for id, account in self.accounts.items():
            for kind in ("payer", "owner"):
                if account[kind] and self.is_scored(account):
                    groups.setdefault((kind, account[kind]), []).append(id)
        return {path(key): self.sum_over(ids) for key, ids in groups.items()} | self.executives()

    def weights(self, ids, scored):
        """What accounts with a score weigh by their spend, and for how many that is estimated: the
        median of all stands in for none, and where nothing is spent each weighs the same."""
        figures = {id: self.accounts[id]["spend"] for id in ids}
        known = [figure for figure in figures.values() if figure is not None]
        median = math.floor(statistics.median(known)) if known else 0
        weights = {id: median if figures[id] is None else figures[id] for id in scored}
        if not any(weights.values()):
            return dict.fromkeys(weights, 1), len(weights)
        return weights, sum(figures[id] is None for id in scored)

    def executives(self):
        """The scores of executives' accounts, weighted by spend."""
        groups = {}
        for id, one in self.accounts.items():
            if one["executive"] and self.is_scored(one):
                groups.setdefault(one["executive"], []).append(id)
        sums = {}
        for executive, ids in sorted(groups.items()):
            whole = {id: self.scores[id]["*"] for id in ids}
            # Millionths: finer ones would not fit beside cents.
            scores = {id: Fraction(half_up(Fraction(half_up(one["score"], BILLION), BILLION),
                                           10**6), 10**6)
                      for id, one in whole.items() if one["score"] is not None}
            weights, estimated = self.weights(ids, scores)
            weight = sum(weights.values())
            score = sum(weights[id] * score for id, score in scores.items())
            sums[path(("executive", executive))] = {
                "accounts": len(ids), "scored": len(scores), "weight": weight,
                "score": Fraction(half_up(score / weight, BILLION), BILLION) if weight else None,
                "estimated": estimated,
                **{name: sum(one[name] for one in whole.values())
                   for name in ("total", "noncompliant", "excepted")}}
        return sums
