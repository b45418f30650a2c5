//! Words that no file of the repository may hold.

use crate::{expect_none, rust, tree};

#[test]
fn no_file_names_a_folder_of_somebodys_machine() {
    // Written in halves, so that this file does not hold them.
    let folders = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/Us", "ers/"),
    ];
    let mut offenders = Vec::new();
    for file in tree::files() {
        for (number, line) in file.text.lines().enumerate() {
            if folders.iter().any(|folder| names_folder(line, folder)) {
                offenders.push(format!("{}:{}: {}", file.path, number + 1, shortened(line)));
            }
        }
    }
    expect_none("paths start at the repository, the cache or a setting:", &offenders);
}

#[test]
fn nothing_is_left_to_be_written_and_no_test_is_switched_off() {
    let words = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("#[ign", "ore")];
    let mut offenders = Vec::new();
    for file in tree::rust_files() {
        for (number, line) in rust::code(&file.text).lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(**word)) {
                offenders.push(format!("{}:{}: {word}", file.path, number + 1));
            }
        }
    }
    expect_none("write it, or leave it out:", &offenders);
}

/// Whether the line holds the folder at the beginning of a path, not inside one or a web address.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || "._-~})*".contains(letter))
    })
}

fn shortened(line: &str) -> String {
    line.trim().chars().take(80).collect()
}

#[test]
fn folders_are_found_at_the_beginning_of_a_path() {
    let folder = concat!("/ho", "me/");
    assert!(names_folder(&format!("see {folder}me/x"), folder));
    assert!(names_folder(&format!("\"{folder}me\""), folder));
    assert!(!names_folder(&format!("https://example.org{folder}page"), folder));
}
