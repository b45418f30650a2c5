//! Findings of outside scanners: what counts, and what a report clears.

use schemas::{
    ComplianceKey, Finding, FindingStatus, FindingSubject, ReportEvent, Requirement, ScoreStatus,
    Scoring, Totals, Verdict,
};

use crate::{
    build::{checked, exception, finding, report, requirement},
    world::{BUCKET, ME, World, bucket},
};
use FindingStatus::{Fail, Pass, Unknown, Warn};

fn group(check: &str, id: &str, status: FindingStatus) -> Finding {
    finding(check, id, status)
}

fn world() -> World {
    let mut w = World::new();
    w.requirement(checked("R1", "Test::Group", &[("openSSH", false), ("openRDP", true)]));
    w
}

#[test]
fn mapped_checks_feed_their_requirement() {
    let mut w = world();
    w.report(
        "rep-1",
        &[
            group("openSSH", "sg-1", Fail),
            group("openRDP", "sg-1", Warn),
            group("openSSH", "sg-2", Warn),
            group("openRDP", "sg-3", Warn),
            group("openSSH", "sg-4", Unknown),
            group("other", "sg-5", Fail),
        ],
        true,
    );
    // One vote a resource: sg-1 and sg-2 fail, sg-3 passes (its mapping lets warnings pass).
    assert_eq!(w.counts("R1"), [3, 2, 0, 0, 1]);
    let row = w.row("R1", "sg-1", "cloudsploit:openRDP").unwrap();
    assert_eq!((row.verdict, &*row.source), (Verdict::Pass, "cloudsploit"));
    assert!(!w.tables().verdicts.keys().any(|key| key.resource == "sg-5"));
}

#[test]
fn rows_about_nothing_are_not_counted() {
    let mut w = world();
    let about = |subject, id: &str, status| Finding { subject, ..group("openSSH", id, status) };
    w.report(
        "rep-1",
        &[
            about(FindingSubject::Empty, "", Pass),
            about(FindingSubject::Query, "q", Unknown),
            about(FindingSubject::Account, ME, Fail),
        ],
        true,
    );
    assert_eq!(w.counts("R1"), [1, 1, 0, 0, 0]);
    w.report("rep-2", &[about(FindingSubject::Empty, "", Pass)], true);
    assert_eq!((w.counts("R1"), w.score("R1").status), ([0; 5], ScoreStatus::NotApplicable));
}

#[test]
fn only_a_complete_report_clears() {
    let mut w = world();
    let (one, two) = (group("openSSH", "sg-1", Fail), group("openSSH", "sg-2", Pass));
    w.report("rep-1", &[one.clone(), two.clone()], true);
    w.report("rep-2", std::slice::from_ref(&two), false);
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0], "a partial one clears nothing");
    w.take(report(ME, "rep-3", ReportEvent::Started {}));
    let error = "Timeout: cut off".to_owned();
    w.take(report(ME, "rep-3", ReportEvent::Failed { error }));
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0]);
    let cover = w.account().coverage[0].clone();
    assert_eq!((&*cover.resource_type, cover.failed), ("report/cloudsploit", 1));
    assert_eq!(cover.error.as_deref(), Some("global: Timeout: cut off"));
    // Records of a report that has ended, or was overtaken, say nothing.
    let finding = group("openSSH", "sg-9", Fail);
    w.take(report(ME, "rep-3", ReportEvent::Found { finding }));
    w.take(report(ME, "rep-1", ReportEvent::Started {}));
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0]);
    w.report("rep-4", &[two], true);
    assert_eq!(w.counts("R1"), [1, 0, 0, 0, 0]);
    assert_eq!(w.account().coverage[0].failed, 0);
}

#[test]
fn a_change_outside_of_reports_counts_at_once() {
    let mut w = world();
    let change = |finding| report(ME, "", ReportEvent::Changed { finding });
    w.report("rep-1", &[group("openSSH", "sg-1", Fail), group("openSSH", "sg-2", Fail)], true);
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
    w.take(change(group("openSSH", "sg-1", Pass)));
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0], "mended within the report that had it");
    w.take(change(group("openSSH", "sg-1", Fail)));
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
    // What changes while a report is under way is newer than it; the next one clears it.
    w.take(report(ME, "rep-2", ReportEvent::Started {}));
    w.take(change(group("openSSH", "sg-3", Fail)));
    let finding = group("openSSH", "sg-1", Pass);
    w.take(report(ME, "rep-2", ReportEvent::Found { finding: finding.clone() }));
    w.take(change(group("openSSH", "sg-1", Pass)));
    w.take(report(ME, "rep-2", ReportEvent::Completed { count: 1, complete: true }));
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0], "sg-1 passes, sg-2 is gone, sg-3 stays");
    w.report("rep-3", &[finding], true);
    assert_eq!(w.counts("R1"), [1, 0, 0, 0, 0]);
}

