//! Makes text from outside fit for a cell: within Excel's limits, and nothing in it is invisible.

use schemas::headers::rfc3339;

use crate::config::DAY_MS;

/// Excel's limit for a cell, in UTF-16 units.
pub(crate) const CELL_UNITS_MAX: usize = 32_767;

/// Excel's limit is 253 line feeds in a cell.
const LINE_FEEDS_MAX: usize = 250;

/// Room for the words that say that a text was cut, in UTF-16 units.
const CUT_NOTE_UNITS: usize = 80;

/// Cleans a text for a cell and cuts it, visibly, at Excel's limit.
///
/// Control characters become their pictures (`␛`), characters that turn the direction of text
/// become `�`: a resource's name is chosen by whoever made the resource.
pub(crate) fn cell_text(text: &str) -> String {
    let clean = clean(text);
    let units = clean.encode_utf16().count();
    if units <= CELL_UNITS_MAX {
        return clean;
    }
    let kept = prefix(&clean, CELL_UNITS_MAX - CUT_NOTE_UNITS);
    let (shown, all) = (kept.chars().count(), clean.chars().count());
    format!(
        "{kept}… [cut: {} of {} characters are shown]",
        thousands(shown as i64),
        thousands(all as i64)
    )
}

/// Cuts a short text at a number of UTF-16 units, with an ellipsis as its last one.
pub(crate) fn short(text: &str, units_max: usize) -> String {
    let clean = clean(text).replace('\n', " ");
    if clean.encode_utf16().count() <= units_max {
        return clean;
    }
    format!("{}…", prefix(&clean, units_max.saturating_sub(1)).trim_end())
}

/// Gives the longest beginning that has at most this many UTF-16 units.
pub(crate) fn prefix(text: &str, units_max: usize) -> &str {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > units_max {
            return &text[..at];
        }
    }
    text
}

fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut feeds = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\n' if feeds < LINE_FEEDS_MAX => {
                feeds += 1;
                out.push('\n');
            }
            '\r' | '\n' => out.push(' '),
            '\t' => out.push(' '),
            _ => out.push(visible(c)),
        }
    }
    out
}

/// Gives a character that shows what an invisible one hides.
fn visible(c: char) -> char {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{fffe}'
        | '\u{ffff}' => '\u{fffd}',
        _ => c,
    }
}

/// Writes a moment as a date, with hours and minutes when it is not midnight, in UTC.
pub(crate) fn moment(ms: i64) -> String {
    let full = rfc3339(ms);
    let (date, time) = full.split_once('T').unwrap_or((&full, ""));
    if ms.rem_euclid(DAY_MS) == 0 {
        return date.to_owned();
    }
    format!("{date} {}", time.get(..5).unwrap_or_default())
}

/// Writes the day of a moment, in UTC.
pub(crate) fn day(ms: i64) -> String {
    let mut text = moment(ms);
    text.truncate("2000-01-01".len());
    text
}

/// Says how old something is, in the largest whole unit.
pub(crate) fn age(ms: i64) -> String {
    match ms.max(0) / 60_000 {
        0 => "under a minute".to_owned(),
        minutes @ 1..=119 => counted(minutes, "minute", "minutes"),
        minutes @ 120..=2_879 => counted(minutes / 60, "hour", "hours"),
        minutes => counted(minutes / 1_440, "day", "days"),
    }
}

/// Writes a whole number with commas between thousands.
pub(crate) fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::from(if n < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Writes a number and its noun in the right form.
pub(crate) fn counted(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_invisible_is_shown() {
        let check = |text: &str, expected: &str| assert_eq!(cell_text(text), expected, "{text:?}");
        check("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0");
        check("a\u{0}b\u{1b}c\u{7f}", "a␀b␛c␡");
        check("one\r\ntwo\rthree\tfour", "one\ntwo\nthree four");
        check("exe\u{202e}cod.pdf\u{ffff}", "exe\u{fffd}cod.pdf\u{fffd}");
        check("Ünïcödé 漢字 🦀", "Ünïcödé 漢字 🦀");
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let whole = "x".repeat(CELL_UNITS_MAX);
        assert_eq!(cell_text(&whole), whole, "what just fits stays whole");
        // A crab is two UTF-16 units: counting characters or bytes would miss the limit.
        for letter in ["x", "🦀"] {
            let cut = cell_text(&letter.repeat(40_000));
            assert!(cut.encode_utf16().count() <= CELL_UNITS_MAX, "{letter}");
            assert!(cut.ends_with("of 40,000 characters are shown]"), "{letter}");
        }
        let feeds = cell_text(&"\n".repeat(1_000));
        assert_eq!(feeds.matches('\n').count(), 250);
        assert_eq!(feeds.len(), 1_000, "none is lost");
    }

    #[test]
    fn numbers_and_moments_are_read_by_people() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")] {
            assert_eq!(thousands(n), text);
        }
        assert_eq!(moment(951_782_400_000), "2000-02-29");
        assert_eq!(moment(1_764_547_199_999), "2025-11-30 23:59");
        assert_eq!(short("abcdef", 6), "abcdef");
        assert_eq!(short("abcde fg", 7), "abcde…");
    }
}
