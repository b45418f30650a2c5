//! Changes JSON as a tree, so that what comes out is JSON still.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// How deep a value may be wrapped: over what parsers take.
const WRAPPED_MAX: usize = 140;

/// Bytes of a text that was made long.
const LONG_BYTES_MAX: usize = 80_000;

/// Texts that are made long in one document, at most.
const LONG_MAX: usize = 2;

/// Steps from the way to a list within which a text is beside it.
const NEAR_STEPS_MAX: usize = 3;

/// Bytes of a document in which something was repeated.
const DOCUMENT_BYTES_MAX: usize = 240 << 10;

/// Changes a document, or each of the documents in its lines; none where it is no JSON.
pub(crate) fn changed(
    rng: &mut Rng,
    input: &[u8],
    other: &[u8],
    words: &[&str],
    is_large: bool,
) -> Option<Vec<u8>> {
    // Some inputs are left to changes of bytes alone.
    if rng.u8(..4) == 0 {
        return None;
    }
    let text = std::str::from_utf8(input).ok()?;
    let mut values = documents(text)?;
    let at = rng.usize(..values.len());
    let other = std::str::from_utf8(other).ok().and_then(documents).unwrap_or_default();
    if is_large {
        enlarge(rng, &mut values[at]);
    } else {
        for _ in 0..=rng.usize(..3) {
            change(rng, &mut values[at], &other, words);
        }
    }
    let lines: Vec<String> = values.iter().map(Value::to_string).collect();
    Some(lines.join("\n").into_bytes())
}

/// Reads one document, or one after another.
fn documents(text: &str) -> Option<Vec<Value>> {
    let read: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_str(text).into_iter().collect();
    read.ok().filter(|values| !values.is_empty())
}

fn change(rng: &mut Rng, value: &mut Value, other: &[Value], words: &[&str]) {
    let node = any(rng, value);
    match rng.u8(..7) {
        0 => *node = odd(rng, words),
        1 => {
            if let Some(other) = other.get(rng.usize(..other.len().max(1))) {
                *node = any(rng, &mut other.clone()).take();
            }
        }
        2 => wrap(rng, node),
        _ => match node {
            Value::Object(members) => in_object(rng, members, words),
            Value::Array(items) => in_list(rng, items),
            Value::String(text) => in_text(rng, text, words),
            _ => *node = odd(rng, words),
        },
    }
}

/// Gives one of a document's values, each as likely as the others.
fn any<'v>(rng: &mut Rng, value: &'v mut Value) -> &'v mut Value {
    let mut place = rng.usize(..count(value));
    nth(value, &mut place).expect("there are as many values")
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn nth<'v>(value: &'v mut Value, place: &mut usize) -> Option<&'v mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, place)),
        Value::Object(members) => members.values_mut().find_map(|member| nth(member, place)),
        _ => None,
    }
}

fn odd(rng: &mut Rng, words: &[&str]) -> Value {
    match rng.u8(..12) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(rng.i64(..)),
        3 => json!(rng.u64(..)),
        4 => json!(f64::from_bits(rng.u64(..))),
        5 => json!(-1),
        6 => json!([]),
        7 => json!({}),
        8 => json!(""),
        9 => json!("\u{0}\u{feff}\u{202e}=cmd|' /C x'!A0 <b>&"),
        10 => json!("123456789012"),
        _ => json!(words.get(rng.usize(..words.len().max(1))).copied().unwrap_or("*")),
    }
}

fn wrap(rng: &mut Rng, node: &mut Value) {
    let depth = if rng.u8(..8) == 0 { rng.usize(1..WRAPPED_MAX) } else { 1 };
    for _ in 0..depth {
        let inner = node.take();
        *node = if rng.bool() { json!([inner]) } else { json!({"x": inner}) };
    }
}

