//! Headers: CloudEvents in Kafka's binary mode.

use std::borrow::Cow;

/// The version of CloudEvents that `ce_specversion` names.
pub const SPEC_VERSION: &str = "1.0";

/// Names of the headers that every record of ours has, in the order in which they are written.
///
/// The local log writes their places instead of them: the list may only grow at its end.
pub const NAMES: [&str; 6] =
    ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "content-type"];

/// A record's headers in the order in which they are written.
pub type Headers = Vec<(Cow<'static, str>, Cow<'static, [u8]>)>;

/// What a record says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Unique within the source; the same for a record that is made again.
    pub id: &'a str,
    /// The topic's noun and kind.
    pub kind: &'a str,
    /// Who made it: `/scorecard/<role>`.
    pub source: &'a str,
    /// When, in UTC milliseconds.
    pub time_ms: i64,
}

/// Writes the attributes of an event whose value is Avro as headers.
///
/// Source: CloudEvents 1.0.2, Kafka protocol binding 3.2 (binary content mode).
pub fn cloud_event(event: &Event<'_>) -> Headers {
    cloud_event_as(event, "application/avro")
}

/// Writes the attributes of an event whose value is of this media type as headers.
pub fn cloud_event_as(event: &Event<'_>, content_type: &'static str) -> Headers {
    let fixed = |value: &'static str| Cow::Borrowed(value.as_bytes());
    let made = |value: String| Cow::Owned(value.into_bytes());
    let values = [
        fixed(SPEC_VERSION),
        made(event.id.to_owned()),
        made(["scorecard.", event.kind, ".v1"].concat()),
        made(event.source.to_owned()),
        made(rfc3339(event.time_ms)),
        fixed(content_type),
    ];
    NAMES.into_iter().map(Cow::Borrowed).zip(values).collect()
}

/// Gives a header's name: without a copy for those that every record of ours has.
pub fn name_of(name: &str) -> Cow<'static, str> {
    let ours = NAMES.into_iter().find(|one| *one == name);
    ours.map_or_else(|| Cow::Owned(name.to_owned()), Cow::Borrowed)
}

/// Finds a header's text.
pub fn text<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(n, _)| n == name)?;
    std::str::from_utf8(value).ok()
}

/// Writes UTC milliseconds as RFC 3339 with milliseconds.
pub fn rfc3339(ms: i64) -> String {
    let (days, rest) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (s, milli) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (s / 3600, s / 60 % 60, s % 60);
    if !(0..=9999).contains(&year) {
        return format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z"
        );
    }
    // Every record carries its time: digit by digit is many times faster than formatting.
    let mut text = String::with_capacity(24);
    let mut two = |number: i64, after: &str| {
        for digit in [number / 10, number % 10] {
            text.push(char::from(b'0' + digit as u8));
        }
        text.push_str(after);
    };
    two(year / 100, "");
    for (number, after) in
        [(year % 100, "-"), (month, "-"), (day, "T"), (hour, ":"), (minute, ":"), (second, ".")]
    {
        two(number, after);
    }
    two(milli / 10, "");
    text.push(char::from(b'0' + (milli % 10) as u8));
    text.push('Z');
    text
}

/// Turns days since 1970-01-01 into year, month and day.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        // Expected values: `date -u -d @SECONDS +%FT%TZ` of GNU coreutils.
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (1_764_547_199_999, "2025-11-30T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
    }

    #[test]
    fn a_record_carries_cloud_events() {
        let headers = cloud_event(&Event { id: "a/0/1/2", kind: "tick", source: "/s", time_ms: 0 });
        assert_eq!(text(&headers, "ce_type"), Some("scorecard.tick.v1"));
        assert_eq!(text(&headers, "ce_id"), Some("a/0/1/2"));
        assert_eq!(text(&headers, "ce_missing"), None);
    }
}
