//! Tells what a statement's condition is good for.

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
}

/// Keys that say who comes or from where; the time, TLS or MFA leave the door open to everyone.
/// Source: IAM user guide, "AWS global condition context keys", in lower case.
const NARROWING: [&str; 13] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "kms:calleraccount",
    "sts:externalid",
];
const ACCOUNT_KEYS: [&str; 3] = ["aws:principalaccount", "aws:sourceaccount", "kms:calleraccount"];

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
        for (key, value) in keys.as_object().ok_or_else(wrong)? {
            found.any = true;
            let operator = operator.to_lowercase();
            if POSITIVE.contains(&&*operator) {
                note(&mut found, &key.to_lowercase(), value)?;
            }
        }
    }
    Ok(found)
}

fn note(found: &mut Condition, key: &str, value: &Value) -> Result<(), PolicyError> {
    if !NARROWING.contains(&key) {
        return Ok(());
    }
    let values = texts(value, "a value of Condition")?;
    let open = |text: &&str| text.trim_matches('*').is_empty() || covers_everything(text);
    if values.is_empty() || values.iter().any(open) {
        return Ok(());
    }
    let accounts = match key {
        _ if ACCOUNT_KEYS.contains(&key) => values.iter().map(|text| account(text)).collect(),
        "aws:principalarn" => values.iter().map(|text| account_of_arn(text)).collect(),
        _ => Some(Vec::new()),
    };
    // A pattern in place of an account lets in accounts that can't be listed.
    let Some(accounts) = accounts else {
        return Ok(());
    };
    found.narrows = true;
    found.external_id |= key == "sts:externalid";
    found.accounts.extend(accounts);
    Ok(())
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
