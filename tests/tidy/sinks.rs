//! What sinks write never becomes a program: formulas are constants, not account data.

use crate::{expect_none, rust, tree};

#[test]
fn formulas_are_constants() {
    let files = tree::below("sinks/");
    assert!(files.iter().any(|file| file.has_extension("rs")), "the sinks have moved");
    let mut offenders = Vec::new();
    for file in files.iter().filter(|file| file.has_extension("rs")) {
        for (line, argument) in formulas(&file.text) {
            if !is_constant(&argument) {
                offenders.push(format!("{}:{line}: {argument}", file.path));
            }
        }
    }
    expect_none(
        "text from an account must not become a formula; write it as a string:",
        &offenders,
    );
}

/// The line and the text of the formula in each call that writes or makes one.
fn formulas(source: &str) -> Vec<(usize, String)> {
    let code = rust::code(source);
    // Masking keeps one character for each, so places in characters are the same in both.
    let (code, text): (Vec<char>, Vec<char>) = (code.chars().collect(), source.chars().collect());
    let mut found = Vec::new();
    for at in 0..code.len() {
        let rest: String = code[at..code.len().min(at + 60)].iter().collect();
        let makes = rest.starts_with("Formula::new(");
        let writes = rest.starts_with("write_") && called(&rest).contains("formula");
        if !(makes || writes) || !rest.contains('(') {
            continue;
        }
        let open = at + rest.chars().position(|letter| letter == '(').unwrap();
        let line = 1 + code[..at].iter().filter(|&&letter| letter == '\n').count();
        // The formula is the only argument of `new`, and the third (after row and column) or,
        // for ranges, the fifth of `write_...`.
        let arguments = arguments(&code, &text, open);
        let place = match called(&rest).as_str() {
            _ if makes => 0,
            name if name.contains("array") => 4,
            _ => 2,
        };
        found.push((line, arguments.get(place).cloned().unwrap_or_default()));
    }
    found
}

fn called(rest: &str) -> String {
    rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// Splits the arguments behind an opening parenthesis at the commas of its own level.
fn arguments(code: &[char], text: &[char], open: usize) -> Vec<String> {
    let mut arguments = vec![String::new()];
    let mut depth = 0;
    for at in open..code.len() {
        match code[at] {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 1 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if at > open {
            arguments.last_mut().unwrap().push(text[at]);
        }
    }
    arguments.into_iter().map(|argument| argument.trim().to_owned()).collect()
}

/// A literal, a constant by its name, or a formula that is looked at where it is made.
fn is_constant(argument: &str) -> bool {
    let literal = argument.starts_with('"') || argument.starts_with("r\"");
    let name = argument.rsplit("::").next().unwrap_or_default();
    let constant = !name.is_empty()
        && name.chars().all(|letter| letter.is_ascii_uppercase() || "_0123456789".contains(letter));
    literal || constant || argument.starts_with("Formula::new(")
}

#[test]
fn formulas_are_found_and_judged() {
    let check = |source: &str, constants: &[bool]| {
        let judged: Vec<bool> =
            formulas(source).iter().map(|(_, argument)| is_constant(argument)).collect();
        assert_eq!(judged, constants, "{source}");
    };
    check("sheet.write_formula(1, 2, \"=SUM(A1, A2)\")", &[true]);
    check("sheet.write_formula(row(1, 2), 2, TOTAL)", &[true]);
    check("sheet.write_formula(1, 2, text)", &[false]);
    check("sheet.write_formula_with_format(1, 2, &format!(\"={x}\"), &bold)", &[false]);
    check("sheet.write_formula(1, 2, Formula::new(name))", &[true, false]);
    check("sheet.write_array_formula(1, 2, 3, 4, cell)", &[false]);
    check("// sheet.write_formula(1, 2, text)\nsheet.write_string(1, 2, text)", &[]);
}
