//! When reports are due: a cron expression in a time zone. Pure.

use cronexpr::{Crontab, MakeTimestamp};
use jiff::{Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::HOUR_MS;

/// How far back a slot is looked for, in steps: most schedules have one within a week.
const WINDOWS_HOURS: [i64; 4] = [26, 24 * 8, 24 * 32, 24 * 400];

/// A clock may be put back by that much: slots of a local time that lies ahead may be over.
const AHEAD_HOURS: i64 = 3;

/// When reports of one kind are due.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "Given")]
#[schemars(with = "Given")]
pub struct Schedule {
    cron: Crontab,
    zone: TimeZone,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Schedule")]
#[serde(deny_unknown_fields)]
struct Given {
    /// A cron expression of five fields.
    cron: String,
    /// The time zone in which it is meant.
    #[serde(default = "utc")]
    time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

impl TryFrom<Given> for Schedule {
    type Error = String;

    fn try_from(given: Given) -> Result<Self, String> {
        Self::new(&given.cron, &given.time_zone)
    }
}

impl Schedule {
    /// Makes a schedule of a cron expression of five fields, and a time zone of IANA's in which
    /// they are meant.
    ///
    /// # Errors
    /// Which of the two can't be used, and why.
    pub fn new(cron: &str, zone: &str) -> Result<Self, String> {
        let unknown = |_| format!("{zone:?} is no time zone of IANA's, such as Europe/Berlin");
        let zone = TimeZone::get(zone).map_err(unknown)?;
        if cron.split_whitespace().count() != 5 {
            return Err(format!("{cron:?} must be a cron expression of five fields"));
        }
        // The crate counts local times as if they were UTC: zones are ours, with their own data.
        let parsed = cronexpr::parse_crontab(&format!("{cron} UTC"));
        let cron = parsed.map_err(|error| format!("{cron:?} is no cron expression: {error}"))?;
        Ok(Self { cron, zone })
    }

    /// Gives the newest slot at or before a moment, in UTC milliseconds; none within a year.
    ///
    /// A local time that a change of clocks leaves out is due when the clocks have changed; one
    /// that comes twice is due the first time.
    pub fn newest(&self, at_ms: i64) -> Option<i64> {
        let local = self.zone.to_datetime(Timestamp::from_millisecond(at_ms).ok()?);
        // Local times are counted as if they were UTC.
        let local_s = TimeZone::UTC.to_timestamp(local).ok()?.as_second();
        let within = |hours: &i64| {
            let (from, to) = (local_s - hours * 3_600, local_s + AHEAD_HOURS * 3_600);
            self.slots(from, to).filter(|slot| *slot <= at_ms).max()
        };
        WINDOWS_HOURS.iter().find_map(within)
    }

    /// Gives the slot before one.
    pub fn before(&self, slot_ms: i64) -> Option<i64> {
        self.newest(slot_ms - 1)
    }

    /// Gives the slots whose local times, in seconds as if they were UTC, lie after one and up to
    /// another.
    fn slots(&self, from: i64, to: i64) -> impl Iterator<Item = i64> {
        let mut at = from;
        std::iter::from_fn(move || {
            let next = self.cron.find_next(MakeTimestamp::from_second(at).ok()?).ok()?;
            at = next.timestamp().as_second();
            (at <= to).then_some(at)
        })
        .filter_map(|at| {
            let local = TimeZone::UTC.to_datetime(Timestamp::from_second(at).ok()?);
            Some(self.zone.to_timestamp(local).ok()?.as_millisecond())
        })
    }
}

/// Gives a slot as keys and ids name it: `2026-11-30T07:00Z`.
pub fn period(slot_ms: i64) -> String {
    let moment = Timestamp::from_millisecond(slot_ms).unwrap_or_default();
    moment.strftime("%Y-%m-%dT%H:%MZ").to_string()
}

/// Reads the slot from its name.
pub(crate) fn slot_of(period: &str) -> Option<i64> {
    period.parse::<Timestamp>().ok().map(|moment| moment.as_millisecond())
}

/// Tells whether a slot is too old to begin with, when nobody was there to see it.
pub(crate) fn is_missed(slot_ms: i64, at_ms: i64, late_hours: u32) -> bool {
    at_ms - slot_ms > i64::from(late_hours) * HOUR_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[track_caller]
    fn check(cron: &str, zone: &str, at: &str, slot: &str) {
        let schedule = Schedule::new(cron, zone).unwrap();
        let found = schedule.newest(ms(at)).map(period);
        assert_eq!(found.as_deref(), Some(slot), "{cron} {zone} at {at}");
        assert_eq!(slot_of(slot), schedule.newest(ms(at)), "its name is read back");
    }

    #[test]
    fn the_newest_slot_is_at_or_before_now_in_the_zone() {
        // 2026-11-30 is a Monday; Berlin is one hour ahead of UTC in winter, two in summer.
        check("0 8 * * MON", "Europe/Berlin", "2026-11-30T07:00:00Z", "2026-11-30T07:00Z");
        check("0 8 * * MON", "Europe/Berlin", "2026-11-30T06:59:59Z", "2026-11-23T07:00Z");
        check("0 8 * * MON", "Europe/Berlin", "2026-07-08T00:00:00Z", "2026-07-06T06:00Z");
        check("0 8 * * MON", "UTC", "2026-11-30T23:00:00Z", "2026-11-30T08:00Z");
        check("30 7 1 * *", "Asia/Kolkata", "2026-11-30T00:00:00Z", "2026-11-01T02:00Z");
        check("0 0 1 1 *", "UTC", "2026-12-31T00:00:00Z", "2026-01-01T00:00Z");
        check("*/15 * * * *", "UTC", "2026-11-30T23:14:00Z", "2026-11-30T23:00Z");
    }

    #[test]
    fn a_time_that_is_left_out_is_due_when_the_clocks_have_changed() {
        // Berlin, 2026-03-29: 02:00 becomes 03:00 (01:00 UTC).
        check("30 2 * * *", "Europe/Berlin", "2026-03-29T01:29:00Z", "2026-03-28T01:30Z");
        check("30 2 * * *", "Europe/Berlin", "2026-03-29T01:30:00Z", "2026-03-29T01:30Z");
        check("30 2 * * *", "Europe/Berlin", "2026-03-30T12:00:00Z", "2026-03-30T00:30Z");
    }

    #[test]
    fn a_time_that_comes_twice_is_due_once() {
        // Berlin, 2026-10-25: 03:00 becomes 02:00 (01:00 UTC); 02:30 is 00:30 and 01:30 UTC.
        check("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T00:30Z");
        check("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-25T00:30Z");
        check("30 2 * * *", "Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-25T00:30Z");
    }

    #[test]
    fn slots_never_go_back() {
        let schedule = Schedule::new("*/20 * * * *", "Europe/Berlin").unwrap();
        for start in ["2026-10-24T20:00:00Z", "2026-03-28T20:00:00Z"] {
            let slots: Vec<i64> = (0..12 * 60)
                .map(|minute| schedule.newest(ms(start) + minute * 60_000).unwrap())
                .collect();
            assert!(slots.is_sorted());
            assert!(slots.iter().all(|slot| slot % 60_000 == 0));
        }
    }

    #[test]
    fn the_slot_before_is_the_one_before() {
        let schedule = Schedule::new("0 8 * * MON", "Europe/Berlin").unwrap();
        let slot = schedule.newest(ms("2026-10-26T12:00:00Z")).unwrap();
        assert_eq!(period(slot), "2026-10-26T07:00Z");
        assert_eq!(schedule.before(slot).map(period).unwrap(), "2026-10-19T06:00Z", "in summer");
    }

    #[test]
    fn what_is_no_schedule_is_told() {
        let error = |cron, zone| Schedule::new(cron, zone).unwrap_err();
        assert!(error("0 8 * * MON", "Mars/Olympus").contains("no time zone"));
        assert!(error("0 8 * *", "UTC").contains("five fields"));
        assert!(error("0 8 * * MON UTC", "UTC").contains("five fields"));
        assert!(error("0 25 * * *", "UTC").contains("\"0 25 * * *\" is no cron expression"));
        let never = Schedule::new("0 0 30 2 *", "UTC").unwrap();
        assert_eq!(never.newest(ms("2026-11-30T00:00:00Z")), None);
    }
}
