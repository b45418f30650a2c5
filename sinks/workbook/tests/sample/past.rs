//! The sample's past: thirteen weeks of scores, and what turned in the last one.

use std::collections::BTreeMap;

use schemas::{
    AccountKey, Cause, ComplianceKey, ComplianceState, Credit, SCORE_ONE, ScoreState, Standing,
    Verdict,
};
use sink_workbook::{Cut, Past, Tables, Turn};

use super::{AT_MS, DAY_MS};

/// The time since which changes are told: a week before the tables.
pub(crate) const SINCE_MS: i64 = AT_MS - 7 * DAY_MS;

/// The account that was not there more than six weeks ago.
pub(crate) const YOUNG: &str = "220000000001";

/// The account that had no score a week ago.
pub(crate) const NEW: &str = "230000000001";

/// Makes the past of the sample's tables.
pub(crate) fn past(tables: &Tables) -> Past {
    let weeks: Vec<Cut> = (1..=13).rev().map(|back| week(tables, back)).collect();
    let since = weeks.last().cloned();
    Past { weeks, since, turns: turns(tables) }
}

/// Scores so many weeks ago: some accounts were worse, some better, none moved evenly.
fn week(tables: &Tables, back: i64) -> Cut {
    let mut accounts = BTreeMap::new();
    for (at, account) in (0..).zip(tables.accounts.keys()) {
        let id = &*account.account;
        let now = &tables.scores[&schemas::ScoreKey::new(id, "*")];
        let Some(score) = now.score.filter(|_| id != NEW && (id != YOUNG || back <= 6)) else {
            continue;
        };
        let wave = [0, 7, 3, -4, 1][(back + at) as usize % 5] * 1_000_000;
        let drift = [9, 14, -3, 11, 6, -8, 0, 2, 5, 0][at as usize % 10] * back * 1_000_000;
        let score = (score - drift + wave).clamp(0, SCORE_ONE);
        let then =
            ScoreState { score: Some(score), weighted_score: score * now.weight, ..now.clone() };
        accounts.insert(AccountKey::new(id), then);
    }
    Cut { at_ms: AT_MS - back * 7 * DAY_MS, accounts }
}

/// What turned: rows whose verdict is younger than a week, and two resources that are gone.
fn turns(tables: &Tables) -> BTreeMap<ComplianceKey, Turn> {
    let young = tables.compliance.iter().filter(|(_, row)| row.since_ms > SINCE_MS);
    let mut turns: BTreeMap<ComplianceKey, Turn> =
        young.map(|(key, row)| (key, turn(&row))).collect();
    for (n, id) in (1..).zip(["old-exports", "old-logs"]) {
        let key = ComplianceKey::new("s3-encryption", "210000000001", "eu-west-1", id, "");
        let before = Some(Standing { verdict: Verdict::Fail, credit: Credit::None });
        let at_ms = AT_MS - n * DAY_MS;
        let (cause, name) = (cause("observation"), format!("{id}-bucket"));
        let (resource_type, arn) = ("AWS::S3::Bucket".to_owned(), format!("arn:aws:s3:::{id}"));
        turns.insert(key, Turn { before, after: None, at_ms, cause, resource_type, name, arn });
    }
    turns
}

fn turn(row: &ComplianceState) -> Turn {
    let was = |verdict, credit| Some(Standing { verdict, credit });
    let (before, topic) = match (row.verdict, row.credit) {
        (Verdict::Fail, Credit::Live) => (was(Verdict::Fail, Credit::None), "exception"),
        (Verdict::Fail, Credit::Lapsed) => (was(Verdict::Fail, Credit::Live), "tick"),
        (Verdict::Fail, Credit::None) if row.since_ms % 2 == 0 => (None, "observation"),
        (Verdict::Fail, Credit::None) => (was(Verdict::Pass, Credit::None), "report"),
        (Verdict::Unknown, _) => (was(Verdict::Pass, Credit::None), "observation"),
        (Verdict::Pass | Verdict::NotApplicable, _) => match row.since_ms / 3_600_000 % 3 {
            0 => (was(Verdict::Fail, Credit::None), "observation"),
            1 => (was(Verdict::Fail, Credit::Live), "report"),
            _ => (None, "observation"),
        },
    };
    let after = Some(Standing { verdict: row.verdict, credit: row.credit });
    Turn {
        before,
        after,
        at_ms: row.since_ms,
        cause: cause(topic),
        resource_type: row.resource_type.clone(),
        name: row.name.clone(),
        arn: row.arn.clone(),
    }
}

fn cause(topic: &str) -> Cause {
    Cause { topic: topic.to_owned(), partition: 3, offset: 1_234_567 }
}
