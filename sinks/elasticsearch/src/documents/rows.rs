//! Documents of resources, accounts, verdicts and trust. Pure.

use schemas::{
    AccountKey, AccountState, ComplianceKey, ComplianceState, ResourceKey, ResourceState, TrustKey,
    TrustState, Verdict,
};
use serde_json::{Value, json};

use super::{fill, moment, state};
use crate::flat::{flat, shortened};
use crate::network::{Addresses, openings};

/// Bytes of a text that is shown.
const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Gives a resource's document.
pub(super) fn resource(key: &ResourceKey, row: Option<&ResourceState>) -> Value {
    let mut document = state("asset", "configuration", row.is_none());
    let ResourceKey { account, region, resource_type, id } = key;
    place(&mut document, account, region);
    fill(
        &mut document,
        [
            ("resource.id", json!(id)),
            ("resource.type", json!(resource_type)),
            ("entity.type", json!(resource_type)),
        ],
    );
    let Some(ResourceState { resource, scope_region, first_seen_ms }) = row else {
        fill(&mut document, [("entity.id", json!(id))]);
        return document;
    };
    let parts = [
        ("scorecard.configuration", "/configuration", flat(&resource.configuration)),
        ("scorecard.supplementary", "/supplementary", flat(&resource.supplementary)),
        ("scorecard.tags", "/tags", flat(&json!(resource.tags).to_string())),
        ("scorecard.errors", "/errors", flat(&json!(resource.errors).to_string())),
    ];
    let addresses = Addresses::of(&parts[0].2.document);
    let opened = openings(&parts[0].2.document);
    let mut cuts: Vec<String> = resource.truncated.clone();
    for (field, at, part) in parts {
        cuts.extend(part.cuts.iter().map(|path| format!("{at}{path}")));
        fill(&mut document, [(field, part.document)]);
    }
    fill(
        &mut document,
        [
            ("cloud.provider", json!(resource.provider)),
            ("resource.name", json!(resource.name)),
            ("entity.name", json!(resource.name)),
            ("entity.id", json!(identity(&resource.arn, id))),
            ("related.ip", list(addresses.ips.into_iter().collect())),
            ("scorecard.arn", text(&resource.arn)),
            ("scorecard.cidrs", list(addresses.cidrs.into_iter().collect())),
            ("scorecard.openings", list(opened)),
            ("scorecard.cut", list(cuts)),
            ("scorecard.captured", moment(Some(resource.captured_ms))),
            ("scorecard.first_seen", moment(Some(*first_seen_ms))),
            ("scorecard.scope_region", json!(scope_region)),
        ],
    );
    document
}

/// Gives an account's document.
pub(super) fn account(key: &AccountKey, row: Option<&AccountState>) -> Value {
    let mut document = state("asset", "configuration", row.is_none());
    fill(&mut document, [("cloud.account.id", json!(key.account))]);
    let Some(row) = row else { return document };
    let coverage = row.coverage.iter().map(|one| {
        let mut entry = json!({"resource_type": one.resource_type, "scopes": one.scopes,
            "collected": one.collected, "failed": one.failed, "resources": one.resources});
        let error = one.error.as_ref().map(|error| shortened(error.clone(), TEXT_BYTES_MAX));
        fill(&mut entry, [("oldest", moment(one.oldest_ms)), ("error", json!(error))]);
        entry
    });
    let sum =
        |count: fn(&schemas::TypeCoverage) -> i64| -> i64 { row.coverage.iter().map(count).sum() };
    fill(
        &mut document,
        [
            ("cloud.provider", json!(row.provider)),
            ("cloud.account.name", json!(row.name)),
            ("scorecard.owner", json!(row.owner)),
            ("scorecard.executive", json!(row.executive)),
            ("scorecard.payer", text(&row.payer)),
            ("scorecard.status", json!(row.status)),
            ("scorecard.status_since", moment(row.status_since_ms)),
            ("scorecard.listed", json!(row.listed)),
            ("scorecard.spend_cents", json!(row.spend_cents)),
            ("scorecard.units", list(row.units.clone())),
            ("scorecard.tags", flat(&json!(row.tags).to_string()).document),
            ("scorecard.scopes", json!(sum(|one| one.scopes))),
            ("scorecard.scopes_collected", json!(sum(|one| one.collected))),
            ("scorecard.scopes_failed", json!(sum(|one| one.failed))),
            ("scorecard.coverage", list(coverage.collect())),
        ],
    );
    document
}

