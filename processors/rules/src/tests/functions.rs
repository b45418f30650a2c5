//! The functions as rules call them.

use serde_json::{Value, json};

use super::{Case, check};
use crate::Verdict::{Fail, Pass, Unknown};

const SSH: &str = "!world_open(r.IpPermissions.filter(p, p.IpProtocol == \"-1\" ||
    (p.IpProtocol in [\"tcp\", \"6\"] && p.FromPort <= 22 && p.ToPort >= 22)))";

fn group(permissions: Value) -> Case {
    Case::r(json!({ "IpPermissions": permissions }))
}

fn permission(protocol: &str, from: i64, to: i64, v4: &[&str], v6: &[&str]) -> Value {
    let v4: Vec<Value> = v4.iter().map(|range| json!({"CidrIp": range})).collect();
    let v6: Vec<Value> = v6.iter().map(|range| json!({"CidrIpv6": range})).collect();
    json!({"IpProtocol": protocol, "FromPort": from, "ToPort": to,
        "IpRanges": v4, "Ipv6Ranges": v6, "PrefixListIds": [], "UserIdGroupPairs": []})
}

#[test]
fn a_group_is_open_by_all_its_permissions_together() {
    let all = ["0.0.0.0/0"];
    let table = [
        (json!([]), Pass),
        (json!([permission("tcp", 22, 22, &["198.51.100.0/24"], &[])]), Pass),
        (json!([permission("tcp", 22, 22, &all, &[])]), Fail),
        (json!([permission("tcp", 0, 65535, &all, &[])]), Fail),
        (json!([permission("6", 20, 30, &all, &[])]), Fail),
        (json!([permission("udp", 22, 22, &all, &[])]), Pass),
        (json!([permission("tcp", 443, 443, &all, &[])]), Pass),
        (json!([permission("-1", -1, -1, &all, &[])]), Fail),
        (json!([permission("tcp", 22, 22, &[], &["::/0"])]), Fail),
        (
            json!([
                permission("tcp", 22, 22, &["0.0.0.0/1"], &[]),
                permission("-1", -1, -1, &["128.0.0.0/1"], &[]),
            ]),
            Fail,
        ),
        (json!([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]), Fail),
        (json!([{"IpProtocol": "tcp", "IpRanges": [], "Ipv6Ranges": []}]), Unknown),
        (json!([permission("tcp", 22, 22, &["oops"], &[])]), Unknown),
        (json!("none"), Unknown),
        (json!(null), Unknown),
    ];
    for (permissions, expected) in table {
        check(SSH, &group(permissions), expected);
    }
    check(SSH, &Case::r(json!({})), Unknown);
    check(SSH, &group(json!([])).cut("/configuration/IpPermissions"), Unknown);
}

#[test]
fn ranges_are_compared() {
    let case = Case::r(json!({"c": "10.1.0.0/16", "o": "10.0.0.0/8", "x": "x"}));
    check("cidr_contains(\"10.0.0.0/8\", r.c)", &case, Pass);
    check("cidr_contains(r.o, r.c)", &case, Pass);
    check("cidr_contains(r.c, r.o)", &case, Fail);
    check("cidr_contains(\"10.0.0.0/8\", r.x)", &case, Unknown);
    check("cidr_contains(r.x, r.o)", &case, Unknown);
}

#[test]
fn one_value_is_a_list_of_it() {
    let table = [
        (json!("*"), Pass),
        (json!(["*"]), Pass),
        (json!(["s3:*", "*"]), Pass),
        (json!("s3:*"), Fail),
        (json!([]), Fail),
        (json!({"*": 1}), Fail),
        (json!(null), Fail),
    ];
    for (action, expected) in table {
        let case = Case::r(json!({ "Action": action }));
        check("as_list(r.Action).exists(action, action == \"*\")", &case, expected);
        check("\"*\" in as_list(r.Action)", &case, expected);
    }
    check("size(as_list(r.Action)) == 0", &Case::r(json!({})), Unknown);
    let cut = Case::r(json!({"Action": ["s3:*"]})).cut("/configuration/Action");
    check("as_list(r.Action).exists(action, action == \"*\")", &cut, Unknown);
}

#[test]
fn policies_are_read_in_every_form() {
    let public = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"});
    let pass = "!statements(s.Policy).exists(st, st.Effect == \"Allow\" && is_public(st) && \
                !has(st.Condition))";
    let table = [
        (json!({"Statement": [public.clone()]}), Fail),
        (json!({"Statement": public.clone()}), Fail),
        (json!(json!({"Statement": [public]}).to_string()), Fail),
        (json!({"Statement": []}), Pass),
        (json!(null), Pass),
        (json!({}), Unknown),
        (json!("no json"), Unknown),
        (json!({"Statement": [{"Effect": "Allow", "Action": "x"}]}), Unknown),
    ];
    for (policy, expected) in table {
        check(pass, &Case::s(json!({ "Policy": policy })), expected);
    }
    check(pass, &Case::s(json!({})).failed("Policy"), Unknown);
    let policy = Case::s(json!({"Policy": {"Statement": {"Effect": "Allow", "Principal": "*",
        "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}}}));
    check("open_to_all(s.Policy)", &policy, Pass);
}

#[test]
fn trust_is_weighed_against_the_known_accounts() {
    let trust = |principal: Value| {
        Case::r(json!({"P": {"Statement": [
            {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}}))
    };
    let pass = "size(unknown_accounts(r.P)) == 0";
    check(pass, &trust(json!({"AWS": "111122223333"})), Pass);
    check(pass, &trust(json!({"AWS": "arn:aws:iam::999988887777:root"})), Fail);
    check(pass, &trust(json!({"Service": "ec2.amazonaws.com"})), Pass);
    check(pass, &trust(json!("*")), Fail);
    check(pass, &trust(json!(5)), Unknown);
    check(
        "\"999988887777\" in trusted_accounts(r.P)",
        &trust(json!({"AWS": "999988887777"})),
        Pass,
    );
    check("known_account(doc.account)", &Case::default(), Pass);
    check("known_account(\"999988887777\")", &Case::default(), Fail);
    check("known_account(doc.region)", &Case::default(), Unknown);
}
