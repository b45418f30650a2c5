//! Tests of trust: every place, hostile policies, and rows against a count from scratch.

use std::collections::{BTreeMap, BTreeSet};

use schemas::{KnownBy, PrincipalKind, Resource, TrustState};
use serde_json::{Value, json};

use super::*;

const ROLE: &str = "AWS::IAM::Role";
const BUCKET: &str = "AWS::S3::Bucket";

fn resource(of_type: &str, configuration: &Value, supplementary: &Value) -> Resource {
    Resource {
        provider: "aws".into(),
        account: "111111111111".into(),
        region: "global".into(),
        resource_type: of_type.into(),
        id: "AROA1".into(),
        name: "deploy".into(),
        arn: String::new(),
        tags: BTreeMap::new(),
        configuration: configuration.to_string(),
        supplementary: supplementary.to_string(),
        errors: BTreeMap::new(),
        truncated: vec![],
        captured_ms: 0,
    }
}

fn role(policy: &Value) -> Resource {
    resource(ROLE, &json!({ "AssumeRolePolicyDocument": policy }), &json!({}))
}

fn bucket(supplementary: &Value) -> Resource {
    resource(BUCKET, &json!({}), supplementary)
}

fn allow(principal: Value, condition: Value) -> Value {
    let mut statement = json!({"Effect": "Allow", "Principal": principal, "Action": "x:*"});
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    statement
}

/// Names with what is demanded of them, `name` or `name if key, key`.
fn named(resource: &Resource) -> Vec<String> {
    let line = |grant: &Grant| match grant.demands.is_empty() {
        true => grant.principal.clone(),
        false => format!("{} if {}", grant.principal, grant.demands.join(", ")),
    };
    grants(resource, &[]).iter().map(line).collect()
}

#[test]
fn every_place_is_read() {
    let policy = json!({"Statement": allow(json!({"AWS": "999988887777"}), Value::Null)});
    let text = json!(policy.to_string());
    let within = |member: &str, value: &Value| json!({ member: value });
    let none = json!({});
    let cases = [
        (ROLE, within("AssumeRolePolicyDocument", &policy), none.clone()),
        (BUCKET, none.clone(), within("Policy", &text)),
        ("AWS::ECR::Repository", none.clone(), within("Policy", &policy)),
        ("AWS::SecretsManager::Secret", none.clone(), within("ResourcePolicy", &text)),
        ("AWS::KMS::Key", none.clone(), within("Policy", &policy)),
        ("AWS::OpenSearch::Domain", within("AccessPolicies", &text), none.clone()),
        (
            "AWS::EC2::Snapshot",
            none.clone(),
            json!({"CreateVolumePermissions": [{"UserId": "999988887777"}]}),
        ),
    ];
    for (of_type, configuration, supplementary) in cases {
        let found = named(&resource(of_type, &configuration, &supplementary));
        assert_eq!(found, ["999988887777"], "{of_type}");
    }
    let all = json!({"CreateVolumePermissions": [{"Group": "all"}]});
    assert_eq!(named(&resource("AWS::EC2::Snapshot", &none, &all)), ["*"]);
    let empty = within("AccessPolicies", &json!(""));
    assert!(named(&resource("AWS::OpenSearch::Domain", &empty, &none)).is_empty());
}

#[test]
fn an_access_list_names_all_but_its_owner() {
    let user = |id: &str| json!({"Grantee": {"Type": "CanonicalUser", "ID": id}});
    let group = |of: &str| {
        let uri = format!("http://acs.amazonaws.com/groups/{of}");
        json!({"Grantee": {"Type": "Group", "URI": uri}})
    };
    let acl = json!({"Owner": {"ID": "me"}, "Grants": [user("me"), user("you"),
        group("global/AuthenticatedUsers"), group("global/AllUsers"), group("s3/LogDelivery")]});
    assert_eq!(named(&bucket(&json!({"Acl": acl}))), ["*", "logging.s3.amazonaws.com", "you"]);
}

