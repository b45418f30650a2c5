//! Verdicts: what a requirement's rule says of a resource, and what stays of earlier verdicts.

use std::{collections::BTreeMap, sync::Arc};

use rules::{Context, Judgement, Related};
use schemas::{ComplianceState, Credit, Resource, Totals, Verdict};

use crate::{Parsed, StandardEntry};

/// The source of verdicts of our own rules.
pub const RULE_SOURCE: &str = "rule";

/// A judgement of one part of a resource, before holding and credit.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub evidence: String,
    /// When it may change by nothing but time.
    pub flips_ms: Option<i64>,
    /// Whether its source has told nothing for long.
    pub stale: bool,
    /// The source's own counts, where the requirement is scored by them.
    pub totals: Option<Totals>,
}

/// Judgements by part.
pub type Rows = BTreeMap<String, Row>;

/// Judges a resource by a requirement's rule; `related` is what each of the rule's relations found.
///
/// Errors: none; a document or rule that can't be used is unknown, with the reason as evidence.
pub fn judge(
    entry: &StandardEntry,
    judged: &Parsed<'_>,
    related: &[Related],
    context: &dyn Context,
    now_ms: i64,
) -> Rows {
    let rule = match &entry.rule {
        None => return Rows::new(),
        Some(Err(error)) => return unknown(format!("the rule can't be used: {error}")),
        Some(Ok(rule)) => rule,
    };
    match judged.document(related) {
        Ok(document) => rule.evaluate(&document, context, now_ms).into_iter().map(row).collect(),
        Err(reason) => unknown(reason),
    }
}

/// Turns judgements into rows: what can't be told now keeps the verdict it had.
///
/// `before` are the rows of the same source, `now` the judgements, `at_ms` the time of the record.
/// Credit is left to the caller: the rows come without it.
pub fn settle(
    before: &BTreeMap<String, Arc<ComplianceState>>,
    now: Rows,
    resource: &Resource,
    source: &str,
    at_ms: i64,
) -> BTreeMap<String, ComplianceState> {
    // A list that can't be read is one unknown row without a part: none of its items may vanish.
    if let (1, Some(row)) = (now.len(), now.get(""))
        && row.verdict == Verdict::Unknown
        && !before.is_empty()
        && !before.contains_key("")
    {
        return before.iter().map(|(part, old)| (part.clone(), held(old, row, resource))).collect();
    }
    let settle_one = |(part, row): (String, Row)| {
        let old = before.get(&part).map(|old| &**old);
        let told = old.filter(|old| matches!(old.verdict, Verdict::Pass | Verdict::Fail));
        let state = match (row.verdict, told) {
            (Verdict::Unknown, Some(old)) => held(old, &row, resource),
            _ => fresh(old, row, resource, source, at_ms),
        };
        (part, state)
    };
    now.into_iter().map(settle_one).collect()
}

fn fresh(
    old: Option<&ComplianceState>,
    row: Row,
    resource: &Resource,
    source: &str,
    at_ms: i64,
) -> ComplianceState {
    let unchanged = old.filter(|old| old.verdict == row.verdict);
    ComplianceState {
        resource_type: resource.resource_type.clone(),
        name: resource.name.clone(),
        arn: resource.arn.clone(),
        verdict: row.verdict,
        held: false,
        evidence: row.evidence,
        source: source.to_owned(),
        credit: Credit::None,
        exception: None,
        exception_reason: None,
        exception_expires_ms: None,
        since_ms: unchanged.map_or(at_ms, |old| old.since_ms),
        flips_ms: row.flips_ms,
        exception_phase: None,
        stale: row.stale,
        totals: row.totals,
    }
}

/// Keeps a verdict; what the resource is called is known all the same, and exceptions go by it.
fn held(old: &ComplianceState, row: &Row, resource: &Resource) -> ComplianceState {
    ComplianceState {
        resource_type: resource.resource_type.clone(),
        name: resource.name.clone(),
        arn: resource.arn.clone(),
        held: true,
        flips_ms: row.flips_ms,
        stale: row.stale,
        ..old.clone()
    }
}

fn row(judgement: Judgement) -> (String, Row) {
    let verdict = match judgement.verdict {
        rules::Verdict::Pass => Verdict::Pass,
        rules::Verdict::Fail => Verdict::Fail,
        rules::Verdict::Unknown => Verdict::Unknown,
        rules::Verdict::NotApplicable => Verdict::NotApplicable,
    };
    let Judgement { part, evidence, flips_at_ms: flips_ms, .. } = judgement;
    (part, Row { verdict, evidence, flips_ms, stale: false, totals: None })
}

fn unknown(evidence: String) -> Rows {
    let verdict = Verdict::Unknown;
    let row = Row { verdict, evidence, flips_ms: None, stale: false, totals: None };
    Rows::from([(String::new(), row)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{resource, state};

    fn rows(of: &[(&str, Verdict)]) -> Rows {
        let evidence = || "new".to_owned();
        let row = |verdict| Row {
            verdict,
            evidence: evidence(),
            flips_ms: None,
            stale: false,
            totals: None,
        };
        of.iter().map(|(part, verdict)| ((*part).to_owned(), row(*verdict))).collect()
    }

    fn before(of: &[(&str, Verdict)]) -> BTreeMap<String, Arc<ComplianceState>> {
        let state =
            |verdict| Arc::new(ComplianceState { evidence: "old".into(), ..state(verdict) });
        of.iter().map(|(part, verdict)| ((*part).to_owned(), state(*verdict))).collect()
    }

    #[track_caller]
    fn check(old: &[(&str, Verdict)], new: &[(&str, Verdict)], expected: &[(&str, Verdict, bool)]) {
        let settled = settle(&before(old), rows(new), &resource("T", "i"), RULE_SOURCE, 99);
        let got: Vec<_> = settled.iter().map(|(p, s)| (p.as_str(), s.verdict, s.held)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn what_cannot_be_told_is_held() {
        use Verdict::{Fail, NotApplicable, Pass, Unknown};
        check(&[], &[("", Unknown)], &[("", Unknown, false)]);
        check(&[("", Fail)], &[("", Unknown)], &[("", Fail, true)]);
        check(&[("", Pass)], &[("", Unknown)], &[("", Pass, true)]);
        check(&[("", NotApplicable)], &[("", Unknown)], &[("", Unknown, false)]);
        check(&[("", Pass)], &[("", Fail)], &[("", Fail, false)]);
        check(
            &[("a", Fail), ("b", Pass)],
            &[("", Unknown)],
            &[("a", Fail, true), ("b", Pass, true)],
        );
        check(&[("a", Fail), ("b", Pass)], &[("b", Pass)], &[("b", Pass, false)]);
        check(&[("a", Fail)], &[], &[]);
    }

    #[test]
    fn a_verdict_keeps_the_time_of_its_first_sight() {
        let old = before(&[("", Verdict::Fail)]);
        let again = settle(&old, rows(&[("", Verdict::Fail)]), &resource("T", "i"), "rule", 99);
        assert_eq!((again[""].since_ms, again[""].evidence.as_str()), (1, "new"));
        let turned = settle(&old, rows(&[("", Verdict::Pass)]), &resource("T", "i"), "rule", 99);
        assert_eq!(turned[""].since_ms, 99);
    }
}
