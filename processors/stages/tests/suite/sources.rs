//! Several sources that judge the same resource: one vote, the worst fresh one's.

use schemas::{CheckMapping, Finding, FindingStatus, ReportEvent, Requirement, Scoring, Verdict};

use crate::{
    build::{DAY, MINUTE, Source, T0, exception, finding, of_source, report, requirement},
    world::{BUCKET, ME, World, bucket},
};
use FindingStatus::{Fail, Pass, Unknown};

const SCANNERS: [&str; 2] = ["cloudsploit", "prowler"];

/// A world with a rule over buckets that two scanners judge as well.
fn world(scoring: Scoring) -> World {
    let mut w = World::new();
    let checks = SCANNERS.map(|source| CheckMapping {
        source: source.into(),
        check: "public".into(),
        warn_passes: false,
    });
    let row = requirement("R1", BUCKET, "!r.Public");
    w.requirement(Requirement { checks: checks.into(), scoring, ..row });
    w
}

/// A whole report of a scanner, which names buckets by their ARNs.
fn scanned(w: &mut World, source: &str, id: &str, found: &[(&str, FindingStatus)]) {
    let named = |(bucket, status): &(&str, FindingStatus)| {
        finding("public", &format!("arn:test:{bucket}"), *status)
    };
    let found: Vec<Finding> = found.iter().map(named).collect();
    let mut events = vec![ReportEvent::Started {}];
    events.extend(found.iter().cloned().map(|finding| ReportEvent::Found { finding }));
    events.push(ReportEvent::completed(&found, true));
    for event in events {
        w.take(of_source(source, report(ME, id, event)));
    }
}

fn verdicts(w: &World) -> Vec<(String, Verdict)> {
    let rows = w.tables().verdicts.into_values();
    let mut all: Vec<_> = rows.map(|row| (row.source.clone(), row.verdict)).collect();
    all.sort();
    all
}

#[test]
fn one_open_bucket_is_one_failure_and_not_three() {
    let mut w = world(Scoring::Resources);
    w.scan(&[bucket("a", true), bucket("b", false)]);
    scanned(&mut w, "cloudsploit", "1", &[("a", Fail), ("b", Pass)]);
    scanned(&mut w, "prowler", "1", &[("a", Fail), ("b", Pass), ("c", Pass)]);
    assert_eq!(w.counts("R1"), [3, 1, 0, 0, 0]);
    assert_eq!(verdicts(&w).len(), 7, "each source's verdict stays visible");
    // The worst one speaks, and one that can't tell leaves it to the others.
    scanned(&mut w, "prowler", "2", &[("a", Pass), ("b", Fail), ("c", Unknown)]);
    assert_eq!(w.counts("R1"), [3, 2, 0, 0, 0]);
    w.scan(&[bucket("a", false), bucket("b", false)]);
    scanned(&mut w, "cloudsploit", "2", &[("a", Pass), ("b", Pass)]);
    scanned(&mut w, "prowler", "3", &[("b", Unknown), ("d", Unknown)]);
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 1], "b's failure is held, d was never judged");
    scanned(&mut w, "prowler", "4", &[]);
    assert_eq!(w.counts("R1"), [2, 0, 0, 0, 0]);
    w.scan(&[]);
    assert_eq!(w.counts("R1"), [2, 0, 0, 0, 0], "the scanner has them still");
    scanned(&mut w, "cloudsploit", "3", &[]);
    assert_eq!(w.counts("R1"), [0; 5]);
}

#[test]
fn findings_of_two_sources_are_not_added_up() {
    let mut w = world(Scoring::Findings);
    w.scan(&[bucket("a", true), bucket("b", true)]);
    scanned(&mut w, "prowler", "1", &[("a", Fail), ("b", Pass)]);
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
    w.scan(&[bucket("a", true), bucket("b", false)]);
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0]);
}

#[test]
fn an_exception_covers_what_one_of_them_names() {
    let mut w = world(Scoring::Resources);
    w.scan(&[bucket("a", true)]);
    scanned(&mut w, "prowler", "1", &[("a", Fail)]);
    assert_eq!(w.counts("R1"), [1, 1, 0, 0, 0]);
    // By the bucket's id, which the scanner never says.
    w.except(exception("e", "R1", "a", None));
    assert_eq!(w.counts("R1"), [1, 1, 1, 0, 0]);
    w.take(Source::Exception("e".into(), None));
    assert_eq!(w.counts("R1"), [1, 1, 0, 0, 0]);
}

#[test]
fn a_source_that_fell_silent_leaves_it_to_the_fresh_ones() {
    let mut w = world(Scoring::Resources);
    w.tick(T0 + DAY);
    w.scan(&[bucket("a", false)]);
    scanned(&mut w, "prowler", "1", &[("a", Fail), ("c", Fail)]);
    let next_minute = (w.now_ms / MINUTE + 1) * MINUTE;
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
    w.tick(next_minute + 8 * DAY - MINUTE);
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
    w.tick(next_minute + 8 * DAY);
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0], "nobody else judges c");
    let stale = w.tables().verdicts.into_values().filter(|row| row.stale).count();
    assert_eq!(stale, 2);
    scanned(&mut w, "prowler", "2", &[("a", Fail), ("c", Pass)]);
    assert_eq!(w.counts("R1"), [2, 1, 0, 0, 0]);
    assert!(w.tables().verdicts.into_values().all(|row| !row.stale));
}

#[test]
fn rows_move_along_when_a_resource_gets_another_name() {
    let mut w = world(Scoring::Resources);
    w.scan(&[bucket("a", true)]);
    scanned(&mut w, "prowler", "1", &[("a", Fail), ("b", Fail)]);
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0]);
    let since = w.row("R1", "a", "").expect("a verdict").since_ms;
    let renamed = |arn: &str| {
        let mut resource = bucket("a", true);
        resource.arn = arn.into();
        resource
    };
    w.scan(&[renamed("arn:test:b")]);
    assert_eq!(w.counts("R1"), [2, 2, 0, 0, 0], "the scanner's row of a, and both of b");
    w.scan(&[renamed("")]);
    assert_eq!(w.counts("R1"), [3, 3, 0, 0, 0]);
    assert_eq!(w.row("R1", "a", "").expect("a verdict").since_ms, since);
}
