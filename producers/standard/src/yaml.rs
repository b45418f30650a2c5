//! YAML as far as files of a standard need it: what aliases repeat counts as if it were written.

use serde::de::DeserializeOwned;

/// Bytes of a file; the longest that ships has some five thousand.
pub(crate) const FILE_BYTES_MAX: u64 = 512 << 10;

/// What aliases may repeat, above what is written.
const REPEATED_NODES: usize = 1_000;
const REPEATED_BYTES: usize = 64 << 10;

/// Reads a document of a form.
///
/// Errors: the first fault; among them values that lie in each other deeper than 64 (the parser's
/// own limit), and aliases that say more than the file.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: text.len() + REPEATED_NODES,
            max_total_scalar_bytes: text.len() + REPEATED_BYTES,
        },
    };
    serde_saphyr::from_str_with_options(text, options)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn aliases_repeat_a_little() {
        let list =
            |at: usize| format!("- &a{at} [{}]\n", vec![format!("*a{}", at - 1); 10].join(", "));
        let bomb = |names| format!("- &a0 laugh\n{}", (1..names).map(list).collect::<String>());
        assert!(read::<Value>(&bomb(3)).is_ok(), "a hundred of one");
        assert!(read::<Value>(&bomb(4)).is_err());
        assert!(read::<Value>(&bomb(10)).is_err());
        let long = |times| format!("- &a {}\n{}", "x".repeat(20_000), "- *a\n".repeat(times));
        assert!(read::<Value>(&long(3)).is_ok());
        assert!(read::<Value>(&long(5)).is_err());
    }

    #[test]
    fn what_is_too_deep_is_refused() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read::<Value>(&deep(64)).is_ok());
        assert!(read::<Value>(&deep(65)).is_err());
        assert!(read::<Value>(&"{a: ".repeat(100_000)).is_err());
    }
}
