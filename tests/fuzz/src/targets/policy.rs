//! IAM policies, and the places of resources that let others in.

use std::collections::BTreeMap;

use rules::policy::{
    self, Grants, PrincipalKind, grants, identify, is_open_to_all, statements, trusted_accounts,
    trusted_principals, unknown_accounts,
};
use schemas::Resource;
use serde_json::{Value, json};
use trust::{Grant, PRINCIPALS_MAX};

use super::{USUAL, is_account, is_the_same};
use crate::Target;

/// AWS's longest name of a principal in bytes.
const NAME_BYTES_MAX: usize = 2_048;

const WORDS: &[&str] = &[
    "Version",
    "Statement",
    "Effect",
    "Allow",
    "Deny",
    "Principal",
    "NotPrincipal",
    "AWS",
    "Service",
    "Federated",
    "CanonicalUser",
    "Action",
    "NotAction",
    "Resource",
    "Condition",
    "*",
    "sts:AssumeRole",
    "StringEquals",
    "StringLike",
    "ForAnyValue:StringEquals",
    "Null",
    "Bool",
    "aws:PrincipalOrgID",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:PrincipalArn",
    "sts:ExternalId",
    "aws:PrincipalAccount",
    "aws:SourceIp",
    "0.0.0.0/0",
    "o-a1b2c3d4e5",
    "111122223333",
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:role/x",
    "AROAEXAMPLEEXAMPLE",
    "ec2.amazonaws.com",
    "Grants",
    "Grantee",
    "URI",
    "ID",
    "Owner",
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "UserId",
    "Group",
    "all",
];

pub(super) const POLICY: Target = Target { name: "policy", run: of_policy, words: WORDS, ..USUAL };

pub(super) const TRUST: Target = Target {
    name: "trust",
    run: of_resource,
    words: WORDS,
    seeds: &["tests/fuzz/corpus/policy"],
    // A bucket has the policy twice.
    bytes_per_byte: 500,
    ..USUAL
};

fn of_policy(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    // Text is a policy too.
    let of_text = grants(&Value::from(&*text));
    let Ok(document) = serde_json::from_str::<Value>(&text) else {
        return assert!(of_text.is_err(), "{of_text:?}");
    };
    let named = grants(&document);
    if document.is_object() {
        assert_eq!(named, of_text, "as text it lets in others");
    }
    let in_list = listed(&document);
    if let (Ok(named), Some(in_list)) = (&named, in_list) {
        assert_eq!(grants(&in_list).as_ref(), Ok(named), "in lists it lets in others");
    }
    if let Ok(named) = &named {
        assert!(named.len() <= text.len(), "{} of {} bytes", named.len(), text.len());
        named.keys().for_each(|name| is_somebody(name));
    }
    let open = is_open_to_all(&document);
    if open == Ok(true) {
        assert!(named.as_ref().is_ok_and(|named| named.contains_key("*")), "{named:?}");
    }
    accounts(&document, open);
    for one in statements(&document).into_iter().flatten() {
        let _ = policy::is_public(&one);
    }
}

/// What holds of the accounts that a policy names.
fn accounts(document: &Value, open: Result<bool, policy::PolicyError>) {
    let all = trusted_principals(document);
    let ids = trusted_accounts(document);
    assert_eq!((all.is_ok(), ids.is_ok()), (ids.is_ok(), open.is_ok()));
    let Ok(ids) = ids else { return };
    assert!(ids.is_sorted() && ids.iter().all(|id| is_account(id)), "{ids:?}");
    let unknown = unknown_accounts(document, |_| false).expect("as the others");
    let everyone = unknown.first().is_some_and(|first| first == "*");
    assert_eq!(Ok(everyone), open);
    assert_eq!(unknown[usize::from(everyone)..], ids, "nobody is known");
    let known = unknown_accounts(document, |_| true).expect("as the others");
    assert_eq!(known.len(), usize::from(everyone), "everybody is known, but for the public");
}

/// Gives a policy whose lists of one are lists; none where that is not a policy.
fn listed(policy: &Value) -> Option<Value> {
    let mut policy = policy.clone();
    let all = policy.as_object_mut()?.get_mut("Statement")?;
    if all.is_object() {
        *all = json!([all.take()]);
    }
    for statement in all.as_array_mut()? {
        for name in ["Action", "NotAction"] {
            if let Some(one) = statement.get_mut(name).filter(|one| one.is_string()) {
                *one = json!([one.take()]);
            }
        }
        let by_type = statement.get_mut("Principal").and_then(Value::as_object_mut);
        for one in by_type.into_iter().flat_map(|by_type| by_type.values_mut()) {
            if one.is_string() {
                *one = json!([one.take()]);
            }
        }
    }
    Some(policy)
}

fn is_somebody(name: &str) {
    let (kind, account) = identify(name);
    assert!(account.as_deref().is_none_or(is_account), "{name:?}: {account:?}");
    assert_eq!(kind == PrincipalKind::Public, name == "*", "{name:?}");
    is_the_same(&kind, &identify(name).0);
}

fn of_resource(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let before = [Grant {
        place: "/supplementary/Policy".to_owned(),
        principal: "*".to_owned(),
        demands: Vec::new(),
    }];
    let quoted = Value::from(&*text).to_string();
    for (kind, configuration, supplementary) in [
        ("AWS::IAM::Role", format!(r#"{{"AssumeRolePolicyDocument":{text}}}"#), String::new()),
        ("AWS::S3::Bucket", String::new(), format!(r#"{{"Policy":{text},"Acl":{text}}}"#)),
        ("AWS::OpenSearch::Domain", format!(r#"{{"AccessPolicies":{quoted}}}"#), String::new()),
        ("AWS::EC2::Snapshot", String::new(), format!(r#"{{"CreateVolumePermissions":{text}}}"#)),
    ] {
        let resource = resource(kind, configuration, supplementary);
        let found = trust::grants(&resource, &before);
        holds(&found);
        assert_eq!(trust::grants(&resource, &found), found, "looked at again it is another");
    }
    // Whatever the text is: it is somebody's document.
    let raw = resource("AWS::S3::Bucket", text.to_string(), text.to_string());
    holds(&trust::grants(&raw, &before));
}

fn holds(found: &[Grant]) {
    assert!(found.is_sorted(), "{found:?}");
    let mut by_place: BTreeMap<&str, Grants> = BTreeMap::new();
    for one in found {
        assert!(one.principal.len() <= NAME_BYTES_MAX, "{} bytes", one.principal.len());
        let place = by_place.entry(&one.place).or_default();
        let twice = place.insert(one.principal.clone(), Default::default());
        assert!(twice.is_none(), "{} is there twice", one.principal);
        assert!(place.len() <= PRINCIPALS_MAX + 1, "{} principals", place.len());
    }
}

fn resource(kind: &str, configuration: String, supplementary: String) -> Resource {
    Resource {
        provider: "aws".to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        resource_type: kind.to_owned(),
        id: "x".to_owned(),
        name: "x".to_owned(),
        arn: String::new(),
        tags: BTreeMap::new(),
        configuration,
        supplementary,
        errors: BTreeMap::new(),
        truncated: Vec::new(),
        captured_ms: 0,
    }
}
