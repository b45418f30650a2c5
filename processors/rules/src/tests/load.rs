//! Faults that are found when a rule is compiled, with their place.

use serde_json::json;

use crate::{CompileError, Parameter, Rule, RuleSource, parameters};

fn errors(source: &RuleSource<'_>) -> Vec<CompileError> {
    Rule::compile(source).err().unwrap_or_default()
}

fn check(pass: &str, line: usize, column: usize, message: &str) {
    let found = errors(&RuleSource { pass, ..RuleSource::default() });
    let Some(first) = found.first() else { panic!("{pass} compiles") };
    assert_eq!(
        (&*first.field, first.line, first.column, first.message.as_str()),
        ("pass", line, column, message),
        "{pass}"
    );
}

const FAULTS: &[(&str, usize, usize, &str)] = &[
    ("q.x == 1", 1, 1, "unknown name 'q'"),
    ("r.a &&\n  typo", 2, 3, "unknown name 'typo'"),
    ("\"größe\" == q", 1, 12, "unknown name 'q'"),
    ("agedays(r.x) < 3", 1, 8, "unknown function 'agedays' with 1 argument(s)"),
    ("age_days(r.x) < 3", 1, 9, "age_days takes 2 argument(s), not 1"),
    ("age_days(r.x, r.y) < 3", 1, 16, "the second argument of age_days is now"),
    ("r.x.glob(\"a\")", 1, 9, "write glob(x), not x.glob()"),
    ("lowerAscii(r.x) == r.y", 1, 11, "write x.lowerAscii(), not lowerAscii(x)"),
    ("r.x.exists(r.y)", 1, 11, "exists is written x.exists(i, condition)"),
    ("has(r)", 1, 5, "invalid argument to has() macro"),
    ("item.x == 1", 1, 1, "item is only known in the texts of a rule with each"),
    ("doc == 1", 1, 1, "doc can't stand alone; write doc.account or the like"),
    ("doc.owner == \"x\"", 1, 4, "unknown name 'doc.owner'"),
    ("r.x.exists(r, r == 1)", 1, 11, "'r' can't be the name of a loop's variable"),
    ("r.x.matches(r.y)", 1, 14, "the pattern of matches must be a literal"),
    ("r.x == true", 1, 5, "compare with true by writing the bare value"),
    ("r.x != false", 1, 5, "compare with false by writing the bare value"),
    ("r.x + 1", 1, 5, "r.x + 1 is never true or false"),
    ("r.y && size(r.x)", 1, 12, "size(r.x) is never true or false"),
    ("cidr_contains(\"10.0.0.0/99\", r.x)", 1, 15, "\"10.0.0.0/99\" can't be read"),
    ("now > timestamp(\"2026-02-30T00:00:00Z\")", 1, 17, "\"2026-02-30T00:00:00Z\" can't be read"),
    ("r.x == 3u", 1, 8, "unsigned numbers are not supported"),
];

#[test]
fn names_functions_and_arguments_are_checked() {
    for (pass, line, column, message) in FAULTS {
        check(pass, *line, *column, message);
    }
}

#[test]
fn syntax_errors_have_a_place() {
    let table = [
        ("r.a ==", 1, 7),
        ("r.a &&\n\n && r.b", 3, 2),
        ("", 1, 1),
        ("(r.a", 1, 5),
        ("\"größe\" == r.a )", 1, 16),
    ];
    for (pass, line, column) in table {
        let found = errors(&RuleSource { pass, ..RuleSource::default() });
        let place = found.first().map(|error| (error.line, error.column));
        assert_eq!(place, Some((line, column)), "{pass:?}: {found:?}");
    }
}

#[test]
fn every_fault_is_told() {
    let source = RuleSource {
        each: Some(("q.list", "itm.x")),
        applies: Some("nope"),
        pass: "item.a == b",
        message: Some("it is {item.c} and {d} and {e(1)"),
        ..RuleSource::default()
    };
    let found: Vec<(String, usize, String)> = errors(&source)
        .into_iter()
        .map(|error| (error.field, error.column, error.message))
        .collect();
    let expected = [
        ("each", 1, "unknown name 'q'"),
        ("part", 1, "unknown name 'itm'"),
        ("applies", 1, "unknown name 'nope'"),
        ("pass", 11, "unknown name 'b'"),
        ("message", 21, "unknown name 'd'"),
        ("message", 28, "this brace is never closed"),
    ];
    assert_eq!(found, expected.map(|(field, column, text)| (field.into(), column, text.into())));
}

