//! Changes as they come: how long until their count is seen, and how soon after `kill -9` again.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::{feed::Feed, race::Race};
use crate::site::now_ms;

/// Before the clock starts.
const WARM_UP: Duration = Duration::from_secs(5);

/// How long the last changes may take to be seen.
const LATE_MAX: Duration = Duration::from_secs(15);

/// A contender is ready within this time, or fails.
const READY_MAX: Duration = Duration::from_secs(300);

/// Flips that tell whether a contender is back: enough to reach every partition.
const MARKERS: usize = 64;

/// Times from a flip's append to its count seen, in milliseconds.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct Latency {
    /// Flips a second.
    pub(crate) rate: u64,
    pub(crate) flips: usize,
    /// Flips of which no count told in time.
    pub(crate) unseen: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) max_ms: f64,
    /// CPU of the contender as a share of its core.
    pub(crate) cpu_share: f64,
}

/// Seconds from a start after `kill -9` until counts with new records in them were seen.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct Ready {
    /// The first new record.
    pub(crate) first_seconds: f64,
    /// A new record of every partition.
    pub(crate) seconds: f64,
    /// Rows of the counts that were wrong when all was taken.
    pub(crate) differing: usize,
}

/// Flips that are on their way, by count, the oldest first.
type Pending = HashMap<usize, VecDeque<(i64, Instant)>>;

/// Measures latency at a rate.
pub(crate) fn latency(race: &mut Race, rate: u64, seconds: u64) -> Result<Latency> {
    let feed = Feed::live(&race.contender.setting.bootstrap)?;
    let mut pending = Pending::new();
    let mut times = Vec::new();
    race.watch.record();
    let from = Instant::now();
    let measured = from + WARM_UP;
    let mut cpu = (0.0, measured);
    let total = rate * (seconds + WARM_UP.as_secs());
    for number in 0..total {
        let due = from + Duration::from_micros(number * 1_000_000 / rate);
        while Instant::now() < due {
            std::thread::sleep(due.saturating_duration_since(Instant::now()).min(MILLI));
            feed.poll();
        }
        if number == rate * WARM_UP.as_secs() {
            cpu = (race.cpu_seconds()?, Instant::now());
        }
        let (pair, at_ms) = flip(race, &feed)?;
        pending.entry(pair).or_default().push_back((at_ms, Instant::now()));
        if number.is_multiple_of(rate / 10) {
            settle(race, &mut pending, &mut |at, seen| times.push((at, seen)));
        }
    }
    let share = (race.cpu_seconds()? - cpu.0) / cpu.1.elapsed().as_secs_f64();
    feed.drain()?;
    let end = Instant::now();
    while !pending.is_empty() && end.elapsed() < LATE_MAX {
        std::thread::sleep(MILLI * 20);
        settle(race, &mut pending, &mut |at, seen| times.push((at, seen)));
    }
    let unseen = pending.values().map(VecDeque::len).sum();
    let of_measured = times.iter().filter(|(at, _)| *at >= measured);
    let mut ms: Vec<f64> = of_measured
        .map(|(at, seen)| seen.saturating_duration_since(*at).as_secs_f64() * 1e3)
        .collect();
    ms.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| ms.get((ms.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN);
    Ok(Latency {
        rate,
        flips: ms.len(),
        unseen,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        p999_ms: at(0.999),
        max_ms: ms.last().copied().unwrap_or(f64::NAN),
        cpu_share: share,
    })
}

const MILLI: Duration = Duration::from_millis(1);

/// Appends one flip; gives its count's number and its time.
fn flip(race: &mut Race, feed: &Feed) -> Result<(usize, i64)> {
    let at_ms = now_ms();
    let work = &mut race.work;
    let subject = race.workload.flip_in_turn(at_ms, &mut |event| work.append(event, feed))?;
    feed.poll();
    Ok((race.workload.shape.pair(subject.account, subject.check), at_ms))
}

/// Takes what was seen: a count with a time holds all flips up to that time.
fn settle(race: &Race, pending: &mut Pending, take: &mut dyn FnMut(Instant, Instant)) {
    for seen in race.watch.record() {
        let Some(flips) = pending.get_mut(&seen.pair) else { continue };
        while let Some((_, at)) = flips.pop_front_if(|(at_ms, _)| *at_ms <= seen.at_ms) {
            take(at, seen.at);
        }
        if flips.is_empty() {
            pending.remove(&seen.pair);
        }
    }
}

/// Kills a contender while it works, starts it again, and measures how soon it is back.
pub(crate) fn ready(race: &mut Race, wipe: bool) -> Result<Ready> {
    let feed = Feed::live(&race.contender.setting.bootstrap)?;
    let from = Instant::now();
    while from.elapsed() < Duration::from_secs(3) {
        flip(race, &feed)?;
        std::thread::sleep(MILLI * 2);
    }
    race.contender.kill()?;
    if wipe {
        race.contender.wipe()?;
    }
    // What was committed before the kill is seen before the new flips are.
    std::thread::sleep(MILLI * 300);
    race.watch.record();
    let mut markers: Pending = HashMap::new();
    for _ in 0..MARKERS {
        let (pair, at_ms) = flip(race, &feed)?;
        markers.insert(pair, VecDeque::from([(at_ms, Instant::now())]));
        std::thread::sleep(MILLI);
    }
    feed.drain()?;
    let (started, mut first, mut last) = (Instant::now(), None, Instant::now());
    race.contender.start()?;
    while !markers.is_empty() {
        settle(race, &mut markers, &mut |_, seen| {
            first.get_or_insert(seen);
            last = seen;
        });
        race.contender.pid()?;
        if started.elapsed() > READY_MAX {
            bail!("{} is not ready in {READY_MAX:?}", race.contender.kind.name());
        }
        std::thread::sleep(MILLI);
    }
    let seconds = |at: Instant| at.saturating_duration_since(started).as_secs_f64();
    let (first_seconds, seconds) = (seconds(first.unwrap_or(last)), seconds(last));
    Ok(Ready { first_seconds, seconds, differing: race.differing()? })
}
