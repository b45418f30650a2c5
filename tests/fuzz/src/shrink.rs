//! Makes an input that fails shorter, as long as it still fails.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// How long it is tried.
const TIME_MAX: Duration = Duration::from_secs(20);

/// Gives the shortest input that was found to fail; each try is written to a file.
pub(crate) fn shortest(input: &[u8], file: &Path, fails: impl Fn(&Path) -> bool) -> Vec<u8> {
    let begun = Instant::now();
    let mut shortest = input.to_vec();
    let mut size = input.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < shortest.len() {
            if begun.elapsed() > TIME_MAX {
                return shortest;
            }
            let mut shorter = shortest.clone();
            shorter.drain(at..(at + size).min(shortest.len()));
            fs::write(file, &shorter).expect("a file");
            if fails(file) {
                shortest = shorter;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    shortest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fails_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("input");
        let fails = |file: &Path| {
            let text = fs::read_to_string(file).expect("a text");
            text.contains('x') && text.contains('y')
        };
        let input = format!("{}x{}y{}", "a".repeat(70), "b".repeat(33), "c".repeat(9));
        assert_eq!(shortest(input.as_bytes(), &file, fails), b"xy");
    }
}
