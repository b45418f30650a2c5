//! Trust: who may act in an account, through which resources, and whether we know them.
//!
//! Pure: a resource's policies in, principals out; rows are merged one principal at a time.
//! Service principals and canonical ids are left out: every account trusts the provider's own
//! services, and a list of thousands of roles behind `ec2.amazonaws.com` tells nobody anything.

use std::collections::BTreeMap;

use rules::policy::{PrincipalKind as Named, TrustedPrincipal, trusted_principals};
use schemas::{PrincipalKind, Resource, TrustState};
use serde_json::Value;

/// Where resources keep the policies that let others in: type, document, JSON Pointer.
const POLICIES: &[(&str, Place, &str)] = &[
    ("AWS::IAM::Role", Place::Configuration, "/AssumeRolePolicyDocument"),
    ("AWS::S3::Bucket", Place::Supplementary, "/Policy"),
];

#[derive(Clone, Copy)]
enum Place {
    Configuration,
    Supplementary,
}

/// A principal that a resource lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted {
    /// What kind of principal it is.
    pub kind: PrincipalKind,
    /// Its account, when it lies in one.
    pub account: Option<String>,
}

/// Lists the principals that a resource's policies let in, sorted by name, each once.
///
/// Errors: none; a policy that can't be read names nobody here, and the rules on it are unknown.
pub fn principals(resource: &Resource) -> BTreeMap<String, Trusted> {
    let mut found = BTreeMap::new();
    for (_, place, pointer) in POLICIES.iter().filter(|(t, ..)| *t == resource.resource_type) {
        let text = match place {
            Place::Configuration => &resource.configuration,
            Place::Supplementary => &resource.supplementary,
        };
        let Ok(document) = serde_json::from_str::<Value>(text) else {
            continue;
        };
        let policy = document.pointer(pointer).unwrap_or(&Value::Null);
        for principal in trusted_principals(policy).unwrap_or_default() {
            if let Some(kind) = kind_of(&principal) {
                let trusted = Trusted { kind, account: principal.account };
                found.insert(principal.principal, trusted);
            }
        }
    }
    found
}

/// Adds a resource to a principal's row.
pub fn enter(row: Option<TrustState>, trusted: &Trusted, known: bool, through: &str) -> TrustState {
    let mut row = row.unwrap_or_else(|| TrustState {
        kind: trusted.kind,
        principal_account: trusted.account.clone(),
        known,
        through: Vec::new(),
    });
    row.known = known;
    if let Err(at) = row.through.binary_search_by(|one| one.as_str().cmp(through)) {
        row.through.insert(at, through.to_owned());
    }
    row
}

/// Takes a resource out of a principal's row; none when nothing trusts it any more.
pub fn leave(mut row: TrustState, through: &str) -> Option<TrustState> {
    row.through.retain(|one| one != through);
    (!row.through.is_empty()).then_some(row)
}

/// Tells whether a principal is known: its account is; everyone never is.
pub fn is_known(
    kind: PrincipalKind,
    account: Option<&str>,
    is_known_account: impl Fn(&str) -> bool,
) -> bool {
    match (kind, account) {
        (PrincipalKind::Public, _) => false,
        (_, Some(account)) => is_known_account(account),
        (PrincipalKind::Federated | PrincipalKind::Service, None) => true,
        (PrincipalKind::Account | PrincipalKind::Other, None) => false,
    }
}

fn kind_of(principal: &TrustedPrincipal) -> Option<PrincipalKind> {
    match principal.kind {
        Named::Account | Named::Role | Named::User => Some(PrincipalKind::Account),
        Named::Federated => Some(PrincipalKind::Federated),
        Named::Public => Some(PrincipalKind::Public),
        Named::UniqueId => Some(PrincipalKind::Other),
        Named::Service | Named::Canonical => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(policy: &str) -> Resource {
        Resource {
            provider: "aws".into(),
            account: "111111111111".into(),
            region: "global".into(),
            resource_type: "AWS::IAM::Role".into(),
            id: "AROA1".into(),
            name: "deploy".into(),
            arn: String::new(),
            tags: BTreeMap::new(),
            configuration: format!(r#"{{"AssumeRolePolicyDocument":{policy}}}"#),
            supplementary: "{}".into(),
            errors: BTreeMap::new(),
            truncated: vec![],
            captured_ms: 0,
        }
    }

    #[test]
    fn a_role_names_who_may_assume_it() {
        let found = principals(&role(
            r#"{"Statement":[
                {"Effect":"Allow","Action":"sts:AssumeRole",
                 "Principal":{"AWS":["arn:aws:iam::999988887777:root","123456789012"],
                              "Service":"ec2.amazonaws.com"}},
                {"Effect":"Deny","Action":"*","Principal":{"AWS":"555555555555"}}]}"#,
        ));
        let accounts: Vec<_> = found.values().map(|t| t.account.as_deref()).collect();
        assert_eq!(accounts, [Some("123456789012"), Some("999988887777")]);
        assert_eq!(principals(&role("{}")), BTreeMap::new(), "an unreadable policy names nobody");
    }

    #[test]
    fn a_row_lives_as_long_as_something_trusts() {
        let trusted = Trusted { kind: PrincipalKind::Account, account: Some("9".into()) };
        let row = enter(None, &trusted, false, "b");
        let row = enter(Some(row), &trusted, true, "a");
        let row = enter(Some(row), &trusted, true, "a");
        assert_eq!(row.through, ["a", "b"]);
        assert!(row.known);
        let row = leave(row, "a").expect("b still trusts it");
        assert_eq!(leave(row, "b"), None);
    }

    #[test]
    fn everyone_is_never_known() {
        assert!(!is_known(PrincipalKind::Public, Some("1"), |_| true));
        assert!(is_known(PrincipalKind::Account, Some("1"), |a| a == "1"));
        assert!(!is_known(PrincipalKind::Account, Some("2"), |a| a == "1"));
        assert!(is_known(PrincipalKind::Federated, None, |_| false));
    }
}
