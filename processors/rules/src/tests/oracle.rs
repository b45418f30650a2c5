//! The interpreter of the `cel` crate as a second opinion: where it gives true, false or an error,
//! we give pass, fail or unknown. The functions are shared with it, and tested by their own tables.

use std::sync::Arc;

use cel::extractors::This;
use cel::{ExecutionError, Program, Value as CelValue};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::convert::{to_cel, to_json};
use super::realistic::realistic;
use super::{Case, NOW_MS, compiled};
use crate::library::{glob, network, time};
use crate::{Rule, RuleSource, Verdict, policy};

type Answer = Result<CelValue, ExecutionError>;

fn answer(value: Option<Value>) -> Answer {
    value.map(|value| to_cel(&value)).ok_or_else(|| ExecutionError::function_error("f", "unread"))
}

fn texts(value: &CelValue) -> Option<String> {
    to_json(value).as_str().map(str::to_owned)
}

fn days(value: &CelValue, until: bool) -> Answer {
    let at_ms = texts(value).and_then(|text| time::parse(&text));
    answer(at_ms.map(|at_ms| {
        let (from, to) = if until { (NOW_MS, at_ms) } else { (at_ms, NOW_MS) };
        json!(time::whole_days(from, to))
    }))
}

fn contains(outer: &CelValue, inner: &CelValue) -> Answer {
    let range = |value| texts(value).and_then(|text| network::Range::parse(&text));
    answer(range(outer).zip(range(inner)).map(|(outer, inner)| json!(outer.contains(&inner))))
}

fn statements(value: &CelValue) -> Answer {
    let policy = to_json(value);
    let statements = policy::statements(&policy).ok();
    answer(statements.map(|all| all.into_iter().map(|one| one.into_owned()).collect()))
}

fn world_open(value: &CelValue) -> Answer {
    let CelValue::List(items) = value else {
        return answer(None);
    };
    answer(network::world_open(items.iter().map(to_json)).ok().map(|open| json!(open)))
}

fn is_known(account: &str) -> bool {
    account == "111122223333"
}

fn matches(This(text): This<Arc<String>>, pattern: Arc<String>) -> bool {
    regex::Regex::new(&pattern).expect("a pattern of the test").is_match(&text)
}

fn lower_ascii(This(text): This<Arc<String>>) -> String {
    text.to_ascii_lowercase()
}

/// Gives the interpreter's view of a case; `item` is null where there is none.
fn context<'a>(case: &Case, item: &Value) -> cel::Context<'a, 'a> {
    let mut context = cel::Context::default();
    let document = case.document();
    let doc = json!({"account": document.account, "region": document.region, "id": document.id,
        "name": document.name, "arn": document.arn, "tags": document.tags});
    context.add_variable_from_value("doc", to_cel(&doc));
    context.add_variable_from_value("item", to_cel(item));
    context.add_variable_from_value("r", to_cel(&case.r));
    context.add_variable_from_value("s", to_cel(&case.s));
    context.add_variable_from_value("related", to_cel(&case.related_by_name));
    context.add_variable_from_value("now", NOW_MS);
    context.add_variable_from_value("param", to_cel(&case.param));
    let added = [
        context.add_function("age_days", |at: CelValue, _: i64| days(&at, false)),
        context.add_function("days_until", |at: CelValue, _: i64| days(&at, true)),
        context.add_function("world_open", |list: CelValue| world_open(&list)),
        context.add_function("as_list", |value: CelValue| match value {
            list @ CelValue::List(_) => list,
            alone => CelValue::List(Arc::new(vec![alone])),
        }),
        context.add_function("statements", |policy: CelValue| statements(&policy)),
        context.add_function("is_public", |statement: CelValue| {
            answer(policy::is_public(&to_json(&statement)).ok().map(|public| json!(public)))
        }),
        context.add_function("open_to_all", |policy: CelValue| {
            answer(policy::is_open_to_all(&to_json(&policy)).ok().map(|open| json!(open)))
        }),
        context.add_function("trusted_accounts", |policy: CelValue| {
            answer(policy::trusted_accounts(&to_json(&policy)).ok().map(|all| json!(all)))
        }),
        context.add_function("unknown_accounts", |policy: CelValue| {
            let unknown = policy::unknown_accounts(&to_json(&policy), is_known);
            answer(unknown.ok().map(|all| json!(all)))
        }),
        context.add_function("known_account", |id: CelValue| {
            let id = texts(&id).filter(|id| policy::is_account_id(id));
            answer(id.map(|id| json!(is_known(&id))))
        }),
        context.add_function("glob", |text: CelValue, pattern: CelValue| {
            let pair = texts(&text).zip(texts(&pattern));
            answer(pair.map(|(text, pattern)| json!(glob::matches(&text, &pattern))))
        }),
        context.add_function("cidr_contains", |outer: CelValue, inner: CelValue| {
            contains(&outer, &inner)
        }),
        context.add_function("lower", |text: CelValue| {
            answer(texts(&text).map(|text| json!(text.to_lowercase())))
        }),
        context.add_function("matches", matches),
        context.add_function("lowerAscii", lower_ascii),
    ];
    assert!(added.iter().all(Result::is_ok), "{added:?}");
    context
}

