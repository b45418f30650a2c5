//! Changes JSON as a tree, so that what comes out is JSON still.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// How deep a value may be wrapped: over what parsers take.
const WRAPPED_MAX: usize = 140;

/// Bytes of a text that was made long.
const LONG_BYTES_MAX: usize = 20_000;

/// How often an item may be repeated.
const REPEATED_MAX: usize = 4_000;

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

/// Makes one text long, and repeats one item: what costs the product of both shows.
fn enlarge(rng: &mut Rng, value: &mut Value) {
    for _ in 0..20 {
        let bytes = rng.usize(1_000..LONG_BYTES_MAX);
        match any(rng, value) {
            Value::String(text) => {
                *text = text.repeat(bytes / text.len().max(1) + 1);
                break;
            }
            Value::Object(members) if rng.u8(..4) == 0 && !members.is_empty() => {
                let keys: Vec<String> = members.keys().cloned().collect();
                let key = &keys[rng.usize(..keys.len())];
                let inner = members.remove(key).unwrap_or_default();
                members.insert(key.repeat(bytes / key.len().max(1) + 1), inner);
                break;
            }
            _ => {}
        }
    }
    let room = DOCUMENT_BYTES_MAX.saturating_sub(value.to_string().len());
    for _ in 0..20 {
        if let Value::Array(items) = any(rng, value)
            && !items.is_empty()
        {
            let item = items[rng.usize(..items.len())].clone();
            let fit = room / (item.to_string().len() + 1);
            let copies = rng.usize(1..REPEATED_MAX).min(fit);
            items.extend(std::iter::repeat_n(item, copies));
            break;
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
