//! Holds what is there against what the model says, which knows some values only nearly.

use serde_json::Value;

/// Scores in tables are whole billionths, and sums of them carry the rounding of each.
const TOLERANCE: f64 = 2e-9;

/// Excel's times are fractions of days: a millisecond may be lost.
const TIME_TOLERANCE_MS: i64 = 1;

/// Notes where `found` is not as the model says; of an object only what the model names counts.
pub(crate) fn differences(path: &str, model: &Value, found: &Value, out: &mut Vec<String>) {
    match model {
        Value::Object(members) if is_time(model) => {
            let ms = |value: &Value| value["ms"].as_i64();
            let (expected, there) = (members["ms"].as_i64(), ms(found));
            let near = |(a, b): (i64, i64)| (a - b).abs() <= TIME_TOLERANCE_MS;
            if !expected.zip(there).is_some_and(near) {
                out.push(format!("{path}: the model says {model}, there is {found}"));
            }
        }
        Value::Object(members) if members.contains_key("text") => {
            if found.as_str().is_none_or(|text| text.trim().is_empty()) {
                out.push(format!("{path}: the model says some text, there is {found}"));
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                differences(&format!("{path} {name}"), value, &found[name], out);
            }
        }
        _ if same(model, found) => {}
        _ => out.push(format!("{path}: the model says {model}, there is {found}")),
    }
}

/// Notes which keys only one side has.
pub(crate) fn key_differences(path: &str, model: &Value, found: &Value, out: &mut Vec<String>) {
    let (Some(model), Some(found)) = (model.as_object(), found.as_object()) else {
        out.push(format!("{path}: the model says {model}, there is {found}"));
        return;
    };
    for (key, value) in model.iter().filter(|(key, _)| !found.contains_key(*key)) {
        out.push(format!("{path} {key}: the model says {value}, there is nothing"));
    }
    for (key, value) in found.iter().filter(|(key, _)| !model.contains_key(*key)) {
        out.push(format!("{path} {key}: the model says nothing, there is {value}"));
    }
}

fn is_time(value: &Value) -> bool {
    value.get("ms").is_some()
}

fn same(model: &Value, found: &Value) -> bool {
    match (model.as_f64(), found.as_f64()) {
        // Counts are whole numbers of JSON; a share or points may be whole by chance.
        (Some(counted), Some(found)) if model.is_i64() => counted == found,
        (Some(model), Some(found)) => (model - found).abs() <= TOLERANCE,
        _ => model == found,
    }
}
