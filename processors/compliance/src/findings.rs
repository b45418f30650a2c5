//! Findings of outside scanners as judgements of requirements.

use schemas::{CheckMapping, Finding, FindingStatus, FindingSubject, Verdict};

use crate::Row;

/// Gives the part under which a source's check stands beside others of the same resource.
pub fn part_of(source: &str, check: &str) -> String {
    format!("{source}:{check}")
}

/// Judges a finding; none when the row is about no resource and must not be counted.
pub fn finding_row(finding: &Finding, mapping: &CheckMapping) -> Option<Row> {
    if !matches!(
        finding.subject,
        FindingSubject::Resource | FindingSubject::Account
    ) {
        return None;
    }
    let verdict = match finding.status {
        FindingStatus::Pass => Verdict::Pass,
        FindingStatus::Warn if mapping.warn_passes => Verdict::Pass,
        FindingStatus::Warn | FindingStatus::Fail => Verdict::Fail,
        FindingStatus::Unknown => Verdict::Unknown,
    };
    Some(Row {
        verdict,
        evidence: finding.message.clone(),
        flips_ms: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_fail_unless_the_mapping_lets_them_pass() {
        let finding = |subject, status| Finding {
            check: "openSSH".into(),
            subject,
            region: "r".into(),
            resource: "sg-1".into(),
            status,
            message: "m".into(),
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
            let row = finding_row(&finding(subject, status), &mapping(lenient));
            assert_eq!(row.map(|row| row.verdict), expected, "{subject} {status}");
        }
    }
}
