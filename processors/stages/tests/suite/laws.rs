//! Laws over random scenarios: the stages agree with the oracle, and what must not matter does not.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{
    AccountListing, AccountStatus, ComplianceKey, ComplianceState, RollupKey, ScoreKey, ScoreState,
    ScoreStatus, Standing, headers, topic,
};

use crate::{
    agree::{agree, last_tick, timeless},
    build::{Event, MINUTE, Scan, Source, T0, exception, listing, register, resource},
    oracle::Oracle,
    random::{ACCOUNTS, Random, for_seeds, scenario},
    site::{Site, Tables, compacted},
};

#[test]
fn tables_equal_the_oracles() {
    for_seeds("tables_equal_the_oracles", 320, |random| {
        let steps = 20 + random.below(100);
        let partitions = 1 + i32::try_from(random.below(3)).unwrap();
        let events = scenario(random, steps, false);
        let site = Site::run(partitions, &events);
        let oracle = Oracle::run(&events);
        agree(&site.tables(), &oracle);
        histories_add_up(&site);
        nothing_is_pending(&site);
    });
}

/// Compacted topics are the tables, and the histories lead to them without a gap.
fn histories_add_up(site: &Site) {
    let (t, outputs) = (site.tables(), site.outputs());
    assert_eq!(compacted(&outputs, topic::ACCOUNT_STATE), t.accounts);
    assert_eq!(compacted(&outputs, topic::RESOURCE_STATE), t.resources);
    assert_eq!(compacted(&outputs, topic::COMPLIANCE_STATE), t.verdicts);
    assert_eq!(compacted(&outputs, topic::SCORE_STATE), t.scores);
    assert_eq!(compacted(&outputs, topic::TRUST_STATE), t.trust);
    transitions_add_up(site, &t.verdicts);
    let (mut there, mut sights) = (BTreeSet::new(), BTreeSet::new());
    for (key, change) in site.events_of(topic::RESOURCE_CHANGE) {
        for principal in &change.first_trusted {
            let sight = (key.account.clone(), principal.clone());
            assert!(sights.insert(sight), "{principal} is seen for the first time twice");
        }
        match change.kind {
            schemas::ChangeKind::Created => assert!(there.insert(key)),
            schemas::ChangeKind::Updated => assert!(there.contains(&key)),
            schemas::ChangeKind::Deleted => assert!(there.remove(&key)),
        }
    }
    assert_eq!(there, t.resources.keys().cloned().collect());
    for key in t.trust.keys() {
        assert!(sights.contains(&(key.account.clone(), key.principal.clone())), "{key:?}");
    }
}

/// Transitions lead from one to the next and to the table, and each carries a row that the table
/// had: the one that it made, or the last one where it took a row away.
fn transitions_add_up(site: &Site, verdicts: &BTreeMap<ComplianceKey, ComplianceState>) {
    let standing = |row: &ComplianceState| Standing { verdict: row.verdict, credit: row.credit };
    let mut had: BTreeMap<ComplianceKey, Vec<Option<ComplianceState>>> = BTreeMap::new();
    for (key, row) in site.records_of(topic::COMPLIANCE_STATE) {
        had.entry(key).or_default().push(row);
    }
    let mut next: BTreeMap<ComplianceKey, usize> = BTreeMap::new();
    let mut stands: BTreeMap<ComplianceKey, Standing> = BTreeMap::new();
    for (key, change) in site.events_of(topic::COMPLIANCE_CHANGE) {
        assert_eq!(change.before, stands.get(&key).copied(), "{key:?}");
        assert_ne!(change.before, change.after);
        match change.after {
            Some(after) => stands.insert(key.clone(), after),
            None => stands.remove(&key),
        };
        // The first version of the row, from the last change's on, that stands so.
        let at = next.entry(key.clone()).or_default();
        let versions = &had[&key];
        let is_it = |row: &Option<ComplianceState>| row.as_ref().map(standing) == change.after;
        *at += versions[*at..].iter().position(is_it).expect("the row changed") + 1;
        let is = versions[..*at].iter().rev().flatten().next();
        assert_eq!(change.row.as_ref(), is, "{key:?}");
    }
    let expected: BTreeMap<_, _> =
        verdicts.iter().map(|(key, row)| (key.clone(), standing(row))).collect();
    assert_eq!(stands, expected);
}

