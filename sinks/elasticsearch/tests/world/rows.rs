//! Rows of every table, made from numbers, with what is expected of their documents.

use std::time::Duration;

use schemas::headers::rfc3339;
use schemas::{
    AccountKey, AccountState, Cause, Codec, ComplianceChange, ComplianceKey, ComplianceState,
    Credit, Requirement, RequirementKey, Resource, ResourceState, RollupKey, RollupState, ScoreKey,
    ScoreState, ScoreStatus, Scoring, Severity, Standing, TrustKey, TrustState, Verdict, topic,
};
use serde_json::{Value, json};
use stream::{Log, Publisher};

use super::NOW_MS;

/// Resources of one account.
const PER_ACCOUNT: usize = 50;

/// Requirements, each with a verdict for every resource.
pub(crate) const REQUIREMENTS: usize = 5;

/// How many resources tests make: `SCORECARD_SINK_ROWS`, or a few.
pub(crate) fn size() -> usize {
    std::env::var("SCORECARD_SINK_ROWS").map_or(300, |text| text.parse().unwrap())
}

/// How long a server is away: a whole minute where more rows are asked for than usual.
pub(crate) fn absence() -> Duration {
    Duration::from_secs(if std::env::var("SCORECARD_SINK_ROWS").is_ok() { 60 } else { 3 })
}

/// Tables of so many resources; `round` tells versions of the same rows apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub(crate) resources: usize,
    pub(crate) round: usize,
    /// Who is said to own account 1, where it is not who usually does.
    pub(crate) first_owner: Option<&'static str>,
    /// What requirement 0 is called, where it is not what it usually is.
    pub(crate) first_title: Option<&'static str>,
}

fn account(n: usize) -> String {
    format!("{:012}", 1 + n / PER_ACCOUNT)
}

fn owner(account: &str) -> String {
    format!("owner-{}", &account[10..])
}

pub(crate) fn requirement(r: usize) -> Requirement {
    Requirement {
        id: format!("rule-{r}"),
        title: format!("Rule {r} holds"),
        why: "Because".to_owned(),
        severity: Severity::ALL[r % Severity::ALL.len()],
        weight: 1 + r as i64,
        resource_type: "AWS::EC2::SecurityGroup".to_owned(),
        scoring: Scoring::Resources,
        rule: None,
        checks: Vec::new(),
        remediation: "Mend it".to_owned(),
        controls: vec![format!("CIS 1.{r}")],
        parameters: "{}".to_owned(),
        changes: Vec::new(),
    }
}

impl Rows {
    /// Makes tables of so many resources.
    pub(crate) fn of(resources: usize, round: usize) -> Self {
        Self { resources, round, first_owner: None, first_title: None }
    }

    fn accounts(&self) -> impl Iterator<Item = String> {
        (0..self.resources.div_ceil(PER_ACCOUNT)).map(|n| account(n * PER_ACCOUNT))
    }

