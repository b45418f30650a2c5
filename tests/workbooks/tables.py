"""What scores, sums and workbooks must say, computed from a log's other tables and histories.

    python tables.py FACTS    FACTS is a JSON file; the answer is printed as JSON

Given are accounts, verdicts, trust, the standard and the risk register as they stand, each verdict
that ever turned, and the accounts' hourly scores of the times that workbooks compare with. All
scores are found anew from verdicts: those of now, and those of every earlier week too.
"""

import json
import pathlib
import sys
from fractions import Fraction
from urllib.parse import unquote

import branches
import enterprise
import owner
from figures import BILLION, Figures, path
from past import WEEK_MS, Past, turn

HOUR_MS, DAY_MS, WEEKS = 3_600_000, 86_400_000, 13
# How far before a moment its hourly scores lie: an hour, with a minute for a late tick, or a day.
WINDOWS_MS = [HOUR_MS + 60_000, DAY_MS]


def parts(key):
    return tuple(unquote(part) for part in key.split("/"))


def standing(one):
    return (one["verdict"], one["credit"]) if one else None


class FromTables(Figures):
    def __init__(self, facts):
        self.facts, tables = facts, facts["tables"]
        self.standard = list(tables["requirement"].values())
        self.exceptions = [self.exception(one) for one in tables["exception"].values()]
        self.rows = {parts(key): row | {"name": row["name"] or parts(key)[3]}
                     for key, row in tables["compliance.state"].items()}
        assert not any(row["stale"] for row in self.rows.values()), "no source is silent for long"
        self.accounts = {id: self.account(one) for id, one in tables["account.state"].items()
                         if self.is_ours(one)}
        self.settle()
        self.turns = self.read_turns()
        self.past = Past(self, self.read_cuts(), self.turns_since(1))

    def account(self, one):
        coverage = {kind["resource_type"]: kind for kind in one["coverage"]}
        return one | {"id": one["account"], "spend": one["spend_cents"], "coverage": coverage}

    def is_ours(self, one):
        """What the register only approves has neither a payer nor an owner nor data."""
        return one["listed"] or one["owner"] or any(kind["collected"] for kind in one["coverage"])

    def exception(self, one):
        state = one["state"] or ("approved" if one["approved"] else "asked")
        return one | {"state": state, "starts": one["starts_ms"], "expires": one["expires_ms"]}

    def since(self, key):
        return self.rows[key]["since_ms"] or None

    def trust(self):
        found = {}
        for key, row in self.facts["tables"]["trust.state"].items():
            account, principal = parts(key)
            names = [name or through for name, through in zip(row["names"], row["through"])]
            found[f"{account} {principal}"] = row | {"principal": principal, "names": names}
        return found

    # The past.

    def read_turns(self):
        """Each verdict's changes, by key, in their order."""
        found = {}
        for at, key, change in self.facts["changes"]:
            found.setdefault(parts(key), []).append((at, change))
        return found

    def stood(self, at):
        """How every verdict stood at a time, with what is known of its row."""
        found = {}
        for key, changes in self.turns.items():
            told = [change for when, change in changes if when <= at]
            if told and told[-1]["after"]:
                found[key] = told[-1]["row"] | told[-1]["after"]
        return found

    def turns_since(self, weeks):
        """Which verdicts stand otherwise than some weeks ago."""
        then, found = self.stood(self.facts["at_ms"] - weeks * WEEK_MS), {}
        for key in then.keys() | self.rows.keys():
            before, after = standing(then.get(key)), standing(self.rows.get(key))
            if before != after:
                last = self.turns[key][-1][1]
                row = self.rows.get(key) or last["row"] | {"name": last["row"]["name"] or key[3]}
                cause = last["cause"]
                cause = f"{cause['topic']}/{cause['partition']}/{cause['offset']}"
                found[key] = turn(self, key, row, before, after, last["at_ms"], cause)
        return found

    def read_cuts(self):
        """The accounts' weights and scores of earlier weeks, as the last hour's cut kept them."""
        cuts, self.cut_at = {}, {}
        for weeks in range(1, WEEKS + 1):
            at = self.facts["at_ms"] - weeks * WEEK_MS
            for window in WINDOWS_MS:
                told = {id: (one["weight"], self.kept(one))
                        for when, id, one in self.facts["history"] if at - window < when <= at}
                if told:
                    cuts[weeks] = told
                    self.cut_at[weeks] = max(when for when, _, _ in self.facts["history"]
                                             if at - window < when <= at)
                    break
        return cuts

    def kept(self, one):
        scored = one["status"] == "scored" and one["weight"]
        return Fraction(one["weighted_score"], one["weight"] * BILLION) if scored else None

    def weeks_anew(self):
        """The accounts' scores of the earlier weeks that are kept, found from verdicts alone."""
        return {str(weeks): self.scores_at(self.cut_at[weeks], cut)
                for weeks, cut in self.past.cuts.items()}

    def standard_at(self, at):
        """The requirements of a time, as each was last said."""
        said = {key: text for when, key, text in self.facts["standards"] if when <= at}
        return [text for text in said.values() if text]

    def scores_at(self, at, cut):
        standard, then, found = self.standard_at(at), {}, {}
        for key, row in self.stood(at).items():
            then.setdefault(key[1], {}).setdefault(key[0], []).append((key, row))
        for id in cut:
            if id in self.accounts:
                scores = [self.requirement_score(one, id, then.get(id, {}).get(one["id"], []))
                          for one in standard]
                whole = self.account_score(scores)
                found[id] = {name: whole[name] for name in ("weight", "score")}
        return found

    def answer(self):
        scores = {path((id, requirement)): score for id, of in self.scores.items()
                  for requirement, score in of.items()}
        kept = {str(weeks): {id: {"weight": weight, "score": score}
                             for id, (weight, score) in cut.items() if id in self.accounts}
                for weeks, cut in self.past.cuts.items()}
        workbooks = enterprise.all_of(self) | owner.all_of(self)
        return {"score.state": scores, "rollup.state": self.sums(), "weeks": self.weeks_anew(),
                "kept": kept, "workbooks": workbooks, "branches": branches.of(workbooks, len(kept))}


if __name__ == "__main__":
    given = json.loads(pathlib.Path(sys.argv[1]).read_text())
    print(json.dumps(FromTables(given).answer(), default=float))