/// Timers stand for what may still happen, and no job is left.
fn nothing_is_pending(site: &Site) {
    let verdicts = site.tables().verdicts;
    let timers = site.accounts.iter().flat_map(|fold| fold.store.rows("timer"));
    let due = timers.filter(|(key, _)| key.contains("/verdict/")).count();
    assert_eq!(due, verdicts.values().filter(|row| row.flips_ms.is_some()).count());
    assert!(site.accounts.iter().all(|fold| fold.store.rows("job").count() == 0));
}

#[test]
fn a_record_delivered_twice_changes_nothing() {
    for_seeds("a_record_delivered_twice_changes_nothing", 50, |random| {
        let events = scenario(random, 100, false);
        let twice = events.iter().flat_map(|event| vec![event.clone(); 1 + random.below(2)]);
        let twice: Vec<_> = twice.collect();
        assert_eq!(Site::run(2, &twice).tables(), Site::run(2, &events).tables());
    });
}

#[test]
fn the_interleaving_of_topics_does_not_matter() {
    for_seeds("the_interleaving_of_topics_does_not_matter", 60, |random| {
        let mut events = scenario(random, 120, true);
        let mut other = merged(random, &events);
        events.push(last_tick());
        other.push(last_tick());
        let (one, two) = (Site::run(2, &events).tables(), Site::run(2, &other).tables());
        assert_eq!(timeless(one), timeless(two));
    });
}

/// Merges the topics in another way, each in its own order.
fn merged(random: &mut Random, events: &[Event]) -> Vec<Event> {
    let mut lanes: BTreeMap<&str, Vec<Event>> = BTreeMap::new();
    for event in events.iter().rev() {
        lanes.entry(event.topic()).or_default().push(event.clone());
    }
    let mut lanes: Vec<_> = lanes.into_values().collect();
    let mut made = Vec::new();
    while !lanes.is_empty() {
        let at = random.below(lanes.len());
        made.extend(lanes[at].pop());
        lanes.retain(|lane| !lane.is_empty());
    }
    made
}

#[test]
fn the_number_of_partitions_does_not_matter() {
    for_seeds("the_number_of_partitions_does_not_matter", 30, |random| {
        let events = scenario(random, 100, false);
        assert_eq!(Site::run(1, &events).tables(), Site::run(5, &events).tables());
    });
}

/// A random world with all its requirements, and resources to play with.
fn settled(random: &mut Random) -> (Vec<Event>, i64) {
    let mut events = scenario(random, 100, false);
    let now = events.iter().map(|event| event.at_ms).max().unwrap_or(T0) / MINUTE * MINUTE + MINUTE;
    events.push(at(now, Source::Tick(now)));
    (events, now)
}

fn at(at_ms: i64, source: Source) -> Event {
    Event { at_ms, source }
}

#[test]
fn the_order_of_items_and_the_cut_into_scopes_do_not_matter() {
    for_seeds("the_order_of_items_and_the_cut_into_scopes_do_not_matter", 30, |random| {
        let (events, now) = settled(random);
        let items: Vec<_> = (0..7)
            .map(|i| {
                let config = format!(r#"{{"Public":{}}}"#, random.chance(50));
                resource(ACCOUNTS[0], "r1", "Test::Bucket", &format!("n{i}"), &config)
            })
            .collect();
        let scan = |random: &mut Random, regions: &[&str]| {
            let mut all = events.clone();
            let mut left = items.clone();
            for (i, region) in regions.iter().enumerate() {
                let scan = Scan::new(ACCOUNTS[0], "Test::Bucket", region, "scan-9");
                let last = i + 1 == regions.len();
                let count = if last { left.len() } else { random.below(left.len() + 1) };
                all.push(at(now, scan.start()));
                for _ in 0..count {
                    let item = left.remove(random.below(left.len()));
                    all.push(at(now, scan.see(&item)));
                }
                all.push(at(now, scan.complete(i64::try_from(count).unwrap())));
            }
            Site::run(2, &all).tables()
        };
        let whole = scan(random, &["r9"]);
        assert_eq!(whole, scan(random, &["r9"]), "another order of items");
        let cut = scan(random, &["r7", "r8", "r9"]);
        assert_eq!((&whole.verdicts, &whole.sums), (&cut.verdicts, &cut.sums));
        let ids = |t: &Tables| t.resources.keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(&whole), ids(&cut));
        let numbers = |t: &Tables| -> Vec<_> { t.scores.values().map(|s| s.score).collect() };
        assert_eq!(numbers(&whole), numbers(&cut));
    });
}