fn in_object(rng: &mut Rng, members: &mut Map<String, Value>, words: &[&str]) {
    let keys: Vec<String> = members.keys().cloned().collect();
    let word = words.get(rng.usize(..words.len().max(1))).copied().unwrap_or("Id");
    let Some(key) = keys.get(rng.usize(..keys.len().max(1))) else {
        return drop(members.insert(word.to_owned(), odd(rng, words)));
    };
    match rng.u8(..4) {
        0 => drop(members.remove(key)),
        1 => {
            let value = members.remove(key).unwrap_or_default();
            members.insert(word.to_owned(), value);
        }
        2 => {
            let value = members[key].clone();
            members.insert(key.to_uppercase(), value);
        }
        _ => drop(members.insert(word.to_owned(), odd(rng, words))),
    }
}

fn in_list(rng: &mut Rng, items: &mut Vec<Value>) {
    if items.is_empty() {
        return items.push(json!("*"));
    }
    let at = rng.usize(..items.len());
    match rng.u8(..4) {
        0 => drop(items.remove(at)),
        1 => items.push(items[at].clone()),
        2 => rng.shuffle(items),
        _ => items.truncate(at),
    }
}

fn in_text(rng: &mut Rng, text: &mut String, words: &[&str]) {
    let word = words.get(rng.usize(..words.len().max(1))).copied().unwrap_or("\u{0}");
    match rng.u8(..4) {
        0 => text.push_str(word),
        1 => *text = word.to_owned(),
        2 => *text = text.chars().rev().collect(),
        _ => text.truncate(text.floor_char_boundary(rng.usize(..=text.len()))),
    }
}

/// Repeats an item of a list, and makes texts long that are said beside the list or above it: what
/// costs the product of both shows.
fn enlarge(rng: &mut Rng, value: &mut Value) {
    let mut lists = Vec::new();
    gather(value, &mut Vec::new(), &mut |path, value| {
        if value.as_array().is_some_and(|items| !items.is_empty()) {
            lists.push(path.to_vec());
        }
    });
    let texts = rng.usize(1..=LONG_MAX);
    let bytes_max = LONG_BYTES_MAX / texts;
    let list = lists.get(rng.usize(..lists.len().max(1))).cloned().unwrap_or_default();
    let mut around = texts_around(value, &list);
    repeat(rng, value, &list, texts * bytes_max);
    for _ in 0..texts {
        if !around.is_empty() {
            let text = around.swap_remove(rng.usize(..around.len()));
            lengthen(value, &text, rng.usize(1_000..bytes_max));
        }
    }
}

/// A step on the way to a value.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Member(String),
    Item(usize),
}

/// Where a text is: a value, or the name of an object's member.
#[derive(Debug, PartialEq)]
enum Text {
    Value(Vec<Step>),
    Name(Vec<Step>, String),
}

/// Shows every value with the way to it.
fn gather(value: &Value, path: &mut Vec<Step>, show: &mut impl FnMut(&[Step], &Value)) {
    show(path, value);
    let mut below = |step, value| {
        path.push(step);
        gather(value, path, show);
        path.pop();
    };
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| below(Step::Item(at), item));
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| below(Step::Member(name.clone()), member));
        }
        _ => {}
    }
}

fn step<'v>(value: &'v mut Value, step: &Step) -> Option<&'v mut Value> {
    match (value, step) {
        (Value::Array(items), Step::Item(at)) => items.get_mut(*at),
        (Value::Object(members), Step::Member(name)) => members.get_mut(name),
        _ => None,
    }
}

fn at<'v>(value: &'v mut Value, path: &[Step]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, step)
}

/// Finds the texts that may be said once for all items of a list: names on the way to it, and what
/// stands in the objects on that way, not far from it.
fn texts_around(value: &Value, list: &[Step]) -> Vec<Text> {
    let mut texts = Vec::new();
    gather(value, &mut Vec::new(), &mut |path, value| {
        let shared = path.iter().zip(list).take_while(|(one, other)| one == other).count();
        let is_on_the_way = shared == path.len() && shared < list.len();
        if is_on_the_way && let Step::Member(name) = &list[shared] {
            texts.push(Text::Name(path.to_vec(), name.clone()));
        }
        if value.is_string() && shared < list.len() && path.len() - shared <= NEAR_STEPS_MAX {
            texts.push(Text::Value(path.to_vec()));
        }
    });
    texts
}

