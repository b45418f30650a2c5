"""What workbooks tell each in its own way, and how often they do.

The proof of cells is hollow where nothing of a kind occurs: a test demands that everything does.
"""

import re

from past import CAUSES, KINDS, STANDINGS, TICKS
from workbook import GRADES, SEVERITIES

# By name, what a cell's text holds.
TEXTS = {
    **{f"grade {letter}": f"^grade {letter} " for letter, _ in GRADES},
    **{word: f"^{word}$" for word in ["● good", "▲ fair", "■ poor", "N/A", "not collected"]},
    **{f"change: {kind}": f"^{re.escape(kind)}$" for kind in KINDS},
    **{f"cause: {why}": f": {why}$" for why in {*CAUSES.values(), *TICKS.values(),
                                                "time went on"}},
    **{f"from: {words}": f"^{words} → " for words in STANDINGS.values()},
    **{f"to: {words}": f" → {words}$" for words in STANDINGS.values()},
    **{f"severity: {word}": f"^{word}$" for word in SEVERITIES if word != "info"},
    **{f"coverage: {word}": f"^{word}$" for word in ["all", "partly", "stale", "none"]},
    **{f"exception: {word}": f"^{mark} {word}$" for mark, word in [
        ("●", "live"), ("○", "not begun"), ("○", "not approved"), ("✗", "expired"),
        ("✗", "withdrawn"), ("✗", "rejected")]},
    **{f"credit: {word}": f"^{word}.*: (no credit: )?.* \\(.*\\)$" for word in [
        "credited until", "credited without an end", "expired", "not begun", "not approved",
        "withdrawn", "rejected"]},
    **{f"exception of: {word}": word for word in [
        "^every account$", "^every requirement$", "of others$", "^tag:", "^unit:"]},
    **{f"trend: {word}": word for word in [
        "^↑ up", "^↓ down", "^→ unchanged", " since .* then\\)$", "^none then$", "^not kept$",
        "^no earlier score$", "accounts came since$", "^from .* to .*Trend has all$"]},
    **{f"age: {unit}": f"^\\d+ {unit}$" for unit in ["minutes", "hours", "days"]},
    **{f"account: {word}": word for word in [
        "no organisation lists it", "left its organisation, not scored", "suspended, not scored",
        "last scan failed in .* scopes? \\(", "^no owner|· no owner ·", "^nobody$",
        "^no figure$", "^no scope was ever tried$", "^Data came from every account"]},
    **{f"executive: {word}": word for word in [
        "weighs as the median of the others", "^no spend is known"]},
    **{f"trust: {word}": word for word in [
        "^■ unknown$", "^▲ Datadog, not approved$", "^public$", "^account$", "\\w \\(\\d+\\)$",
        "^Nobody: every principal"]},
    **{f"alarm: {word}": word for word in [
        "stands? below 80 %.*spends", "nobody knows may act", "so may .* nobody approved",
        "expired, and .* for still", " for still: .* and \\d+ more$"]},
    **{f"cut: {word}": word for word in [
        "more changes?: see the tab Changes", "more on the tab Executives",
        "more on the tab Accounts", "more on the tab Scores", "more: see the tab Exceptions",
        "^⚠ No data from .* and \\d+ more\\. They", "told as new: .* and \\d+ more\\.$",
        "….$|…$"]},
    **{f"said: {word}": word for word in [
        "kept from older data", "\\(kept: newer data", "^Could not be judged \\(",
        "^Penalty points \\(", "^Nothing to fix", "^⚠ This account was never collected",
        "^⚠ Nothing was ever tried", "^Nothing can be said: there is no score yet",
        "^Nothing can be said: the log keeps", "^Nothing can be said: none of these accounts",
        "^Nothing: no verdict turned", "^nothing yet$", "added up from the accounts",
        "taken from the roll-up"]},
}


def of(workbooks, weeks):
    """How many cells of the workbooks are of each kind, and how many earlier weeks there are."""
    patterns = {name: re.compile(text) for name, text in TEXTS.items()}
    found = dict.fromkeys(patterns, 0)
    links, marks = 0, 0
    for sheets in workbooks.values():
        for _, cells in sheets:
            for place, value in cells.items():
                links += place.endswith("leads to")
                marks += place.endswith("is partial")
                if isinstance(value, str):
                    for name, pattern in patterns.items():
                        found[name] += bool(pattern.search(value))
    return found | {"resources that lead to the console": links, "scores that are marked": marks,
                    "weeks": weeks}
