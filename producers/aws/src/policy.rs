//! Policies that stand as text in AWS's answers.

use serde_json::Value;

/// How deep a policy may be; AWS's own are some six deep. A document is read again by others, whose
/// parser takes 127 levels, the document's own among them.
pub(crate) const POLICY_DEPTH_MAX: usize = 64;

/// Reads a policy's text. Errors: what is wrong with it, as `is not JSON: ...`.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let policy: Value =
        serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    if depth(&policy) > POLICY_DEPTH_MAX {
        return Err(format!("is deeper than {POLICY_DEPTH_MAX} levels"));
    }
    Ok(policy)
}

/// Gives how many lists and objects lie in each other.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_so_deep_and_no_deeper() {
        let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(depth(&parse(&deep(64)).expect("JSON")), 64);
        assert_eq!(parse(&deep(65)), Err("is deeper than 64 levels".to_owned()));
        for text in [&*deep(128), "{", ""] {
            assert!(parse(text).is_err_and(|e| e.starts_with("is not JSON: ")), "{text:.20}");
        }
        assert_eq!(depth(&serde_json::json!({"a": [], "b": {"c": {}}})), 3);
    }
}
