//! Every rule that ships, and the `cel` crate's interpreter, over the documents of its test cases
//! and over each of them without one of its members: the judged one, or one that it is related to.
//!
//! Stated differences, where no opinion is asked: calls that failed and parts that were cut off,
//! which the interpreter knows nothing of; `timestamp`, which it compares with timestamps alone.

use std::{collections::BTreeMap, fs, path::Path};

use cel::Program;
use serde_json::{Value, json};

use super::oracle::{opinion_of, pointers, remove, value_of};
use super::{Case, compiled};
use crate::{Related, RelatedSource, Rule, RuleSource, Verdict};

const STANDARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../standard");

/// A rule in both forms.
struct Both {
    rule: Rule,
    param: Value,
    related: Vec<Relation>,
    each: Option<(Program, Program)>,
    applies: Option<Program>,
    pass: Program,
}

/// A relation as the interpreter reads it.
struct Relation {
    name: String,
    key: Option<Program>,
    matches: Option<Program>,
    gives: Vec<(String, Program)>,
}

/// A case and, by relation, the documents beside it; none where they were not collected.
struct Family {
    case: Case,
    others: BTreeMap<String, Vec<Case>>,
}

fn source_of<'a>((name, relation): (&'a String, &'a Value)) -> RelatedSource<'a> {
    let gives = relation["gives"].as_object().into_iter().flatten();
    RelatedSource {
        name,
        key: relation["key"].as_str(),
        matches: relation["matches"].as_str(),
        gives: gives.map(|(name, text)| (&**name, text.as_str().expect("a text"))).collect(),
    }
}

fn program(text: &str) -> Program {
    Program::compile(text).expect("the oracle compiles it too")
}

/// Gives the relations of a rule's file: name, and what it says.
fn relations(rule: &Value) -> impl Iterator<Item = (&String, &Value)> {
    rule["related"].as_object().into_iter().flatten()
}

impl Relation {
    fn of((name, relation): (&String, &Value)) -> Self {
        let text = |name: &str| relation[name].as_str().map(program);
        let gives = relation["gives"].as_object().into_iter().flatten();
        let gives = gives.map(|(name, text)| (name.clone(), text.as_str().expect("a text")));
        Self {
            name: name.clone(),
            key: text("key"),
            matches: text("matches"),
            gives: gives.map(|(name, text)| (name, program(text))).collect(),
        }
    }

    /// Gives the items that the interpreter finds; none when it can't tell.
    fn found(&self, case: &Case, others: &[Case]) -> Option<Value> {
        let wanted = keys(self.matches.as_ref(), case)?;
        let mut items = Vec::new();
        for other in others {
            if keys(self.key.as_ref(), other)?.iter().any(|key| wanted.contains(key)) {
                items.push(self.item(other));
            }
        }
        Some(Value::Array(items))
    }

    fn item(&self, other: &Case) -> Value {
        let member = |(name, program): &(String, Program)| {
            Some((name.clone(), value_of(program, other, &Value::Null)?))
        };
        self.gives.iter().filter_map(member).collect()
    }
}

/// Gives the texts of an expression, from lists of lists too; none when there is another value.
fn keys(program: Option<&Program>, case: &Case) -> Option<Vec<String>> {
    fn gather(value: &Value, texts: &mut Vec<String>) -> Option<()> {
        match value {
            Value::String(text) => texts.push(text.clone()),
            Value::Array(items) => items.iter().try_for_each(|item| gather(item, texts))?,
            _ => return None,
        }
        Some(())
    }
    let Some(program) = program else { return Some(vec![String::new()]) };
    let mut texts = Vec::new();
    gather(&value_of(program, case, &Value::Null)?, &mut texts)?;
    Some(texts)
}

impl Both {
    fn of(rule: &Value, param: &Value) -> Self {
        let text = |name: &str| rule[name].as_str();
        let each = rule["each"]["in"].as_str().zip(rule["each"]["key"].as_str());
        let pass = text("pass").expect("a rule says what passes");
        let related: Vec<RelatedSource<'_>> = relations(rule).map(source_of).collect();
        let parameters = crate::parameters(&param.to_string()).expect("they are parameters");
        let source = RuleSource {
            each,
            applies: text("applies"),
            pass,
            message: text("message"),
            related: &related,
            parameters: Some(&parameters),
        };
        Self {
            rule: compiled(&source),
            param: param.clone(),
            related: relations(rule).map(Relation::of).collect(),
            each: each.map(|(list, part)| (program(list), program(part))),
            applies: text("applies").map(program),
            pass: program(pass),
        }
    }

