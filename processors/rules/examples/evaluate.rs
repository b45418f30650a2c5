//! Prints how long one verdict takes: `cargo run --release -p rules --example evaluate`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use rules::{Context, Document, Rule, RuleSource};
use serde_json::{Value, json};

const ROUNDS: u32 = 200_000;
const NOW_MS: i64 = 1_795_478_400_000;

struct Nobody;

impl Context for Nobody {
    fn is_known_account(&self, _: &str) -> bool {
        false
    }
}

fn main() {
    let r = json!({"GroupId": "sg-1", "IpPermissions": (0..9).map(permission).collect::<Value>()});
    let s = json!({
        "Encryption": {"Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]},
        "Policy": {"Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:GetObject"}]},
        "AccessKeys": [
            {"AccessKeyId": "A", "Status": "Active", "CreateDate": "2026-10-01T00:00:00Z"},
            {"AccessKeyId": "B", "Status": "Active", "CreateDate": "2026-01-01T00:00:00Z"}],
    });
    let rules = [
        ("one member", "r.GroupId == \"sg-1\""),
        (
            "bucket encryption",
            "s.Encryption.Rules.exists(rule,
             rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm in [\"AES256\", \"aws:kms\"])",
        ),
        (
            "bucket policy",
            "!s.Policy.Statement.exists(st, st.Effect == \"Allow\" && is_public(st))",
        ),
        ("two keys", "s.AccessKeys.all(k, age_days(k.CreateDate, now) <= 90)"),
        (
            "nine permissions",
            "!world_open(r.IpPermissions.filter(p, p.IpProtocol == \"-1\" ||
             (p.IpProtocol in [\"tcp\", \"6\"] && p.FromPort <= 22 && p.ToPort >= 22)))",
        ),
    ];
    for (name, pass) in rules {
        println!("{name:20} {:6} ns", nanoseconds(pass, &r, &s));
    }
}

fn permission(port: u32) -> Value {
    json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port + 20, "Ipv6Ranges": [],
        "IpRanges": [{"CidrIp": "198.51.100.0/24"}, {"CidrIp": "203.0.113.0/24"}]})
}

/// Gives the time of one evaluation, the best of five rounds.
fn nanoseconds(pass: &str, r: &Value, s: &Value) -> u128 {
    let rule = Rule::compile(&RuleSource { pass, ..RuleSource::default() });
    let rule = rule.expect("the example's rules compile");
    let document = Document {
        configuration: r,
        supplementary: s,
        errors: &BTreeMap::new(),
        account: "111122223333",
        region: "eu-west-1",
        id: "x",
        name: "x",
        arn: "",
        tags: &BTreeMap::new(),
        truncated: &[],
        related: &[],
    };
    let round = || {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(rule.evaluate(black_box(&document), &Nobody, NOW_MS));
        }
        start.elapsed().as_nanos() / u128::from(ROUNDS)
    };
    (0..5).map(|_| round()).min().unwrap_or_default()
}
