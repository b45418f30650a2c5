"""What a site's log knows of earlier weeks, as the test told it.

A site that remembers has `past.json`: scores of accounts by weeks, and verdicts that turned, which
the test wrote into the log before the first run. The log of any other site is younger than a week.
"""

import json
from fractions import Fraction

from past import Past, turn


def past_of(model):
    path = model.site / "past.json"
    told = json.loads(path.read_text()) if path.exists() else {"scores": [], "turns": []}
    cuts = {}
    for one in told["scores"]:
        score = None if one["score"] is None else Fraction(str(one["score"]))
        cuts.setdefault(one["weeks"], {})[one["account"]] = one["weight"], score
    return Past(model, cuts, turns(model, told["turns"]))


def turns(model, told):
    """How each verdict turned over the week: nothing was there before but what is told."""
    was = {tuple(one["key"]): one for one in told if one["days"] < 7}
    found = {}
    for key in was.keys() | model.rows.keys():
        row, one = model.rows.get(key), was.get(key, {"before": None})
        before = tuple(one["before"]) if one["before"] else None
        after = (row["verdict"], row["credit"]) if row else None
        if before != after:
            last = model.facts["turned"]["/".join(key)]
            found[key] = turn(model, key, row or one, before, after, last["at_ms"], last["cause"])
    return found
