//! Documents of scores and sums. Pure.

use schemas::{RollupKey, RollupState, SCORE_ONE, ScoreKey, ScoreState};
use serde_json::{Value, json};

use super::rows::list;
use super::{fill, moment, state};

/// What stands for all requirements of an account.
const ALL: &str = "*";

/// Gives a score's document: of a requirement in an account, or of the account.
pub(super) fn score(key: &ScoreKey, row: Option<&ScoreState>) -> Value {
    let mut document = state("metric", "configuration", row.is_none());
    let rule = (key.requirement != ALL).then_some(&key.requirement);
    fill(
        &mut document,
        [
            ("cloud.account.id", json!(key.account)),
            ("rule.id", json!(rule)),
            ("scorecard.score.whole_account", json!(rule.is_none())),
        ],
    );
    let Some(row) = row else { return document };
    counts(&mut document, row.total, row.noncompliant, row.excepted);
    fill(
        &mut document,
        [
            ("scorecard.score.status", json!(row.status)),
            ("scorecard.score.value", share(row.score)),
            ("scorecard.score.billionths", json!(row.score)),
            ("scorecard.score.weight", json!(row.weight)),
            ("scorecard.score.weighted", json!(row.weighted_score)),
            ("scorecard.score.expired", json!(row.expired)),
            ("scorecard.score.unknown", json!(row.unknown)),
            ("scorecard.score.scopes", json!(row.scopes)),
            ("scorecard.score.scopes_collected", json!(row.scopes_collected)),
            ("scorecard.score.oldest", moment(row.oldest_ms)),
        ],
    );
    document
}

/// Gives a sum's document.
pub(super) fn rollup(key: &RollupKey, row: Option<&RollupState>) -> Value {
    let mut document = state("metric", "configuration", row.is_none());
    fill(
        &mut document,
        [("scorecard.rollup.kind", json!(key.kind)), ("scorecard.rollup.id", json!(key.id))],
    );
    let Some(row) = row else { return document };
    counts(&mut document, row.total, row.noncompliant, row.excepted);
    fill(
        &mut document,
        [
            ("scorecard.score.value", share(row.score)),
            ("scorecard.score.billionths", json!(row.score)),
            ("scorecard.score.weight", json!(row.weight)),
            ("scorecard.score.weighted", json!(row.weighted_score)),
            ("scorecard.rollup.accounts", json!(row.accounts)),
            ("scorecard.rollup.scored", json!(row.scored)),
            ("scorecard.rollup.trusted_by", list(row.trusted_by.clone())),
            ("scorecard.rollup.estimated", json!(row.estimated)),
        ],
    );
    document
}

/// Writes votes in our words, and in those of Elastic's posture scores.
fn counts(document: &mut Value, total: i64, noncompliant: i64, excepted: i64) {
    fill(
        document,
        [
            ("scorecard.score.total", json!(total)),
            ("scorecard.score.noncompliant", json!(noncompliant)),
            ("scorecard.score.excepted", json!(excepted)),
            ("total_findings", json!(total)),
            ("failed_findings", json!(noncompliant)),
            ("passed_findings", json!(total.saturating_sub(noncompliant))),
        ],
    );
}

/// Gives a score from 0 to 1: documents are read by people, billionths stand beside it.
fn share(billionths: Option<i64>) -> Value {
    billionths.map_or(Value::Null, |score| json!(score as f64 / SCORE_ONE as f64))
}