#[test]
fn no_failure_raises_a_score() {
    for_seeds("no_failure_raises_a_score", 100, |random| {
        let (events, now) = settled(random);
        let mut site = Site::run(2, &events);
        let before = site.tables();
        // A scan fails: it saw some of what is there, or could see nothing in it, or new things.
        let (account, of_type) =
            (random.pick(&ACCOUNTS), random.pick(&["Test::Bucket", "Test::User"]));
        let scan = Scan::new(account, of_type, "r1", "scan-9");
        site.take(&at(now, scan.start()));
        let there: Vec<_> = before.resources.values().map(|row| row.resource.clone()).collect();
        for mut one in there {
            if one.account != account || one.resource_type != of_type || random.chance(30) {
                continue;
            }
            if random.chance(50) {
                one.configuration = "{}".into();
            }
            site.take(&at(now, scan.see(&one)));
        }
        // Of the new one nothing at all could be read.
        let mut unread = resource(account, "r1", of_type, "new", "{}");
        unread.errors.insert("Encryption".into(), "AccessDenied: no".into());
        site.take(&at(now, scan.see(&unread)));
        let end = if random.chance(50) { scan.fail("Throttling: x") } else { scan.complete(99) };
        site.take(&at(now, end));
        assert_eq!(site.tables().resources.len(), before.resources.len() + 1, "nothing is deleted");
        no_higher(&site.tables(), &before);
    });
}

#[test]
fn who_leaves_and_comes_back_is_scored_as_if_it_had_stayed() {
    for_seeds("who_leaves_and_comes_back_is_scored_as_if_it_had_stayed", 60, |random| {
        let (events, now) = settled(random);
        let account = random.pick(&ACCOUNTS);
        let is_its_own = |one: &Event| match &one.source {
            Source::Listing(id, _) | Source::Register(id, _) => id == account,
            _ => false,
        };
        let listed = || at(now, Source::Listing(account.into(), Some(listing(account, "pay-1"))));
        // By the register it stays one of ours, whom others may trust.
        let ours = at(now, Source::Register(account.into(), Some(register(account, None))));
        let half = random.below(events.len());
        let then: Vec<_> = events[half..].iter().filter(|one| !is_its_own(one)).cloned().collect();
        let row = random.chance(50).then(|| AccountListing {
            status: AccountStatus::Suspended,
            ..listing(account, "pay-1")
        });
        let leaves = [at(now, Source::Listing(account.into(), row))];
        let stayed = [&events[..half], &[listed(), ours.clone()], &then].concat();
        let left = [&events[..half], &[listed(), ours], &leaves, &then].concat();
        let mut site = Site::run(2, &left);
        let (gone, there) = (site.tables(), Site::run(2, &stayed).tables());
        assert!(gone.scores.keys().all(|key| key.account != account));
        // Whom it trusts stays to be seen.
        let mut of_scores = gone.shares.keys().filter(|key| key.kind != "foreign");
        assert!(of_scores.all(|key| key.account != account));
        let others = |t: &Tables| -> Vec<_> {
            let scores = t.scores.iter().filter(|(key, _)| key.account != account);
            scores.map(|(key, row)| (key.clone(), row.clone())).collect()
        };
        assert_eq!(others(&gone), others(&there), "nobody else's score moves");
        assert_eq!((&gone.resources, &gone.verdicts), (&there.resources, &there.verdicts));
        site.take(&listed());
        let back = site.tables();
        assert_eq!((back.scores, back.shares, back.sums), (there.scores, there.shares, there.sums));
    });
}

