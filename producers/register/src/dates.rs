//! Dates as people and SharePoint write them, in the company's time zone.

use jiff::{Timestamp, ToSpan, civil, tz::TimeZone};
use schemars::JsonSchema;
use serde::Deserialize;

/// The last instant that is taken for one: the end of the year 9999.
const INSTANT_MAX_MS: i64 = 253_402_300_799_999;

const DAY_MS: i64 = 86_400_000;

/// The first one: the beginning of the year 1, in whatever zone.
const INSTANT_MIN_MS: i64 = -62_135_596_800_000 - DAY_MS;

/// The time zone in which days begin and end: a name of IANA's, UTC where none is given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let zone = TimeZone::get(&name);
        let unknown = |_| format!("{name:?} is no time zone of IANA's, such as Europe/Berlin");
        zone.map(Self).map_err(unknown)
    }
}

impl Zone {
    /// Reads the moment from which an exception gives no credit any more, in UTC milliseconds.
    ///
    /// A date alone counts through its end, and so does an instant that is a midnight: SharePoint
    /// writes a date alone as the midnight that it begins with. Any other date with a time is that
    /// instant (in this zone where it names none). Forms: ISO 8601, `/Date(1766102400000)/`,
    /// `2026/12/31`, and `12/31/2026` where only one reading makes a date.
    pub(crate) fn expiry_ms(&self, text: &str) -> Result<i64, String> {
        Ok(match self.moment(text)? {
            Moment::Day(day) => self.end_of(day),
            Moment::Instant(ms) => {
                let day = self.day_of(ms).filter(|day| self.begin_of(*day) == ms);
                day.map_or(ms, |day| self.end_of(day))
            }
        })
    }

    /// Reads the moment from which an exception gives credit, in UTC milliseconds: a date alone
    /// counts from its beginning. Forms: as an expiry's.
    pub(crate) fn start_ms(&self, text: &str) -> Result<i64, String> {
        Ok(match self.moment(text)? {
            Moment::Day(day) => self.begin_of(day),
            Moment::Instant(ms) => ms,
        })
    }

    /// Gives the last day of a number of days from an instant, and the end of that day; none where
    /// no calendar reaches.
    pub(crate) fn days_after(&self, from_ms: i64, days: u16) -> Option<(civil::Date, i64)> {
        let last = self.day_of(from_ms)?.checked_add(i64::from(days).days()).ok()?;
        Some((last, self.end_of(last)))
    }

    fn moment(&self, text: &str) -> Result<Moment, String> {
        let text = text.trim();
        let moment = self.any_moment(text)?;
        // A year 0 is what programs write of a date that they do not have.
        let is_known = match moment {
            Moment::Day(day) => day.year() >= 1,
            Moment::Instant(ms) => ms >= INSTANT_MIN_MS,
        };
        is_known.then_some(moment).ok_or_else(|| format!("{text:?} is before the year 1"))
    }

    fn any_moment(&self, text: &str) -> Result<Moment, String> {
        if let Some(ms) = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")) {
            let ms: Option<i64> = ms.split(['+', '-']).next().unwrap_or(ms).parse().ok();
            let ms = ms.filter(|ms| *ms <= INSTANT_MAX_MS);
            return ms.map(Moment::Instant).ok_or_else(|| format!("{text:?} is no date"));
        }
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Ok(Moment::Instant(instant.as_millisecond()));
        }
        // Instants end a day before dates do, and "9999-12-31T23:59:59Z" is how some write "never".
        let local = text.strip_suffix(['Z', 'z']);
        let is_date_alone = !text.contains([':', 'T', 't']);
        if !is_date_alone && let Ok(moment) = local.unwrap_or(text).parse::<civil::DateTime>() {
            let zone = if local.is_some() { TimeZone::UTC } else { self.0.clone() };
            return Ok(Moment::Instant(instant_ms(moment, zone)));
        }
        Ok(Moment::Day(date(text)?))
    }

    /// Gives the first millisecond of a day, which is no midnight where clocks skip that.
    fn begin_of(&self, day: civil::Date) -> i64 {
        instant_ms(day.into(), self.0.clone())
    }

    /// Gives the first millisecond after a day.
    fn end_of(&self, day: civil::Date) -> i64 {
        let next = day.tomorrow();
        next.map_or_else(|_| instant_ms(day.into(), TimeZone::UTC) + DAY_MS, |d| self.begin_of(d))
    }

    fn day_of(&self, ms: i64) -> Option<civil::Date> {
        let instant = Timestamp::from_millisecond(ms).ok()?;
        Some(self.0.to_datetime(instant).date())
    }
}

/// What a text names.
enum Moment {
    Day(civil::Date),
    Instant(i64),
}

