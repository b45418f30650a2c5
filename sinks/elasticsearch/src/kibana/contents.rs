//! Which searches, charts and dashboards there are.

use super::lens::{Chart, Column, Shape};
use super::object::{Dashboard, Panel, Search};
use crate::names::Kind;

/// The account's own score, not that of one requirement.
const OF_ACCOUNT: &str = "scorecard.score.whole_account: true";
const OF_REQUIREMENT: &str =
    "scorecard.score.whole_account: false and scorecard.score.status: scored";
const FAILED: &str = "result.evaluation: failed";
const SCORE: &str = "scorecard.score.value";
const UNKNOWN_TRUST: &str = "scorecard.trust.known: false";

/// Searches: what stands as a list of its own, and in dashboards.
pub(super) fn searches() -> Vec<Search> {
    [of_verdicts(), of_accounts()].into_iter().flatten().collect()
}

fn of_verdicts() -> Vec<Search> {
    vec![
        Search {
            name: "failures",
            title: "Failing resources",
            description: "Every resource that fails a requirement, whether accepted or not",
            kind: Kind::Compliance,
            query: FAILED,
            columns: &[
                "rule.name",
                "scorecard.severity",
                "resource.name",
                "cloud.account.name",
                "cloud.region",
                "scorecard.owner",
                "scorecard.credit",
                "scorecard.since",
            ],
            sort: ("scorecard.since", "desc"),
        },
        Search {
            name: "expiring",
            title: "Exceptions that expire within 30 days",
            description: "Failing resources whose live exception ends soon",
            kind: Kind::Compliance,
            query: "scorecard.credit: live and scorecard.exception.expires < now+30d",
            columns: &[
                "scorecard.exception.expires",
                "scorecard.exception.id",
                "scorecard.exception.reason",
                "rule.name",
                "resource.name",
                "cloud.account.name",
                "scorecard.owner",
            ],
            sort: ("scorecard.exception.expires", "asc"),
        },
    ]
}

fn of_accounts() -> Vec<Search> {
    vec![
        Search {
            name: "unknown-trust",
            title: "Trust in unknown principals",
            description: "Who may act in an account although nobody knows it",
            kind: Kind::Trust,
            query: UNKNOWN_TRUST,
            columns: &[
                "scorecard.trust.principal",
                "scorecard.trust.principal_account",
                "scorecard.trust.kind",
                "cloud.account.name",
                "scorecard.trust.resources",
                "scorecard.trust.first_seen",
            ],
            sort: ("scorecard.trust.first_seen", "desc"),
        },
        Search {
            name: "uncovered",
            title: "Accounts with failed or missing scopes",
            description: "Accounts of which something was not collected",
            kind: Kind::Accounts,
            query: "scorecard.scopes_failed > 0 or scorecard.scopes_collected: 0",
            columns: &[
                "cloud.account.name",
                "cloud.account.id",
                "scorecard.owner",
                "scorecard.scopes",
                "scorecard.scopes_collected",
                "scorecard.scopes_failed",
            ],
            sort: ("scorecard.scopes_failed", "desc"),
        },
        Search {
            name: "changes",
            title: "What changed",
            description: "Resources and verdicts as they came, changed and went",
            kind: Kind::Changes,
            query: "",
            columns: &[
                "event.action",
                "resource.type",
                "resource.name",
                "rule.name",
                "cloud.account.name",
            ],
            sort: ("@timestamp", "desc"),
        },
    ]
}

/// Charts: what dashboards are made of.
pub(super) fn charts() -> Vec<Chart> {
    [figures(), scores(), risks()].into_iter().flatten().collect()
}

