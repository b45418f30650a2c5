//! Addresses within the page; whatever stands in them is escaped.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but letters, digits and what RFC 3986 calls unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Joins parts to an address: `path(&["account", id])`.
pub(crate) fn path(parts: &[&str]) -> String {
    parts.iter().fold(String::new(), |mut path, part| {
        path.push('/');
        path.push_str(&escaped(part));
        path
    })
}

/// Writes text as a part of an address. A part of dots alone, which browsers would resolve, has its
/// dots escaped.
pub(crate) fn escaped(part: &str) -> String {
    if matches!(part, "." | "..") {
        return part.replace('.', "%2E");
    }
    utf8_percent_encode(part, ESCAPED).to_string()
}

/// Reads a part of an address; none when it is not UTF-8.
pub(crate) fn unescaped(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(|text| text.into_owned())
}

/// The page of an account.
pub(crate) fn account(id: &str) -> String {
    path(&["account", id])
}

/// The page of a requirement.
pub(crate) fn requirement(id: &str) -> String {
    path(&["requirement", id])
}

/// The page of a requirement's rows in an account.
pub(crate) fn rows(account: &str, requirement: &str) -> String {
    path(&["account", account, requirement])
}

/// The page that explains an account's score.
pub(crate) fn why(account: &str) -> String {
    path(&["explain", account])
}

/// The page that explains a requirement's score in an account.
pub(crate) fn explain(account: &str, requirement: &str) -> String {
    path(&["explain", account, requirement])
}

/// The page of a resource.
pub(crate) fn resource(key: &schemas::ResourceKey) -> String {
    path(&["resource", &key.account, &key.region, &key.resource_type, &key.id])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stay_parts() {
        for part in ["a/b", "..", ".", "ü?x=1#y", "<b>", "%2F", ""] {
            let path = path(&["account", part]);
            assert_eq!(path.matches('/').count(), 2, "{part:?}: {path}");
            let read = unescaped(path.rsplit('/').next().unwrap());
            assert_eq!(read.as_deref(), Some(part), "{path}");
            assert!(!path.contains(['<', '?', '#']) && !path.ends_with("/.."), "{path}");
        }
    }
}
