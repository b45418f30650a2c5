//! Documents of changes: what happened to resources and to verdicts. Pure.

use schemas::{
    Cause, ChangeKind, ComplianceChange, ComplianceKey, ResourceChange, ResourceKey, Standing,
};
use serde_json::{Value, json};

use super::fill;
use super::rows::{concerned, evaluation, finding, judged, list, place};
use crate::flat::shortened;

/// Differences of one change that are kept, and bytes of each value: the log has them whole.
const DIFFERENCES_MAX: usize = 200;
const VALUE_BYTES_MAX: usize = 4 * 1024;

/// Gives the document of a resource's change, and when it was.
pub(super) fn resource(key: &ResourceKey, change: &ResourceChange) -> (Value, i64) {
    let (action, kind) = match change.kind {
        ChangeKind::Created => ("resource-created", "creation"),
        ChangeKind::Updated => ("resource-updated", "change"),
        ChangeKind::Deleted => ("resource-deleted", "deletion"),
    };
    let mut document = event(action, kind, &change.cause);
    place(&mut document, &key.account, &key.region);
    let kept = || change.differences.iter().take(DIFFERENCES_MAX);
    let value = |value: &Option<String>| value.clone().map(|v| shortened(v, VALUE_BYTES_MAX));
    let paths = kept().map(|one| one.path.clone());
    let differences = kept().map(|one| {
        let (before, after) = (value(&one.before), value(&one.after));
        json!({"path": one.path, "before": before, "after": after})
    });
    let stored = json!({"items": differences.collect::<Vec<_>>(), "all": change.differences.len()});
    fill(
        &mut document,
        [
            ("resource.id", json!(key.id)),
            ("resource.type", json!(key.resource_type)),
            ("entity.id", json!(key.id)),
            ("entity.type", json!(key.resource_type)),
            ("scorecard.paths", list(paths.collect())),
            ("scorecard.first_trusted", list(change.first_trusted.clone())),
            ("scorecard.differences", stored),
        ],
    );
    (document, change.at_ms)
}

/// Gives the document of a verdict's transition, and when it was.
pub(super) fn compliance(key: &ComplianceKey, change: &ComplianceChange) -> (Value, i64) {
    let (action, kind) = match (&change.before, &change.after) {
        (None, _) => ("verdict-given", "creation"),
        (Some(_), None) => ("verdict-gone", "deletion"),
        (Some(before), Some(after)) if before.verdict == after.verdict => {
            ("credit-changed", "change")
        }
        _ => ("verdict-changed", "change"),
    };
    let mut document = event(action, kind, &change.cause);
    finding(&mut document, key);
    standing(&mut document, "scorecard.before.verdict", "scorecard.before.credit", change.before);
    standing(&mut document, "scorecard.after.verdict", "scorecard.after.credit", change.after);
    let now = change.after.map(|after| evaluation(after.verdict));
    fill(&mut document, [("result.evaluation", json!(now)), ("entity.id", json!(key.resource))]);
    if let Some(row) = &change.row {
        concerned(&mut document, key, row);
        // What is gone is named, and judged no more.
        if change.after.is_some() {
            judged(&mut document, row);
        }
    }
    (document, change.at_ms)
}

fn event(action: &str, kind: &str, cause: &Cause) -> Value {
    json!({
        "event": {"kind": "event", "category": ["configuration"], "type": [kind],
            "action": action},
        "scorecard": {"deleted": false, "cause": {"topic": cause.topic,
            "partition": cause.partition, "offset": cause.offset}},
    })
}

fn standing(
    document: &mut Value,
    verdict: &'static str,
    credit: &'static str,
    standing: Option<Standing>,
) {
    let Some(standing) = standing else { return };
    fill(document, [(verdict, json!(standing.verdict)), (credit, json!(standing.credit))]);
}
