//! Dates as people and SharePoint write them.

use jiff::{Timestamp, civil, tz::TimeZone};

/// Reads the moment from which an exception gives no credit any more, in UTC milliseconds.
///
/// A date alone counts through its end in UTC; a date with a time is that instant (UTC where it
/// names no zone). Forms: ISO 8601, `/Date(1766102400000)/`, `2026/12/31`, and `12/31/2026` where
/// only one reading makes a date.
pub(crate) fn expiry_ms(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if let Some(ms) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        let ms = ms.split(['+', '-']).next().unwrap_or(ms);
        return ms.parse().map_err(|_| format!("{text:?} is no date"));
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant.as_millisecond());
    }
    let is_date_alone = !text.contains([':', 'T']);
    if !is_date_alone && let Ok(moment) = text.parse::<civil::DateTime>() {
        return utc_ms(moment);
    }
    let date = date(text)?;
    let next = date.tomorrow().map_err(|error| error.to_string())?;
    utc_ms(next.to_datetime(civil::Time::midnight()))
}

fn date(text: &str) -> Result<civil::Date, String> {
    let no_date = || format!("{text:?} is no date; write it as 2026-12-31");
    if let Ok(date) = text.parse::<civil::Date>() {
        return Ok(date);
    }
    let parts: Vec<i16> = text.split(['/', '.']).map_while(|part| part.parse().ok()).collect();
    let [a, b, c] = parts[..] else { return Err(no_date()) };
    let make = |year: i16, month: i16, day: i16| {
        let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        civil::Date::new(year, month, day).ok()
    };
    if a > 31 {
        return make(a, b, c).ok_or_else(no_date);
    }
    // Month first (as in the USA) or day first: only where one of them makes no date is it clear.
    match (make(c, a, b).filter(|_| c > 31), make(c, b, a).filter(|_| c > 31)) {
        (Some(one), Some(other)) if one != other => {
            Err(format!("{text:?} may be {one} or {other}; write it as 2026-12-31"))
        }
        (Some(one), _) | (None, Some(one)) => Ok(one),
        (None, None) => Err(no_date()),
    }
}

fn utc_ms(moment: civil::DateTime) -> Result<i64, String> {
    let instant = TimeZone::UTC.to_timestamp(moment).map_err(|error| error.to_string())?;
    Ok(instant.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_counts_through_its_end() {
        // Expected values: `date -u -d TEXT +%s` of GNU coreutils.
        let first_of_2027 = 1_798_761_600_000;
        for (text, expected) in [
            ("2026-12-31", first_of_2027),
            ("2026/12/31", first_of_2027),
            ("12/31/2026", first_of_2027),
            ("31.12.2026", first_of_2027),
            ("2026-12-31T00:00:00Z", 1_798_675_200_000),
            ("2026-12-31T01:00:00+01:00", 1_798_675_200_000),
            ("2026-12-31T00:00:00", 1_798_675_200_000),
            ("/Date(1766102400000)/", 1_766_102_400_000),
            ("/Date(1766102400000+0100)/", 1_766_102_400_000),
            ("02/02/2026", 1_770_076_800_000),
        ] {
            assert_eq!(expiry_ms(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_ambiguous_date_is_asked_back() {
        assert_eq!(
            expiry_ms("03/04/2026"),
            Err("\"03/04/2026\" may be 2026-03-04 or 2026-04-03; write it as 2026-12-31".into())
        );
        for text in ["", "soon", "2026-13-01", "13/13/2026", "1/2", "/Date(x)/", "12/31/26"] {
            assert!(expiry_ms(text).is_err(), "{text:?}");
        }
    }
}
