//! Tables of an earlier time are what the tables were then: held to a model that kept a copy.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

use std::collections::BTreeMap;

use schemas::{
    AccountKey, AccountState, Cause, Codec, ComplianceChange, ComplianceKey, ComplianceState,
    Credit, RollupKey, ScoreKey, ScoreState, ScoreStatus, Standing, Tick, TickKey, Verdict, topic,
};
use sink_workbook::Tables;
use stream::{Log, Publisher, local::LocalLog};

const PREFIX: &str = "test";
const HOUR_MS: i64 = 3_600_000;

/// 2026-03-01T00:00:00Z.
const BEGIN_MS: i64 = 1_772_323_200_000;
const HOURS: i64 = 48;

/// A generator of numbers (Steele, Lea, Flood 2014: SplitMix64), so that each seed is a history.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

type Rows = BTreeMap<ComplianceKey, ComplianceState>;

/// A log with a history, and the rows and scores as they stood at each hour.
struct World {
    log: LocalLog,
    _folder: tempfile::TempDir,
    rows: Vec<Rows>,
    scores: Vec<BTreeMap<ScoreKey, ScoreState>>,
}

fn accounts() -> [String; 3] {
    [1, 2, 3].map(|n| format!("{n:012}"))
}

fn row(random: &mut Random, at_ms: i64) -> ComplianceState {
    let verdict = [Verdict::Pass, Verdict::Fail, Verdict::Unknown][random.below(3) as usize];
    let credit = match (verdict, random.below(3)) {
        (Verdict::Fail, 0) => Credit::Live,
        _ => Credit::None,
    };
    ComplianceState {
        verdict,
        credit,
        name: "n".to_owned(),
        evidence: format!("seen {at_ms}"),
        exception: (credit == Credit::Live).then(|| "RA-1".to_owned()),
        since_ms: at_ms,
        ..ComplianceState::default()
    }
}

fn standing(row: Option<&ComplianceState>) -> Option<Standing> {
    row.map(|row| Standing { verdict: row.verdict, credit: row.credit })
}

/// Writes accounts of which two have one executive, and one of the two a figure of its spend.
fn write_accounts(publisher: &mut Publisher) {
    for (n, account) in accounts().iter().enumerate() {
        let state = AccountState {
            account: account.clone(),
            listed: true,
            executive: (n < 2).then(|| "vera".to_owned()),
            spend_cents: (n == 0).then_some(300),
            ..AccountState::default()
        };
        let key = AccountKey::new(&**account);
        publisher.put(&topic::ACCOUNT_STATE, &key, &state, BEGIN_MS).unwrap();
    }
}

