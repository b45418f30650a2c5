//! Rules in CEL: what is compiled, and what it says of documents that anybody wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use rules::{Context, Document, Judgement, Rule, RuleSource};
use serde_json::{Value, json};

use super::{USUAL, is_the_same};
use crate::Target;

/// What stands between the parts of an input: the rule's `pass`, `message`, `each`, `part` and
/// `applies`, and the document.
const BETWEEN: &str = "\n%%\n";

/// 2026-01-01.
const NOW_MS: i64 = 1_767_225_600_000;

/// Characters of evidence, and the sign that it was cut.
const EVIDENCE_CHARS_MAX: usize = 501;

pub(super) const RULE: Target = Target {
    name: "rule",
    run,
    words: &[
        BETWEEN,
        "r.",
        "s.",
        "doc.tags",
        "doc.account",
        "item",
        "now",
        "has(",
        ".exists(i, ",
        ".all(i, ",
        ".exists_one(i, ",
        ".filter(i, ",
        ".map(i, ",
        " && ",
        " || ",
        "!",
        " == ",
        " != ",
        " in ",
        " ? ",
        " : ",
        " + ",
        " - ",
        " * ",
        " / ",
        " % ",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "'a'",
        "age_days(r.At, now)",
        "days_until(r.At, now)",
        "size(",
        "string(",
        "int(",
        "glob(",
        ".matches('a+')",
        ".contains(",
        "open_to_all(r.Policy)",
        "statements(r.Policy)",
        "trusted_accounts(r.Policy)",
        "unknown_accounts(r.Policy)",
        "world_open(r.IpPermissions)",
        "cidr_contains('10.0.0.0/8', r.Ip)",
        "known_account(",
        "lower(",
        "as_list(",
        "timestamp(",
        "{{",
        "}}",
        "null",
        "1u",
        "b'x'",
        "0x7fffffffffffffff",
        "9223372036854775807",
    ],
    runs: 1_200,
    // A rule of 4,000 characters may be a tree of half as many nodes.
    bytes_per_byte: 500,
    ..USUAL
};

/// What rules judge where an input has no document.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    json!({"Name": "logs", "At": "2025-06-01T00:00:00Z", "Ip": "10.1.2.3", "Count": 3, "Flag": true,
        "Policy": {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*"}]},
        "List": [{"Key": "a", "Value": 1}, {"Key": "b"}, {"Key": "a", "Value": null}, 7],
        "IpPermissions": [{"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": []}]})
});

struct Known;

impl Context for Known {
    fn is_known_account(&self, account_id: &str) -> bool {
        account_id == "111122223333"
    }
}

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut parts = text.split(BETWEEN);
    let pass = parts.next().unwrap_or_default();
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let (message, each, part, applies) = (next(), next(), next(), next());
    let document = next().and_then(|text| serde_json::from_str(text).ok());
    let each = each.map(|list| (list, part.unwrap_or("item.Key")));
    let source = RuleSource { pass, message, each, applies, ..RuleSource::default() };
    match Rule::compile(&source) {
        Ok(rule) => judge(&rule, document.as_ref().unwrap_or(&DOCUMENT)),
        Err(errors) => {
            assert!(!errors.is_empty(), "it is refused without a reason");
            let texts = [Some(pass), message, applies, each.map(|e| e.0), each.map(|e| e.1)];
            let lines = texts.into_iter().flatten().map(|one| one.matches('\n').count() + 1).max();
            for error in errors {
                assert!(!error.message.is_empty(), "{error:?}");
                assert!((1..=lines.unwrap_or(1)).contains(&error.line), "{error} of {lines:?}");
            }
        }
    }
}

fn judge(rule: &Rule, configuration: &Value) {
    let (tags, errors) = (BTreeMap::from([("team".into(), "web".into())]), BTreeMap::new());
    let document = Document {
        configuration,
        supplementary: &json!({"Policy": null}),
        errors: &errors,
        account: "111122223333",
        region: "eu-west-1",
        id: "logs",
        name: "logs",
        arn: "arn:aws:s3:::logs",
        tags: &tags,
        truncated: &[],
        related: &[],
    };
    let judged = rule.evaluate(&document, &Known, NOW_MS);
    let parts: BTreeSet<&str> = judged.iter().map(|one| &*one.part).collect();
    assert_eq!(parts.len(), judged.len(), "two verdicts on one part");
    judged.iter().for_each(holds);
    is_the_same(&judged, &rule.evaluate(&document, &Known, NOW_MS));
}

fn holds(one: &Judgement) {
    assert!(one.evidence.chars().count() <= EVIDENCE_CHARS_MAX, "{} bytes", one.evidence.len());
    let is_unknown = one.verdict == rules::Verdict::Unknown;
    assert!(!is_unknown || !one.evidence.is_empty(), "it is unknown, and nobody says why");
    assert!(!one.rule_fault || is_unknown, "{one:?}");
    assert!(one.flips_at_ms.is_none_or(|at_ms| at_ms > NOW_MS), "{one:?}");
}