/// Judges an item by an expression.
pub(super) fn opinion_of(program: &Program, case: &Case, item: &Value) -> Verdict {
    match program.execute(&context(case, item)) {
        Ok(CelValue::Bool(true)) => Verdict::Pass,
        Ok(CelValue::Bool(false)) => Verdict::Fail,
        Ok(_) | Err(_) => Verdict::Unknown,
    }
}

/// Gives the value of an expression; none where it has none, or one that JSON has not.
pub(super) fn value_of(program: &Program, case: &Case, item: &Value) -> Option<Value> {
    program.execute(&context(case, item)).ok().map(|value| to_json(&value))
}

fn opinion(program: &Program, case: &Case) -> Verdict {
    opinion_of(program, case, &Value::Null)
}

fn compare(pass: &str, rule: &Rule, program: &Program, case: &Case) {
    let ours = case.run(rule).pop().expect("one judgement");
    let theirs = opinion(program, case);
    assert_eq!(ours.verdict, theirs, "{pass}\nover {}\nand {}\n{ours:?}", case.r, case.s);
}

fn both(pass: &str) -> (Rule, Program) {
    let rule = compiled(&RuleSource { pass, ..RuleSource::default() });
    (rule, Program::compile(pass).expect("the oracle compiles what we compile"))
}

/// Calls `change` on every value inside, by its pointer.
pub(super) fn pointers(json: &Value, at: &str, found: &mut Vec<String>) {
    let below: Vec<(String, &Value)> = match json {
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.replace('/', "~1"), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect()
        }
        _ => return,
    };
    for (key, value) in below {
        let at = format!("{at}/{key}");
        pointers(value, &at, found);
        found.push(at);
    }
}

pub(super) fn remove(json: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    match json.pointer_mut(parent) {
        Some(Value::Object(members)) => {
            members.remove(&key.replace("~1", "/"));
        }
        Some(Value::Array(items)) => {
            let at: usize = key.parse().expect("a list's place");
            if at < items.len() {
                items.remove(at);
            }
        }
        _ => {}
    }
}

/// Gives the case as one JSON value, so that changes reach both documents.
fn whole(r: &Value, s: &Value) -> Value {
    json!({"r": r, "s": s})
}

fn case_of(whole: &Value) -> Case {
    Case { r: whole["r"].clone(), s: whole["s"].clone(), ..Case::default() }
}

fn others() -> Vec<Value> {
    vec![json!(null), json!("true"), json!(0), json!(91.5), json!([]), json!({}), json!(true)]
}

#[test]
fn whole_documents_pass() {
    for realistic in realistic() {
        let (rule, program) = both(realistic.pass);
        let case = case_of(&whole(&realistic.r, &realistic.s));
        let verdict = case.run(&rule)[0].clone();
        assert_eq!(verdict.verdict, Verdict::Pass, "{}: {verdict:?}", realistic.name);
        compare(realistic.pass, &rule, &program, &case);
    }
}

#[test]
fn every_member_removed_or_replaced_is_judged_alike() {
    let mut count = 0;
    for realistic in realistic() {
        let (rule, program) = both(realistic.pass);
        let whole = whole(&realistic.r, &realistic.s);
        let mut all = Vec::new();
        pointers(&whole, "", &mut all);
        for pointer in all.iter().filter(|pointer| pointer.matches('/').count() > 1) {
            let mut without = whole.clone();
            remove(&mut without, pointer);
            compare(realistic.pass, &rule, &program, &case_of(&without));
            for other in others() {
                let mut with = whole.clone();
                *with.pointer_mut(pointer).expect("it is there") = other;
                compare(realistic.pass, &rule, &program, &case_of(&with));
                count += 1;
            }
        }
    }
    assert!(count > 500, "{count} cases are too few");
}