    fn resource(&self, n: usize) -> Resource {
        let id = format!("sg-{n}");
        let configuration = json!({"GroupId": id, "Round": self.round, "Description": "x".repeat(
            200), "PrivateIpAddress": format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255)});
        Resource {
            provider: "aws".to_owned(),
            account: account(n),
            region: ["eu-west-1", "us-east-1"][n % 2].to_owned(),
            resource_type: "AWS::EC2::SecurityGroup".to_owned(),
            name: format!("group {n}"),
            arn: format!("arn:aws:ec2:r:{}:security-group/{id}", account(n)),
            id,
            tags: [("team.name".to_owned(), format!("team-{}", n % 7))].into(),
            configuration: configuration.to_string(),
            supplementary: "{}".to_owned(),
            errors: Default::default(),
            truncated: Vec::new(),
            captured_ms: NOW_MS - 1_000,
        }
    }

    fn verdict(&self, n: usize, r: usize) -> ComplianceState {
        let verdict = Verdict::ALL[(n + r + self.round) % 4];
        ComplianceState {
            resource_type: "AWS::EC2::SecurityGroup".to_owned(),
            name: format!("group {n}"),
            verdict,
            evidence: format!("evidence {n} {r}"),
            source: "rule".to_owned(),
            credit: if verdict == Verdict::Fail { Credit::Live } else { Credit::None },
            since_ms: NOW_MS - n as i64,
            ..ComplianceState::default()
        }
    }

    fn verdict_key(&self, n: usize, r: usize) -> ComplianceKey {
        let region = ["eu-west-1", "us-east-1"][n % 2];
        ComplianceKey::new(format!("rule-{r}"), account(n), region, format!("sg-{n}"), "")
    }

    /// Writes all rows of the tables.
    pub(crate) fn write(&self, log: &dyn Log, prefix: &str) {
        let publisher = Publisher::open(log, &Codec::default(), prefix, "test");
        let mut to = publisher.unwrap();
        for r in 0..REQUIREMENTS {
            let row = requirement(r);
            to.put(&topic::REQUIREMENT, &RequirementKey::new(&*row.id), &row, NOW_MS).unwrap();
        }
        for id in self.accounts() {
            let row = account_row(&id, &owner(&id));
            to.put(&topic::ACCOUNT_STATE, &AccountKey::new(&*id), &row, NOW_MS).unwrap();
            let key = TrustKey::new(&*id, "arn:aws:iam::999999999999:root");
            let trust = TrustState {
                principal_account: Some("999999999999".to_owned()),
                ..TrustState::default()
            };
            to.put(&topic::TRUST_STATE, &key, &trust, NOW_MS).unwrap();
            let score = ScoreState {
                status: ScoreStatus::Scored,
                score: Some(500_000_000),
                total: 4,
                noncompliant: 2,
                ..ScoreState::default()
            };
            let key = ScoreKey::new(&*id, "*");
            to.put(&topic::SCORE_STATE, &key, &score, NOW_MS).unwrap();
            to.put(&topic::SCORE_HISTORY, &key, &score, NOW_MS).unwrap();
            let key = RollupKey::new("owner", owner(&id));
            let sum = RollupState { score: Some(250_000_000), ..RollupState::default() };
            to.put(&topic::ROLLUP_STATE, &key, &sum, NOW_MS).unwrap();
        }
        for n in 0..self.resources {
            let resource = self.resource(n);
            let (key, scope_region) = (resource.key(), resource.region.clone());
            let state = ResourceState { resource, scope_region, first_seen_ms: NOW_MS };
            to.put(&topic::RESOURCE_STATE, &key, &state, NOW_MS).unwrap();
            for r in 0..REQUIREMENTS {
                let (key, row) = (self.verdict_key(n, r), self.verdict(n, r));
                to.put(&topic::COMPLIANCE_STATE, &key, &row, NOW_MS).unwrap();
            }
            let now = self.verdict(n, 0);
            let change = ComplianceChange {
                before: None,
                after: Some(Standing { verdict: now.verdict, credit: now.credit }),
                at_ms: NOW_MS + n as i64 * 60_000,
                cause: Cause { topic: "observation".to_owned(), partition: 0, offset: n as i64 },
                row: Some(now),
            };
            to.put(&topic::COMPLIANCE_CHANGE, &self.verdict_key(n, 0), &change, NOW_MS).unwrap();
        }
        to.flush().unwrap();
    }

    fn owner(&self, account: &str) -> String {
        let first = self.first_owner.filter(|_| account.parse() == Ok(1));
        first.map_or_else(|| owner(account), str::to_owned)
    }

    fn title(&self, r: usize) -> String {
        let first = self.first_title.filter(|_| r == 0);
        first.map_or_else(|| format!("Rule {r} holds"), str::to_owned)
    }

    /// Gives what is expected of a resource's document: some fields by their pointers.
    pub(crate) fn resource_fields(&self, n: usize) -> Value {
        let region = ["eu-west-1", "us-east-1"][n % 2];
        json!({
            "/@timestamp": rfc3339(NOW_MS),
            "/resource/name": format!("group {n}"),
            "/resource/id": format!("sg-{n}"),
            "/cloud/account/id": account(n),
            "/cloud/account/name": format!("Account {}", account(n)),
            "/scorecard/key": format!("{}/{region}/AWS::EC2::SecurityGroup/sg-{n}", account(n)),
            "/scorecard/owner": self.owner(&account(n)),
            "/scorecard/deleted": false,
            "/scorecard/configuration/Round": self.round,
            "/scorecard/tags": {"team.name": format!("team-{}", n % 7)},
            "/related/ip": [format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255)],
        })
    }

    /// Gives what is expected of a verdict's document.
    pub(crate) fn verdict_fields(&self, n: usize, r: usize) -> Value {
        let word = ["passed", "failed", "unknown", "not_applicable"][(n + r + self.round) % 4];
        let region = ["eu-west-1", "us-east-1"][n % 2];
        json!({
            "/result/evaluation": word,
            "/cloud/account/id": account(n),
            "/cloud/region": region,
            "/scorecard/key": format!("rule-{r}/{}/{region}/sg-{n}/", account(n)),
            "/rule/name": self.title(r),
            "/rule/tags": [format!("CIS 1.{r}")],
            "/scorecard/rule_weight": 1 + r,
            "/scorecard/credit": if word == "failed" { "live" } else { "none" },
            "/scorecard/owner": self.owner(&account(n)),
            "/scorecard/since": rfc3339(NOW_MS - n as i64),
            "/message": format!("evidence {n} {r}"),
        })
    }
}

/// An account's row.
pub(crate) fn account_row(id: &str, owner: &str) -> AccountState {
    AccountState {
        provider: "aws".to_owned(),
        account: id.to_owned(),
        name: format!("Account {id}"),
        owner: Some(owner.to_owned()),
        ..AccountState::default()
    }
}
