//! YAML as far as registers need it: what aliases repeat counts as if it were written.

use serde_json::Value;
use serde_saphyr::Budget;

/// Values of a document, at most: some twenty thousand accounts.
const NODES_MAX: usize = 250_000;

/// What aliases may repeat, above what is written.
const REPEATED_NODES: usize = 1_000;
const REPEATED_BYTES: usize = 64 << 10;

/// Reads a document.
///
/// Errors: it is no YAML, or deeper or larger than anybody's list.
pub(crate) fn parse(content: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! { budget: budget(content) };
    serde_saphyr::from_str_with_options(content, options).map_err(|error| error.to_string())
}

/// Gives what a document may take: its own length, and a little more for aliases.
///
/// The others of the parser's limits are its own: values lie in each other 64 deep.
pub(crate) fn budget(content: &str) -> Option<Budget> {
    let bytes = content.len();
    serde_saphyr::budget! {
        max_nodes: NODES_MAX.min(bytes + REPEATED_NODES),
        max_total_scalar_bytes: bytes + REPEATED_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten names, each a list of ten of the one before.
    fn bomb(names: usize) -> String {
        let list =
            |at: usize| format!("- &a{at} [{}]\n", vec![format!("*a{}", at - 1); 10].join(", "));
        let lists: String = (1..names).map(list).collect();
        format!("- &a0 laugh\n{lists}")
    }

    #[test]
    fn aliases_repeat_a_little() {
        let read = parse("- &a {owner: ana}\n- *a\n- {<<: *a, name: x}\n").expect("a list");
        assert_eq!(read[1]["owner"], "ana");
        assert_eq!(read[2], serde_json::json!({"owner": "ana", "name": "x"}));
        assert!(parse(&bomb(3)).is_ok(), "a hundred of one");
        for names in [4, 10] {
            let error = parse(&bomb(names)).expect_err("too many");
            assert!(error.contains("nodes") || error.contains("alias"), "{error}");
        }
        let long =
            |times: usize| format!("- &a {}\n{}", "x".repeat(10_000), "- *a\n".repeat(times));
        assert!(parse(&long(5)).is_ok());
        assert!(parse(&long(10)).is_err());
    }

    #[test]
    fn what_is_too_deep_or_too_much_is_refused() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&deep(64)).is_ok());
        assert!(parse(&deep(65)).is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
        let many = |count: usize| "- 1\n".repeat(count);
        assert!(parse(&many(NODES_MAX - 1)).is_ok());
        assert!(parse(&many(NODES_MAX)).is_err());
    }
}