#[test]
fn a_report_that_lost_a_finding_clears_nothing() {
    let mut w = world();
    w.report("rep-1", &[group("openSSH", "sg-1", Fail), group("openSSH", "sg-2", Pass)], true);
    // Two were announced; one became a dead letter.
    w.take(report(ME, "rep-2", ReportEvent::Started {}));
    let finding = group("openSSH", "sg-2", Pass);
    w.take(report(ME, "rep-2", ReportEvent::Found { finding }));
    w.take(report(ME, "rep-2", ReportEvent::Completed { count: 2, complete: true }));
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0]);
    let cover = w.account().coverage[0].clone();
    let error = "global: Incomplete: 1 of 2 announced items arrived";
    assert_eq!((cover.failed, cover.error.as_deref()), (1, Some(error)));
}

#[test]
fn a_query_that_failed_clears_nothing() {
    let mut w = world();
    w.report("rep-1", &[group("openSSH", "sg-1", Fail), group("openSSH", "sg-2", Pass)], true);
    let before = w.score("R1").score;
    let failed = Finding { subject: FindingSubject::Query, ..group("openSSH", "", Unknown) };
    w.report("rep-2", &[failed], true);
    // The scanner could not look: what it found before stands, marked as held.
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0]);
    assert_eq!(w.score("R1").score, before);
    let row = w.row("R1", "sg-1", "cloudsploit:openSSH").unwrap();
    assert_eq!((row.verdict, row.held), (Verdict::Fail, true));
    // It stays held when the requirement is another one.
    let heavier = checked("R1", "Test::Group", &[("openSSH", false)]);
    w.requirement(Requirement { weight: heavier.weight + 1, ..heavier });
    let row = w.row("R1", "sg-1", "cloudsploit:openSSH").unwrap();
    assert_eq!((row.verdict, row.held), (Verdict::Fail, true));
    w.report("rep-3", &[group("openSSH", "sg-2", Pass)], true);
    assert_eq!(w.counts("R1"), [1, 0, 0, 0, 0], "the next whole report clears it");
}

#[test]
fn a_query_that_failed_in_no_region_clears_nothing_in_any() {
    let mut w = world();
    w.report("rep-1", &[group("openSSH", "sg-1", Fail), group("openRDP", "sg-2", Fail)], true);
    let failed = Finding {
        subject: FindingSubject::Query,
        region: "global".into(),
        ..group("openSSH", "", Unknown)
    };
    w.report("rep-2", &[failed], true);
    // Of the other check the report is whole.
    assert_eq!(w.counts("R1"), [1, 1, 0, 0, 0]);
    let row = w.row("R1", "sg-1", "cloudsploit:openSSH").unwrap();
    assert_eq!((row.verdict, row.held), (Verdict::Fail, true));
}

#[test]
fn a_summary_counts_what_its_source_does() {
    let mut w = World::new();
    let summed = checked("R1", "Test::Group", &[("openSSH", false)]);
    w.requirement(Requirement { scoring: Scoring::Summary, ..summed.clone() });
    let sum = |failing, total, status| Finding {
        subject: FindingSubject::Summary,
        totals: Some(Totals { failing, total }),
        ..group("openSSH", ME, status)
    };
    let listed = [group("openSSH", "sg-1", Fail), group("openSSH", "sg-2", Fail)];
    let with = |one: Finding| [&[one][..], &listed].concat();
    w.report("rep-1", &with(sum(3, 120, Fail)), true);
    assert_eq!(w.counts("R1"), [120, 3, 0, 0, 0], "two of the three are listed");
    let score = |w: &World| w.score("R1").score.unwrap() as f64 / 1e9;
    assert!((score(&w) - 117.0 / 120.0).abs() < 1e-9, "{}", score(&w));
    assert_eq!(w.row("R1", "sg-1", "cloudsploit:openSSH").unwrap().verdict, Verdict::Fail);
    w.except(exception("e", "R1", "sg-1", None));
    assert_eq!(w.counts("R1"), [120, 3, 1, 0, 0], "one of those has credit");
    // The next report counts anew; one that can't tell changes nothing.
    w.report("rep-2", &with(sum(2, 130, Fail)), true);
    assert_eq!(w.counts("R1"), [130, 2, 1, 0, 0]);
    w.report("rep-3", &with(sum(0, 0, Unknown)), true);
    assert_eq!(w.counts("R1"), [130, 2, 1, 0, 0], "held");
    w.report("rep-4", &[sum(0, 90, Pass)], true);
    assert_eq!(w.counts("R1"), [90, 0, 0, 0, 0]);
    // A requirement that counts resources has nothing of the sum.
    w.report("rep-5", &with(sum(3, 120, Fail)), true);
    w.requirement(summed);
    assert_eq!(w.counts("R1"), [2, 2, 1, 0, 0]);
    assert!(w.row("R1", ME, "cloudsploit:openSSH").is_none());
}

