//! Exceptions: whichever comes first, credit is what the register says now.

use std::collections::BTreeMap;

use schemas::{
    AccountListing, Credit, Exception, ExceptionState, FindingStatus, ReportEvent, Resource,
};

use crate::{
    agree::agree,
    build::{
        Event, MINUTE, Scan, Source, T0, checked, exception, finding, listing, report, requirement,
        resource,
    },
    oracle::Oracle,
    random::{Random, for_seeds},
    site::Site,
    world::{BUCKET, ME, World, bucket},
};

fn world() -> World {
    let mut w = World::new();
    w.tick(T0);
    w.requirement(requirement("R1", BUCKET, "!r.Public"));
    w
}

#[test]
fn it_counts_whether_granted_before_or_after_the_resource() {
    let mut w = world();
    w.except(exception("e", "R1", "b1", None));
    w.scan(&[bucket("b1", true), bucket("b2", true), bucket("b3", false)]);
    assert_eq!(w.credit("b1"), (Credit::Live, Some("e".into())));
    w.except(exception("f", "R1", "b2", None));
    assert_eq!(w.credit("b2"), (Credit::Live, Some("f".into())));
    assert_eq!((w.counts("R1"), w.score("R1").score), ([3, 2, 2, 0, 0], Some(1_000_000_000)));
    w.scan(&[bucket("b1", false), bucket("b2", true), bucket("b3", true)]);
    assert_eq!(w.credit("b1"), (Credit::None, None), "a passing row needs none");
    assert_eq!(w.counts("R1"), [3, 2, 1, 0, 0]);
}

#[test]
fn it_reaches_the_rows_that_it_names_and_no_others() {
    let all = Exception { requirements: vec!["*".into()], ..exception("e", "R1", "*", None) };
    let only = |accounts: &[&str]| Exception {
        accounts: accounts.iter().map(|a| (*a).into()).collect(),
        ..exception("e", "R1", "*", None)
    };
    let of = |resource: &str| exception("e", "R1", resource, None);
    let other = exception("e", "R2", "*", None);
    for (row, live) in [
        (all, vec!["b1", "b2"]),
        (only(&["222222222222"]), vec![]),
        (only(&["222222222222", ME]), vec!["b1", "b2"]),
        (of("b?"), vec!["b1", "b2"]),
        (of("*1"), vec!["b1"]),
        (of("b2-na*"), vec!["b2"]),
        (of("arn:test:b1"), vec!["b1"]),
        (of("b"), vec![]),
        (of("b."), vec![]),
        (other, vec![]),
    ] {
        let mut w = world();
        w.scan(&[bucket("b1", true), bucket("b2", true)]);
        w.except(row.clone());
        let got: Vec<_> =
            ["b1", "b2"].into_iter().filter(|id| w.credit(id).0 == Credit::Live).collect();
        assert_eq!(got, live, "{row:?}");
        assert_eq!(w.counts("R1")[2], i64::try_from(live.len()).unwrap());
    }
}

#[test]
fn it_is_withdrawn_changed_and_approved_later() {
    let mut w = world();
    w.scan(&[bucket("b1", true), bucket("b2", true)]);
    w.except(Exception { approved: false, ..exception("e", "R1", "b1", None) });
    assert_eq!((w.credit("b1").0, w.counts("R1")), (Credit::Lapsed, [2, 2, 0, 1, 0]));
    w.except(exception("e", "R1", "b1", None));
    assert_eq!((w.credit("b1").0, w.counts("R1")), (Credit::Live, [2, 2, 1, 0, 0]));
    w.except(exception("e", "R1", "b2", None));
    assert_eq!((w.credit("b1"), w.credit("b2").0), ((Credit::None, None), Credit::Live));
    w.take(Source::Exception("e".into(), None));
    assert_eq!((w.credit("b2"), w.counts("R1")), ((Credit::None, None), [2, 2, 0, 0, 0]));
}

#[test]
fn rejection_and_withdrawal_take_credit_at_once_and_an_asked_renewal_does_not() {
    let mut w = world();
    w.scan(&[bucket("b1", true)]);
    let end = Some(T0 + 50 * MINUTE);
    let row =
        Exception { state: Some(ExceptionState::Approved), ..exception("e", "R1", "b1", end) };
    w.except(row.clone());
    assert_eq!(w.credit("b1").0, Credit::Live);
    w.except(Exception { renewal_ms: Some(T0 + 90 * MINUTE), ..row.clone() });
    assert_eq!(w.credit("b1").0, Credit::Live, "a renewal is asked for");
    for state in [ExceptionState::Rejected, ExceptionState::Withdrawn, ExceptionState::Asked] {
        w.except(Exception { state: Some(state), ..row.clone() });
        assert_eq!(
            (w.credit("b1").0, w.counts("R1")),
            (Credit::Lapsed, [1, 1, 0, 1, 0]),
            "{state}"
        );
        w.except(row.clone());
        assert_eq!((w.credit("b1").0, w.counts("R1")), (Credit::Live, [1, 1, 1, 0, 0]));
    }
    w.except(Exception { renewal_ms: Some(T0 + 90 * MINUTE), ..row });
    w.tick(T0 + 50 * MINUTE);
    assert_eq!(w.credit("b1").0, Credit::Lapsed, "what was asked for does not lengthen it");
}

