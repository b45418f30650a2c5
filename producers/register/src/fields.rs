//! Fields of an entry, found by their names in any case, and the many forms of SharePoint's
//! lookups.

use serde_json::{Map, Number, Value};

/// Bytes of a text that is an account's id with dashes and blanks.
const ACCOUNT_BYTES_MAX: usize = 40;

/// Finds the first of several names, whatever its case, blanks, `_` and `-`.
pub(crate) fn find<'a>(
    entry: &'a Map<String, Value>,
    names: &[impl AsRef<str>],
) -> Option<&'a Value> {
    names.iter().find_map(|wanted| {
        let wanted = plain(wanted.as_ref());
        let members = entry.iter().filter(|(name, _)| plain(name) == wanted);
        members.map(|(_, value)| value).find(|value| !value.is_null())
    })
}

/// Gives a column's name without case, blanks, `_` and `-`.
pub(crate) fn plain(name: &str) -> String {
    let kept = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-'));
    kept.flat_map(char::to_lowercase).collect()
}

/// Gives a field as text: text, number, or the value of a lookup.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(digits(number)),
        Value::Object(lookup) => {
            find(lookup, &["Value", "LookupValue", "Title", "Email", "EMail"]).and_then(text)
        }
        _ => None,
    }
}

/// Writes a number as people would: some exports make 17.0 of 17.
fn digits(number: &Number) -> String {
    let text = number.to_string();
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// Gives a field as a list of texts.
///
/// Shape: a text (several with `;#`, `;` or `,` between them, ids of lookups left out), a lookup, a
/// list of those, or `{"results": [..]}`. None when something in it is neither. Source: SharePoint
/// REST, "lookup fields".
pub(crate) fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(list) => {
            list.iter().map(texts).collect::<Option<Vec<_>>>().map(|l| l.concat())
        }
        Value::Object(object) => match find(object, &["results"]) {
            Some(results) => texts(results),
            None => Some(vec![text(value)?]),
        },
        Value::String(one) => Some(split(one)),
        Value::Number(number) => Some(vec![digits(number)]),
        _ => None,
    }
}

fn split(text: &str) -> Vec<String> {
    // "3;#S3-01;#7;#S3-02": ids and values take turns.
    let parts: Vec<&str> = text.split(";#").collect();
    let is_id = |part: &str| part.parse::<u64>().is_ok_and(|id| id < 1_000_000);
    let pairs = parts.len() > 1
        && parts.len().is_multiple_of(2)
        && parts.iter().step_by(2).all(|p| is_id(p));
    let values: Vec<&str> = if pairs {
        parts.into_iter().skip(1).step_by(2).collect()
    } else if parts.len() > 1 {
        parts
    } else {
        text.split([';', ',', '\n']).collect()
    };
    values.into_iter().map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned).collect()
}

/// Reads a yes or no.
pub(crate) fn yes(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(yes) => Some(*yes),
        Value::Number(number) => match number.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "yes" | "y" | "true" | "1" | "x" => Some(true),
            "no" | "n" | "false" | "0" | "" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Reads an account's id: twelve digits, with leading zeros that a spreadsheet lost put back.
///
/// Shape: the id, and whether it was mended.
pub(crate) fn account_id(text: &str) -> Option<(String, bool)> {
    if text.len() > ACCOUNT_BYTES_MAX {
        return None;
    }
    let plain: String = text.chars().filter(|c| !matches!(c, '-' | ' ' | '\'')).collect();
    let digits = !plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit());
    let digits = digits && !text.starts_with('-');
    (digits && plain.len() <= 12).then(|| (format!("{plain:0>12}"), plain.len() < 12))
}

/// Finds the account's id in a lookup's text such as `payments-prod (111122223333)`.
pub(crate) fn account_in(text: &str) -> Option<String> {
    if let Some((id, _)) = account_id(text).filter(|_| text.len() >= 9) {
        return Some(id);
    }
    let mut runs = text.split(|c: char| !c.is_ascii_digit());
    runs.find(|run| run.len() == 12).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lookups_come_in_many_forms() {
        for (value, expected) in [
            (json!("S3-01"), vec!["S3-01"]),
            (json!("3;#S3-01;#7;#S3-02"), vec!["S3-01", "S3-02"]),
            (json!("S3-01;#S3-02"), vec!["S3-01", "S3-02"]),
            (json!("a; b, c"), vec!["a", "b", "c"]),
            (json!({"Id": 3, "Value": "S3-01"}), vec!["S3-01"]),
            (json!({"LookupId": 3, "LookupValue": "S3-01"}), vec!["S3-01"]),
            (json!([{"Id": 3, "Value": "a"}, {"Id": 4, "Value": "b"}]), vec!["a", "b"]),
            (json!({"results": [{"Title": "a"}, "b"]}), vec!["a", "b"]),
            (json!(111_122_223_333_u64), vec!["111122223333"]),
            (json!([]), vec![]),
        ] {
            assert_eq!(texts(&value).expect("a list"), expected, "{value}");
        }
        assert_eq!(texts(&json!([true])), None);
        assert_eq!(texts(&json!({"Id": 3})), None);
    }

    #[test]
    fn names_are_found_whatever_their_case() {
        let entry = json!({"Resource ID": "x", "expiration_date": null, "Expires": "y"});
        let entry = entry.as_object().expect("an object");
        assert_eq!(find(entry, &["ResourceId"]), Some(&json!("x")));
        assert_eq!(find(entry, &["ExpirationDate", "expires"]), Some(&json!("y")));
        assert_eq!(find(entry, &["owner"]), None);
    }

    #[test]
    fn numbers_are_written_as_people_would() {
        for (value, expected) in [
            (json!(17), Some("17")),
            (json!(17.0), Some("17")),
            (json!(111_122_223_333.0), Some("111122223333")),
            (json!(1.5), Some("1.5")),
            (json!(true), None),
            (json!(["a"]), None),
        ] {
            assert_eq!(text(&value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn account_ids_get_their_zeros_back() {
        assert_eq!(account_id("111122223333"), Some(("111122223333".into(), false)));
        assert_eq!(account_id("1111-2222-3333"), Some(("111122223333".into(), false)));
        assert_eq!(account_id("11122223333"), Some(("011122223333".into(), true)));
        assert_eq!(account_id("1.11122E+11"), None);
        assert_eq!(account_id("1111222233334"), None);
        assert_eq!(account_id(&format!("111122223333{}", "-".repeat(29))), None);
        assert_eq!(account_in("payments (111122223333)"), Some("111122223333".into()));
        assert_eq!(account_in("payments"), None);
        assert_eq!(account_in("12"), None);
    }
}
