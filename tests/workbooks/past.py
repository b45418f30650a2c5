"""What is known of earlier weeks, and what turned in the last one.

A `Past` is given cuts (weeks ago: {account: (weight, score)}) and turns (by key: how a verdict
stood a week ago, how it stands, and the change that turned it last).
"""

WEEK_MS = 7 * 86_400_000
# There is no score because the log keeps none of that time; None: the account had none.
YOUNG = "young"
# The gravest first, as changes are told.
KINDS = ["✗ newly failing", "✗ credit lapsed", "? not judged any more", "○ newly accepted",
         "✓ fixed"]
STANDINGS = {
    None: "not there", ("pass", "none"): "in order", ("unknown", "none"): "not judged",
    ("not_applicable", "none"): "not concerned", ("fail", "live"): "failing, accepted",
    ("fail", "lapsed"): "failing, credit lapsed", ("fail", "none"): "failing"}
CAUSES = {"observation": "a scan saw it", "report": "a scanner reported it",
          "exception": "the risk register changed", "requirement": "the standard changed",
          "account.listing": "an account's entry changed",
          "account.register": "an account's entry changed"}
# What the clock did, by what came of it.
TICKS = {"✗ credit lapsed": "the exception ended", "○ newly accepted": "the exception began"}


def points(now, before):
    return (float(now) - float(before)) * 100


def is_move(points):
    """Cells show tenths: what is less stays as it is."""
    return abs(points) >= 0.05


def moved(points):
    if not is_move(points):
        return "→ unchanged"
    tenths = f"{abs(points):.1f}"
    way = "↑ up" if points > 0 else "↓ down"
    return f"{way} {tenths} {'point' if tenths == '1.0' else 'points'}"


def kind_of(before, after):
    """What a turn means for who answers for the account; None where it means nothing."""
    failed, fails = ((one or ("", ""))[0] == "fail" for one in (before, after))
    if fails and after[1] == "live":
        return "○ newly accepted"
    if fails and not failed:
        return "✗ newly failing"
    if fails:
        return "✗ credit lapsed" if before[1] == "live" else None
    if after and after[0] == "unknown":
        return "? not judged any more" if before else None
    return "✓ fixed" if failed else None


def why(topic, kind):
    return TICKS.get(kind, "time went on") if topic == "tick" else CAUSES[topic]


class Past:
    def __init__(self, model, cuts, turns):
        self.model, self.at, self.cuts, self.turns = model, model.facts["at_ms"], cuts, turns
        # The oldest first.
        self.weeks = sorted(self.cuts, reverse=True)
        self.since = self.ms(1)

    def ms(self, weeks):
        return self.at - weeks * WEEK_MS

    def account(self, id, weeks):
        """The score of an account some weeks ago."""
        if weeks not in self.cuts:
            return YOUNG
        return self.cuts[weeks].get(id, (0, None))[1]

    def together(self, ids, weeks):
        """The score that accounts had together some weeks ago, by the weights of that time."""
        if weeks not in self.cuts:
            return YOUNG
        shares = [self.cuts[weeks][id] for id in ids if self.account(id, weeks) is not None]
        weight = sum(weight for weight, _ in shares)
        return sum(weight * score for weight, score in shares) / weight if weight else None

    def extremes(self, ids, now):
        """The lowest and the highest of the scores of all weeks and of now, if there is any."""
        scores = [self.together(ids, weeks) for weeks in self.weeks] + [now]
        scores = [score for score in scores if score is not None]
        return (min(scores), max(scores)) if self.weeks and scores else None

    def turned(self, ids):
        """What turned in accounts that had a score then: the gravest kind and the newest first."""
        if 1 not in self.cuts:
            return []
        told = [turn for key, turn in sorted(self.turns.items())
                if key[1] in ids and self.account(key[1], 1) is not None and turn["kind"]]
        return sorted(told, key=lambda one: (
            KINDS.index(one["kind"]), -one["severity"], -one["at"]))


def turn(model, key, row, before, after, at, cause):
    """How a verdict turned; `row` is what is known of its resource, `cause` the last record."""
    kind = kind_of(before, after)
    return {"key": key, "row": row, "is_there": after is not None, "kind": kind, "at": at,
            "severity": model.severity(key[0]), "cause": cause,
            "from_to": f"{STANDINGS[before]} → {STANDINGS[after]}",
            "why": why(cause.split("/")[0], kind)}
