//! Instants: reads RFC 3339 texts, and writes them.

/// Milliseconds in a day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// Reads an instant such as `2026-01-18T15:24:00Z`, with a fraction of a second, an offset, or a
/// space in place of the `T` if need be. Units: UTC milliseconds since 1970. None for anything
/// else, also for a time without a zone: it could be any of 26 hours.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(at, wanted)| bytes[at] != wanted) {
        return None;
    }
    let (year, month, day) = (digits(&bytes[0..4])?, digits(&bytes[5..7])?, digits(&bytes[8..10])?);
    let (hour, minute, second) =
        (digits(&bytes[11..13])?, digits(&bytes[14..16])?, digits(&bytes[17..19])?);
    if day == 0 || day > days_of_month(year, month)? || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (millis, zone) = fraction(&bytes[19..])?;
    let offset_minutes = offset(zone)?;
    let minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    Some((minutes * 60 + second) * 1_000 + millis)
}

/// Writes an instant as `2026-01-18T15:24:00Z`, with milliseconds when there are any.
pub(crate) fn format(ms: i64) -> String {
    let (days, in_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let (year, month, day) = date(days);
    let (seconds, millis) = (in_day / 1_000, in_day % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Gives the whole days from one instant to another, rounded down: 90 until the 91st is full.
pub fn whole_days(from_ms: i64, to_ms: i64) -> i64 {
    to_ms.saturating_sub(from_ms).div_euclid(DAY_MS)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0'))
    })
}

fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    if rest.first() != Some(&b'.') {
        return Some((0, rest));
    }
    let count = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let millis = (1..=3).try_fold(0, |number, at| {
        let digit = if at <= count { rest[at] - b'0' } else { 0 };
        Some(number * 10 + i64::from(digit))
    })?;
    (count > 0).then(|| (millis, &rest[1 + count..]))
}

/// Reads `Z`, `+01:00` or `-0530` as minutes east of Greenwich.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, hours, minutes) = match zone {
        [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => {
            (sign, digits(&[*h1, *h2])?, digits(&[*m1, *m2])?)
        }
        _ => return None,
    };
    let size = hours * 60 + minutes;
    match sign {
        _ if hours > 23 || minutes > 59 => None,
        b'+' => Some(size),
        b'-' => Some(-size),
        _ => None,
    }
}

fn days_of_month(year: i64, month: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if leap { 29 } else { 28 }),
        _ => None,
    }
}

/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Source: the same, `civil_from_days`.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read() {
        // From `date -u -d TEXT +%s`.
        let cases = [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-01-18T15:24:00Z", Some(1_768_749_840_000)),
            ("2026-01-18 15:24:00+00:00", Some(1_768_749_840_000)),
            ("2026-01-18T16:24:00.250+01:00", Some(1_768_749_840_250)),
            ("2026-01-18T09:54:00.1234567-0530", Some(1_768_749_840_123)),
            ("2024-02-29T23:59:59Z", Some(1_709_251_199_000)),
            ("1969-12-31T23:59:59Z", Some(-1_000)),
            ("2026-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-18T15:24:00", None),
            ("2026-01-18T24:00:00Z", None),
            ("2026-01-18T15:24:00.Z", None),
            ("2026-01-18", None),
            ("N/A", None),
            ("no_information", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn writing_undoes_reading() {
        for text in ["1970-01-01T00:00:00Z", "2000-02-29T12:30:45Z", "2026-12-31T23:59:59.007Z"] {
            assert_eq!(format(parse(text).expect("an instant")), text);
        }
        for day in (-200_000..200_000).step_by(97) {
            let ms = day * DAY_MS + 1;
            assert_eq!(parse(&format(ms)), Some(ms), "{}", format(ms));
        }
    }

    #[test]
    fn days_are_whole() {
        assert_eq!(whole_days(0, 91 * DAY_MS - 1), 90);
        assert_eq!(whole_days(0, 91 * DAY_MS), 91);
        assert_eq!(whole_days(1, 0), -1, "tomorrow's key");
    }
}