/// Gives the instant of a local time; on the last days, which no zone reaches, that of UTC.
fn instant_ms(moment: civil::DateTime, zone: TimeZone) -> i64 {
    match zone.to_timestamp(moment) {
        Ok(instant) => instant.as_millisecond(),
        Err(_) => {
            let days = moment.date().duration_since(civil::date(1970, 1, 1)).as_secs() * 1000;
            let of_day = moment.time().duration_since(civil::Time::midnight()).as_millis();
            days + i64::try_from(of_day).unwrap_or(0)
        }
    }
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

    fn zone(name: &str) -> Zone {
        Zone::try_from(name.to_owned()).expect("a zone")
    }

    #[test]
    fn a_date_counts_through_its_end() {
        // Expected values: `date -u -d TEXT +%s` of GNU coreutils.
        let first_of_2027 = 1_798_761_600_000;
        for (text, expected) in [
            ("2026-12-31", first_of_2027),
            ("2026/12/31", first_of_2027),
            ("12/31/2026", first_of_2027),
            ("31.12.2026", first_of_2027),
            // A date alone as SharePoint writes it.
            ("2026-12-31T00:00:00Z", first_of_2027),
            ("2026-12-31T01:00:00+01:00", first_of_2027),
            ("2026-12-31T00:00:00", first_of_2027),
            ("2026-12-31T00:00:01Z", 1_798_675_201_000),
            ("/Date(1766102400000)/", 1_766_188_800_000),
            ("/Date(1766102400001+0100)/", 1_766_102_400_001),
            ("02/02/2026", 1_770_076_800_000),
            (" 2026-12-31 ", first_of_2027),
            ("2026-12-31 12:30:00.250", 1_798_720_200_250),
            ("2028-02-29", 1_835_481_600_000),
            ("0001-01-01T00:00:01Z", -62_135_596_799_000),
            ("9999-12-31", 253_402_300_800_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] {
            assert_eq!(Zone::default().expiry_ms(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn there_is_no_year_0() {
        for text in ["0000-01-01", "0000-06-30T12:00:00", "0000-06-01T00:00:00Z", "0000/01/01"] {
            let told = Zone::default().start_ms(text).unwrap_err();
            assert!(told.contains("before the year 1") || told.contains("no date"), "{told}");
        }
        assert!(Zone::default().start_ms("0001-01-01").is_ok());
        assert!(zone("Asia/Tokyo").start_ms("0001-01-01").is_ok());
    }

    #[test]
    fn days_are_those_of_the_zone() {
        // Expected values: `TZ=ZONE date -d TEXT +%s` of GNU coreutils.
        for (name, text, begins, ends) in [
            ("Europe/Berlin", "2026-12-31", 1_798_671_600, 1_798_758_000),
            ("Europe/Berlin", "2026-06-30", 1_782_770_400, 1_782_856_800),
            // 23 and 25 hours: clocks go forward and back.
            ("Europe/Berlin", "2026-03-29", 1_774_738_800, 1_774_821_600),
            ("Europe/Berlin", "2026-10-25", 1_792_879_200, 1_792_969_200),
            ("America/New_York", "2026-11-01", 1_793_505_600, 1_793_595_600),
            ("Australia/Lord_Howe", "2026-04-05", 1_775_307_600, 1_775_395_800),
            ("Asia/Kathmandu", "2026-12-31", 1_798_654_500, 1_798_740_900),
            // The first hour of the next day is skipped: it begins at 01:00.
            ("Africa/Cairo", "2026-04-23", 1_776_895_200, 1_776_981_600),
            ("Pacific/Kiritimati", "2026-12-31", 1_798_624_800, 1_798_711_200),
        ] {
            let zone = zone(name);
            assert_eq!(zone.start_ms(text), Ok(begins * 1000), "{name} {text}");
            assert_eq!(zone.expiry_ms(text), Ok(ends * 1000), "{name} {text}");
        }
        let berlin = zone("Europe/Berlin");
        // SharePoint writes a site's date alone as its midnight.
        assert_eq!(berlin.expiry_ms("2026-12-30T23:00:00Z"), Ok(1_798_758_000_000));
        assert_eq!(berlin.expiry_ms("2026-12-31T00:00:00Z"), Ok(1_798_675_200_000));
        assert_eq!(berlin.start_ms("2026-12-31 12:00"), Ok(1_798_714_800_000));
    }

    #[test]
    fn days_are_counted_by_the_calendar() {
        let berlin = zone("Europe/Berlin");
        // Over the night of 29 March, which has 23 hours.
        let from = berlin.start_ms("2026-03-01").expect("a date");
        let (day, end) = berlin.days_after(from, 30).expect("it is near");
        assert_eq!(
            (day.to_string(), Ok(end)),
            ("2026-03-31".into(), berlin.expiry_ms("2026-03-31"))
        );
        assert_eq!(berlin.days_after(INSTANT_MAX_MS, 1), None);
        for name in ["", "Berlin", "Europe/Nowhere", "../etc/passwd", "CET+1"] {
            assert!(Zone::try_from(name.to_owned()).is_err(), "{name:?}");
        }
    }

    #[test]
    fn an_ambiguous_date_is_asked_back() {
        let read = |text: &str| Zone::default().expiry_ms(text);
        assert_eq!(
            read("03/04/2026"),
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
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
