//! Matches a text against a shell pattern.

/// Tells whether a whole text matches a pattern of `*` (any run) and `?` (any one character).
///
/// Time: at most the product of both lengths, by going back to the last `*` alone.
pub fn matches(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut at, mut wanted) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(wanted) {
            Some('*') => {
                retry = Some((wanted + 1, at));
                wanted += 1;
            }
            Some(&one) if one == '?' || one == text[at] => {
                at += 1;
                wanted += 1;
            }
            _ => match retry {
                None => return false,
                Some((after_star, from)) => {
                    retry = Some((after_star, from + 1));
                    wanted = after_star;
                    at = from + 1;
                }
            },
        }
    }
    pattern[wanted..].iter().all(|&one| one == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_whole_texts() {
        let cases = [
            ("prod-web", "prod-*", true),
            ("prod-web", "prod", false),
            ("prod-web", "*web", true),
            ("prod-web", "*w?b", true),
            ("prod-web", "?rod*", true),
            ("", "*", true),
            ("", "?", false),
            ("", "", true),
            ("abcabd", "*ab?d", false),
            ("abcabd", "*abd", true),
            ("a*b", "a*b", true),
            ("größe", "gr?ße", true),
            ("logs", "catalogs", false),
            ("catalogs", "logs", false),
        ];
        for (text, pattern, expected) in cases {
            assert_eq!(matches(text, pattern), expected, "{text} against {pattern}");
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        let text = "a".repeat(5_000);
        assert!(!matches(&text, &format!("{}b", "*a".repeat(50))));
    }
}
