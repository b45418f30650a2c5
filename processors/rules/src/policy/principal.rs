//! Names those whom a statement lets in.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{PolicyError, condition, texts};

/// What kind of principal a statement names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// A whole account, by its id or its root ARN.
    Account,
    /// An IAM role, or a session of one.
    Role,
    /// An IAM user, or a federated session of one.
    User,
    /// An AWS service.
    Service,
    /// An identity provider: SAML, OpenID Connect.
    Federated,
    /// Everyone.
    Public,
    /// An account by its canonical user id.
    Canonical,
    /// A principal that was deleted: AWS shows its unique id. Nobody can be it again.
    UniqueId,
    /// All accounts of an organisation. Only [`super::identify`] gives it.
    Organisation,
    /// A name that is not understood. Only [`super::identify`] gives it.
    Unclear,
}

/// One principal that a statement lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedPrincipal {
    /// The principal as the policy writes it; `*` for everyone.
    pub principal: String,
    /// The account that it lies in, twelve digits; none where the name doesn't tell. For everyone
    /// narrowed to certain accounts by a condition: one entry for each of them.
    pub account: Option<String>,
    /// What it is.
    pub kind: PrincipalKind,
    /// What it may do, as the policy writes it; `*` where `NotAction` leaves all but a few. All
    /// whom a statement lets in share one list.
    pub actions: Arc<[String]>,
    /// Whether any condition is attached.
    pub conditions: bool,
    /// Whether the condition demands an external id.
    pub external_id: bool,
    /// Whether the condition names who or from where: an organisation, an account, a network.
    pub narrowed: bool,
}

/// Tells whether a text is an account's id: twelve digits.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Gives a statement's principals as pairs of type (`AWS`, `Service`, ...) and name.
pub(super) fn names(statement: &Map<String, Value>) -> Result<Vec<(&str, &str)>, PolicyError> {
    match statement.get("Principal") {
        None => Err(PolicyError::Absent("Principal")),
        Some(Value::String(name)) if name == "*" => Ok(vec![("AWS", "*")]),
        Some(Value::Object(by_type)) => {
            let mut names = Vec::new();
            for (kind, value) in by_type {
                names.extend(texts(value, "Principal")?.into_iter().map(|name| (&**kind, name)));
            }
            Ok(names)
        }
        Some(_) => Err(PolicyError::WrongType("Principal", "* or an object")),
    }
}

/// Appends those whom an `Allow` statement lets in.
pub(super) fn of_statement(
    statement: &Map<String, Value>,
    trusted: &mut Vec<TrustedPrincipal>,
) -> Result<(), PolicyError> {
    let condition = condition::read(statement.get("Condition"))?;
    let template = TrustedPrincipal {
        principal: "*".to_owned(),
        account: None,
        kind: PrincipalKind::Public,
        actions: actions(statement)?.into(),
        conditions: condition.any,
        external_id: condition.external_id,
        narrowed: condition.narrows,
    };
    let names =
        if statement.contains_key("NotPrincipal") { vec![("AWS", "*")] } else { names(statement)? };
    let mut is_for_all = false;
    for (kind, name) in names {
        let (kind, account) = classify(kind, name)?;
        // Everyone is the same everyone, however often and by whatever type he is named.
        if kind == PrincipalKind::Public && std::mem::replace(&mut is_for_all, true) {
            continue;
        }
        let one =
            TrustedPrincipal { principal: name.to_owned(), account, kind, ..template.clone() };
        if kind == PrincipalKind::Public && !condition.accounts.is_empty() {
            trusted.extend(
                condition.accounts.iter().map(|account| TrustedPrincipal {
                    account: Some(account.clone()),
                    ..one.clone()
                }),
            );
        } else {
            trusted.push(one);
        }
    }
    Ok(())
}

fn actions(statement: &Map<String, Value>) -> Result<Vec<String>, PolicyError> {
    match statement.get("Action") {
        Some(value) => Ok(texts(value, "Action")?.into_iter().map(str::to_owned).collect()),
        None if statement.contains_key("NotAction") => Ok(vec!["*".to_owned()]),
        None => Err(PolicyError::Absent("Action")),
    }
}

/// Tells what a principal is, and in which account it lies.
fn classify(kind: &str, name: &str) -> Result<(PrincipalKind, Option<String>), PolicyError> {
    let arn_account = account_of_arn(name);
    let is_id = arn_account.as_deref().is_some_and(is_account_id);
    let account = arn_account.clone().filter(|_| is_id);
    let found = match (kind, name) {
        (_, "*") => (PrincipalKind::Public, None),
        ("Service", _) => (PrincipalKind::Service, None),
        ("Federated", _) => (PrincipalKind::Federated, account),
        ("CanonicalUser", _) => (PrincipalKind::Canonical, None),
        ("AWS", id) if is_account_id(id) => (PrincipalKind::Account, Some(id.to_owned())),
        ("AWS", id) if is_unique_id(id) => (PrincipalKind::UniqueId, None),
        ("AWS", _) if is_id => (kind_of_arn(name)?, account),
        // Origin access identities live in an account called "cloudfront".
        ("AWS", _) if arn_account.as_deref() == Some("cloudfront") => {
            (PrincipalKind::Service, None)
        }
        _ => return Err(PolicyError::Principal(name.to_owned())),
    };
    Ok(found)
}

pub(super) fn account_of_arn(name: &str) -> Option<String> {
    let mut parts = name.splitn(6, ':');
    (parts.next() == Some("arn")).then(|| parts.nth(3).map(str::to_owned)).flatten()
}

pub(super) fn kind_of_arn(arn: &str) -> Result<PrincipalKind, PolicyError> {
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let kind = resource.split('/').next().unwrap_or_default();
    match kind {
        "root" => Ok(PrincipalKind::Account),
        "role" | "assumed-role" => Ok(PrincipalKind::Role),
        "user" | "federated-user" => Ok(PrincipalKind::User),
        _ => Err(PolicyError::Principal(arn.to_owned())),
    }
}

/// Unique ids: `AIDA` (user), `AROA` (role), `ASIA` and `AKIA` never stand in policies.
/// Source: IAM user guide, "IAM identifiers".
pub(super) fn is_unique_id(name: &str) -> bool {
    ["AIDA", "AROA"].iter().any(|prefix| name.starts_with(prefix))
        && name.len() >= 16
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