fn chart(
    (name, title): (&'static str, &'static str),
    (kind, query): (Kind, &'static str),
    shape: Shape,
    columns: Vec<Column>,
) -> Chart {
    Chart { name, title, kind, query, shape, columns }
}

fn figures() -> Vec<Chart> {
    vec![
        chart(
            ("fleet-score", "Score of the enterprise, weighted by risk"),
            (Kind::Rollups, "scorecard.rollup.kind: enterprise"),
            Shape::Metric,
            vec![Column::of("Score", "max", SCORE).percent()],
        ),
        chart(
            ("open-failures", "Failing and not accepted"),
            (Kind::Compliance, "result.evaluation: failed and not scorecard.credit: live"),
            Shape::Metric,
            vec![Column::count("Resources")],
        ),
    ]
}

fn scores() -> Vec<Chart> {
    vec![
        chart(
            ("score-by-time", "Mean score of accounts"),
            (Kind::ScoreHistory, OF_ACCOUNT),
            Shape::Line,
            vec![Column::time("@timestamp"), Column::of("Mean score", "average", SCORE).percent()],
        ),
        chart(
            ("executives", "Executives, weighted by spend"),
            (Kind::Rollups, "scorecard.rollup.kind: executive"),
            Shape::Bars,
            vec![
                Column::values("Executive", "scorecard.rollup.id"),
                Column::of("Score", "max", SCORE).percent(),
            ],
        ),
        chart(
            ("heat-map", "Scores by requirement and account"),
            (Kind::Scores, OF_REQUIREMENT),
            Shape::Heat,
            vec![
                Column::values("Account", "cloud.account.name"),
                Column::values("Requirement", "rule.name"),
                Column::of("Score", "average", SCORE).percent(),
            ],
        ),
    ]
}

fn risks() -> Vec<Chart> {
    vec![
        chart(
            ("movers", "Movers: verdicts that turned, by account"),
            (Kind::Changes, "event.action: (verdict-given or verdict-changed)"),
            Shape::Table,
            vec![
                Column::values("Account", "cloud.account.name"),
                Column::count_of("Began to fail", FAILED),
                Column::count_of("Were mended", "result.evaluation: passed"),
            ],
        ),
        chart(
            ("exceptions", "Accepted risk by exception"),
            (Kind::Compliance, "scorecard.credit: live"),
            Shape::Table,
            vec![
                Column::values("Exception", "scorecard.exception.id"),
                Column::count("Resources"),
                Column::earliest("Expires", "scorecard.exception.expires"),
            ],
        ),
        chart(
            ("trust-by-principal", "Unknown principals by the accounts that trust them"),
            (Kind::Trust, UNKNOWN_TRUST),
            Shape::Bars,
            vec![
                Column::values("Principal", "scorecard.trust.principal"),
                Column::of("Accounts", "unique_count", "cloud.account.id"),
            ],
        ),
        chart(
            ("coverage", "Scopes that failed last time, by account"),
            (Kind::Accounts, ""),
            Shape::Table,
            vec![
                Column::values("Account", "cloud.account.name"),
                Column::of("Failed", "max", "scorecard.scopes_failed"),
                Column::of("Collected", "max", "scorecard.scopes_collected"),
                Column::of("Scopes", "max", "scorecard.scopes"),
            ],
        ),
    ]
}

/// Dashboards, each an answer to one kind of question.
pub(super) fn dashboards() -> Vec<Dashboard> {
    use Panel::{Chart, Search};
    vec![
        Dashboard {
            name: "fleet",
            title: "Scorecard: the fleet",
            description: "How the enterprise stands, who stands where, and what moved",
            rows: vec![
                (10, vec![Chart("fleet-score"), Chart("open-failures"), Chart("score-by-time")]),
                (14, vec![Chart("executives"), Chart("movers")]),
                (28, vec![Chart("heat-map")]),
                (16, vec![Search("failures")]),
            ],
        },
        Dashboard {
            name: "exceptions",
            title: "Scorecard: accepted risk",
            description: "What exceptions cover, and which end soon",
            rows: vec![(14, vec![Chart("exceptions")]), (18, vec![Search("expiring")])],
        },
        Dashboard {
            name: "trust",
            title: "Scorecard: trust",
            description: "Who may act in the accounts although nobody knows it",
            rows: vec![
                (14, vec![Chart("trust-by-principal")]),
                (18, vec![Search("unknown-trust")]),
            ],
        },
        Dashboard {
            name: "coverage",
            title: "Scorecard: coverage",
            description: "What was not collected, and what changed",
            rows: vec![
                (14, vec![Chart("coverage")]),
                (14, vec![Search("uncovered")]),
                (18, vec![Search("changes")]),
            ],
        },
    ]
}
