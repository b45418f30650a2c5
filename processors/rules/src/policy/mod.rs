//! Reads AWS policy documents: their statements, and whom they let in.
//!
//! A document is an object, or the text of one. `Statement`, `Principal` and `Action` may each be
//! one value or a list. What can't be read is an error, never an empty answer: nobody trusted and
//! not understood are different things.

mod condition;
mod grant;
mod principal;

use std::borrow::Cow;

use serde_json::{Map, Value};

pub use condition::OTHER;
pub use grant::{Grants, grants, identify, let_in};
pub use principal::{PrincipalKind, TrustedPrincipal, is_account_id};

/// Why a policy can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The policy is text, and the text is no JSON.
    #[error("the policy's text is not JSON")]
    NotJson,
    /// A member is missing.
    #[error("{0} is absent")]
    Absent(&'static str),
    /// A member has a type that it can't have.
    #[error("{0} is not {1}")]
    WrongType(&'static str, &'static str),
    /// A principal names nobody that we know how to name.
    #[error("principal {0:?} is not understood")]
    Principal(String),
}

/// Gives a policy's statements as a list.
///
/// Shape: a policy (object, text of one, or null for "there is none") → its statements, each an
/// object. Errors: the text is no JSON, `Statement` is absent or no object or list of objects.
pub fn statements(policy: &Value) -> Result<Vec<Cow<'_, Value>>, PolicyError> {
    match policy {
        Value::Null => Ok(Vec::new()),
        Value::Object(object) => Ok(statements_of(object)?.iter().map(Cow::Borrowed).collect()),
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(object)) => {
                Ok(statements_of(&object)?.iter().cloned().map(Cow::Owned).collect())
            }
            Ok(_) => Err(PolicyError::WrongType("the policy", "an object")),
            Err(_) => Err(PolicyError::NotJson),
        },
        _ => Err(PolicyError::WrongType("the policy", "an object")),
    }
}

/// Tells whether a statement allows everyone, whatever its `Condition` says.
///
/// `Allow` with principal `*`, `{"AWS": "*"}` or a list with `*` in it is public, and so is `Allow`
/// with `NotPrincipal`, which lets in all but a few. `Deny` never is.
/// Errors: `Effect` is unreadable, or an `Allow` has neither `Principal` nor `NotPrincipal`, as in
/// a policy that is attached to a principal: whom it lets in can't be told from it.
pub fn is_public(statement: &Value) -> Result<bool, PolicyError> {
    let object = as_statement(statement)?;
    if !allows(object)? {
        return Ok(false);
    }
    if object.contains_key("NotPrincipal") {
        return Ok(true);
    }
    let names = principal::names(object)?;
    Ok(names.iter().any(|(_, name)| *name == "*"))
}

/// Tells whether a policy lets everyone in, without a condition on who comes or from where.
///
/// Shape: a policy (as for [`statements`]). Errors: as [`trusted_principals`].
pub fn is_open_to_all(policy: &Value) -> Result<bool, PolicyError> {
    let is_open = |one: &TrustedPrincipal| one.kind == PrincipalKind::Public && !one.narrowed;
    Ok(trusted_principals(policy)?.iter().any(is_open))
}

/// Lists everyone whom a policy's `Allow` statements name, in the order of the document.
///
/// Shape: a policy (as for [`statements`]) → one entry for each statement and principal.
/// Errors: as [`statements`] and [`is_public`], and principals that are not understood.
/// `Deny` statements never count as trust.
pub fn trusted_principals(policy: &Value) -> Result<Vec<TrustedPrincipal>, PolicyError> {
    let mut trusted = Vec::new();
    for statement in statements(policy)? {
        let object = as_statement(&statement)?;
        if allows(object)? {
            principal::of_statement(object, &mut trusted)?;
        }
    }
    Ok(trusted)
}

/// Lists the accounts that a policy's `Allow` statements name, sorted, each once.
///
/// Shape: a policy → ids of twelve digits. Errors: as [`trusted_principals`].
pub fn trusted_accounts(policy: &Value) -> Result<Vec<String>, PolicyError> {
    let mut accounts: Vec<String> =
        trusted_principals(policy)?.into_iter().filter_map(|one| one.account).collect();
    accounts.sort();
    accounts.dedup();
    Ok(accounts)
}

/// Lists those of [`trusted_accounts`] that `is_known` does not know, and first of all `*` when
/// everyone is let in without a condition that narrows it.
///
/// Shape: a policy → sorted ids. Errors: as [`trusted_principals`].
pub fn unknown_accounts(
    policy: &Value,
    is_known: impl Fn(&str) -> bool,
) -> Result<Vec<String>, PolicyError> {
    let mut unknown: Vec<String> = trusted_principals(policy)?
        .into_iter()
        .filter_map(|one| match one.account {
            Some(account) => (!is_known(&account)).then_some(account),
            None => (one.kind == PrincipalKind::Public && !one.narrowed).then(|| "*".to_owned()),
        })
        .collect();
    unknown.sort();
    unknown.dedup();
    Ok(unknown)
}

fn statements_of(policy: &Map<String, Value>) -> Result<&[Value], PolicyError> {
    let statements = match policy.get("Statement") {
        None => return Err(PolicyError::Absent("Statement")),
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) => return Err(PolicyError::WrongType("Statement", "an object or a list")),
    };
    if statements.iter().all(Value::is_object) {
        Ok(statements)
    } else {
        Err(PolicyError::WrongType("an item of Statement", "an object"))
    }
}

fn as_statement(statement: &Value) -> Result<&Map<String, Value>, PolicyError> {
    statement.as_object().ok_or(PolicyError::WrongType("the statement", "an object"))
}

fn allows(statement: &Map<String, Value>) -> Result<bool, PolicyError> {
    match statement.get("Effect") {
        None => Err(PolicyError::Absent("Effect")),
        Some(Value::String(effect)) if effect == "Allow" => Ok(true),
        Some(Value::String(effect)) if effect == "Deny" => Ok(false),
        Some(_) => Err(PolicyError::WrongType("Effect", "Allow or Deny")),
    }
}

/// Gives a member that is one text or a list of texts as a list.
fn texts<'a>(value: &'a Value, what: &'static str) -> Result<Vec<&'a str>, PolicyError> {
    let wrong = PolicyError::WrongType(what, "text or a list of texts");
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(list) => {
            list.iter().map(|item| item.as_str().ok_or_else(|| wrong.clone())).collect()
        }
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests;
