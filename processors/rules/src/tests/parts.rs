//! Rules with one verdict an item, and their messages.

use serde_json::{Value, json};

use super::{Case, NOW_MS, compiled};
use crate::Verdict::{Fail, NotApplicable, Pass, Unknown};
use crate::{Judgement, RuleSource, Verdict};

const KEY_AGE: RuleSource<'_> = RuleSource {
    each: Some(("s.AccessKeys", "item.AccessKeyId")),
    applies: Some("item.Status == \"Active\""),
    pass: "age_days(item.CreateDate, now) <= 90",
    message: Some(
        "key {item.AccessKeyId} of {r.UserName} is {age_days(item.CreateDate, now)} days",
    ),
    related: &[],
    parameters: None,
};

fn judge(s: Value) -> Vec<Judgement> {
    let case = Case { r: json!({"UserName": "ann"}), s, ..Case::default() };
    case.run(&compiled(&KEY_AGE))
}

fn verdicts(s: Value) -> Vec<(String, Verdict)> {
    judge(s).into_iter().map(|judgement| (judgement.part, judgement.verdict)).collect()
}

fn key(id: &str, status: &str, created: &str) -> Value {
    json!({"AccessKeyId": id, "Status": status, "CreateDate": created})
}

#[test]
fn each_item_has_a_verdict() {
    let old = "2026-01-18T15:24:00Z";
    let keys = json!({"AccessKeys": [
        key("OLD", "Active", old), key("NEW", "Active", "2026-11-01T00:00:00Z"),
        key("OFF", "Inactive", old), key("BAD", "Active", "N/A"),
    ]});
    let expected = [("OLD", Fail), ("NEW", Pass), ("OFF", NotApplicable), ("BAD", Unknown)];
    assert_eq!(verdicts(keys), expected.map(|(part, verdict)| (part.to_owned(), verdict)));
}

#[test]
fn a_failure_says_what_and_when() {
    let keys = json!({"AccessKeys": [key("OLD", "Active", "2026-01-18T15:24:00Z")]});
    let judgement = judge(keys).pop().expect("one judgement");
    assert_eq!(judgement.evidence, "key OLD of ann is 309 days");
    assert_eq!(judgement.flips_at_ms, None, "the message does not count");
    let keys = json!({"AccessKeys": [key("NEW", "Active", "2026-11-01T00:00:00Z")]});
    let judgement = judge(keys).pop().expect("one judgement");
    // 2026-11-01 and 91 days, from `date -u -d 2027-01-31 +%s`.
    assert_eq!(judgement.flips_at_ms, Some(1_801_353_600_000));
    assert!(judgement.flips_at_ms > Some(NOW_MS));
}

#[test]
fn no_list_is_one_unknown_and_an_empty_one_is_nothing() {
    assert_eq!(verdicts(json!({"AccessKeys": []})), []);
    let judgements = judge(json!({}));
    assert_eq!(judgements.len(), 1);
    assert_eq!((judgements[0].part.as_str(), judgements[0].verdict), ("", Unknown));
    assert_eq!(judgements[0].evidence, "s.AccessKeys is absent");
    let judgements = judge(json!({"AccessKeys": null}));
    assert_eq!(judgements[0].evidence, "s.AccessKeys is null");
    let failed = Case::s(json!({})).failed("AccessKeys").run(&compiled(&KEY_AGE));
    assert_eq!(failed[0].evidence, "s.AccessKeys could not be read: AccessDenied: no");
}

#[test]
fn parts_keep_their_names_apart() {
    let now = "2026-11-01T00:00:00Z";
    let ids = ["K", "K", "K#2", "", "#4"];
    let mut keys: Vec<Value> = ids.iter().map(|id| key(id, "Active", now)).collect();
    keys.push(json!({"Status": "Active", "CreateDate": now}));
    let parts: Vec<String> =
        verdicts(json!({ "AccessKeys": keys })).into_iter().map(|(part, _)| part).collect();
    assert_eq!(parts, ["K", "K#2", "K#2#2", "#4", "#4#2", "#6"]);
}

#[test]
fn an_item_without_a_name_is_unknown() {
    let judgements = judge(json!({"AccessKeys": [{"Status": "Active"}]}));
    assert_eq!(judgements[0].verdict, Unknown);
    assert_eq!(judgements[0].evidence, "s.AccessKeys[].AccessKeyId is absent");
}

#[test]
fn applies_decides_first() {
    let source = RuleSource {
        applies: Some("r.status == \"ACTIVE\""),
        pass: "!r.bad",
        ..RuleSource::default()
    };
    let rule = compiled(&source);
    let verdict = |r: Value| Case::r(r).run(&rule)[0].verdict;
    assert_eq!(verdict(json!({"status": "INACTIVE"})), NotApplicable);
    assert_eq!(verdict(json!({"status": "ACTIVE", "bad": true})), Fail);
    assert_eq!(verdict(json!({"status": "ACTIVE", "bad": false})), Pass);
    assert_eq!(verdict(json!({"bad": true})), Unknown);
}

#[test]
fn messages_hold_braces_lists_and_gaps() {
    let table = [
        ("{r.list} of {{}} {r.absent}", "a, b of {} ?"),
        ("{r.map[\"}\"]} {\"{\" + r.t}", "1 {x"),
        ("größe {r.t}", "größe x"),
    ];
    for (message, expected) in table {
        let source = RuleSource { pass: "r.no", message: Some(message), ..RuleSource::default() };
        let r = json!({"no": false, "list": ["a", "b"], "map": {"}": 1}, "t": "x"});
        assert_eq!(Case::r(r).run(&compiled(&source))[0].evidence, expected);
    }
    let plain = RuleSource { pass: " r.no ", ..RuleSource::default() };
    let judgement = Case::r(json!({"no": false})).run(&compiled(&plain)).pop().expect("one");
    assert_eq!(judgement.evidence, "does not hold: r.no");
}
