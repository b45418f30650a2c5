//! Keeps reports of single regions from clearing each other's findings.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{AccountReport, Problem, Reports, sources::GLOBAL};

/// Lets no report clear anything whose account has another one here about other regions.
///
/// A whole report of an account stands for all its regions, and only the newest counts: of files
/// for a region each, all but one would lose their findings.
pub(crate) fn distrust_parts(all: &mut Reports, place: &Path) {
    let mut newest: BTreeMap<&str, &AccountReport> = BTreeMap::new();
    for report in all.reports.iter().filter(|report| report.complete) {
        let known = newest.entry(&report.account).or_insert(report);
        if report.report > known.report {
            *known = report;
        }
    }
    let is_part = |report: &&AccountReport| {
        let newest = newest.get(&*report.account);
        report.complete && newest.is_some_and(|newest| are_apart(newest, report))
    };
    let parts = all.reports.iter().filter(is_part).map(|report| report.account.clone());
    let parts: BTreeSet<String> = parts.collect();
    for report in all.reports.iter_mut().filter(|report| parts.contains(&report.account)) {
        report.complete = false;
    }
    all.problems.extend(parts.into_iter().map(|account| Problem {
        file: place.to_owned(),
        place: String::new(),
        message: format!("reports of {account} are about other regions each, none clears anything"),
    }));
}

fn are_apart(one: &AccountReport, other: &AccountReport) -> bool {
    let (one, other) = (regions(one), regions(other));
    !one.is_empty() && !other.is_empty() && one.is_disjoint(&other)
}

fn regions(report: &AccountReport) -> BTreeSet<&str> {
    let regions = report.findings.iter().map(|finding| finding.region.as_str());
    regions.filter(|region| *region != GLOBAL).collect()
}

#[cfg(test)]
mod tests {
    use schemas::{Finding, FindingStatus, FindingSubject};

    use super::*;

    fn report(id: &str, account: &str, regions: &[&str]) -> AccountReport {
        let finding = |region: &&str| Finding {
            check: "c".into(),
            subject: FindingSubject::Resource,
            region: (*region).into(),
            resource: "r".into(),
            status: FindingStatus::Pass,
            message: String::new(),
            totals: None,
        };
        AccountReport {
            source: "securityhub".into(),
            report: id.into(),
            account: account.into(),
            findings: regions.iter().map(finding).collect(),
            complete: true,
        }
    }

    #[track_caller]
    fn check(reports: &[AccountReport], complete: &[bool], problems: usize) {
        let mut all = Reports { reports: reports.to_vec(), ..Reports::default() };
        distrust_parts(&mut all, Path::new("folder"));
        let got: Vec<bool> = all.reports.iter().map(|report| report.complete).collect();
        assert_eq!((&*got, all.problems.len()), (complete, problems));
    }

    #[test]
    fn reports_of_other_regions_clear_nothing() {
        let (east, west) = (report("1", "A", &["e", "global"]), report("2", "A", &["w", "global"]));
        check(&[east.clone(), west.clone()], &[false, false], 1);
        check(&[west.clone(), east.clone(), report("3", "B", &["w"])], &[false, false, true], 1);
        // An older scan of the same regions, one without any region, and one that is no whole one.
        check(&[east.clone(), report("2", "A", &["e", "w"])], &[true, true], 0);
        check(&[east.clone(), report("2", "A", &["global"])], &[true, true], 0);
        check(&[east.clone(), report("2", "A", &[])], &[true, true], 0);
        check(&[east, AccountReport { complete: false, ..west }], &[true, false], 0);
    }
}