#[test]
fn conditions_say_who_comes_and_what_is_demanded() {
    let of = |principal: Value, condition: Value| {
        named(&role(&json!({"Statement": [allow(principal, condition)]})))
    };
    let equals = |key: &str, value: &str| json!({"StringEquals": {key: value}});
    let org = "o-a1b2c3d4e5";
    let to_org = format!("{org} if aws:PrincipalOrgID");
    assert_eq!(of(json!("*"), Value::Null), ["*"]);
    assert_eq!(of(json!("*"), equals("AWS:PrincipalOrgId", org)), [to_org]);
    let paths =
        json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": [format!("{org}/r-1/*")]}});
    assert_eq!(of(json!({"AWS": "*"}), paths), [format!("{org} if aws:PrincipalOrgPaths")]);
    let negative = json!({"StringNotEquals": {"aws:PrincipalOrgID": org}});
    assert_eq!(of(json!("*"), negative), ["* if other"]);
    let external = equals("sts:ExternalId", "7");
    assert_eq!(of(json!({"AWS": "999988887777"}), external), ["999988887777 if sts:ExternalId"]);
    let service = json!({"Service": "sns.amazonaws.com"});
    assert_eq!(
        of(service, equals("aws:SourceAccount", "999988887777")),
        ["999988887777 if aws:SourceAccount", "sns.amazonaws.com if aws:SourceAccount"]
    );
    let arns =
        json!({"ArnLike": {"aws:SourceArn": ["arn:aws:sns:x:999988887777:t", "arn:aws:s3:::b"]}});
    assert_eq!(of(json!("*"), arns), ["* if aws:SourceArn"], "one of the two names nobody");
}

#[test]
fn a_denial_names_nobody_and_all_but_a_few_is_everyone() {
    let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "*"});
    assert!(named(&role(&json!({"Statement": [deny]}))).is_empty());
    let but = json!({"Effect": "Allow", "NotPrincipal": {"AWS": "999988887777"}, "Action": "*"});
    assert_eq!(named(&role(&json!({"Statement": [deny, but]}))), ["*"]);
}

#[test]
fn what_can_not_be_read_keeps_whom_it_named() {
    let policy =
        json!({"Statement": [allow(json!({"AWS": ["999988887777", "nobody"]}), Value::Null)]});
    let before = grants(&bucket(&json!({"Policy": policy})), &[]);
    assert_eq!(before.len(), 2, "a name that is not understood is somebody");
    let mut denied = bucket(&json!({}));
    denied.errors.insert("Policy".into(), "AccessDenied: no".into());
    let mut cut = bucket(&json!({"Policy": {"Statement": []}}));
    cut.truncated = vec!["/supplementary/Policy/Statement".into()];
    let unreadable = ["{", "[]", "5", r#"{"Statement":[{"Effect":"Maybe"}]}"#];
    let unreadable = unreadable.map(|text| bucket(&json!({ "Policy": text })));
    let broken = Resource { supplementary: "{".into(), ..denied.clone() };
    for resource in [denied, cut, broken].iter().chain(&unreadable) {
        assert_eq!(grants(resource, &before), before, "{}", resource.supplementary);
        assert!(grants(resource, &[]).is_empty());
    }
    assert!(grants(&bucket(&json!({"Policy": null})), &before).is_empty(), "there is none");
}

#[test]
fn huge_policies_stay_within_limits() {
    let ids: Vec<_> = (0..20_000).map(|n| format!("{n:012}")).collect();
    let policy = json!({"Statement": [allow(json!({"AWS": ids}), Value::Null)]});
    let found = grants(&role(&policy), &[]);
    assert_eq!(found.len(), PRINCIPALS_MAX + 1);
    let long = "x".repeat(900_000);
    let policy = json!({"Statement": [allow(json!({"AWS": long}), Value::Null)]});
    assert_eq!(named(&role(&policy)), ["(a name of 900000 bytes)"]);
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

#[test]
fn order_repetition_and_lists_do_not_matter() {
    for seed in 0..500 {
        let mut random = Random(seed);
        let names = ["*", "999988887777", "o.amazonaws.com", "arn:aws:iam::999988887777:root"];
        let mut statements: Vec<Value> = (0..1 + random.below(5))
            .map(|_| {
                let name = names[random.below(4)];
                let condition = match random.below(3) {
                    0 => Value::Null,
                    1 => json!({"StringEquals": {"sts:ExternalId": "7"}}),
                    _ => json!({"StringEquals": {"sts:ExternalId": "7", "aws:SourceIp": "x"}}),
                };
                allow(json!({"AWS": name}), condition)
            })
            .collect();
        let once = grants(&role(&json!({ "Statement": statements })), &[]);
        let listed = statements.iter_mut().map(|statement| {
            let name = statement["Principal"]["AWS"].take();
            statement["Principal"]["AWS"] = json!([name, name]);
            statement.clone()
        });
        let mut other: Vec<_> = listed.collect();
        other.push(other[random.below(other.len())].clone());
        other.reverse();
        let text = json!(json!({ "Statement": other }).to_string());
        assert_eq!(grants(&role(&text), &[]), once, "seed {seed}");
    }
}

/// A row's counts and names, from scratch.
fn counted(resources: &BTreeMap<String, Option<bool>>) -> (i64, i64, Vec<String>) {
    let there: Vec<_> = resources.iter().filter(|(_, way)| way.is_some()).collect();
    let demanded = there.iter().filter(|(_, way)| **way == Some(true)).count();
    let through = there.iter().take(THROUGH_MAX).map(|(key, _)| (*key).clone()).collect();
    (there.len() as i64, demanded as i64, through)
}

#[test]
fn rows_are_sums_whatever_came_and_went() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut ways: BTreeMap<String, Option<bool>> = BTreeMap::new();
        let mut names = BTreeMap::new();
        let mut row = TrustState::default();
        for _ in 0..2_000 {
            let key = format!("r{:03}", random.below(120));
            let before = ways.get(&key).copied().flatten();
            let after = [None, Some(true), Some(false)][random.below(3)];
            let demands = |way: Option<bool>| way.map(|way| if way { vec!["k"] } else { vec![] });
            let name = format!("{key} in round {}", random.below(3));
            apply(&mut row, &(demands(before), demands(after)), &key, &name);
            names.insert(key.clone(), name);
            ways.insert(key, after);
            if !is_filled(&row) {
                let last = row.through.last().cloned().unwrap_or_default();
                let next = ways.iter().find(|(key, way)| **key > last && way.is_some());
                row.through.extend(next.map(|(key, _)| key.clone()));
                row.names.extend(next.map(|(key, _)| names[key].clone()));
            }
            let (resources, demanded, through) = counted(&ways);
            let sum: i64 = row.conditions.iter().map(|one| one.resources).sum();
            assert_eq!((row.resources, sum, &row.through), (resources, demanded, &through));
            let named: Vec<_> = through.iter().map(|key| &names[key]).collect();
            assert_eq!(row.names.iter().collect::<Vec<_>>(), named);
        }
    }
}

fn recognised(principal: &str) -> TrustState {
    let mut row = TrustState { resources: 2, ..TrustState::default() };
    recognise(&mut row, "111111111111", principal, |id| match id {
        "222222222222" => Some(Standing::Ours),
        "333333333333" => Some(Standing::Approved),
        _ => None,
    });
    row
}

#[test]
fn each_principal_is_known_by_what_vouches_for_it() {
    use KnownBy::{Nobody, Organisation, Register, Service, Vendor};
    let canonical = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
    let cases = [
        ("*", PrincipalKind::Public, Nobody),
        ("111111111111", PrincipalKind::Account, Organisation),
        ("arn:aws:iam::222222222222:role/x", PrincipalKind::Account, Organisation),
        ("333333333333", PrincipalKind::Account, Register),
        ("464622532012", PrincipalKind::Account, Vendor),
        ("999988887777", PrincipalKind::Account, Nobody),
        ("ec2.amazonaws.com", PrincipalKind::Service, Service),
        ("accounts.google.com", PrincipalKind::Federated, Service),
        ("arn:aws:iam::999988887777:saml-provider/x", PrincipalKind::Federated, Nobody),
        ("arn:aws:iam::111111111111:oidc-provider/x", PrincipalKind::Federated, Organisation),
        ("o-a1b2c3d4e5", PrincipalKind::Organisation, Nobody),
        (canonical, PrincipalKind::Canonical, Nobody),
        ("AROAEXAMPLEID12345678", PrincipalKind::Other, Nobody),
        ("someone", PrincipalKind::Other, Nobody),
    ];
    for (principal, kind, by) in cases {
        let row = recognised(principal);
        assert_eq!((row.kind, row.known_by, row.known), (kind, by, by != Nobody), "{principal}");
    }
    assert_eq!(recognised("464622532012").vendor.as_deref(), Some("Datadog"));
}

#[test]
fn only_accounts_that_are_not_ours_are_foreign() {
    let share = |principal| {
        let row = recognised(principal);
        foreign_share(&row).map(|(of, share)| (of.to_owned(), share.total, share.noncompliant))
    };
    assert_eq!(share("arn:aws:iam::999988887777:root"), Some(("999988887777".into(), 2, 2)));
    assert_eq!(share("464622532012"), Some(("464622532012".into(), 2, 0)));
    assert_eq!(share("222222222222").or(share("*")).or(share("ec2.amazonaws.com")), None);
}

#[test]
fn the_list_of_vendors_is_sorted_and_each_id_stands_once() {
    let lines: Vec<&str> =
        include_str!("../vendors.tsv").lines().filter(|line| !line.starts_with('#')).collect();
    let ids: Vec<&str> = lines.iter().filter_map(|line| Some(line.split_once('\t')?.0)).collect();
    assert_eq!(ids.len(), lines.len(), "a line is an id, a tab, a name");
    assert!(ids.is_sorted() && ids.iter().collect::<BTreeSet<_>>().len() == ids.len());
    assert!(ids.iter().all(|id| rules::policy::is_account_id(id)));
}
