//! Instants as people write them on the command line.

use anyhow::{Context, Result};

/// Reads an instant, or a day, which begins at midnight UTC.
pub(crate) fn instant(text: &str) -> Result<i64> {
    // A time of day without a zone is read as a day, too, unless the form is looked at.
    if text.len() == "1970-01-01".len()
        && let Ok(day) = text.parse::<jiff::civil::Date>()
    {
        let midnight = jiff::tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0));
        return Ok(midnight.context("it lies outside of time")?.as_millisecond());
    }
    let at: jiff::Timestamp = text
        .parse()
        .ok()
        .with_context(|| format!("{text:?} is neither a day nor an instant of RFC 3339"))?;
    Ok(at.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_instants_are_read() {
        assert_eq!(instant("1970-01-02").unwrap(), 86_400_000);
        assert_eq!(instant("1970-01-01T00:00:01Z").unwrap(), 1000);
        assert_eq!(instant("1970-01-01T01:00:00+01:00").unwrap(), 0);
        for text in ["", "yesterday", "1970-01-01T00:00:00", "2026-02-30"] {
            assert!(instant(text).is_err(), "{text}");
        }
    }
}