/// Repeats one item of a list, as often as there is room for beside other bytes.
fn repeat(rng: &mut Rng, value: &mut Value, list: &[Step], others: usize) {
    let room = DOCUMENT_BYTES_MAX.saturating_sub(value.to_string().len() + others);
    if let Some(Value::Array(items)) = at(value, list) {
        let Some(item) = items.get(rng.usize(..items.len().max(1))).cloned() else { return };
        let fit = room / (item.to_string().len() + 1);
        let copies = if rng.bool() { fit } else { rng.usize(..=fit) };
        items.extend(std::iter::repeat_n(item, copies));
    }
}

fn lengthen(value: &mut Value, text: &Text, bytes: usize) {
    let long = |text: &str| text.repeat(bytes / text.len().max(1) + 1);
    match text {
        Text::Value(path) => {
            if let Some(Value::String(text)) = at(value, path) {
                *text = if text.is_empty() { "x".repeat(bytes) } else { long(text) };
            }
        }
        Text::Name(path, name) => {
            // A name further up may have changed before, and the way with it.
            if let Some(Value::Object(members)) = at(value, path)
                && let Some(member) = members.remove(name)
            {
                members.insert(long(name), member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_found() {
        let mut value = json!({"a": [1, {"b": 2}], "c": "d"});
        assert_eq!(count(&value), 6);
        let found: Vec<Value> =
            (0..6).map(|place| nth(&mut value, &mut { place }).expect("a value").clone()).collect();
        let expected = [json!([1, {"b": 2}]), json!(1), json!({"b": 2}), json!(2), json!("d")];
        assert_eq!(found[1..], expected);
        assert!(nth(&mut value, &mut 6).is_none());
    }

    #[test]
    fn what_is_said_once_for_a_list_becomes_long_and_the_list_too() {
        let value = json!({"T": {"title": "t", "rows": [{"a": "x"}]}, "far": [[["b"]]]});
        let list = [Step::Member("T".into()), Step::Member("rows".into())];
        let found = texts_around(&value, &list);
        let title = [Step::Member("T".into()), Step::Member("title".into())];
        let far = [Step::Member("far".into()), Step::Item(0), Step::Item(0), Step::Item(0)];
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.contains(&Text::Name(vec![], "T".into())));
        assert!(found.contains(&Text::Name(list[..1].to_vec(), "rows".into())));
        assert!(found.contains(&Text::Value(title.to_vec())));
        assert!(!found.contains(&Text::Value(far.to_vec())));
        let mut large = 0;
        for seed in 0..200 {
            let mut value = value.clone();
            enlarge(&mut Rng::with_seed(seed), &mut value);
            let text = value.to_string();
            assert!(text.len() <= DOCUMENT_BYTES_MAX + LONG_BYTES_MAX, "{}", text.len());
            let rows = value.as_object().expect("an object").values();
            let rows =
                rows.filter_map(|member| member.as_object()?.values().find_map(Value::as_array));
            large += usize::from(rows.map(Vec::len).max() > Some(5_000) && text.contains("TTTT"));
        }
        assert!(large > 5, "{large}");
    }

    #[test]
    fn what_is_changed_is_json_and_differs() {
        let text = r#"{"a": [1, "x"]}"#.as_bytes();
        let mut differ = 0;
        for seed in 0..300 {
            let mut rng = Rng::with_seed(seed);
            let Some(made) = changed(&mut rng, text, text, &["w"], seed % 9 == 0) else { continue };
            let text = String::from_utf8(made).expect("text");
            let read = serde_json::from_str::<Value>(&text);
            let is_deep = |error: &serde_json::Error| error.to_string().contains("recursion");
            assert!(read.as_ref().map_or_else(is_deep, |_| true), "{read:?}: {text}");
            differ += usize::from(text != r#"{"a":[1,"x"]}"#);
        }
        assert!(differ > 150, "{differ}");
    }
}
