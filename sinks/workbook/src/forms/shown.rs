//! How a cell's content reads as text: what the formats of an xlsx file show.

use schemas::headers::rfc3339;

use crate::score::is_poor;
use crate::sheet::{Cell, Content};
use crate::style::Style;
use crate::text::thousands;
use crate::trend;

/// Gives the text that a person reads in a cell.
pub(super) fn text(cell: &Cell) -> String {
    match &cell.content {
        Content::Empty => String::new(),
        Content::Text(text) | Content::Link { text, .. } | Content::Console { text, .. } => {
            text.clone()
        }
        Content::Time(ms) => time(*ms, cell.style),
        Content::Number(number) => self::number(*number, cell.style),
    }
}

fn time(ms: i64, style: Style) -> String {
    let full = rfc3339(ms);
    let (date, time) = full.split_once('T').unwrap_or((&full, ""));
    match style {
        Style::DateTime => format!("{date} {}", time.get(..5).unwrap_or_default()),
        _ => date.to_owned(),
    }
}

fn number(number: f64, style: Style) -> String {
    match style {
        Style::Score | Style::ScoreStrong => score(number),
        Style::ScorePartial | Style::ScoreStrongPartial => format!("{}*", score(number)),
        Style::CardScore => percent(number),
        Style::Share => format!("{:.0}%", number * 100.0),
        Style::Points => format!("{number:+.2}"),
        Style::Moved => moved(number),
        _ => thousands(number.round() as i64),
    }
}

/// A score with the mark that says without colour how it stands.
fn score(value: f64) -> String {
    match value {
        1.0 => "✓ 100%".to_owned(),
        _ if is_poor(value) => format!("✗ {}", percent(value)),
        _ => format!("! {}", percent(value)),
    }
}

/// Writes a share as cells do, without a space.
fn percent(share: f64) -> String {
    schemas::percent(share).replace(' ', "")
}

fn moved(points: f64) -> String {
    match trend::is_move(points) {
        false => format!("→ {:.1}", points.abs()),
        true if points > 0.0 => format!("↑ +{points:.1}"),
        true => format!("↓ {:.1}", points.abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_a_workbook() {
        let check = |value: f64, style, expected: &str| {
            assert_eq!(text(&Cell::number(value, style)), expected, "{value} {style:?}");
        };
        check(1.0, Style::Score, "✓ 100%");
        check(0.9996, Style::Score, "! 99.9%");
        check(0.999_999, Style::ScoreStrongPartial, "! 99.9%*");
        check(0.9996, Style::CardScore, "99.9%");
        check(0.9996, Style::Share, "100%");
        check(0.8, Style::ScoreStrong, "! 80.0%");
        check(0.7995, Style::Score, "! 80.0%");
        check(0.7994, Style::ScorePartial, "✗ 79.9%*");
        check(0.892, Style::CardScore, "89.2%");
        check(1_234_567.0, Style::Count, "1,234,567");
        check(-1_234.4, Style::Money, "-1,234");
        check(0.256, Style::Share, "26%");
        check(1.239, Style::Points, "+1.24");
        check(-1.26, Style::Moved, "↓ 1.3");
        check(0.04, Style::Moved, "→ 0.0");
        let time = |style| text(&Cell::time(Some(1_772_442_000_000), style));
        assert_eq!(time(Style::Date), "2026-03-02");
        assert_eq!(time(Style::DateTime), "2026-03-02 09:00");
    }
}