const VALUES: &[&str] = &[
    "r.a",
    "r.b",
    "r.c",
    "r.d",
    "r.e",
    "r.f.g",
    "r.f",
    "r.missing",
    "r.f.missing",
    "r.a.b",
    "1",
    "2",
    "\"x\"",
    "1.5",
    "null",
    "[1, 2]",
    "r.e[0]",
    "r.e[9]",
    "r.f[\"g\"]",
    "r.a + 1",
    "r.c + \"y\"",
    "r.e + [3]",
    "size(r.e)",
    "size(r.c)",
    "-r.a",
    "r.a / r.z",
    "r.a % 2",
    "r.e.map(i, i + 1)",
    "r.e.filter(i, i > 1)",
    "r.e.map(i, i > 1, i * 2)",
];

/// An expression over a small document, made of everything that CEL itself has.
fn expressions() -> impl Strategy<Value = String> {
    let value = prop::sample::select(VALUES);
    let operator = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "in"]);
    let compared = (value.clone(), operator, value)
        .prop_map(|(left, operator, right)| format!("({left} {operator} {right})"));
    let plain = prop::sample::select(vec![
        "r.t",
        "r.n",
        "has(r.a)",
        "has(r.missing)",
        "has(r.f.missing)",
        "has(r.missing.x)",
        "r.a",
        "r.c.startsWith(\"x\")",
        "r.a.contains(\"x\")",
        "r.c.matches(\"^x\")",
    ]);
    let leaf = prop_oneof![3 => compared, 2 => plain.prop_map(str::to_owned)];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let list = prop::sample::select(vec!["r.e", "r.f", "r.h", "r.missing", "[1, 2, 3]", "r.a"]);
        let word = prop::sample::select(vec!["exists", "all", "exists_one"]);
        let test = prop::sample::select(vec![
            "i > 1",
            "i == 2",
            "i.k == 1",
            "has(i.k)",
            "i in r.e",
            "i",
            "i.k > 0 || i.l == 2",
        ]);
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!{a}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (list, word, test, inner)
                .prop_map(|(list, word, test, a)| format!("{list}.{word}(i, ({test}) && {a})")),
        ]
    })
}

fn documents() -> impl Strategy<Value = Value> {
    let scalar = prop::sample::select(vec![
        json!(1),
        json!(2),
        json!(1.5),
        json!("x"),
        json!("xy"),
        json!(true),
        json!(false),
        json!(null),
        json!(0),
        json!(i64::MAX),
        json!([]),
        json!({}),
        json!([1, 2]),
        json!([{"k": 1}, {"l": 2}]),
        json!({"g": 1}),
        json!({"g": "x", "k": 2}),
        json!([1, "x"]),
    ]);
    let name = prop::sample::select(vec!["a", "b", "c", "d", "e", "f", "h", "t", "n", "z"]);
    let usual = json!({"a": 1, "b": 2, "c": "x", "d": 1.5, "e": [1, 2], "f": {"g": "x"},
        "h": [{"k": 1}, {"l": 2}], "t": true, "n": false, "z": 0});
    prop::collection::vec((name, prop::option::of(scalar)), 0..5).prop_map(move |changes| {
        let mut document = usual.clone();
        for (name, value) in changes {
            match value {
                Some(value) => document[name] = value,
                None => remove(&mut document, &format!("/{name}")),
            }
        }
        document
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_expression_is_judged_alike(pass in expressions(), r in documents()) {
        let source = RuleSource { pass: &pass, ..RuleSource::default() };
        let Ok(rule) = Rule::compile(&source) else { return Err(TestCaseError::reject("load")) };
        let program = Program::compile(&pass).expect("the oracle compiles what we compile");
        compare(&pass, &rule, &program, &Case { r, s: json!({}), ..Case::default() });
    }

    /// Several members removed at once: never a pass where the oracle has none.
    #[test]
    fn removed_members_make_no_pass(
        which in 0usize..14,
        at in prop::collection::vec(0usize..400, 1..4),
    ) {
        let realistic = realistic().swap_remove(which);
        let (rule, program) = both(realistic.pass);
        let mut whole = whole(&realistic.r, &realistic.s);
        for at in at {
            let mut all = Vec::new();
            pointers(&whole, "", &mut all);
            all.retain(|pointer| pointer.matches('/').count() > 1);
            if !all.is_empty() {
                remove(&mut whole, &all[at % all.len()]);
            }
        }
        compare(realistic.pass, &rule, &program, &case_of(&whole));
    }
}
