//! The past is read from a log, week by week, and from nothing but the hours that it needs.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

use std::collections::BTreeMap;

use schemas::{
    AccountKey, Cause, Codec, ComplianceChange, ComplianceKey, ComplianceState, Credit, ScoreKey,
    ScoreState, ScoreStatus, Standing, Tick, TickKey, Verdict, topic,
};
use sink_workbook::{Past, Tables, Turn};
use stream::{Log, Outgoing, Publisher, local::LocalLog};

const PREFIX: &str = "test";
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// 2026-03-02T09:30:00Z: half an hour behind a cut.
const AT_MS: i64 = 1_772_443_800_000;

fn open(folder: &std::path::Path) -> LocalLog {
    let log = LocalLog::open(folder, 3, PREFIX).unwrap();
    log.apply().unwrap();
    log
}

fn score(permille: i64) -> ScoreState {
    ScoreState {
        status: ScoreStatus::Scored,
        score: Some(permille * 1_000_000),
        weight: 10,
        weighted_score: permille * 10_000_000,
        ..ScoreState::default()
    }
}

/// What account `n` scores in an hour: as many thousandths as hours lie between that hour and some
/// time, so that every cut is told from every other.
fn at_hour(n: i64, hour_ms: i64) -> ScoreState {
    score((AT_MS - hour_ms) / HOUR_MS % 499 + n * 499)
}

/// Tables of an earlier time than now: it bounds what is told.
fn of(at_ms: i64) -> Tables {
    Tables { at_ms, ..Tables::default() }
}

fn read(log: &LocalLog, at_ms: i64, since_ms: i64) -> Past {
    Past::read(log, &Codec::default(), PREFIX, &of(at_ms), since_ms).unwrap()
}

#[test]
fn each_week_is_the_cut_of_its_hour() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let mut publisher = Publisher::open(&log, &Codec::default(), PREFIX, "test").unwrap();
    // Ten weeks of hourly cuts; the second account is not there in the oldest three.
    let first = AT_MS - 30 * 60_000 - 70 * DAY_MS;
    for hour_ms in (first..=AT_MS).step_by(HOUR_MS as usize) {
        for n in 0..2 {
            if n == 1 && AT_MS - hour_ms > 50 * DAY_MS {
                continue;
            }
            let account = format!("{n:012}");
            let rows = [("*", at_hour(n, hour_ms)), ("R1", score(1))];
            for (requirement, row) in rows {
                let key = ScoreKey::new(&*account, requirement);
                publisher.put(&topic::SCORE_HISTORY, &key, &row, hour_ms).unwrap();
            }
        }
    }
    publisher.flush().unwrap();
    let past = read(&log, AT_MS, AT_MS - 5 * HOUR_MS);
    let weeks: Vec<i64> = past.weeks.iter().map(|week| (AT_MS - week.at_ms) / DAY_MS).collect();
    assert_eq!(weeks, [70, 63, 56, 49, 42, 35, 28, 21, 14, 7], "the oldest first, none empty");
    for cut in past.weeks.iter().chain(&past.since) {
        // The last full hour and half an hour before it.
        let hour_ms = cut.at_ms - 30 * 60_000;
        let both = AT_MS - hour_ms <= 50 * DAY_MS;
        let expected: BTreeMap<AccountKey, ScoreState> = (0..if both { 2 } else { 1 })
            .map(|n| (AccountKey::new(format!("{n:012}")), at_hour(n, hour_ms)))
            .collect();
        assert_eq!(cut.accounts, expected);
    }
    assert_eq!(past.since.unwrap().at_ms, AT_MS - 5 * HOUR_MS);
    // Before the first cut nothing is known, at a day without cuts the day before is.
    assert_eq!(read(&log, AT_MS, first - 1).since, None);
    let later = read(&log, AT_MS + 7 * DAY_MS + 20 * HOUR_MS, AT_MS + 20 * HOUR_MS);
    assert_eq!(later.since.as_ref(), later.weeks.last());
    let last = &later.since.unwrap().accounts;
    assert_eq!(last[&AccountKey::new("000000000000")], at_hour(0, AT_MS - 30 * 60_000));
    assert_eq!(read(&log, AT_MS, AT_MS + 3 * DAY_MS).since, None, "more than a day is too old");
}

#[test]
fn hours_between_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let mut writer = log.writer("test").unwrap();
    let mut append = |timestamp_ms: i64| {
        writer.append(vec![Outgoing {
            topic: topic::SCORE_HISTORY.spec,
            partition: 0,
            timestamp_ms,
            key: b"1/*".to_vec(),
            value: Some(b"not a score".to_vec()),
            headers: Vec::new(),
        }])
    };
    // What nobody can decode stands a few hours from every week's end.
    for week in 0..14 {
        append(AT_MS - week * 7 * DAY_MS - 40 * HOUR_MS).unwrap();
        append(AT_MS - week * 7 * DAY_MS + HOUR_MS).unwrap();
    }
    writer.flush().unwrap();
    assert_eq!(read(&log, AT_MS, AT_MS - 7 * DAY_MS), Past::default());
    writer = log.writer("test").unwrap();
    writer
        .append(vec![Outgoing {
            topic: topic::SCORE_HISTORY.spec,
            partition: 1,
            timestamp_ms: AT_MS - 7 * DAY_MS,
            key: b"1/*".to_vec(),
            value: None,
            headers: Vec::new(),
        }])
        .unwrap();
    let failed = Past::read(&log, &Codec::default(), PREFIX, &of(AT_MS), AT_MS - 7 * DAY_MS);
    let told = failed.unwrap_err().to_string();
    assert!(told.contains("score.history") && told.contains("partition 1"), "{told}");
}

