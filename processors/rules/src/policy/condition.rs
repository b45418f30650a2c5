//! Tells what a statement's condition is good for.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{PolicyError, is_account_id, texts};

/// What a condition does for the trust that its statement gives.
#[derive(Default)]
pub(super) struct Condition {
    /// There is one.
    pub(super) any: bool,
    /// It demands an external id.
    pub(super) external_id: bool,
    /// It says who may come, or from where.
    pub(super) narrows: bool,
    /// The accounts that it narrows everyone to.
    pub(super) accounts: Vec<String>,
    /// The keys that it demands, as AWS spells them; [`OTHER`] for what says neither who nor where.
    pub(super) demands: BTreeSet<&'static str>,
    /// Those whom it names as the caller: accounts, ARNs, organisations.
    pub(super) callers: BTreeSet<String>,
    /// Those whom it names as the one that a service acts for: accounts, organisations.
    pub(super) behind: BTreeSet<String>,
}

/// Stands among demands for a condition that says neither who comes nor from where.
pub const OTHER: &str = "other";

/// Keys that say who comes or from where; the time, TLS or MFA leave the door open to everyone.
/// Source: IAM user guide, "AWS global condition context keys"; case does not
/// matter to AWS.
const NARROWING: [&str; 13] = [
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:userid",
    "kms:CallerAccount",
    "sts:ExternalId",
];
const ACCOUNT_KEYS: [&str; 3] = ["aws:PrincipalAccount", "aws:SourceAccount", "kms:CallerAccount"];

/// Operators that hold only when the key is there and matches: no `Not`, no `IfExists`, no
/// `ForAllValues`, which holds when the key is absent. In lower case.
const POSITIVE: [&str; 8] = [
    "arnequals",
    "arnlike",
    "ipaddress",
    "stringequals",
    "stringequalsignorecase",
    "stringlike",
    "foranyvalue:stringequals",
    "foranyvalue:stringlike",
];

/// Reads a `Condition` member.
///
/// Shape: the member, absent for none. Errors: it is no object of objects of texts.
pub(super) fn read(condition: Option<&Value>) -> Result<Condition, PolicyError> {
    let mut found = Condition::default();
    let Some(condition) = condition else {
        return Ok(found);
    };
    let wrong = || PolicyError::WrongType("Condition", "an object of objects");
    for (operator, keys) in condition.as_object().ok_or_else(wrong)? {
        let operator = operator.to_lowercase();
        let is_positive = POSITIVE.contains(&&*operator);
        for (key, value) in keys.as_object().ok_or_else(wrong)? {
            found.any = true;
            let key = NARROWING.into_iter().find(|one| one.eq_ignore_ascii_case(key));
            let key = key.filter(|_| is_positive);
            if !key.map_or(Ok(false), |key| note(&mut found, key, value))? {
                found.demands.insert(OTHER);
            }
        }
    }
    Ok(found)
}

/// Notes what a key is narrowed to; false when it narrows nothing.
fn note(found: &mut Condition, key: &'static str, value: &Value) -> Result<bool, PolicyError> {
    let values = texts(value, "a value of Condition")?;
    let open = |text: &&str| text.trim_matches('*').is_empty() || covers_everything(text);
    if values.is_empty() || values.iter().any(open) {
        return Ok(false);
    }
    let accounts = match key {
        _ if ACCOUNT_KEYS.contains(&key) => values.iter().map(|text| account(text)).collect(),
        "aws:PrincipalArn" => values.iter().map(|text| account_of_arn(text)).collect(),
        _ => Some(Vec::new()),
    };
    // A pattern in place of an account lets in accounts that can't be listed.
    let Some(accounts) = accounts else {
        return Ok(false);
    };
    found.narrows = true;
    found.external_id |= key == "sts:ExternalId";
    found.accounts.extend(accounts);
    found.demands.insert(key);
    let own = |text: &&str| Some((*text).to_owned());
    // Where one value names nobody, the others don't tell who comes.
    let name = |of: &dyn Fn(&&str) -> Option<String>| -> Option<Vec<String>> {
        values.iter().map(of).collect()
    };
    let (named, whom) = match key {
        "aws:PrincipalAccount"
        | "aws:PrincipalArn"
        | "aws:PrincipalOrgID"
        | "kms:CallerAccount" => (name(&own), &mut found.callers),
        "aws:PrincipalOrgPaths" => (name(&organisation), &mut found.callers),
        "aws:SourceAccount" | "aws:SourceOrgID" => (name(&own), &mut found.behind),
        "aws:SourceArn" => (name(&|arn| account_of_arn(arn)), &mut found.behind),
        _ => return Ok(true),
    };
    whom.extend(named.into_iter().flatten());
    Ok(true)
}

/// Gives the organisation of a path such as `o-a1b2c3d4e5/r-ab12/*`.
fn organisation(path: &&str) -> Option<String> {
    let first = path.split('/').next()?;
    first.starts_with("o-").then(|| first.to_owned())
}

fn account(text: &str) -> Option<String> {
    is_account_id(text).then(|| text.to_owned())
}

fn account_of_arn(arn: &str) -> Option<String> {
    account(arn.split(':').nth(4)?)
}

/// Tells whether an address range is everything, which narrows nothing.
fn covers_everything(text: &str) -> bool {
    text.ends_with("/0")
}