/// Writes a history from a seed: hourly cuts, and verdicts that turn, come and go in between.
fn world(seed: u64) -> World {
    let folder = tempfile::tempdir().unwrap();
    let log = LocalLog::open(folder.path(), 2, PREFIX).unwrap();
    log.apply().unwrap();
    let mut publisher = Publisher::open(&log, &Codec::default(), PREFIX, "test").unwrap();
    let (mut random, mut now) = (Random(seed), Rows::new());
    let (mut rows, mut scores) = (Vec::new(), Vec::new());
    write_accounts(&mut publisher);
    for hour in 0..HOURS {
        let hour_ms = BEGIN_MS + hour * HOUR_MS;
        let mut cut = BTreeMap::new();
        for account in accounts() {
            for requirement in ["*", "R1"] {
                let points = random.below(1_000) as i64;
                let score = ScoreState {
                    status: ScoreStatus::Scored,
                    score: Some(points * 1_000_000),
                    weight: 10,
                    weighted_score: points * 10_000_000,
                    total: 7,
                    ..ScoreState::default()
                };
                let key = ScoreKey::new(&*account, requirement);
                publisher.put(&topic::SCORE_HISTORY, &key, &score, hour_ms).unwrap();
                cut.insert(key, score);
            }
        }
        scores.push(cut);
        rows.push(now.clone());
        for change in 0..random.below(20) as i64 {
            let at_ms = hour_ms + (change + 1) * 60_000;
            let account = accounts()[random.below(3) as usize].clone();
            let id = format!("r{}", random.below(12));
            let key = ComplianceKey::new("R1", account, "eu", id, "");
            let before = now.remove(&key);
            let after = (random.below(5) > 0).then(|| row(&mut random, at_ms));
            if standing(before.as_ref()) == standing(after.as_ref()) {
                now.extend(before.map(|before| (key, before)));
                continue;
            }
            let change = ComplianceChange {
                before: standing(before.as_ref()),
                after: standing(after.as_ref()),
                at_ms,
                cause: Cause { topic: "observation".to_owned(), partition: 0, offset: at_ms },
                row: after.clone().or(before),
            };
            publisher.put(&topic::COMPLIANCE_CHANGE, &key, &change, at_ms).unwrap();
            match after {
                Some(after) => {
                    publisher.put(&topic::COMPLIANCE_STATE, &key, &after, at_ms).unwrap();
                    now.insert(key, after);
                }
                None => publisher.tombstone(&topic::COMPLIANCE_STATE, &key, at_ms).unwrap(),
            }
        }
    }
    let end_ms = BEGIN_MS + HOURS * HOUR_MS;
    let tick = Tick { minute_ms: end_ms };
    publisher.put(&topic::TICK, &TickKey { minute_ms: end_ms }, &tick, end_ms).unwrap();
    publisher.flush().unwrap();
    World { log, _folder: folder, rows, scores }
}

/// Gives the rows that workbooks name.
fn named(rows: &Rows) -> Rows {
    let named = rows.iter().filter(|(_, row)| row.verdict != Verdict::Pass);
    named.map(|(key, row)| (key.clone(), row.clone())).collect()
}

#[test]
fn every_hour_is_as_it_was() {
    for seed in 0..4 {
        let world = world(seed);
        for hour in [0, 1, 7, 23, 40, HOURS - 1] {
            let at_ms = BEGIN_MS + hour * HOUR_MS;
            let then = Tables::read_at(&world.log, &Codec::default(), PREFIX, at_ms).unwrap();
            let then = then.unwrap_or_else(|| panic!("nothing of hour {hour}"));
            assert_eq!((then.at_ms, then.read_ms), (at_ms, Some(BEGIN_MS + HOURS * HOUR_MS)));
            let rows: Rows = then.compliance.iter().collect();
            assert_eq!(rows, named(&world.rows[hour as usize]), "seed {seed}, hour {hour}");
            let scores = &world.scores[hour as usize];
            assert_eq!(&then.scores, scores, "seed {seed}, hour {hour}");
            // Two accounts, of which one has no figure: it weighs as the median, so both the same.
            let of = |n: usize| scores[&ScoreKey::new(&*accounts()[n], "*")].score.unwrap();
            let sum = &then.rollups[&RollupKey::new("executive", "vera")];
            assert_eq!((sum.accounts, sum.scored, sum.estimated, sum.total), (2, 2, 1, 14));
            assert_eq!(sum.score, Some((of(0) + of(1)) / 2), "seed {seed}, hour {hour}");
        }
    }
}

#[test]
fn what_is_not_kept_is_told_and_the_end_is_now() {
    let world = world(9);
    let read = |at_ms| Tables::read_at(&world.log, &Codec::default(), PREFIX, at_ms).unwrap();
    assert_eq!(read(BEGIN_MS - 1), None, "before the first cut");
    let now = Tables::read(&world.log, &Codec::default(), PREFIX).unwrap();
    assert_eq!((now.at_ms, now.read_ms), (BEGIN_MS + HOURS * HOUR_MS, None));
    assert_eq!(read(now.at_ms), Some(now.clone()));
    assert_eq!(read(now.at_ms + 1), Some(now));
}
