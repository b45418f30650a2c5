//! A log with all that the page reads: the organisation of the workbooks, and resources, trust and
//! a past.

use std::path::Path;

use anyhow::Result;
use schemas::{
    Cause, Codec, ComplianceChange, ComplianceKey, ComplianceState, Credit, KnownBy, PrincipalKind,
    Resource, ResourceState, ScoreKey, Standing, TrustKey, TrustState, Verdict, topic,
};
use stream::{Log, Publisher, local::LocalLog};

use crate::site::{PARTITIONS, PREFIX};
use crate::workbook::{AT_MS, DAY_MS, Organisation, Size, account_id};

/// Principals that an account trusts: services, its own organisation, and foreign ones.
const PRINCIPALS: usize = 20;

/// Foreign accounts that somebody trusts.
const FOREIGN: usize = 300;

/// Days of which hourly cuts are kept; of each the last cut alone, which is what the page reads.
const DAYS: i64 = 89;

/// Changes of verdicts of an account in the last 20 days.
const CHANGES: i64 = 20;

const TEAMS: [&str; 5] = ["payments", "checkout", "ledger", "search", "media"];

/// Fills a log.
pub(super) fn fill(log: &Path, size: Size, resources: usize) -> Result<()> {
    let log = LocalLog::open(log, PARTITIONS, PREFIX)?;
    log.apply()?;
    let mut publisher = Publisher::open(&log, &Codec::default(), PREFIX, "bench")?;
    let organisation = Organisation::new(size);
    past(&mut publisher, &organisation)?;
    trust(&mut publisher, size)?;
    let step = (size.rows + size.passing).div_ceil(resources.max(1)).max(1);
    for (n, (key, row)) in organisation.verdicts().step_by(step).take(resources).enumerate() {
        let state = resource(n, &key, &row);
        publisher.put(&topic::RESOURCE_STATE, &state.resource.key(), &state, AT_MS)?;
    }
    organisation.publish(&mut publisher)
}

/// Scores of each day, which rise slowly, and changes of verdicts, in the order of time.
fn past(publisher: &mut Publisher, organisation: &Organisation) -> Result<()> {
    let tables = organisation.tables();
    let today = AT_MS.div_euclid(DAY_MS);
    for day in today - DAYS..=today {
        let at_ms = if day == today { AT_MS - 1_800_000 } else { (day + 1) * DAY_MS - 1_800_000 };
        for account in tables.accounts.keys() {
            let key = ScoreKey::new(&account.account, "*");
            let Some(score) = tables.scores.get(&key) else { continue };
            let mut score = score.clone();
            score.weighted_score -= score.weighted_score * (today - day) / 400;
            publisher.put(&topic::SCORE_HISTORY, &key, &score, at_ms)?;
        }
    }
    let requirement = tables.requirements.keys().next().map_or("", |key| &key.requirement);
    let standing = |verdict| Some(Standing { verdict, credit: Credit::None });
    for n in 0..CHANGES {
        let at_ms = AT_MS - (CHANGES - n) * DAY_MS;
        for account in tables.accounts.keys() {
            let key = ComplianceKey::new(
                requirement,
                &*account.account,
                "eu-central-1",
                format!("changed-{n}"),
                "",
            );
            let cause = Cause { topic: "observation".to_owned(), partition: 0, offset: n };
            let (before, after) = (standing(Verdict::Pass), standing(Verdict::Fail));
            let change = ComplianceChange { before, after, at_ms, cause, row: None };
            publisher.put(&topic::COMPLIANCE_CHANGE, &key, &change, at_ms)?;
        }
    }
    Ok(publisher.flush()?)
}

fn trust(publisher: &mut Publisher, size: Size) -> Result<()> {
    for account in 0..size.accounts {
        for n in 0..PRINCIPALS {
            let (principal, state) = principal(account, n);
            let key = TrustKey::new(account_id(account), principal);
            publisher.put(&topic::TRUST_STATE, &key, &state, AT_MS)?;
        }
    }
    Ok(publisher.flush()?)
}

/// Four services, two foreign accounts, and for the rest accounts of the organisation.
fn principal(account: usize, n: usize) -> (String, TrustState) {
    let (kind, whose, known_by) = match n {
        0..4 => (PrincipalKind::Service, None, KnownBy::Service),
        4..6 => {
            let foreign = (account * 7 + n * 131) % FOREIGN;
            (PrincipalKind::Account, Some(format!("{:012}", 700_000_000_000 + foreign)), {
                if foreign.is_multiple_of(3) { KnownBy::Nobody } else { KnownBy::Register }
            })
        }
        _ => (PrincipalKind::Account, Some(account_id(account / 20 * 20 + n)), {
            KnownBy::Organisation
        }),
    };
    let name = match &whose {
        Some(id) => format!("arn:aws:iam::{id}:role/deploy-{n}"),
        None => format!("service-{n}.amazonaws.com"),
    };
    let state = TrustState {
        kind,
        principal_account: whose,
        known: known_by != KnownBy::Nobody,
        known_by,
        through: vec![format!("eu-central-1/AWS::IAM::Role/AROA{account:08}{n:04}")],
        names: vec![format!("role-{n}")],
        resources: 1,
        first_seen_ms: AT_MS - (account as i64 % 400) * DAY_MS,
        ..TrustState::default()
    };
    (name, state)
}

fn resource(n: usize, key: &ComplianceKey, row: &ComplianceState) -> ResourceState {
    let address = format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
    let configuration = format!(
        "{{\"createdAt\":\"2025-06-01T00:00:00Z\",\"encryption\":{{\"enabled\":false,\
        \"keyId\":null}},\"id\":\"{0}\",\"networkInterfaces\":[{{\
        \"privateIpAddress\":\"{address}\",\
        \"subnetId\":\"subnet-{n:08x}\"}}],\"policy\":{{\"statements\":[]}},\"size\":{n}}}",
        key.resource
    );
    let tags = [("team", TEAMS[n % TEAMS.len()]), ("stage", ["prod", "test"][n % 2])];
    ResourceState {
        resource: Resource {
            provider: "aws".to_owned(),
            account: key.account.clone(),
            region: key.region.clone(),
            resource_type: row.resource_type.clone(),
            id: key.resource.clone(),
            name: row.name.clone(),
            arn: row.arn.clone(),
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            configuration,
            supplementary: "{}".to_owned(),
            errors: Default::default(),
            truncated: Vec::new(),
            captured_ms: AT_MS,
        },
        scope_region: key.region.clone(),
        first_seen_ms: AT_MS - 100 * DAY_MS,
    }
}
