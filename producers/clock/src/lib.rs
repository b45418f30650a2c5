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

/// How far the time may lie behind the log before that is told: corrections of a clock are smaller.
const BEHIND_MAX_MS: i64 = 5 * MINUTE_MS;

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
/// A time before the last tick (a clock that was put back) is waited for; when it lies far before,
/// that is told once, since nothing expires until then.
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
    let mut told = false;
    while !is_stopped() {
        let (before, now_ms) = (last, now_ms());
        let behind_ms = last.map_or(0, |last| last - now_ms);
        if behind_ms > BEHIND_MAX_MS && !told {
            tracing::warn!(behind_ms, "the time lies before the log's last tick: waiting for it");
        }
        told = behind_ms > BEHIND_MAX_MS;
        last = tick(publisher, last, now_ms)?;
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
    use std::cell::Cell;

    use schemas::Codec;
    use stream::local::LocalLog;

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
        check(Some(300_000), 359_999, &[]);
    }

    #[test]
    fn hours_without_a_clock_are_made_up_for_up_to_a_day() {
        let hours = |count: i64| count * 60 * MINUTE_MS;
        let count = |last, now| minutes(Some(last), now).count();
        assert_eq!(count(0, hours(23)), 23 * 60, "every minute");
        let now = hours(240);
        let made_up: Vec<i64> = minutes(Some(0), now).map(|tick| tick.minute_ms).collect();
        assert_eq!(made_up.first(), Some(&(now - hours(24) + MINUTE_MS)));
        assert_eq!((made_up.len(), made_up.last()), (1440, Some(&now)));
        check(None, -1, &[-60_000]);
    }

    /// Runs the clock over a script of times and gives the ticks of each partition.
    fn run_over(times: &[i64], log: &LocalLog) -> Vec<Vec<i64>> {
        let codec = Codec::default();
        let mut publisher = Publisher::open(log, &codec, "s", "producer clock").expect("a writer");
        let at = Cell::new(0);
        let now_ms = || {
            at.set(at.get() + 1);
            times[at.get() - 1]
        };
        let last = last_minute(log).expect("a log");
        run(&mut publisher, last, &now_ms, &|| at.get() == times.len()).expect("ticks");
        let records = stream::snapshot::records(log, topic::TICK.spec).expect("records");
        let mut ticks = vec![Vec::new(); 3];
        for record in records {
            let tick: Tick = codec.decode(&record.value.expect("a value")).expect("a tick");
            assert_eq!(record.timestamp_ms, tick.minute_ms);
            ticks[record.partition as usize].push(tick.minute_ms / MINUTE_MS);
        }
        ticks
    }

    #[test]
    fn every_partition_gets_every_minute_and_a_new_process_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = LocalLog::open(folder.path(), 3, "s").expect("a log");
        log.apply().expect("topics");
        assert_eq!(last_minute(&log).expect("a log"), None);
        // A minute, the same minute again, the clock put back, and two minutes on.
        let minute = |n: i64, ms: i64| n * MINUTE_MS + ms;
        let script = [minute(10, 1), minute(10, 59_999), minute(9, 0), minute(12, 5)];
        assert_eq!(run_over(&script, &log), vec![vec![10, 11, 12]; 3]);
        assert_eq!(last_minute(&log).expect("a log"), Some(minute(12, 0)));
        // A new process makes up for what was missed, and writes nothing twice.
        let on = run_over(&[minute(12, 30), minute(14, 0)], &log);
        assert_eq!(on, vec![vec![10, 11, 12, 13, 14]; 3]);
    }
}