    /// Tells the case what each side finds of its family.
    fn joined(&self, family: &Family) -> Case {
        let lacking = || Related { items: json!([]), lacking: Some("not told".to_owned()) };
        let mut case = Case { param: self.param.clone(), ..family.case.clone() };
        let mut by_name = serde_json::Map::new();
        for (at, relation) in self.related.iter().enumerate() {
            let others = family.others.get(&relation.name);
            let ours = others.and_then(|others| self.found(at, &case, others));
            case.related.push(ours.unwrap_or_else(lacking));
            let theirs = others.and_then(|others| relation.found(&case, others));
            by_name.extend(theirs.map(|items| (relation.name.clone(), items)));
        }
        case.related_by_name = Value::Object(by_name);
        case
    }

    fn found(&self, at: usize, case: &Case, others: &[Case]) -> Option<Related> {
        let wanted = self.rule.wanted(at, &case.document()).ok()?;
        let mut items = Vec::new();
        for other in others {
            let other = self.rule.relation(at, &other.document());
            if other.keys.ok()?.iter().any(|key| wanted.contains(key)) {
                items.push(Value::Object(other.gives));
            }
        }
        Some(Related { items: Value::Array(items), lacking: None })
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
    fn compare(&self, name: &str, family: &Family) {
        let case = self.joined(family);
        let ours = case.run(&self.rule);
        let verdicts: Vec<_> = ours.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, self.opinions(&case), "{name}\nover {case:?}\n{ours:?}");
    }
}

/// Gives the rules that ship by file, each with its cases: whole documents, as in the file.
fn shipped() -> Vec<(String, Both, Vec<Value>)> {
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
        let is_whole = |of: &Value| of["errors"].is_null() && of["truncated"].is_null();
        let others = |case: &Value| -> Vec<Value> {
            let lists = case["related"].as_object().into_iter().flat_map(|all| all.values());
            lists.flat_map(|list| list.as_array().cloned().unwrap_or_default()).collect()
        };
        let cases = file["tests"].as_array().into_iter().flatten();
        let cases = cases.filter(|case| is_whole(case) && others(case).iter().all(is_whole));
        let param = or_empty(&file["parameters"]);
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        rules.push((name, Both::of(&file["rule"], &param), cases.cloned().collect()));
    }
    rules
}

fn or_empty(value: &Value) -> Value {
    if value.is_null() { json!({}) } else { value.clone() }
}

/// Reads one document of a case; the test runner calls the judged one `test`.
fn case_of(of: &Value, id: &str) -> Case {
    Case {
        r: or_empty(&of["r"]),
        s: or_empty(&of["s"]),
        tags: serde_json::from_value(of["tags"].clone()).unwrap_or_default(),
        id: id.to_owned(),
        ..Case::default()
    }
}

fn family_of(of: &Value) -> Family {
    let lists = of["related"].as_object().into_iter().flatten();
    let others = lists.map(|(name, list)| {
        let list = list.as_array().into_iter().flatten();
        let others = list.map(|one| case_of(one, one["id"].as_str().unwrap_or_default()));
        (name.clone(), others.collect())
    });
    Family { case: case_of(of, "test"), others: others.collect() }
}

/// Tells whether a pointer leads into a document, and not to what a case says of it.
fn is_in_a_document(pointer: &str) -> bool {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    matches!(parts.as_slice(), ["r" | "s", _, ..] | ["related", _, _, "r" | "s", _, ..])
}

#[test]
fn shipped_rules_are_judged_alike_with_each_member_removed() {
    let (mut rules, mut count) = (0, 0);
    for (name, both, cases) in shipped() {
        rules += 1;
        for case in cases {
            both.compare(&name, &family_of(&case));
            let mut all = Vec::new();
            pointers(&case, "", &mut all);
            for pointer in all.iter().filter(|pointer| is_in_a_document(pointer)) {
                let mut without = case.clone();
                remove(&mut without, pointer);
                both.compare(&name, &family_of(&without));
                count += 1;
            }
        }
    }
    assert!(rules > 70 && count > 2_000, "{rules} rules and {count} documents are too few");
}
