//! Findings of outside scanners as judgements of requirements.

use schemas::{CheckMapping, Finding, FindingStatus, FindingSubject, Scoring, Verdict};

use crate::Row;

/// How long a finding is fresh after its source last told of it, in milliseconds: scans that run
/// once a week may be a day late.
pub const FRESH_MS: i64 = 8 * 86_400_000;

/// Gives the part under which a source's check stands beside others of the same resource.
pub fn part_of(source: &str, check: &str) -> String {
    format!("{source}:{check}")
}

/// Judges a finding, which is stale when its source has told nothing for [`FRESH_MS`]; none when
/// the row is about no resource and must not be counted.
pub fn finding_row(
    finding: &Finding,
    mapping: &CheckMapping,
    scoring: Scoring,
    stale: bool,
) -> Option<Row> {
    let by_summary = scoring == Scoring::Summary;
    if !(is_counted(finding) || by_summary && finding.subject == FindingSubject::Summary) {
        return None;
    }
    let verdict = match finding.status {
        FindingStatus::Pass => Verdict::Pass,
        FindingStatus::Warn if mapping.warn_passes => Verdict::Pass,
        FindingStatus::Warn | FindingStatus::Fail => Verdict::Fail,
        FindingStatus::Unknown => Verdict::Unknown,
    };
    let totals = finding.totals.filter(|_| by_summary);
    Some(Row { verdict, evidence: finding.message.clone(), flips_ms: None, stale, totals })
}

fn is_counted(finding: &Finding) -> bool {
    matches!(finding.subject, FindingSubject::Resource | FindingSubject::Account)
}

/// Gives the worse of two findings of one check about one resource: a scanner may write several
/// rows about it, in any order, and a failure must not hide behind a pass.
///
/// A row about a resource comes before one that is not counted, then fail before warn before
/// unknown before pass; then the smaller text, so that order never decides. What one of them sums
/// up is kept.
pub fn worse(one: Finding, other: Finding) -> Finding {
    let rank = |finding: &Finding| {
        let status = match finding.status {
            FindingStatus::Fail => 0,
            FindingStatus::Warn => 1,
            FindingStatus::Unknown => 2,
            FindingStatus::Pass => 3,
        };
        (!is_counted(finding), status)
    };
    let (a, b) = (rank(&one), rank(&other));
    let totals = one.totals.max(other.totals);
    let is_first = (a, &one.message, one.subject) <= (b, &other.message, other.subject);
    Finding { totals, ..if is_first { one } else { other } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_two_rows_speaks_in_either_order() {
        let finding = |subject, status, message: &str| Finding {
            check: "openSSH".into(),
            subject,
            region: "r".into(),
            resource: "sg-1".into(),
            status,
            message: message.into(),
            totals: None,
        };
        use {FindingStatus as S, FindingSubject as F};
        let falling = [
            finding(F::Resource, S::Fail, "a"),
            finding(F::Resource, S::Fail, "b"),
            finding(F::Account, S::Warn, "a"),
            finding(F::Resource, S::Unknown, "a"),
            finding(F::Resource, S::Pass, "a"),
            finding(F::Query, S::Fail, "a"),
        ];
        for (i, bad) in falling.iter().enumerate() {
            for good in &falling[i..] {
                assert_eq!(&worse(bad.clone(), good.clone()), bad);
                assert_eq!(&worse(good.clone(), bad.clone()), bad);
            }
        }
    }

    #[test]
    fn warnings_fail_unless_the_mapping_lets_them_pass() {
        let finding = |subject, status| Finding {
            check: "openSSH".into(),
            subject,
            region: "r".into(),
            resource: "sg-1".into(),
            status,
            message: "m".into(),
            totals: None,
        };
        let mapping = |warn_passes| CheckMapping {
            source: "cloudsploit".into(),
            check: "openSSH".into(),
            warn_passes,
        };
        use {FindingStatus as S, FindingSubject as F};
        for (subject, status, lenient, expected) in [
            (F::Resource, S::Pass, false, Some(Verdict::Pass)),
            (F::Resource, S::Warn, false, Some(Verdict::Fail)),
            (F::Resource, S::Warn, true, Some(Verdict::Pass)),
            (F::Account, S::Fail, true, Some(Verdict::Fail)),
            (F::Resource, S::Unknown, true, Some(Verdict::Unknown)),
            (F::Empty, S::Pass, false, None),
            (F::Query, S::Unknown, false, None),
        ] {
            let row =
                finding_row(&finding(subject, status), &mapping(lenient), Scoring::Findings, false);
            assert_eq!(row.map(|row| row.verdict), expected, "{subject} {status}");
        }
    }
}
