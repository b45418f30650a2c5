//! Dates as people and SharePoint write them.

use jiff::{Timestamp, civil};

/// The last instant that is taken for one: the end of the year 9999.
const INSTANT_MAX_MS: i64 = 253_402_300_799_999;

const DAY_MS: i64 = 86_400_000;

/// Reads the moment from which an exception gives no credit any more, in UTC milliseconds.
///
/// A date alone counts through its end in UTC; a date with a time is that instant (UTC where it
/// names no zone). Forms: ISO 8601, `/Date(1766102400000)/`, `2026/12/31`, and `12/31/2026` where
/// only one reading makes a date.
pub(crate) fn expiry_ms(text: &str) -> Result<i64, String> {
    let text = text.trim();
    if let Some(ms) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
        let ms: Option<i64> = ms.split(['+', '-']).next().unwrap_or(ms).parse().ok();
        let ms = ms.filter(|ms| *ms <= INSTANT_MAX_MS);
        return ms.ok_or_else(|| format!("{text:?} is no date"));
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant.as_millisecond());
    }
    // Instants end a day before dates do, and "9999-12-31T23:59:59Z" is how some write "never".
    let local = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let is_date_alone = !text.contains([':', 'T', 't']);
    if !is_date_alone && let Ok(moment) = local.parse::<civil::DateTime>() {
        let midnight = civil::Time::midnight();
        let of_day = moment.time().duration_since(midnight).as_millis();
        return Ok(day_ms(moment.date()) + i64::try_from(of_day).unwrap_or(0));
    }
    Ok(day_ms(date(text)?) + DAY_MS)
}

/// Gives the first millisecond of a day in UTC.
fn day_ms(date: civil::Date) -> i64 {
    date.duration_since(civil::date(1970, 1, 1)).as_secs() * 1000
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
            (" 2026-12-31 ", first_of_2027),
            ("2026-12-31 12:30:00.250", 1_798_720_200_250),
            ("2028-02-29", 1_835_481_600_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000),
            ("9999-12-31", 253_402_300_800_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
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
        for text in [
            "",
            "soon",
            "2026-13-01",
            "2026-02-29",
            "13/13/2026",
            "1/2",
            "12/31/26",
            "1766102400000",
            "12/31/2026 12:00 AM",
            "=TODAY()",
            "/Date(x)/",
            "/Date(-1)/",
            "/Date(9223372036854775807)/",
            "/Date(99999999999999999999)/",
            "1/2/3/4",
            "99999999999999999999/1/1",
        ] {
            assert!(expiry_ms(text).is_err(), "{text:?}");
        }
    }
}