#[test]
fn a_report_that_never_started_is_poison() {
    let mut w = world();
    let finding = group("openSSH", "sg-1", Fail);
    w.take(report(ME, "rep-1", ReportEvent::Found { finding }));
    assert_eq!(w.site.accounts[0].dead.len(), 1);
    assert_eq!(w.tables().accounts.len(), 0);
}

#[test]
fn rows_of_one_check_about_one_resource_come_to_the_worst() {
    for order in [[Pass, Fail, Warn], [Fail, Warn, Pass], [Warn, Pass, Fail]] {
        let mut w = world();
        let rows: Vec<_> = order.iter().map(|status| group("openSSH", "sg-1", *status)).collect();
        w.report("rep-1", &rows, true);
        let row = w.row("R1", "sg-1", "cloudsploit:openSSH").unwrap();
        assert_eq!((row.verdict, &*row.evidence), (Verdict::Fail, "openSSH: fail"), "{order:?}");
        // The next report speaks for itself.
        w.report("rep-2", &[group("openSSH", "sg-1", Pass)], true);
        assert_eq!(w.counts("R1"), [1, 0, 0, 0, 0]);
    }
}

#[test]
fn an_unknown_finding_holds_what_was_found() {
    let mut w = world();
    w.report("rep-1", &[group("openSSH", "sg-1", Fail)], true);
    w.report("rep-2", &[group("openSSH", "sg-1", Unknown)], true);
    let row = w.row("R1", "sg-1", "cloudsploit:openSSH").unwrap();
    assert_eq!((row.verdict, row.held), (Verdict::Fail, true));
}

#[test]
fn a_changed_mapping_judges_what_was_reported() {
    let mut w = world();
    w.report("rep-1", &[group("openSSH", "sg-1", Warn), group("other", "sg-2", Fail)], true);
    assert_eq!(w.counts("R1"), [1, 1, 0, 0, 0]);
    w.requirement(checked("R1", "Test::Group", &[("openSSH", true), ("other", false)]));
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0]);
    w.requirement(checked("R1", "Test::Group", &[("other", false)]));
    assert_eq!(w.counts("R1"), [1, 1, 0, 0, 0]);
    let keys: Vec<_> = w.tables().verdicts.into_keys().collect();
    assert_eq!(keys, [ComplianceKey::new("R1", ME, "r1", "sg-2", "cloudsploit:other")]);
}

#[test]
fn rule_and_finding_share_the_vote_of_their_resource() {
    let mut w = World::new();
    let mut row = checked("R1", BUCKET, &[("bucketPolicy", false)]);
    row.rule = requirement("R1", BUCKET, "!r.Public").rule;
    w.requirement(row.clone());
    w.scan(&[bucket("b1", true), bucket("b2", false)]);
    w.report(
        "rep-1",
        &[group("bucketPolicy", "b1", Fail), group("bucketPolicy", "b2", Fail)],
        true,
    );
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
    // The bucket goes; what the scanner found stays until its own report clears it.
    w.scan(&[bucket("b2", false)]);
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
    w.except(exception("e", "R1", "b?", None));
    assert_eq!(w.counts("R1"), [2, 2, 2, 0, 0]);
    // The worst source speaks: of b2, the scanner alone.
    w.requirement(schemas::Requirement { scoring: Scoring::Findings, ..row });
    assert_eq!(w.counts("R1"), [2, 2, 2, 0, 0]);
    assert_eq!(w.score("R1").scopes, 2, "it needs the bucket's scope and the report");
}

#[test]
fn more_findings_than_a_piece_are_cleared() {
    let mut w = world();
    let many: Vec<_> = (0..450).map(|i| group("openSSH", &format!("sg-{i:03}"), Fail)).collect();
    w.report("rep-1", &many, true);
    assert_eq!(w.counts("R1"), [450, 450, 0, 0, 0]);
    w.report("rep-2", &many[100..110], true);
    assert_eq!(w.counts("R1"), [10, 10, 0, 0, 0]);
    assert_eq!(w.tables().verdicts.len(), 10);
}
