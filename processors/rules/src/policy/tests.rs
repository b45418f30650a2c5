//! Tests of reading policies.

use serde_json::{Value, json};

use super::*;
use PrincipalKind::{Account, Canonical, Federated, Public, Role, Service, UniqueId, User};

fn allow(principal: Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
}

fn policy(statement: Value) -> Value {
    json!({ "Statement": [statement] })
}

#[test]
fn everyone_is_recognised_in_every_form() {
    let table = [
        (allow(json!("*")), Some(true)),
        (allow(json!({"AWS": "*"})), Some(true)),
        (allow(json!({"AWS": ["*"]})), Some(true)),
        (allow(json!({"AWS": ["111122223333", "*"]})), Some(true)),
        (allow(json!({"Federated": "*"})), Some(true)),
        (allow(json!({"AWS": "111122223333"})), Some(false)),
        (allow(json!({"AWS": []})), Some(false)),
        (allow(json!({"Service": "ec2.amazonaws.com"})), Some(false)),
        (json!({"Effect": "Allow", "NotPrincipal": {"AWS": "1"}, "Action": "*"}), Some(true)),
        (json!({"Effect": "Deny", "Principal": "*", "Action": "*"}), Some(false)),
        (json!({"Effect": "Deny", "NotPrincipal": {"AWS": "1"}, "Action": "*"}), Some(false)),
        (json!({"Effect": "Allow", "Action": "*"}), None),
        (json!({"Principal": "*"}), None),
        (json!({"Effect": "allow", "Principal": "*"}), None),
        (allow(json!("111122223333")), None),
        (allow(json!({"AWS": 5})), None),
        (allow(json!({"AWS": [5]})), None),
        (json!("*"), None),
    ];
    for (statement, expected) in table {
        assert_eq!(is_public(&statement).ok(), expected, "{statement}");
    }
}

const PRINCIPALS: [(&str, &str, PrincipalKind, Option<&str>); 13] = [
    ("AWS", "111122223333", Account, Some("111122223333")),
    ("AWS", "arn:aws:iam::111122223333:root", Account, Some("111122223333")),
    ("AWS", "arn:aws-cn:iam::111122223333:role/a/b", Role, Some("111122223333")),
    ("AWS", "arn:aws:sts::111122223333:assumed-role/a/s", Role, Some("111122223333")),
    ("AWS", "arn:aws:iam::111122223333:user/x", User, Some("111122223333")),
    ("AWS", "arn:aws:sts::111122223333:federated-user/x", User, Some("111122223333")),
    ("AWS", "AROAEXAMPLEID12345678", UniqueId, None),
    ("AWS", "*", Public, None),
    ("AWS", "arn:aws:iam::cloudfront:user/CloudFront OAI E1", Service, None),
    ("Service", "lambda.amazonaws.com", Service, None),
    ("Federated", "cognito-identity.amazonaws.com", Federated, None),
    ("Federated", "arn:aws:iam::111122223333:saml-provider/corp", Federated, Some("111122223333")),
    ("CanonicalUser", "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7c", Canonical, None),
];

#[test]
fn principals_are_told_apart() {
    for (kind_of, name, kind, account) in PRINCIPALS {
        let found = trusted_principals(&policy(allow(json!({ kind_of: name })))).expect(name);
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!((found[0].kind, found[0].account.as_deref()), (kind, account), "{name}");
        assert_eq!((&*found[0].principal, &*found[0].actions[0]), (name, "sts:AssumeRole"));
    }
    for name in ["nobody", "arn:aws:iam::*:root", "arn:aws:iam::111122223333:group/x", "12345"] {
        let found = trusted_principals(&policy(allow(json!({ "AWS": name }))));
        assert_eq!(found, Err(PolicyError::Principal(name.to_owned())), "{name}");
    }
}

#[test]
fn deny_is_no_trust_and_lists_are_unfolded() {
    let document = json!({"Statement": [
        {"Effect": "Deny", "Principal": {"AWS": "999988887777"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": ["111122223333", "444455556666"],
            "Service": "ec2.amazonaws.com"}, "Action": ["sts:AssumeRole", "sts:TagSession"]},
        {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "NotAction": "sts:TagSession"},
    ]});
    assert_eq!(trusted_accounts(&document), Ok(vec!["111122223333".into(), "444455556666".into()]));
    let found = trusted_principals(&document).expect("it is readable");
    let actions: Vec<usize> = found.iter().map(|one| one.actions.len()).collect();
    assert_eq!(actions, [2, 2, 2, 1]);
    assert_eq!(*found[3].actions, ["*"]);
}

/// What a condition on everyone leaves unknown, with 111122223333 known.
fn open(condition: Value) -> Vec<String> {
    let mut statement = allow(json!("*"));
    statement["Condition"] = condition;
    unknown_accounts(&policy(statement), |id| id == "111122223333").expect("it is readable")
}

#[test]
fn only_conditions_on_who_comes_narrow_everyone() {
    let none: [&str; 0] = [];
    assert_eq!(open(json!({})), ["*"]);
    assert_eq!(open(json!({"Bool": {"aws:SecureTransport": "true"}})), ["*"]);
    assert_eq!(open(json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}})), ["*"]);
    assert_eq!(open(json!({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}})), ["*"]);
    assert_eq!(open(json!({"StringLike": {"aws:PrincipalOrgID": "*"}})), ["*"]);
    assert_eq!(open(json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}})), ["*"]);
    assert_eq!(open(json!({"StringLike": {"aws:PrincipalAccount": "1111*"}})), ["*"]);
    assert_eq!(open(json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}})), none);
    assert_eq!(open(json!({"StringEquals": {"AWS:principalorgid": ["o-1"]}})), none);
    assert_eq!(open(json!({"StringEquals": {"aws:PrincipalAccount": "111122223333"}})), none);
    assert_eq!(
        open(json!({"StringEquals": {"aws:PrincipalAccount": ["999988887777", "111122223333"]}})),
        ["999988887777"]
    );
    let role = "arn:aws:iam::999988887777:role/x";
    assert_eq!(open(json!({"ArnEquals": {"aws:PrincipalArn": role}})), ["999988887777"]);
    let any = "arn:aws:iam::*:role/x";
    assert_eq!(open(json!({"ArnLike": {"aws:PrincipalArn": any}})), ["*"]);
}

#[test]
fn a_policy_is_open_when_one_statement_is() {
    let mut narrowed = allow(json!("*"));
    narrowed["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}});
    assert_eq!(is_open_to_all(&json!({"Statement": []})), Ok(false));
    assert_eq!(is_open_to_all(&policy(narrowed.clone())), Ok(false));
    let both = json!({"Statement": [narrowed, allow(json!({"AWS": ["*"]}))]});
    assert_eq!(is_open_to_all(&both), Ok(true));
    assert!(is_open_to_all(&json!({})).is_err());
}

#[test]
fn external_ids_and_conditions_are_noted() {
    let mut statement = allow(json!({"AWS": "999988887777"}));
    let noted = |statement: &Value| {
        let found = trusted_principals(&policy(statement.clone())).expect("it is readable");
        (found[0].conditions, found[0].external_id, found[0].narrowed)
    };
    assert_eq!(noted(&statement), (false, false, false));
    statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": "42"}});
    assert_eq!(noted(&statement), (true, true, true));
    statement["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    assert_eq!(noted(&statement), (true, false, false));
    statement["Condition"] = json!("x");
    assert!(trusted_principals(&policy(statement)).is_err(), "it can't be read");
}
