//! The clock: one tick a minute to every partition, so that time is in the log.
//!
//! Exactly one clock runs in a site. A tick's key is its minute, so that one written twice says
//! nothing new; after a pause every missed minute is written, and time never goes back.

use std::time::Duration;

use schemas::{Tick, TickKey, topic};
use stream::{Log, LogError, Position, Publisher};

/// Milliseconds of a minute.
pub const MINUTE_MS: i64 = 60_000;

/// Missed minutes that are made up for, at most: a day. After a longer pause time jumps to there.
pub const MISSED_MAX: i64 = 24 * 60;

/// Pause between two looks at the time.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Gives the minutes to write: those after the last one written, up to the running one.
///
/// Shape: `last` is the last minute's first millisecond, none when there was none; then the running
/// minute alone is due. Empty while the running minute is written already, or the time went back.
pub fn minutes(last: Option<i64>, now_ms: i64) -> impl Iterator<Item = Tick> {
    let running = now_ms.div_euclid(MINUTE_MS);
    let first = match last {
        None => running,
        Some(last) => (last.div_euclid(MINUTE_MS) + 1).max(running - MISSED_MAX + 1),
    };
    (first..=running).map(|minute| Tick { minute_ms: minute * MINUTE_MS })
}

/// Writes what is due; gives the last minute that is written now.
///
/// # Errors
/// When the log does not take a tick.
pub fn tick(
    publisher: &mut Publisher,
    last: Option<i64>,
    now_ms: i64,
) -> Result<Option<i64>, LogError> {
    let mut last = last;
    for tick in minutes(last, now_ms) {
        let key = TickKey { minute_ms: tick.minute_ms };
        publisher.put(&topic::TICK, &key, &tick, tick.minute_ms)?;
        last = Some(tick.minute_ms);
    }
    Ok(last)
}

/// Writes ticks until it is stopped; `now_ms` gives UTC milliseconds.
///
/// # Errors
/// When the log does not take a tick.
pub fn run(
    publisher: &mut Publisher,
    last: Option<i64>,
    now_ms: &dyn Fn() -> i64,
    is_stopped: &dyn Fn() -> bool,
) -> Result<(), LogError> {
    let mut last = last;
    while !is_stopped() {
        let before = last;
        last = tick(publisher, last, now_ms())?;
        if last != before {
            publisher.flush()?;
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}

/// Finds the last minute in the log; none when there is no tick.
///
/// # Errors
/// When the log can't be reached.
pub fn last_minute(log: &dyn Log) -> Result<Option<i64>, LogError> {
    // Every partition has every tick, and a partition's end is all that is needed of it.
    let spec = topic::TICK.spec;
    let end = log.ends(&[spec])?.into_iter().find(|end| end.partition == 0);
    let Some(end) = end.filter(|end| end.offset > 0) else { return Ok(None) };
    let from = Position { offset: (end.offset - TAIL).max(0), ..end };
    let mut reader = log.reader(&[from])?;
    let mut last = None;
    for _ in 0..READS_MAX {
        // A tick's record carries the minute as its time.
        let records = reader.poll(Duration::from_millis(100))?;
        last = records.iter().map(|record| record.timestamp_ms).chain(last).max();
        let done = reader.positions()?.iter().all(|position| position.offset >= end.offset);
        if done {
            break;
        }
    }
    Ok(last)
}

/// Records looked at from the end of the topic.
const TAIL: i64 = 10;

/// Reads of the tail before it is taken as empty (records that retention has removed).
const READS_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(last: Option<i64>, now_ms: i64, expected: &[i64]) {
        let minutes: Vec<i64> = minutes(last, now_ms).map(|tick| tick.minute_ms).collect();
        assert_eq!(minutes, expected);
    }

    #[test]
    fn every_minute_is_written_once() {
        check(None, 125_000, &[120_000]);
        check(Some(120_000), 179_999, &[]);
        check(Some(120_000), 180_000, &[180_000]);
        check(Some(120_000), 300_001, &[180_000, 240_000, 300_000]);
    }

    #[test]
    fn time_never_goes_back() {
        check(Some(300_000), 120_000, &[]);
    }

    #[test]
    fn a_long_pause_is_made_up_for_by_a_day() {
        let now = 10 * 24 * 60 * MINUTE_MS;
        let minutes: Vec<_> = minutes(Some(0), now).collect();
        assert_eq!(minutes.len(), 1440);
        assert_eq!(minutes.last(), Some(&Tick { minute_ms: now }));
    }
}
