//! Entity keys: paths of escaped parts, so that no two entities share a key.

use std::fmt;

/// A message key: the whole identity of one entity.
///
/// Shape: UTF-8 text, parts joined by `/`; inside a part `%`, `/` and control characters are
/// percent-encoded, so that encoding is injective whatever a provider calls its resources.
pub trait Key: Clone + Ord + fmt::Debug + Send + Sync + 'static {
    /// Gives the text of the key.
    fn encode(&self) -> String;
    /// Reads a key back; `None` when the text is not one.
    fn decode(text: &str) -> Option<Self>;
    /// Gives the text that decides the partition: the account, the sum (`kind/id`) or the key.
    fn partition_key(&self) -> String;
}

/// Joins parts to a key path.
pub fn join(parts: &[&str]) -> String {
    let mut out = String::with_capacity(parts.iter().map(|p| p.len() + 1).sum());
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.push('/');
        }
        escape_into(part, &mut out);
    }
    out
}

/// Splits a key path into its parts; `None` when an escape is broken.
pub fn split(path: &str) -> Option<Vec<String>> {
    path.split('/').map(unescape).collect()
}

/// Gives the prefix that all keys below the given leading parts share.
pub fn prefix(parts: &[&str]) -> String {
    let mut out = join(parts);
    out.push('/');
    out
}

fn escape_into(part: &str, out: &mut String) {
    let mut rest = part;
    while let Some(at) = find_escaped(rest) {
        out.push_str(&rest[..at]);
        let byte = rest.as_bytes()[at];
        out.push('%');
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Finds the first byte that is escaped; all of them are characters of their own.
fn find_escaped(part: &str) -> Option<usize> {
    part.bytes().position(|byte| ESCAPED[usize::from(byte)])
}

/// By byte: a look at a table, since keys are made all the time.
static ESCAPED: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_escaped(byte as u8 as char);
        byte += 1;
    }
    table
};

const fn is_escaped(c: char) -> bool {
    matches!(c, '%' | '/' | '\u{0}'..='\u{1f}' | '\u{7f}')
}

/// Reads only what `escape_into` writes, so that no entity has two keys.
fn unescape(part: &str) -> Option<String> {
    let mut out = String::with_capacity(part.len());
    let mut rest = part;
    while let Some(at) = find_escaped(rest) {
        out.push_str(&rest[..at]);
        let code = rest[at..].strip_prefix('%')?.get(..2)?;
        let digits = code.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
        let c = u8::from_str_radix(code, 16).ok().map(char::from)?;
        if !digits || !is_escaped(c) {
            return None;
        }
        out.push(c);
        rest = &rest[at + 3..];
    }
    out.push_str(rest);
    Some(out)
}

/// Declares a key type: a struct of text parts in the order of its path, and the parts that decide
/// its partition.
#[macro_export]
macro_rules! key {
    ($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident),+ } by $($by:ident),+) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            $($(#[$fdoc])* pub $field: String),+
        }

        impl $name {
            /// Makes the key from its parts.
            #[allow(clippy::too_many_arguments)]
            pub fn new($($field: impl Into<String>),+) -> Self {
                Self { $($field: $field.into()),+ }
            }
        }

        impl $crate::key::Key for $name {
            fn encode(&self) -> String {
                $crate::key::join(&[$(&self.$field),+])
            }
            fn decode(text: &str) -> Option<Self> {
                let mut parts = $crate::key::split(text)?.into_iter();
                let key = Self { $($field: parts.next()?),+ };
                parts.next().is_none().then_some(key)
            }
            fn partition_key(&self) -> String {
                $crate::key::join(&[$(&self.$by),+])
            }
        }
    };
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResourceKey;

    #[test]
    fn a_part_with_a_slash_is_not_two_parts() {
        let a = ResourceKey::new("1", "global", "T", "a/b");
        let b = ResourceKey::new("1", "global", "T/a", "b");
        assert_ne!(a.encode(), b.encode());
        assert_eq!(ResourceKey::decode(&a.encode()), Some(a));
        assert_eq!(ResourceKey::decode(&b.encode()), Some(b));
    }

    #[test]
    fn keys_survive_hostile_parts() {
        for part in ["", "%", "%2F", "/", "//", "ü %/\n\u{0}", "*", "a%zz"] {
            let key = ResourceKey::new(part, "r", part, part);
            assert_eq!(ResourceKey::decode(&key.encode()), Some(key), "{part:?}");
        }
        assert_eq!(ResourceKey::decode("1/r/T"), None, "too few parts");
        assert_eq!(ResourceKey::decode("1/r/T/a/b"), None, "too many parts");
        assert_eq!(ResourceKey::decode("1/r/T/%2"), None, "a broken escape");
    }
}
