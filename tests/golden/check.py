"""Comes to the golden cases' compliance rows by itself, and says where they differ.

Rows of scanners follow from `expected.jsonl`, which a person read, or from `by-hand.jsonl`, which a
person wrote, and from the checks that the standard maps. Rows of rules are in `by-hand.jsonl`.
Counts follow from the rows. Nothing of the pipeline is used.
"""

import collections
import json
import pathlib
import sys

import yaml

HERE = pathlib.Path(__file__).parent
SHIPPED = HERE.parent.parent / "standard"
VERDICTS = {"pass": "pass", "warn": "fail", "fail": "fail", "unknown": "unknown"}


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def requirements(case):
    files = [*SHIPPED.glob("*.yaml"), *case.glob("standard/*.yaml")]
    return [yaml.safe_load(file.read_text()) for file in files]


def expected_of_findings(findings, source, standard):
    """Gives the rows that findings come to: key, verdict, evidence, severity and counts."""
    rows = {}
    for one in findings:
        for requirement in standard:
            by_summary = requirement["scoring"] == "summary"
            counted = ["resource", "account"] + ["summary"] * by_summary
            if one.get("subject") not in counted:
                continue
            for mapping in requirement.get("checks", []):
                if (mapping["source"], mapping["check"]) != (source, one["check"]):
                    continue
                verdict = VERDICTS[one["status"]]
                if one["status"] == "warn" and mapping.get("warn_passes"):
                    verdict = "pass"
                key = (requirement["id"], one["account"], one["region"], one["resource"],
                       f"{source}:{one['check']}")
                totals = one.get("totals") if by_summary else None
                rows[key] = (verdict, one["message"], requirement["severity"], totals)
    return rows


def check_scanner(case, rows, standard):
    """Every row is one that the findings come to, and every such row is there."""
    theirs = expected_of_findings(lines(case / "expected.jsonl"), case.parent.name, standard)
    ours = {}
    for row in rows:
        key = tuple(row[name] for name in ["requirement", "account", "region", "resource", "part"])
        assert key not in ours, key
        assert row["source"] == case.parent.name, row
        ours[key] = (row["verdict"], row["evidence"], row["severity"])
    assert ours == {key: row[:3] for key, row in theirs.items()}, (case, ours, theirs)
    return {key: row[3] for key, row in theirs.items()}


def check_by_hand(case, rows, standard):
    """Of the requirements that a person wrote of, the rows are those and no others."""
    hand = collections.Counter(
        (one["requirement"], one["resource"], one["part"], one["verdict"])
        for one in lines(case / "by-hand.jsonl"))
    written = {requirement for requirement, *_ in hand}
    mine = collections.Counter(
        (row["requirement"], row["resource"], row["part"], row["verdict"])
        for row in rows if row["requirement"] in written)
    assert hand == mine, (case, hand - mine, mine - hand)
    severity = {one["id"]: one["severity"] for one in standard}
    assert all(row["severity"] == severity[row["requirement"]] for row in rows), case
    return {}


def source_votes(verdicts, as_one):
    """Counts one source's verdicts on one subject: total, failing, unknown."""
    counts = collections.Counter(verdicts)
    if not as_one:
        return counts["pass"] + counts["fail"], counts["fail"], counts["unknown"]
    if counts["fail"]:
        return 1, 1, 0
    if counts["unknown"]:
        return 0, 0, 1
    return min(counts["pass"], 1), 0, 0


def votes(scoring, subject):
    """Counts a subject: the source with the worst share speaks, or as one vote the worst."""
    sources = [source_votes(verdicts, scoring == "resources") for verdicts in subject.values()]
    if scoring == "resources":
        if any(failing for _, failing, _ in sources):
            return 1, 1, 0
        passing = any(total for total, _, _ in sources)
        return (1, 0, 0) if passing else (0, 0, max(unknown for *_, unknown in sources))
    return max(sources, key=lambda one: (one[1] / max(one[0], 1), one[1], one[0], one[2]))


def check_counts(case, rows, scores, standard, totals):
    scoring = {one["id"]: one["scoring"] for one in standard}
    subjects = collections.defaultdict(lambda: collections.defaultdict(list))
    sums = collections.Counter()
    for row in rows:
        of = (row["requirement"], row["account"])
        if scoring[row["requirement"]] == "summary":
            key = (*of, row["region"], row["resource"], row["part"])
            failing, total = totals[key] or (0, 0)
            sums[of, 0] += total
            sums[of, 1] += failing if row["verdict"] == "fail" else 0
        else:
            place = row["arn"] or (row["region"], row["resource"])
            subjects[(*of, place)][row["source"]].append(row["verdict"])
    for (requirement, account, _), subject in subjects.items():
        for at, count in enumerate(votes(scoring[requirement], subject)):
            sums[(requirement, account), at] += count
    expected = {}
    for of in {of for of, _ in sums}:
        total, failing, unknown = (sums[of, at] for at in range(3))
        if scoring[of[0]] == "all_or_nothing":
            total, failing, unknown = min(total, 1), min(failing, 1), int(not total and unknown > 0)
        if total + unknown:
            expected[of] = (total, failing, unknown)
    ours = {(one["requirement"], one["account"]):
            (one["total"], one["noncompliant"], one["unknown"]) for one in scores}
    assert ours == expected, (case, ours, expected)


def main():
    cases = sorted(case for case in HERE.glob("*/*") if case.is_dir())
    for case in cases:
        standard = requirements(case)
        told = lines(case / "expected-compliance.jsonl")
        rows = [one for one in told if "verdict" in one]
        scores = [one for one in told if "verdict" not in one]
        by_hand = (case / "by-hand.jsonl").exists()
        check = check_by_hand if by_hand else check_scanner
        totals = check(case, rows, standard)
        check_counts(case, rows, scores, standard, totals)
    print(len(cases), "cases agree")


if __name__ == "__main__":
    sys.exit(main())
