//! Prowler's patterns as patterns of ours: what a regular expression finds somewhere in a name, as
//! far as `*` can say it of the whole name.

/// A pattern of Prowler's in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Globs {
    /// What it stands for: one of several.
    pub(crate) any: Vec<String>,
    /// Whether Prowler finds it inside of longer names too, where ours are whole names.
    pub(crate) was_wider: bool,
}

/// Reads a pattern.
///
/// Prowler puts `.*` where `*` stands and searches for the regular expression that comes out
/// (`prowler/lib/mutelist/mutelist.py`), so `logs` mutes `prod-payment-catalogs-x`. Here a name is
/// meant as a whole, unless the pattern itself says where it is open (`*`, `.*`, `^` or `$`).
/// Errors: it is a regular expression that no pattern with `*` can say.
pub(crate) fn globs(pattern: &str) -> Result<Globs, String> {
    let mut globs = Globs { any: Vec::new(), was_wider: false };
    for one in pattern.split('|') {
        let (glob, was_wider) = glob(one.trim())
            .ok_or_else(|| format!("{pattern:?} is a regular expression that `*` can't say"))?;
        globs.any.push(glob);
        globs.was_wider |= was_wider;
    }
    Ok(globs)
}

/// Gives the glob of an expression without alternatives, and whether Prowler's was wider.
fn glob(expression: &str) -> Option<(String, bool)> {
    let (from_start, rest) = match expression.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, expression),
    };
    let (to_end, body) = match rest.strip_suffix('$') {
        Some(body) if !body.ends_with('\\') => (true, body),
        _ => (false, rest),
    };
    let mut glob = literal(body).filter(|glob| !glob.is_empty())?;
    if from_start && !to_end && !glob.ends_with('*') {
        glob.push('*');
    }
    if to_end && !from_start && !glob.starts_with('*') {
        glob.insert(0, '*');
    }
    let is_open = glob.starts_with('*') && glob.ends_with('*');
    let was_wider = !from_start && !to_end && !is_open;
    Some((glob, was_wider))
}

fn literal(body: &str) -> Option<String> {
    let mut glob = String::new();
    let mut chars = body.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '.' if chars.peek() == Some(&'*') => {}
            '*' if glob.ends_with('*') => {}
            // An escaped letter is a class of characters, and our patterns can't escape theirs.
            '\\' => glob.push(chars.next().filter(|c| !c.is_alphanumeric() && !"*?".contains(*c))?),
            '[' | ']' | '(' | ')' | '{' | '}' | '+' | '?' | '^' | '$' => return None,
            c => glob.push(c),
        }
    }
    Some(glob)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_glob_can_say_is_taken_over() {
        for (pattern, any, was_wider) in [
            ("*", &["*"][..], false),
            ("logs", &["logs"], true),
            ("*logs*", &["*logs*"], false),
            ("logs*", &["logs*"], true),
            ("^logs$", &["logs"], false),
            ("^logs", &["logs*"], false),
            ("logs$", &["*logs"], false),
            ("^ci-.*", &["ci-*"], false),
            (".*", &["*"], false),
            (r"my\.bucket", &["my.bucket"], true),
            ("my.bucket", &["my.bucket"], true),
            (r"a\$", &["a$"], true),
            ("a|^b$", &["a", "b"], true),
            ("^a$ | ^b$", &["a", "b"], false),
            ("arn:aws:s3:::x/y", &["arn:aws:s3:::x/y"], true),
        ] {
            let any = any.iter().map(|one| (*one).to_owned()).collect();
            assert_eq!(globs(pattern), Ok(Globs { any, was_wider }), "{pattern}");
        }
    }

    #[test]
    fn what_it_cannot_say_is_refused() {
        for pattern in
            ["", "|", "^$", "a+", "a?", "[ab]", "(a|b)", r"\d", r"a\", "a{2}", "a^b", "a$b", r"a\*"]
        {
            assert!(globs(pattern).is_err(), "{pattern}");
        }
    }
}
