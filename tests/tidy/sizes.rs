//! Files, functions and lines stay small enough to be read in one go.

use crate::{expect_none, rust, tree};

/// Lines of a Rust file, with its tests.
const FILE_LINES_MAX: usize = 500;

/// Lines of a function, from `fn` to its closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Characters of a line.
const COLUMNS_MAX: usize = 100;

#[test]
fn files_are_short() {
    let mut offenders = Vec::new();
    for file in tree::rust_files() {
        let lines = file.text.lines().count();
        if lines > FILE_LINES_MAX {
            offenders.push(format!("{}: {lines} lines", file.path));
        }
    }
    expect_none(&format!("a file has at most {FILE_LINES_MAX} lines; split:"), &offenders);
}

#[test]
fn functions_are_short() {
    let mut offenders = Vec::new();
    let mut count = 0;
    for file in tree::rust_files() {
        for function in rust::functions(&file.text) {
            count += 1;
            if function.lines > FUNCTION_LINES_MAX {
                let (path, line, name) = (&file.path, function.line, &function.name);
                offenders.push(format!("{path}:{line}: {name} has {} lines", function.lines));
            }
        }
    }
    assert!(count > 100, "only {count} functions were found");
    expect_none(&format!("a function has at most {FUNCTION_LINES_MAX} lines; split:"), &offenders);
}

#[test]
fn lines_are_short() {
    let mut offenders = Vec::new();
    for file in tree::files() {
        let script = file.text.starts_with("#!");
        if !script && !["rs", "py", "java"].iter().any(|name| file.has_extension(name)) {
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            let columns = line.chars().count();
            // A link that cannot be broken may stand alone on its line.
            let link = line.contains("://") && line.split_whitespace().count() <= 2;
            if columns > COLUMNS_MAX && !link {
                offenders.push(format!("{}:{}: {columns} columns", file.path, number + 1));
            }
        }
    }
    expect_none(&format!("a line has at most {COLUMNS_MAX} columns:"), &offenders);
}