#[test]
fn an_account_that_moves_to_another_unit_takes_its_credit_along_or_loses_it() {
    let mut w = world();
    let place = |units: &[&str], team: &str| {
        let row = AccountListing {
            units: units.iter().map(|name| (*name).to_owned()).collect(),
            tags: BTreeMap::from([("team".into(), team.into())]),
            ..listing(ME, "pay-1")
        };
        Source::Listing(ME.into(), Some(row))
    };
    let of = |account: &str, requirement: &str| Exception {
        accounts: vec![account.into()],
        ..exception("e", requirement, "*", None)
    };
    w.scan(&[bucket("b1", true)]);
    w.except(of("unit:prod/shop", "*"));
    assert_eq!(w.credit("b1"), (Credit::None, None), "nobody listed it");
    for (units, expected) in [
        (&["prod", "shop"][..], Credit::Live),
        (&["prod"], Credit::None),
        (&["prod", "shop", "eu"], Credit::Live),
        (&["prod", "shopping"], Credit::None),
        (&["old", "prod", "shop"], Credit::None),
        (&["prod", "shop"], Credit::Live),
    ] {
        w.take(place(units, "a"));
        assert_eq!(w.credit("b1").0, expected, "{units:?}");
        assert_eq!(w.counts("R1")[2], i64::from(expected == Credit::Live), "{units:?}");
    }
    w.except(of("tag:team=b", "R1"));
    assert_eq!(w.credit("b1").0, Credit::None);
    w.take(place(&["prod"], "b"));
    assert_eq!(w.credit("b1").0, Credit::Live);
    w.take(place(&["prod"], "bb"));
    assert_eq!(w.credit("b1").0, Credit::None);
}

#[test]
fn credit_goes_by_region_and_by_the_tags_that_a_resource_has_now() {
    let mut w = world();
    let tagged = |tags: &[(&str, &str)]| {
        let tags = tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Resource { tags, ..bucket("b1", true) }
    };
    w.scan(&[tagged(&[("env", "dev")])]);
    let of = |tag: &str| Exception { tags: vec![tag.into()], ..exception("e", "R1", "*", None) };
    w.except(of("env=dev"));
    assert_eq!(w.credit("b1").0, Credit::Live);
    w.scan(&[tagged(&[("env", "development")])]);
    assert_eq!(w.credit("b1").0, Credit::None, "no part of a value is the value");
    w.except(of("env"));
    assert_eq!(w.credit("b1").0, Credit::Live);
    w.except(Exception { regions: vec!["r2".into(), "r1?".into()], ..of("env") });
    assert_eq!(w.credit("b1").0, Credit::None);
    w.except(Exception { regions: vec!["r*".into()], ..of("env") });
    assert_eq!(w.credit("b1").0, Credit::Live);
}

#[test]
fn a_scanners_finding_has_the_tags_that_the_inventory_knows() {
    let mut w = world();
    w.requirement(checked("R1", BUCKET, &[("openSSH", false)]));
    w.report("rep-1", &[finding("openSSH", "b1", FindingStatus::Fail)], true);
    let row = Exception { tags: vec!["env=dev".into()], ..exception("e", "R1", "b1", None) };
    w.except(row);
    let credit = |w: &World| w.row("R1", "b1", "cloudsploit:openSSH").unwrap().credit;
    assert_eq!(credit(&w), Credit::None, "nothing is known of it");
    let tags = |value: &str| BTreeMap::from([("env".to_owned(), value.to_owned())]);
    for (seen, expected) in [
        (vec![Resource { tags: tags("dev"), ..bucket("b1", false) }], Credit::Live),
        (vec![Resource { tags: tags("prod"), ..bucket("b1", false) }], Credit::None),
        (vec![Resource { tags: tags("dev"), ..bucket("b1", false) }], Credit::Live),
        (vec![], Credit::None),
    ] {
        w.scan(&seen);
        assert_eq!(credit(&w), expected, "{seen:?}");
    }
}

