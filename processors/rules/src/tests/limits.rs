//! What rules and documents may take: sizes that are products of others stay small.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Case, compiled, judged};
use crate::Verdict::{Fail, Pass, Unknown};
use crate::policy::{grants, trusted_principals};
use crate::{Rule, RuleSource};

/// The first fault of a rule.
fn fault(source: &RuleSource<'_>) -> String {
    let errors = Rule::compile(source).expect_err("it has a fault");
    assert!(errors.len() <= 100, "{} faults are told", errors.len());
    errors[0].message.clone()
}

#[test]
fn loops_over_lists_of_variables_compile_in_their_length() {
    // Each variable stands for a list of forty of the one before: 40^8 words, written out.
    let list = |of: &str| format!("[{}]", vec![of; 40].join(", "));
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut pass = "size(h) > 0".to_owned();
    for at in (0..8).rev() {
        let of = if at == 0 { "r.L".to_owned() } else { list(names[at - 1]) };
        pass = format!("{of}.all({}, {pass})", names[at]);
    }
    let rule = compiled(&RuleSource { pass: &pass, ..RuleSource::default() });
    let judgement = Case::r(json!({"L": ["x"]})).run(&rule).remove(0);
    assert_eq!((judgement.verdict, judgement.rule_fault), (Unknown, true), "{judgement:?}");
}

#[test]
fn a_message_is_as_short_as_any_text() {
    let long = "{r.x}".repeat(801);
    let source = RuleSource { pass: "r.y", message: Some(&long), ..RuleSource::default() };
    assert_eq!(fault(&source), "the message is longer than 4000 characters");
    let source = RuleSource { message: Some(&long[..4_000]), ..source };
    assert!(Rule::compile(&source).is_ok());
    let empty = "{}".repeat(2_000);
    fault(&RuleSource { message: Some(&empty), ..source });
}

#[test]
fn a_rule_has_some_patterns() {
    let of = |count: usize| vec![r#"r.x.matches("a+")"#; count].join(" || ");
    let (few, many) = (of(20), of(21));
    assert!(Rule::compile(&RuleSource { pass: &few, ..RuleSource::default() }).is_ok());
    let told = fault(&RuleSource { pass: &many, ..RuleSource::default() });
    assert_eq!(told, "a rule has at most 20 patterns");
    let large = RuleSource { pass: r#"r.x.matches("(\\pL{50}){50}")"#, ..RuleSource::default() };
    assert!(fault(&large).starts_with("the pattern can't be read: "));
}

#[test]
fn parts_of_one_name_are_numbered_in_their_number() {
    let source =
        RuleSource { each: Some(("r.L", "\"same\"")), pass: "item == 0", ..RuleSource::default() };
    let judgements = Case::r(json!({"L": vec![1; 50_000]})).run(&compiled(&source));
    assert_eq!(judgements.len(), 50_000);
    assert!(judgements.iter().all(|one| one.verdict == Fail));
    assert_eq!(judgements[49_999].part, "same#50000");
    let names: BTreeSet<&str> = judgements.iter().map(|one| &*one.part).collect();
    assert_eq!(names.len(), 50_000);
}

#[test]
fn a_name_that_was_given_as_a_number_is_not_given_twice() {
    let source = RuleSource { each: Some(("r.L", "item")), pass: "false", ..RuleSource::default() };
    let items = json!({"L": ["a", "a#2", "a", "a", "a#2", "", "a"]});
    let judgements = Case::r(items).run(&compiled(&source));
    let names: Vec<&str> = judgements.iter().map(|one| &*one.part).collect();
    assert_eq!(names, ["a", "a#2", "a#3", "a#4", "a#2#2", "#6", "a#5"]);
}

#[test]
fn a_document_is_judged_in_so_many_steps_all_parts_together() {
    // Each item beside all: 40,000 verdicts of 40,000 looks and more.
    let source = RuleSource {
        each: Some(("r.L", "item.Id")),
        pass: "!r.L.exists(other, other.Id == item.Id + 1)",
        ..RuleSource::default()
    };
    let items: Vec<Value> = (0..40_000).map(|id| json!({"Id": -id})).collect();
    let judgements = Case::r(json!({"L": items})).run(&compiled(&source));
    assert_eq!(judgements.len(), 40_000);
    assert_eq!(judgements[0].verdict, Pass, "{:?}", judgements[0]);
    let last = &judgements[39_999];
    assert_eq!((last.verdict, last.rule_fault), (Unknown, true));
    assert_eq!(last.evidence, "the rule: the evaluation takes too many steps");
}

#[test]
fn long_texts_and_policies_take_their_steps() {
    let text = "a".repeat(400_000);
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": vec!["111122223333"; 9_000]},
        "Action": "*"});
    let list: Vec<u32> = (0..2_000).collect();
    let case = Case::r(json!({"Text": text, "Same": text, "Policy": {"Statement": [statement]},
        "Long": [text], "Other": [text], "List": list}));
    for pass in [
        "r.List.all(i, !r.Text.contains(\"b\"))",
        "r.List.all(i, !r.Text.matches(\"b\"))",
        "r.List.all(i, !glob(r.Text, \"*a*a*b\"))",
        "r.List.all(i, r.Text <= r.Same)",
        "r.List.all(i, r.Text == r.Same)",
        "r.List.all(i, r.Long == r.Other)",
        "r.List.all(i, r.Text in r.Other)",
        "r.List.all(i, size(r.Text + r.Same) > i)",
        "r.List.all(i, size(r.List + r.List) > 0)",
        "r.List.all(i, lower(r.Text) != \"b\")",
        "r.List.all(i, !open_to_all(r.Policy))",
        "r.List.all(i, size(statements(r.Policy)) == 1)",
    ] {
        let judgement = judged(pass, &case);
        assert_eq!((judgement.verdict, judgement.rule_fault), (Unknown, true), "{pass}");
    }
}

#[test]
fn what_all_of_a_statement_share_is_there_once() {
    let ids: Vec<String> = (0..3_000).map(|at| format!("{at:012}")).collect();
    let actions: Vec<String> = (0..3_000).map(|at| format!("s3:{at}")).collect();
    let policy = |principal: Value, condition: Value| {
        json!({"Statement": {"Effect": "Allow", "Principal": principal, "Action": actions,
            "Condition": condition}})
    };
    let found = trusted_principals(&policy(json!({"AWS": ids}), json!({}))).expect("a policy");
    assert_eq!(found.len(), 3_000);
    assert!(found.iter().all(|one| std::ptr::eq(&*one.actions, &*found[0].actions)));
    // Everyone, three thousand times, but for three thousand accounts.
    let narrowed = json!({"StringEquals": {"aws:PrincipalAccount": ids}});
    let all = policy(json!({"AWS": vec!["*"; 3_000]}), narrowed);
    assert_eq!(trusted_principals(&all).expect("a policy").len(), 3_000);
    assert_eq!(grants(&all).expect("a policy").len(), 3_000);
    let services: Vec<String> = (0..3_000).map(|at| format!("s{at}.amazonaws.com")).collect();
    let behind = json!({"StringEquals": {"aws:SourceAccount": ids}});
    let found = grants(&policy(json!({"Service": services}), behind)).expect("a policy");
    assert_eq!(found.len(), 6_000);
}
