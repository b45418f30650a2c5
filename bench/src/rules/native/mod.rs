//! Twelve of the rules that ship, written by hand over the same parsed documents.
//!
//! They know the three values too: what the document does not tell is an error with the reason, and
//! `&&`, `||` and the loops are Kleene's. Policies, address ranges and dates are read by the
//! functions that the language calls as well, so that what differs is the way there.

mod ec2;
mod iam;
mod s3;

use std::collections::BTreeSet;

use rules::{Context, Document, Judgement, Verdict};
use serde_json::Value;

/// A rule by hand: a document, the accounts that are known, and the time in UTC milliseconds.
pub(crate) type Native = fn(&Document<'_>, &dyn Context, i64) -> Vec<Judgement>;

/// The rules by their requirement's id.
pub(crate) const RULES: [(&str, Native); 12] = [
    ("ec2-admin-ports", ec2::admin_ports),
    ("ec2-database-ports", ec2::database_ports),
    ("ec2-default-group", ec2::default_group),
    ("iam-access-key-age", iam::access_key_age),
    ("iam-access-key-unused", iam::access_key_unused),
    ("iam-console-mfa", iam::console_mfa),
    ("iam-role-trust", iam::role_trust),
    ("iam-role-unused", iam::role_unused),
    ("s3-encryption", s3::encryption),
    ("s3-grants", s3::grants),
    ("s3-public-access", s3::public_access),
    ("s3-tls", s3::tls),
];

/// A value, or why it can't be told.
type Told<T> = Result<T, &'static str>;

/// Gives a member that must be there.
fn member<'a>(of: &'a Value, key: &str) -> Told<&'a Value> {
    of.get(key).ok_or("a member is absent")
}

fn text<'a>(of: &'a Value, key: &str) -> Told<&'a str> {
    member(of, key)?.as_str().ok_or("a member is no text")
}

fn truth(of: &Value, key: &str) -> Told<bool> {
    member(of, key)?.as_bool().ok_or("a member is neither true nor false")
}

fn list<'a>(of: &'a Value, key: &str) -> Told<&'a [Value]> {
    member(of, key)?.as_array().map(Vec::as_slice).ok_or("a member is no list")
}

/// Gives a member of what must be an object: none when it is not there.
fn optional<'a>(of: &'a Value, key: &str) -> Told<Option<&'a Value>> {
    of.as_object().map(|object| object.get(key)).ok_or("what has the member is no object")
}

/// Gives a member for a sentence.
fn shown<'a>(of: &'a Value, key: &str) -> &'a str {
    of.get(key).and_then(Value::as_str).unwrap_or("?")
}

fn either(first: Told<bool>, second: impl FnOnce() -> Told<bool>) -> Told<bool> {
    if first == Ok(true) {
        return first;
    }
    match second() {
        Ok(false) => first,
        Err(why) => Err(first.err().unwrap_or(why)),
        Ok(true) => Ok(true),
    }
}

fn both(first: Told<bool>, second: impl FnOnce() -> Told<bool>) -> Told<bool> {
    if first == Ok(false) {
        return first;
    }
    match second() {
        Ok(true) => first,
        Err(why) => Err(first.err().unwrap_or(why)),
        Ok(false) => Ok(false),
    }
}

fn not(told: Told<bool>) -> Told<bool> {
    told.map(|truth| !truth)
}

/// Tells whether any of some satisfies a test.
fn any<T>(items: impl IntoIterator<Item = T>, mut test: impl FnMut(T) -> Told<bool>) -> Told<bool> {
    let mut open = Ok(false);
    for item in items {
        match test(item) {
            Ok(true) => return Ok(true),
            Ok(false) => (),
            why => open = open.and(why),
        }
    }
    open
}

/// Keeps what satisfies a test; one that can't be told makes the whole so.
fn filter(items: &[Value], test: impl Fn(&Value) -> Told<bool>) -> Told<Vec<&Value>> {
    let kept = items.iter().filter_map(|item| match test(item) {
        Ok(wanted) => wanted.then_some(Ok(item)),
        Err(why) => Some(Err(why)),
    });
    kept.collect()
}

/// Fails when something was cut off at, above or below one of these paths.
fn whole(document: &Document<'_>, paths: &[&str]) -> Told<()> {
    let touches = |cut: &String| {
        paths.iter().any(|path| cut.starts_with(path) || path.starts_with(cut.as_str()))
    };
    match document.truncated.iter().any(touches) {
        true => Err("a part was cut off"),
        false => Ok(()),
    }
}

/// Makes a verdict of a rule that may not apply; the message is made for failures alone.
fn verdict(
    part: String,
    applies: Told<bool>,
    pass: impl FnOnce() -> Told<bool>,
    message: impl FnOnce() -> String,
) -> Judgement {
    let (verdict, evidence) = match applies {
        Ok(true) => match pass() {
            Ok(true) => (Verdict::Pass, String::new()),
            Ok(false) => (Verdict::Fail, message()),
            Err(why) => (Verdict::Unknown, why.to_owned()),
        },
        Ok(false) => (Verdict::NotApplicable, String::new()),
        Err(why) => (Verdict::Unknown, why.to_owned()),
    };
    Judgement { part, verdict, evidence, flips_at_ms: None, rule_fault: false }
}

/// Makes a verdict of a rule that always applies.
fn whole_verdict(pass: Told<bool>, message: impl FnOnce() -> String) -> Vec<Judgement> {
    vec![verdict(String::new(), Ok(true), || pass, message)]
}

fn unknown(part: String, why: &str) -> Judgement {
    let (verdict, evidence) = (Verdict::Unknown, why.to_owned());
    Judgement { part, verdict, evidence, flips_at_ms: None, rule_fault: false }
}

/// Judges each item under a name of its own; a list that can't be told is one unknown verdict.
fn each<'a>(
    items: Told<impl IntoIterator<Item = &'a Value>>,
    name: impl Fn(&'a Value) -> Told<String>,
    judge: impl Fn(&'a Value, String) -> Judgement,
) -> Vec<Judgement> {
    let items = match items {
        Ok(items) => items,
        Err(why) => return vec![unknown(String::new(), why)],
    };
    let mut taken = BTreeSet::new();
    let items = items.into_iter().enumerate();
    let judgements = items.map(|(at, item)| match name(item) {
        Ok(part) => judge(item, unique(part, at, &mut taken)),
        Err(why) => unknown(unique(String::new(), at, &mut taken), why),
    });
    judgements.collect()
}

fn unique(name: String, at: usize, taken: &mut BTreeSet<String>) -> String {
    let name = if name.is_empty() { format!("#{}", at + 1) } else { name };
    let mut free = name.clone();
    let mut number = 2;
    while !taken.insert(free.clone()) {
        free = format!("{name}#{number}");
        number += 1;
    }
    free
}

/// Gives the whole days since an instant.
fn age_days(of: &Value, key: &str, now_ms: i64) -> Told<i64> {
    let at_ms = rules::parse_instant(text(of, key)?).ok_or("a date can't be read")?;
    Ok(rules::functions::whole_days(at_ms, now_ms))
}
