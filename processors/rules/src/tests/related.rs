//! Relations: how two sides meet, what each gives, and what can't be told of either.

use serde_json::{Value, json};

use super::{Case, compiled};
use crate::{CompileError, Related, RelatedSource, Relation, Rule, RuleSource, Verdict};

fn interfaces() -> RelatedSource<'static> {
    let public = ("public", "has(r.Association)");
    RelatedSource {
        name: "interfaces",
        key: Some("r.Groups.map(g, g.GroupId)"),
        matches: Some("doc.id"),
        gives: vec![("id", "doc.id"), public, ("type", "r.InterfaceType")],
    }
}

fn rule(pass: &str) -> Rule {
    let message = Some("used by {related.interfaces.map(i, i.id)}");
    let related = &[interfaces()];
    compiled(&RuleSource { pass, message, related, ..RuleSource::default() })
}

fn relation(r: Value) -> Relation {
    rule("true").relation(0, &Case::r(r).document())
}

#[test]
fn a_document_is_found_by_its_keys_and_gives_members() {
    let groups = json!([{"GroupId": "sg-2"}, {"GroupId": "sg-1"}, {"GroupId": "sg-2"}]);
    let found = relation(json!({"Groups": groups, "InterfaceType": "lambda"}));
    assert_eq!(found.keys, Ok(vec!["sg-1".to_owned(), "sg-2".to_owned()]));
    let gives = json!({"id": "sg-1", "public": false, "type": "lambda"});
    assert_eq!(Value::Object(found.gives), gives);
}

#[test]
fn what_cannot_be_told_is_neither_found_nor_given() {
    let found = relation(json!({"Association": {}}));
    assert_eq!(found.keys, Err("r.Groups is absent".to_owned()));
    assert_eq!(Value::Object(found.gives), json!({"id": "sg-1", "public": true}));
    let cut = Case::r(json!({"Groups": [], "InterfaceType": "x"})).cut("/configuration/Groups");
    let found = rule("true").relation(0, &cut.document());
    assert!(found.keys.is_err(), "{found:?}");
    assert_eq!(relation(json!({"Groups": []})).keys, Ok(vec![]), "it is found by nothing");
    let of = |depth: &str| {
        let relation = RelatedSource { key: Some(depth), matches: Some("doc.id"), ..interfaces() };
        let related = &[relation];
        let rule = compiled(&RuleSource { pass: "true", related, ..RuleSource::default() });
        rule.relation(0, &Case::default().document()).keys
    };
    assert_eq!(of("[['b', 'a'], ['b']]"), Ok(vec!["a".to_owned(), "b".to_owned()]));
    assert!(of("[[['a']]]").is_err(), "lists of lists of lists are a slip");
    assert!(of("{'a': 'b'}").is_err());
    assert!(relation(json!({"Groups": [{"GroupId": null}]})).keys.is_err());
}

#[test]
fn a_judged_document_looks_for_texts() {
    let wanted = |rule: &Rule, r| rule.wanted(0, &Case::r(r).document());
    assert_eq!(wanted(&rule("true"), json!({})), Ok(vec!["sg-1".to_owned()]));
    let everything = [RelatedSource { name: "trails", ..RelatedSource::default() }];
    let source = RuleSource { pass: "true", related: &everything, ..RuleSource::default() };
    let all = compiled(&source);
    assert_eq!(wanted(&all, json!({})), Ok(vec![String::new()]));
    assert_eq!(all.relation(0, &Case::default().document()).keys, Ok(vec![String::new()]));
}

#[test]
fn a_verdict_reads_what_is_related() {
    let check = |pass: &str, items: Value, lacking: Option<&str>, verdict, evidence: &str| {
        let related = Related { items, lacking: lacking.map(str::to_owned) };
        let case = Case { related: vec![related], ..Case::default() };
        let judgement = case.run(&rule(pass)).pop().expect("one judgement");
        assert_eq!((judgement.verdict, &*judgement.evidence), (verdict, evidence), "{pass}");
    };
    let two = || json!([{"id": "eni-1", "public": false}, {"id": "eni-2", "public": true}]);
    check("size(related.interfaces) > 0", two(), None, Verdict::Pass, "");
    let none_is_public = "!related.interfaces.exists(i, i.public)";
    check(none_is_public, two(), None, Verdict::Fail, "used by eni-1, eni-2");
    let absent = "related.interfaces[].type is absent";
    check("related.interfaces.all(i, i.type != 'x')", two(), None, Verdict::Unknown, absent);
    let open = Some("more may come");
    let reason = "related.interfaces: more may come";
    check("size(related.interfaces) > 0", two(), open, Verdict::Unknown, reason);
    check(none_is_public, json!([]), None, Verdict::Pass, "");
}

#[test]
fn a_rule_that_is_told_nothing_is_unknown() {
    let judgement = Case::default().run(&rule("size(related.interfaces) == 0")).pop();
    assert_eq!(judgement.expect("one").verdict, Verdict::Unknown);
}

#[test]
fn faults_of_relations_are_found_at_load() {
    let of = |pass: &str, relation: RelatedSource<'_>| -> Vec<CompileError> {
        let related = &[relation];
        let source = RuleSource { pass, related, ..RuleSource::default() };
        Rule::compile(&source).err().unwrap_or_default()
    };
    let check = |pass: &str, relation, field: &str, message: &str| {
        let found = of(pass, relation);
        let told: Vec<_> = found.iter().map(|one| (&*one.field, &*one.message)).collect();
        assert_eq!(told, [(field, message)], "{pass}");
    };
    let keyed = |key| RelatedSource { key: Some(key), ..interfaces() };
    check(
        "size(related.x) > 0",
        interfaces(),
        "pass",
        "unknown name 'related.x'; known: interfaces",
    );
    check(
        "related.size() > 0",
        interfaces(),
        "pass",
        "related can't stand alone; write related.NAME",
    );
    let member = "related.interfaces gives no 'pubic'";
    check("related.interfaces.exists(i, i.pubic)", interfaces(), "pass", member);
    check("related.interfaces[0].pubic", interfaces(), "pass", member);
    let has = "related.interfaces[].type is always there, or unknown";
    check("related.interfaces.all(i, has(i.type))", interfaces(), "pass", has);
    let time = "time can't decide which parts there are, or what is related";
    check("true", keyed("string(age_days(r.x, now))"), "related.interfaces.key", time);
    let accounts = "which accounts are known can't decide what is related";
    check("true", keyed("string(known_account(r.x))"), "related.interfaces.key", accounts);
    let item = "unknown name 'related.interfaces': the rule says of nothing related";
    check("true", keyed("related.interfaces[0].id"), "related.interfaces.key", item);
}
