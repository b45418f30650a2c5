//! Numbers, times and marks as people read them.

use maud::{Markup, html};
use schemas::headers::rfc3339;
use sink_workbook::Score;

use crate::table::percent;

const MINUTE_MS: i64 = 60_000;

/// Writes a whole number with thin spaces between thousands.
pub(crate) fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::from(if n < 0 { "−" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// Writes a number with its noun.
pub(crate) fn counted(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

/// Writes points with two decimals; what would read as nothing with its first digit, because one
/// account of thousands moves the whole by less than a hundredth.
pub(crate) fn points(points: f64) -> String {
    let size = points.abs();
    let decimals = (2..8).find(|decimals| size * 10_f64.powi(*decimals) >= 0.95);
    let decimals = if size == 0.0 { 2 } else { decimals.unwrap_or(8) };
    format!("{points:+.*}", usize::try_from(decimals).unwrap_or(2))
}

/// Writes an instant to the minute, with the whole of it for programs.
pub(crate) fn moment(ms: i64) -> Markup {
    let full = rfc3339(ms);
    let (date, time) = full.split_once('T').unwrap_or((&full, ""));
    let is_midnight = ms.rem_euclid(86_400_000) == 0;
    html! {
        time datetime=(full) {
            (date) @if !is_midnight { " " (time.get(..5).unwrap_or_default()) }
        }
    }
}

/// Writes how long something is.
pub(crate) fn span(ms: i64) -> String {
    match ms.max(0) / MINUTE_MS {
        0 => "less than a minute".to_owned(),
        minutes @ 1..=119 => counted(minutes, "minute", "minutes"),
        minutes @ 120..=2_879 => counted(minutes / 60, "hour", "hours"),
        minutes => counted(minutes / 1_440, "day", "days"),
    }
}

/// Gives the class of a score's colour: from `h0`, the worst, to `h6`, without fault.
pub(crate) fn heat(score: Score) -> &'static str {
    // The middle steps begin where grades do.
    const STEPS: [(f64, &str); 6] =
        [(0.5, "h0"), (0.65, "h1"), (0.8, "h2"), (0.9, "h3"), (0.95, "h4"), (1.0, "h5")];
    match score {
        Score::Scored { value, .. } => {
            STEPS.iter().find(|(below, _)| value < *below).map_or("h6", |(_, class)| *class)
        }
        Score::NotCollected => "missing",
        Score::Penalty(_) | Score::NotApplicable => "none",
    }
}

/// Writes a score with the mark that the workbooks have: colour never stands alone.
pub(crate) fn score(score: Score) -> Markup {
    let mark = match score {
        Score::Scored { value, .. } if value >= 1.0 => "✓",
        _ if score.is_poor() => "✗",
        Score::Scored { .. } => "!",
        _ => "",
    };
    html! {
        @if !mark.is_empty() { span.mark aria-hidden="true" { (mark) " " } }
        (percent(score))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_read_by_people() {
        assert_eq!(thousands(-1_234_567), "−1\u{202f}234\u{202f}567");
        assert_eq!(counted(1, "account", "accounts"), "1 account");
        let of = |minutes: i64| span(minutes * MINUTE_MS);
        assert_eq!(
            [of(0), of(1), of(120), of(4_320)],
            ["less than a minute", "1 minute", "2 hours", "3 days"]
        );
        let shown = moment(951_782_460_000).into_string();
        assert_eq!(shown, "<time datetime=\"2000-02-29T00:01:00.000Z\">2000-02-29 00:01</time>");
    }

    #[test]
    fn no_gain_reads_as_nothing() {
        let of = [12.345, 0.014, -0.5, 0.0, 0.004, 0.000_96, -0.000_031];
        let read = ["+12.35", "+0.01", "-0.50", "+0.00", "+0.004", "+0.001", "-0.00003"];
        assert_eq!(of.map(points), read);
    }

    #[test]
    fn worse_has_a_smaller_step() {
        let class = |value| heat(Score::Scored { value, partial: false });
        assert_eq!(
            [0.0, 0.5, 0.7, 0.89, 0.949, 0.99, 1.0].map(class),
            ["h0", "h1", "h2", "h3", "h4", "h5", "h6"]
        );
    }
}