#[test]
fn a_compliant_resource_lowers_no_score() {
    for_seeds("a_compliant_resource_lowers_no_score", 50, |random| {
        let (mut events, now) = settled(random);
        // Whatever the scenario asks of buckets, this one has it, or the requirement goes.
        for id in ["R1", "R4", "R5"] {
            let row = crate::build::requirement(id, "Test::Bucket", "!r.Public");
            events.push(at(now, Source::Requirement(id.into(), Some(row))));
        }
        for id in ["R2", "R3", "R6"] {
            events.push(at(now, Source::Requirement(id.into(), None)));
        }
        let account = random.pick(&ACCOUNTS);
        let scan = Scan::new(account, "Test::Bucket", "r1", "scan-9");
        events.push(at(now, scan.start()));
        let mut site = Site::run(2, &events);
        let before = site.tables();
        let good = resource(account, "r1", "Test::Bucket", "good", r#"{"Public":false}"#);
        site.take(&at(now, scan.see(&good)));
        let after = site.tables();
        assert_eq!(after.verdicts.len(), before.verdicts.len() + 3);
        no_higher(&before, &after);
    });
}

#[test]
fn an_exception_lowers_no_score_and_its_end_brings_back_what_was() {
    let name = "an_exception_lowers_no_score_and_its_end_brings_back_what_was";
    let raised = std::cell::Cell::new(0);
    for_seeds(name, 80, |random| {
        let (mut events, now) = settled(random);
        // Nothing else may happen with time: no other end, no ageing.
        let late = now + 1000 * MINUTE;
        events.push(at(late, Source::Tick(late)));
        let mut site = Site::run(2, &events);
        let before = site.tables();
        let pattern = random.pick(&["*", "b-1", "b-?", "arn:test:*"]);
        let requirement = random.pick(&["*", "R1", "R2", "R3", "R5"]);
        let end = late + 5 * MINUTE;
        let row = exception("new", requirement, pattern, Some(end));
        site.take(&at(late, Source::Exception("new".into(), Some(row))));
        let granted = site.tables();
        no_higher(&before, &granted);
        raised.set(raised.get() + usize::from(granted.sums != before.sums));
        site.take(&at(end - MINUTE, Source::Tick(end - MINUTE)));
        assert_eq!(site.tables(), granted, "not a minute early");
        site.take(&at(end, Source::Tick(end)));
        let after = site.tables();
        assert_eq!((&after.sums, &after.shares), (&before.sums, &before.shares));
        let but_expired = |t: Tables| -> Vec<(ScoreKey, ScoreState)> {
            let plain =
                |(key, row): (ScoreKey, ScoreState)| (key, ScoreState { expired: 0, ..row });
            t.scores.into_iter().map(plain).collect()
        };
        assert_eq!(but_expired(after), but_expired(before));
    });
    let alone = std::env::var("STAGES_SEED").is_ok();
    assert!(alone || raised.get() > 0, "no scenario had anything to give credit for");
}

/// Asserts that no score of the first tables is higher than in the second, as far as both have one.
fn no_higher(one: &Tables, other: &Tables) {
    for (key, row) in &one.scores {
        let scored = other.scores.get(key).filter(|row| row.status == ScoreStatus::Scored);
        if let (Some(a), Some(b)) = (row.score, scored.and_then(|row| row.score)) {
            assert!(a <= b, "{key:?}: {a} is above {b}");
        }
    }
    let sum = |t: &Tables, key: &RollupKey| t.sums.get(key).and_then(|row| row.score);
    for key in one.sums.keys() {
        if let (Some(a), Some(b)) = (sum(one, key), sum(other, key)) {
            assert!(a <= b, "{key:?}: {a} is above {b}");
        }
    }
}

#[test]
fn every_output_names_the_record_behind_it() {
    for_seeds("every_output_names_the_record_behind_it", 30, |random| {
        let events = scenario(random, 100, false);
        let mut fed = BTreeSet::new();
        let mut site = Site::new(2);
        for event in &events {
            for record in site.records(event) {
                let at = usize::try_from(record.partition).unwrap();
                fed.insert(format!("{}/{}/{}", record.topic.name, record.partition, record.offset));
                site.accounts[at].take(&record).unwrap();
            }
        }
        for out in site.outputs() {
            let id = headers::text(&out.headers, "ce_id").expect("an id");
            // Topic, partition and offset; then the piece of work, if any, and a number.
            let cause = id.split('/').take(3).collect::<Vec<_>>().join("/");
            assert!(fed.contains(&cause), "{id} names no record that was read");
            let source = headers::text(&out.headers, "ce_source");
            let expected = format!("/scorecard/account/{}", cause.split('/').nth(1).unwrap());
            assert_eq!(source, Some(&*expected));
        }
    });
}

#[test]
fn every_id_of_an_output_is_its_own() {
    for_seeds("every_id_of_an_output_is_its_own", 10, |random| {
        let events = scenario(random, 60, false);
        let site = Site::run(1, &events);
        let mut ids = BTreeSet::new();
        for out in site.outputs() {
            let id = headers::text(&out.headers, "ce_id").expect("an id");
            assert!(ids.insert(id), "{id} stands for two records");
        }
    });
}