#[test]
fn turns_go_from_the_first_standing_to_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let mut publisher = Publisher::open(&log, &Codec::default(), PREFIX, "test").unwrap();
    let since_ms = AT_MS - 7 * DAY_MS;
    let pass = Some(Standing { verdict: Verdict::Pass, credit: Credit::None });
    let fail = Some(Standing { verdict: Verdict::Fail, credit: Credit::None });
    let live = Some(Standing { verdict: Verdict::Fail, credit: Credit::Live });
    let cause = |offset| Cause { topic: "observation".to_owned(), partition: 2, offset };
    let mut change = |id: &str, at_ms: i64, before, after| {
        let key = ComplianceKey::new("R1", "111122223333", "eu-west-1", id, "");
        let name = format!("named {id}");
        let row = ComplianceState {
            name,
            resource_type: "t".to_owned(),
            arn: "arn:aws:x:::y".to_owned(),
            ..ComplianceState::default()
        };
        let row = (id != "gone").then_some(row);
        let change = ComplianceChange { before, after, at_ms, cause: cause(at_ms), row };
        publisher.put(&topic::COMPLIANCE_CHANGE, &key, &change, at_ms).unwrap();
    };
    change("before", since_ms, pass, fail);
    change("once", since_ms + 1, pass, fail);
    change("twice", since_ms + 2, fail, pass);
    change("back", since_ms + 3, None, fail);
    change("twice", since_ms + 4, pass, live);
    change("back", since_ms + 5, fail, None);
    change("gone", AT_MS, live, None);
    change("after", AT_MS + 1, pass, fail);
    publisher.flush().unwrap();
    let turn = |at_ms, before, after| {
        let (resource_type, name, arn) = Default::default();
        Turn { before, after, at_ms, cause: cause(at_ms), resource_type, name, arn }
    };
    let expected = [
        ("once", turn(since_ms + 1, pass, fail)),
        ("twice", turn(since_ms + 4, fail, live)),
        ("gone", turn(AT_MS, live, None)),
    ];
    // Changes of older releases hold no row.
    let told = |(id, turn): (&'static str, Turn)| {
        if id == "gone" {
            return (id, turn);
        }
        let (resource_type, arn) = ("t".to_owned(), "arn:aws:x:::y".to_owned());
        (id, Turn { name: format!("named {id}"), resource_type, arn, ..turn })
    };
    let expected: BTreeMap<ComplianceKey, Turn> = expected
        .map(told)
        .map(|(id, turn)| (ComplianceKey::new("R1", "111122223333", "eu-west-1", id, ""), turn))
        .into();
    assert_eq!(read(&log, AT_MS, since_ms).turns, expected);
}

#[test]
fn what_turned_after_the_last_tick_is_in_the_tables_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    let mut publisher = Publisher::open(&log, &Codec::default(), PREFIX, "test").unwrap();
    let standing = |verdict| Some(Standing { verdict, credit: Credit::None });
    let (pass, fail) = (standing(Verdict::Pass), standing(Verdict::Fail));
    let mut change = |id: &str, at_ms: i64, before, after| {
        let key = ComplianceKey::new("R1", "111122223333", "eu-west-1", id, "");
        let cause = Cause { topic: "observation".to_owned(), partition: 0, offset: at_ms };
        let change = ComplianceChange { before, after, at_ms, cause, row: None };
        publisher.put(&topic::COMPLIANCE_CHANGE, &key, &change, at_ms).unwrap();
        publisher.flush().unwrap();
    };
    let tick = (TickKey { minute_ms: AT_MS }, Tick { minute_ms: AT_MS });
    let mut ticker = Publisher::open(&log, &Codec::default(), PREFIX, "clock").unwrap();
    ticker.put(&topic::TICK, &tick.0, &tick.1, AT_MS).unwrap();
    ticker.flush().unwrap();
    change("failing again", AT_MS - 2, fail, None);
    change("failing again", AT_MS + 2, None, fail);
    change("new", AT_MS + 3, pass, fail);
    let tables = Tables::read(&log, &Codec::default(), PREFIX).unwrap();
    assert_eq!(tables.at_ms, AT_MS);
    change("new", AT_MS + 4, fail, pass);
    change("later", AT_MS + 5, pass, fail);
    let past = Past::read(&log, &Codec::default(), PREFIX, &tables, AT_MS - DAY_MS).unwrap();
    let turns = past.turns.iter();
    let turns = turns.map(|(key, turn)| (key.resource.as_str(), turn.before, turn.after));
    assert_eq!(turns.collect::<Vec<_>>(), [("new", pass, fail)], "as the tables stand");
}