#[test]
fn whatever_credit_goes_by_may_move_in_any_order() {
    for_seeds("whatever_credit_goes_by_may_move_in_any_order", 60, |random| {
        let rows = [requirement("R1", BUCKET, "false"), checked("R4", BUCKET, &[("c", false)])];
        let standard = rows.map(|row| Source::Requirement(row.id.clone(), Some(row)));
        let mut sources = standard.to_vec();
        let pick = |random: &mut Random, all: &[&str]| vec![random.pick(all).to_owned()];
        for number in 0..40 {
            match random.below(4) {
                0 => {
                    let value = random.pick(&["dev", "development"]);
                    let tags = BTreeMap::from([("env".to_owned(), value.to_owned())]);
                    let seen = Resource { tags, ..bucket("b1", true) };
                    let scan = Scan::new(ME, BUCKET, "r1", &format!("s{number:02}"));
                    let there = i64::from(random.chance(70));
                    sources.push(scan.start());
                    sources.extend((there > 0).then(|| scan.see(&seen)));
                    sources.push(scan.complete(there));
                }
                1 => {
                    let finding = finding("c", "b1", FindingStatus::Fail);
                    sources.push(report(ME, "", ReportEvent::Changed { finding }));
                }
                2 => {
                    let units = pick(random, &["prod", "production"]);
                    let row = AccountListing { units, ..listing(ME, "pay-1") };
                    sources.push(Source::Listing(ME.into(), Some(row)));
                }
                _ => {
                    let id = random.pick(&["e1", "e2"]);
                    let row = Exception {
                        accounts: pick(random, &["*", "unit:prod", "unit:production"]),
                        requirements: pick(random, &["*", "R1", "R4"]),
                        tags: pick(random, &["env", "env=dev", "env=development"]),
                        ..exception(id, "R1", "b1", None)
                    };
                    sources.push(Source::Exception(id.into(), Some(row)));
                }
            }
        }
        let events: Vec<_> =
            (T0..).zip(sources).map(|(at_ms, source)| Event { at_ms, source }).collect();
        agree(&Site::run(1, &events).tables(), &Oracle::run(&events));
    });
}

#[test]
fn of_two_the_live_one_counts() {
    let mut w = world();
    w.scan(&[bucket("b1", true)]);
    w.except(exception("short", "R1", "b1", Some(T0 + 5 * MINUTE)));
    w.except(exception("long", "R1", "*", Some(T0 + 9 * MINUTE)));
    assert_eq!(w.credit("b1"), (Credit::Live, Some("long".into())));
    w.tick(T0 + 5 * MINUTE);
    assert_eq!(w.credit("b1"), (Credit::Live, Some("long".into())));
    w.take(Source::Exception("long".into(), None));
    assert_eq!(w.credit("b1"), (Credit::Lapsed, Some("short".into())));
    // Renewed after its end.
    w.except(exception("short", "R1", "b1", Some(T0 + 20 * MINUTE)));
    w.tick(T0 + 19 * MINUTE);
    assert_eq!(w.credit("b1").0, Credit::Live);
    w.tick(T0 + 20 * MINUTE);
    assert_eq!(w.credit("b1").0, Credit::Lapsed);
}

#[test]
fn every_order_of_grant_end_withdrawal_and_evaluation_ends_alike() {
    let scan = Scan::new(ME, BUCKET, "r1", "s1");
    let failing = resource(ME, "r1", BUCKET, "b1", r#"{"Public":true}"#);
    let seen = [scan.start(), scan.see(&failing), scan.complete(1)];
    let of = |id: &str, end: i64| exception(id, "R1", "b1", Some(T0 + end * MINUTE));
    let granted = [
        Source::Exception("e".into(), Some(of("e", 5))),
        Source::Exception("f".into(), Some(of("f", 30))),
        Source::Exception("f".into(), None),
    ];
    let rule = Source::Requirement("R1".into(), Some(requirement("R1", BUCKET, "!r.Public")));
    let ticks = [Source::Tick(T0 + MINUTE), Source::Tick(T0 + 5 * MINUTE)];
    let lanes = [seen.to_vec(), granted.to_vec(), vec![rule], ticks.to_vec()];
    let mut orders = Vec::new();
    merges(&lanes, &mut [0; 4], &mut Vec::new(), &mut orders);
    assert_eq!(orders.len(), 5040, "9! / (3! 3! 1! 2!)");
    let mut expected = None;
    for order in orders {
        let event = |source: &Source| Event { at_ms: T0 + 1, source: source.clone() };
        let events: Vec<_> = order.iter().map(event).collect();
        let mut got = Site::run(1, &events).tables();
        got.verdicts.values_mut().for_each(|row| row.since_ms = 0);
        let row = got.verdicts.values().next().expect("a verdict");
        assert_eq!((row.credit, row.exception.as_deref()), (Credit::Lapsed, Some("e")));
        assert_eq!(&got, expected.get_or_insert_with(|| Site::run(1, &events).tables_as(0)));
    }
}

impl Site {
    /// Gives the tables with every verdict dated alike.
    fn tables_as(&self, since_ms: i64) -> crate::site::Tables {
        let mut tables = self.tables();
        tables.verdicts.values_mut().for_each(|row| row.since_ms = since_ms);
        tables
    }
}

/// Lists every merge of some lanes that keeps the order of each.
fn merges(
    lanes: &[Vec<Source>],
    at: &mut [usize; 4],
    made: &mut Vec<Source>,
    all: &mut Vec<Vec<Source>>,
) {
    if lanes.iter().zip(&*at).all(|(lane, at)| *at == lane.len()) {
        all.push(made.clone());
        return;
    }
    for i in 0..lanes.len() {
        let Some(next) = lanes[i].get(at[i]) else { continue };
        made.push(next.clone());
        at[i] += 1;
        merges(lanes, at, made, all);
        at[i] -= 1;
        made.pop();
    }
}