/// Gives a verdict's document, in the shape of Kibana's findings.
pub(super) fn compliance(key: &ComplianceKey, row: Option<&ComplianceState>) -> Value {
    let mut document = state("state", "configuration", row.is_none());
    finding(&mut document, key);
    let Some(row) = row else { return document };
    concerned(&mut document, key, row);
    judged(&mut document, row);
    let totals = row.totals.as_ref();
    fill(
        &mut document,
        [
            ("scorecard.verdict", json!(row.verdict)),
            ("scorecard.credit", json!(row.credit)),
            ("scorecard.since", moment(Some(row.since_ms))),
            ("scorecard.flips", moment(row.flips_ms)),
            ("scorecard.totals.failing", json!(totals.map(|totals| totals.failing))),
            ("scorecard.totals.total", json!(totals.map(|totals| totals.total))),
        ],
    );
    document
}

/// Says which resource a row is about.
pub(super) fn concerned(document: &mut Value, key: &ComplianceKey, row: &ComplianceState) {
    fill(
        document,
        [
            ("resource.name", json!(row.name)),
            ("resource.type", json!(row.resource_type)),
            ("resource.sub_type", json!(row.resource_type)),
            ("entity.id", json!(identity(&row.arn, &key.resource))),
            ("entity.name", json!(row.name)),
            ("entity.type", json!(row.resource_type)),
            ("scorecard.arn", text(&row.arn)),
        ],
    );
}

/// Says how a row that stands was judged, by whom and why, and which exception concerns it.
pub(super) fn judged(document: &mut Value, row: &ComplianceState) {
    let outcome = if row.verdict == Verdict::Unknown { "unknown" } else { "success" };
    fill(
        document,
        [
            ("event.outcome", json!(outcome)),
            ("message", text(&shortened(row.evidence.clone(), TEXT_BYTES_MAX))),
            ("result.evaluation", json!(evaluation(row.verdict))),
            ("result.evidence", json!({"text": row.evidence})),
            ("scorecard.held", json!(row.held)),
            ("scorecard.stale", json!(row.stale)),
            ("scorecard.source", json!(row.source)),
            ("scorecard.exception.id", json!(row.exception)),
            ("scorecard.exception.reason", json!(row.exception_reason)),
            ("scorecard.exception.expires", moment(row.exception_expires_ms)),
            ("scorecard.exception.phase", json!(row.exception_phase)),
        ],
    );
}

/// Says what a verdict is about.
pub(super) fn finding(document: &mut Value, key: &ComplianceKey) {
    place(document, &key.account, &key.region);
    fill(
        document,
        [
            ("rule.id", json!(key.requirement)),
            ("rule.uuid", json!(key.requirement)),
            ("rule.benchmark.rule_number", json!(key.requirement)),
            ("resource.id", json!(key.resource)),
            ("scorecard.part", text(&key.part)),
        ],
    );
}

/// Gives a verdict in the words that Kibana counts; it takes every other for unknown.
pub(super) fn evaluation(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Unknown => "unknown",
        Verdict::NotApplicable => "not_applicable",
    }
}

/// Gives the document of a principal's trust.
pub(super) fn trust(key: &TrustKey, row: Option<&TrustState>) -> Value {
    let mut document = state("asset", "iam", row.is_none());
    fill(
        &mut document,
        [
            ("cloud.account.id", json!(key.account)),
            ("scorecard.trust.principal", json!(key.principal)),
        ],
    );
    let Some(row) = row else { return document };
    fill(
        &mut document,
        [
            ("scorecard.trust.kind", json!(row.kind)),
            ("scorecard.trust.principal_account", json!(row.principal_account)),
            ("scorecard.trust.known", json!(row.known)),
            ("scorecard.trust.known_by", json!(row.known_by)),
            ("scorecard.trust.vendor", json!(row.vendor)),
            ("scorecard.trust.through", list(row.through.clone())),
            ("scorecard.trust.names", list(row.names.clone())),
            ("scorecard.trust.resources", json!(row.resources)),
            ("scorecard.trust.conditions", list(row.conditions.iter().map(|c| json!(c)).collect())),
            ("scorecard.trust.first_seen", moment(Some(row.first_seen_ms))),
        ],
    );
    document
}

/// Says where something lies.
pub(super) fn place(document: &mut Value, account: &str, region: &str) {
    let fields = [("cloud.account.id", json!(account)), ("cloud.region", json!(region))];
    fill(document, fields);
}

/// Gives the name by which others know a resource: its ARN where it has one.
fn identity<'a>(arn: &'a str, id: &'a str) -> &'a str {
    if arn.is_empty() { id } else { arn }
}

/// Gives a text, or nothing when it is empty.
fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

/// Gives a list, or nothing when it is empty.
pub(super) fn list<T: Into<Value>>(items: Vec<T>) -> Value {
    if items.is_empty() { Value::Null } else { items.into() }
}
