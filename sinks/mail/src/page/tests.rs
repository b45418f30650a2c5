//! Words and lines of a page.

use super::*;

#[test]
fn a_line_is_one_line() {
    assert_eq!(line("a\r\n b\t\u{0}c", 9), "a b c");
    assert_eq!(line("\u{202e}evil\u{2066}", 9), "evil");
    assert_eq!(line("schön genug", 6), "schön…");
    assert_eq!(line("schön", 5), "schön");
}

#[test]
fn a_move_is_told_to_a_tenth() {
    assert_eq!(moved(1.23), "↑ up 1.2 points");
    assert_eq!(moved(-1.0), "↓ down 1.0 point");
    assert_eq!(moved(0.04), "→ unchanged");
    assert_eq!(moved(0.05), "↑ up 0.1 points");
}
