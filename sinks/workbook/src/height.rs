//! Estimates how high a row must be for its text.

use crate::sheet::{Content, Row};

/// Gives a row's height in points, as its text needs it in columns of these widths.
pub(crate) fn height_of(row: &Row, widths: &[f64]) -> f64 {
    let (mut column, mut lines, mut table) = (0_usize, 1, false);
    for cell in &row.cells {
        let end = (column + usize::from(cell.columns)).min(widths.len());
        let width: f64 = widths[column.min(end)..end].iter().sum();
        column = end;
        table |= cell.style.is_boxed();
        let text = match &cell.content {
            Content::Text(text) | Content::Link { text, .. } | Content::Console { text, .. } => {
                text
            }
            Content::Empty | Content::Number(_) | Content::Time(_) => continue,
        };
        if cell.style.wraps() {
            lines = lines.max(lines_of(text, width));
        }
    }
    let padding = if table { 5.0 } else { 3.0 };
    lines.min(LINES_MAX) as f64 * LINE_POINTS + padding
}

/// Height of a line of 10 points.
const LINE_POINTS: f64 = 13.5;

/// Lines of a row; what is longer is read in the cell. Excel's limit is 409 points.
const LINES_MAX: usize = 14;

/// Estimates the lines that a text takes in a column when it breaks between words.
fn lines_of(text: &str, width: f64) -> usize {
    // Padding takes two characters. A letter is narrower than the digit that widths are counted in,
    // and less so in the fonts that stand in for Excel's own.
    let room = ((width - 2.0) * 1.2).max(4.0) as usize;
    text.split('\n').map(|line| lines_of_line(line, room)).sum()
}

fn lines_of_line(line: &str, room: usize) -> usize {
    let (mut lines, mut used) = (1, 0);
    for word in line.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            lines += 1;
            used = 0;
        }
        let gap = usize::from(used > 0);
        // A word that is longer than a line breaks within itself.
        lines += (length.saturating_sub(1)) / room;
        used = if length > room { length % room } else { used + gap + length };
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        let check = |line: &str, room: usize, lines: usize| {
            assert_eq!(lines_of_line(line, room), lines, "{line:?} in {room}");
        };
        check("", 10, 1);
        check("one two", 7, 1);
        check("one two", 6, 2);
        check("one two three", 7, 2);
        check("abcdefghijklmnopqrst", 10, 2);
        check("abcdefghijklmnopqrstu", 10, 3);
        assert_eq!(lines_of("one\ntwo", 40.0), 2);
    }
}
