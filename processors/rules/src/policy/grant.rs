//! Names everyone whom a policy lets in, each once, with what every way in demands.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    PolicyError, PrincipalKind, allows, as_statement, condition, is_account_id,
    principal::{self, account_of_arn, is_unique_id, kind_of_arn},
    statements,
};

/// Those whom a policy lets in, by name: the condition keys that each statement which lets them in
/// demands.
pub type Grants = BTreeMap<String, BTreeSet<&'static str>>;

/// Identity providers that AWS knows without an ARN. Source: IAM user guide, "AWS JSON policy
/// elements: Principal", web identity providers.
const BUILT_IN: [&str; 4] = [
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "graph.facebook.com",
    "www.amazon.com",
];

/// Lists everyone whom a policy's `Allow` statements let in.
///
/// Everyone (`*`, `NotPrincipal`) counts as those whom the condition narrows it to, where it names
/// accounts, ARNs or organisations; a service also brings in those for whom it acts
/// (`aws:SourceAccount` and the like). A name that is not understood stays: it is somebody.
///
/// Shape: a policy (as for [`statements`]). Errors: as [`statements`]; an `Effect`, a `Principal`
/// or a `Condition` that can't be read.
pub fn grants(policy: &Value) -> Result<Grants, PolicyError> {
    let mut found = Grants::new();
    for statement in statements(policy)? {
        let object = as_statement(&statement)?;
        if allows(object)? {
            of_statement(object, &mut found)?;
        }
    }
    Ok(found)
}

/// Lets somebody in once more: only what both ways in demand is demanded.
pub fn let_in(found: &mut Grants, name: String, demands: &BTreeSet<&'static str>) {
    let both = |there: &mut BTreeSet<_>| there.retain(|key| demands.contains(key));
    found.entry(name).and_modify(both).or_insert_with(|| demands.clone());
}

/// Tells what a principal is by its name alone, and in which account it lies.
///
/// Shape: a name as [`grants`] gives it. Errors: none; a name that says nothing is `Unclear`.
pub fn identify(name: &str) -> (PrincipalKind, Option<String>) {
    if is_account_id(name) {
        return (PrincipalKind::Account, Some(name.to_owned()));
    }
    if name.starts_with("arn:") {
        return identify_arn(name);
    }
    let is_canonical = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let kind = match name {
        "*" => PrincipalKind::Public,
        _ if BUILT_IN.contains(&name) => PrincipalKind::Federated,
        _ if is_canonical => PrincipalKind::Canonical,
        _ if is_unique_id(name) => PrincipalKind::UniqueId,
        _ if is_organisation(name) => PrincipalKind::Organisation,
        _ if is_host(name) => PrincipalKind::Service,
        _ => PrincipalKind::Unclear,
    };
    (kind, None)
}

fn identify_arn(arn: &str) -> (PrincipalKind, Option<String>) {
    let account = account_of_arn(arn);
    if account.as_deref() == Some("cloudfront") {
        return (PrincipalKind::Service, None);
    }
    let account = account.filter(|account| is_account_id(account));
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let is_provider = ["saml-provider/", "oidc-provider/"].iter().any(|p| resource.starts_with(p));
    let kind = match account {
        None => PrincipalKind::Unclear,
        Some(_) if is_provider => PrincipalKind::Federated,
        Some(_) => kind_of_arn(arn).unwrap_or(PrincipalKind::Unclear),
    };
    (kind, account)
}

fn of_statement(statement: &Map<String, Value>, found: &mut Grants) -> Result<(), PolicyError> {
    let condition = condition::read(statement.get("Condition"))?;
    let everyone = vec![("AWS", "*")];
    let has_not = statement.contains_key("NotPrincipal");
    let names = if has_not { everyone } else { principal::names(statement)? };
    let narrowed =
        if condition.callers.is_empty() { &condition.behind } else { &condition.callers };
    let (mut is_for_all, mut is_for_services) = (false, false);
    for (kind, name) in names {
        if name == "*" && !narrowed.is_empty() {
            is_for_all = true;
            continue;
        }
        let_in(found, name.to_owned(), &condition.demands);
        is_for_services |= kind == "Service";
    }
    // Once a statement, however often it says so: names and conditions may both be long.
    let named = is_for_all.then_some(narrowed).into_iter().flatten();
    let behind = is_for_services.then_some(&condition.behind).into_iter().flatten();
    named.chain(behind).for_each(|one| let_in(found, one.clone(), &condition.demands));
    Ok(())
}

/// Source: AWS Organizations API reference, `Organization`: `o-` and 10 to 32 letters or digits.
fn is_organisation(name: &str) -> bool {
    let rest = name.strip_prefix("o-").unwrap_or_default();
    (10..=32).contains(&rest.len())
        && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn is_host(name: &str) -> bool {
    name.contains('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}
