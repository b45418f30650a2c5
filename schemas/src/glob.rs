//! Patterns as a shell's: what exceptions name resources and regions by.

/// Tells whether a pattern with `*` (any text) and `?` (any one character) is all of a text.
pub fn glob(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == text;
    }
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                // Let the last star take one character more; without one there is no match.
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_globs_and_nothing_else() {
        for (pattern, text, expected) in [
            ("*", "anything", true),
            ("sg-0abc*", "sg-0abcdef", true),
            ("sg-?", "sg-1", true),
            ("sg-?", "sg-12", false),
            ("logs", "prod-logs-x", false),
            ("logs", "prod-payment-catalogs-x", false),
            ("a.c", "abc", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("arn:aws:s3:::*", "arn:aws:s3:::b", true),
            ("", "x", false),
            ("ü*", "über", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }
}