#[test]
fn time_may_not_decide_which_parts_there_are() {
    let source = RuleSource {
        each: Some(("r.x.filter(i, age_days(i.a, now) > 3)", "item.a")),
        pass: "item.b",
        ..RuleSource::default()
    };
    let found = errors(&source);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].message, "time can't decide which parts there are, or what is related");
}

#[test]
fn size_and_depth_are_bounded() {
    let deep = format!("{}r.x{}", "!(".repeat(200), ")".repeat(200));
    let chain = format!("r{}", ".a".repeat(1_900));
    let long = format!("r.x == \"{}\"", "a".repeat(5_000));
    let loops = (0..9).fold("r.z".to_owned(), |body, at| format!("r.x.all(v{at}, {body})"));
    for pass in [deep, chain, long, loops] {
        let found = errors(&RuleSource { pass: &pass, ..RuleSource::default() });
        assert!(!found.is_empty(), "{}", &pass[..40]);
    }
}

#[test]
fn a_rule_tells_what_it_depends_on() {
    let of = |pass: &str, message| {
        let rule = Rule::compile(&RuleSource { pass, message, ..RuleSource::default() });
        let rule = rule.expect("it compiles");
        (rule.depends_on_accounts(), rule.depends_on_time())
    };
    assert_eq!(of("r.x", None), (false, false));
    assert_eq!(of("size(unknown_accounts(r.x)) == 0", None), (true, false));
    assert_eq!(of("known_account(r.x)", None), (true, false));
    assert_eq!(of("age_days(r.x, now) < 3", None), (false, true));
    assert_eq!(of("now < timestamp(r.x)", None), (false, true));
    assert_eq!(
        of("r.x", Some("{age_days(r.x, now)} days")),
        (false, false),
        "a message decides nothing"
    );
}

#[test]
fn parameters_are_checked_like_other_names() {
    let parameters = parameters(r#"{"days": 90, "on": true}"#).expect("they are parameters");
    let parameters = Some(&parameters);
    let table = [
        ("r.x <= param.hours", 1, 13, "there is no parameter 'hours'"),
        ("r.x <= param", 1, 8, "param can't stand alone; write param.NAME"),
        ("has(param.days)", 1, 4, "param.days is always there"),
        ("r.x || param.days", 1, 13, "param.days is never true or false"),
        ("r.x == param.on", 1, 5, "compare with param.on by writing the bare value"),
        ("r.x.exists(param, r.y)", 1, 11, "'param' can't be the name of a loop's variable"),
    ];
    for (pass, line, column, message) in table {
        let found = errors(&RuleSource { pass, parameters, ..RuleSource::default() });
        let found: Vec<_> =
            found.iter().map(|one| (one.line, one.column, one.message.as_str())).collect();
        assert_eq!(found, [(line, column, message)], "{pass}");
    }
    let none = errors(&RuleSource { pass: "r.x <= param.days", ..RuleSource::default() });
    assert_eq!(none[0].message, "there is no parameter 'days'");
    let each = Some(("s.Keys.filter(k, k.Age > param.days)", "item.Id"));
    let source = RuleSource { each, pass: "item.x", parameters, ..RuleSource::default() };
    let rule = Rule::compile(&source).expect("it compiles");
    assert!(rule.uses_parameter("days") && !rule.uses_parameter("on"));
}

#[test]
fn parameters_are_of_few_kinds() {
    let table = [
        (json!(true), Some("a bool")),
        (json!(-1), Some("an int")),
        (json!(1.0), Some("a double")),
        (json!("x"), Some("a string")),
        (json!([]), Some("an empty list")),
        (json!([true, false]), Some("a list of bools")),
        (json!([1, 2]), Some("a list of ints")),
        (json!([1.5]), Some("a list of doubles")),
        (json!(["x"]), Some("a list of strings")),
        (json!(null), None),
        (json!({}), None),
        (json!(u64::MAX), None),
        (json!([1, "x"]), None),
        (json!([[1]]), None),
        (json!([[]]), None),
    ];
    for (value, kind) in table {
        assert_eq!(Parameter::of(value.clone()).as_ref().map(Parameter::kind), kind, "{value}");
    }
    let of = |value| Parameter::of(value).expect("a parameter");
    assert!(of(json!([])).is_like(&of(json!([1]))) && of(json!([1])).is_like(&of(json!([]))));
    assert!(!of(json!([])).is_like(&of(json!(1))) && !of(json!([1])).is_like(&of(json!(["x"]))));
    for text in ["", "[]", "{\"x\": null}"] {
        assert!(parameters(text).is_none(), "{text}");
    }
}
