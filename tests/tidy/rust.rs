//! Looks at Rust source without a parser: blanks out text, then counts braces.

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Line of the word `fn`, from 1.
    pub(crate) line: usize,
    /// Lines from the word `fn` to the closing brace, both counted.
    pub(crate) lines: usize,
}

/// The source with comments, strings and characters blanked out; every line keeps its place.
pub(crate) fn code(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut masked = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let length = text_length(&chars, at);
        if length == 0 {
            masked.push(chars[at]);
            at += 1;
        }
        for &letter in &chars[at..at + length] {
            masked.push(if letter == '\n' { '\n' } else { ' ' });
        }
        at += length;
    }
    masked
}

/// The part of the source before its unit tests.
pub(crate) fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]").next().unwrap_or_default()
}

/// All functions with a body, inner ones included, in the order of their first lines.
pub(crate) fn functions(source: &str) -> Vec<Function> {
    let code: Vec<char> = code(source).chars().collect();
    let mut found = Vec::new();
    for at in 0..code.len() {
        let Some(name) = function_name(&code, at) else {
            continue;
        };
        let Some(open) = body_start(&code, at) else {
            continue;
        };
        let close = matching_brace(&code, open);
        let line = 1 + count_lines(&code[..at]);
        found.push(Function { name, line, lines: 1 + count_lines(&code[at..close]) });
    }
    found
}

/// How many characters of comment or literal begin at `at`: 0 when code does.
fn text_length(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let after_word = at > 0 && is_word(chars[at - 1]);
    match rest {
        ['/', '/', ..] => rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => 1 + quoted(&rest[1..], '"'),
        ['\'', '\\', ..] => 1 + quoted(&rest[1..], '\''),
        ['\'', _, '\'', ..] => 3,
        ['r', '"' | '#', ..] if !after_word => raw(rest, 1),
        ['b' | 'c', 'r', '"' | '#', ..] if !after_word => raw(rest, 2),
        _ => 0,
    }
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(rest.len())
}

/// Characters to the closing quote, which is counted; a backslash takes the next one along.
fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 0;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// A raw string, whose hashes begin after `prefix`; 0 for a raw identifier.
fn raw(rest: &[char], prefix: usize) -> usize {
    let hashes = rest[prefix..].iter().take_while(|&&c| c == '#').count();
    if rest.get(prefix + hashes) != Some(&'"') {
        return 0;
    }
    let mut end = vec!['"'];
    end.resize(hashes + 1, '#');
    let body = prefix + hashes + 1;
    let close = rest[body..].windows(end.len()).position(|window| window == end);
    close.map_or(rest.len(), |close| body + close + end.len())
}

/// The name when the word `fn` of a function (not of a function type) begins at `at`.
fn function_name(code: &[char], at: usize) -> Option<String> {
    let begins = code[at..].starts_with(&['f', 'n']) && (at == 0 || !is_word(code[at - 1]));
    let rest = code.get(at + 2..)?;
    if !begins || !rest.first()?.is_whitespace() {
        return None;
    }
    let name: String =
        rest.iter().skip_while(|c| c.is_whitespace()).take_while(|&&c| is_word(c)).collect();
    (!name.is_empty()).then_some(name)
}

/// Where the body's brace opens; none for a declaration.
fn body_start(code: &[char], at: usize) -> Option<usize> {
    let mut depth = 0;
    for (offset, letter) in code[at..].iter().enumerate() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at + offset),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn matching_brace(code: &[char], open: usize) -> usize {
    let mut depth = 0;
    for (offset, letter) in code[open..].iter().enumerate() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + offset;
        }
    }
    code.len()
}

fn count_lines(code: &[char]) -> usize {
    code.iter().filter(|&&letter| letter == '\n').count()
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[test]
fn text_is_blanked_out() {
    let check = |source: &str, masked: &str| assert_eq!(code(source), masked, "{source}");
    check("a // {\nb", "a     \nb");
    check("a /* { /* } */ { */ b", &format!("a{:19}b", ""));
    check(r#"f("}\"{", 'x', '\'', b'{')"#, "f(      ,    ,     , b   )");
    check("r#\"{\"}\"# fn", "         fn");
    check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
    check("for r#type in br", "for r#type in br");
}

#[test]
fn functions_are_measured() {
    let source = "fn one() {}\n\ntrait T {\n    fn declared(x: [u8; 3]);\n}\n\n\
        fn outer(f: fn(u8)) -> String\nwhere\n    u8: Copy,\n{\n    \
        fn inner() {\n        \"}\"\n    }\n    '}'\n}\n";
    let measured: Vec<_> =
        functions(source).into_iter().map(|f| (f.name, f.line, f.lines)).collect();
    let expected = [("one", 1, 1), ("outer", 7, 9), ("inner", 11, 3)];
    assert_eq!(measured, expected.map(|(name, line, lines)| (name.to_owned(), line, lines)));
}
