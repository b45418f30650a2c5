//! Every rule that ships, and the `cel` crate's interpreter, over the documents of its test cases
//! and over each of them without one of its members.
//!
//! Stated differences, where no opinion is asked: calls that failed and parts that were cut off,
//! which the interpreter knows nothing of; `timestamp`, which it compares with timestamps alone.

use std::{fs, path::Path};

use cel::Program;
use serde_json::{Value, json};

use super::oracle::{opinion_of, pointers, remove, value_of};
use super::{Case, compiled};
use crate::{Rule, RuleSource, Verdict};

const STANDARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../standard");

/// A rule in both forms.
struct Both {
    rule: Rule,
    each: Option<(Program, Program)>,
    applies: Option<Program>,
    pass: Program,
}

impl Both {
    fn of(rule: &Value, param: &Value) -> Self {
        let text = |name: &str| rule[name].as_str();
        let each = rule["each"]["in"].as_str().zip(rule["each"]["key"].as_str());
        let pass = text("pass").expect("a rule says what passes");
        let program = |text: &str| Program::compile(text).expect("the oracle compiles it too");
        let parameters = crate::parameters(&param.to_string()).expect("they are parameters");
        let source = RuleSource {
            each,
            applies: text("applies"),
            pass,
            message: text("message"),
            parameters: Some(&parameters),
        };
        Self {
            rule: compiled(&source),
            each: each.map(|(list, part)| (program(list), program(part))),
            applies: text("applies").map(program),
            pass: program(pass),
        }
    }

    /// Gives the interpreter's verdicts, in the order of the items.
    fn opinions(&self, case: &Case) -> Vec<Verdict> {
        let Some((list, part)) = &self.each else {
            return vec![self.opinion(case, &Value::Null)];
        };
        let Some(Value::Array(items)) = value_of(list, case, &Value::Null) else {
            return vec![Verdict::Unknown];
        };
        let each = items.iter().map(|item| match value_of(part, case, item) {
            Some(Value::String(_) | Value::Number(_) | Value::Bool(_)) => self.opinion(case, item),
            _ => Verdict::Unknown,
        });
        each.collect()
    }

    fn opinion(&self, case: &Case, item: &Value) -> Verdict {
        match self.applies.as_ref().map(|applies| opinion_of(applies, case, item)) {
            Some(Verdict::Fail) => Verdict::NotApplicable,
            Some(Verdict::Unknown) => Verdict::Unknown,
            _ => opinion_of(&self.pass, case, item),
        }
    }

    #[track_caller]
    fn compare(&self, name: &str, case: &Case) {
        let ours = case.run(&self.rule);
        let verdicts: Vec<_> = ours.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, self.opinions(case), "{name}\nover {case:?}\n{ours:?}");
    }
}

/// Gives the rules that ship by file, each with the documents of its cases.
fn shipped() -> Vec<(String, Both, Vec<Case>)> {
    let mut rules = Vec::new();
    for entry in fs::read_dir(Path::new(STANDARD)).expect("the standard is there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("it can be read");
        let file: Value = serde_saphyr::from_str(&text).expect("it is YAML");
        if file["rule"].is_null() || text.contains("timestamp(") {
            continue;
        }
        let whole = |case: &&Value| case["errors"].is_null() && case["truncated"].is_null();
        let document = |value: &Value| if value.is_null() { json!({}) } else { value.clone() };
        let cases = file["tests"].as_array().into_iter().flatten().filter(whole);
        let param = document(&file["parameters"]);
        let cases = cases.map(|case| Case {
            r: document(&case["r"]),
            s: document(&case["s"]),
            param: param.clone(),
            tags: serde_json::from_value(case["tags"].clone()).unwrap_or_default(),
            ..Case::default()
        });
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        rules.push((name, Both::of(&file["rule"], &param), cases.collect()));
    }
    rules
}

#[test]
fn shipped_rules_are_judged_alike_with_each_member_removed() {
    let (mut rules, mut count) = (0, 0);
    for (name, both, cases) in shipped() {
        rules += 1;
        for case in cases {
            both.compare(&name, &case);
            let whole = json!({"r": case.r, "s": case.s});
            let mut all = Vec::new();
            pointers(&whole, "", &mut all);
            for pointer in all.iter().filter(|pointer| pointer.matches('/').count() > 1) {
                let mut without = whole.clone();
                remove(&mut without, pointer);
                let (r, s) = (without["r"].take(), without["s"].take());
                both.compare(&name, &Case { r, s, ..case.clone() });
                count += 1;
            }
        }
    }
    assert!(rules > 70 && count > 2_000, "{rules} rules and {count} documents are too few");
}
