//! A sink as its process tells of it: counts, lag, and whether it gets anything done.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use sink_frame::Progress;

use super::vitals::Ends;

/// A sink that is behind and has got nothing done for so long is not ready.
const SUCCESS_AGE_MAX: Duration = Duration::from_secs(60);

/// A sink of this process.
#[derive(Clone)]
pub(super) struct Sink {
    pub(super) name: &'static str,
    /// When its running or last run began.
    began: Instant,
    is_running: bool,
    /// What its earlier runs counted.
    before: Progress,
    progress: Progress,
}

/// A sink at one moment.
pub(super) struct SinkMoment {
    pub(super) name: &'static str,
    pub(super) is_running: bool,
    /// Counts of all runs; the rest is of the running one.
    pub(super) progress: Progress,
    /// By partition and topic.
    pub(super) lag: BTreeMap<(i32, &'static str), i64>,
    pub(super) ends_age: Option<Duration>,
    /// How long ago something was last done, or all was.
    pub(super) success_age: Duration,
}

/// A sink as `scorecard top` reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SinkView {
    pub(crate) name: String,
    /// Offsets that it is behind the ends of its inputs; none when that is not known.
    pub(crate) lag: Option<i64>,
    /// Records by what became of them.
    pub(crate) records: BTreeMap<String, u64>,
    /// Milliseconds since something was last done, or all was.
    pub(crate) success_age_ms: u64,
    /// Why nothing happens at the moment.
    pub(crate) waiting: Option<String>,
}

impl Sink {
    pub(super) fn new(name: &'static str) -> Self {
        let (before, progress) = (Progress::default(), Progress::default());
        Self { name, began: Instant::now(), is_running: false, before, progress }
    }

    pub(super) fn begins(&mut self) {
        self.began = Instant::now();
        self.is_running = true;
    }

    pub(super) fn tells(&mut self, progress: &Progress) {
        self.progress.clone_from(progress);
    }

    /// The run is over: its counts stay.
    pub(super) fn ends(&mut self) {
        self.is_running = false;
        self.before = sum(&self.before, &self.progress);
        self.progress = Progress::default();
    }

    pub(super) fn moment(self, ends: &Ends) -> SinkMoment {
        let mut lag = BTreeMap::new();
        for ((topic, partition), next) in &self.progress.positions {
            if let Some(end) = ends.offsets.get(&(*topic, *partition)) {
                lag.insert((*partition, *topic), (end - next).max(0));
            }
        }
        let last = self.progress.succeeded.unwrap_or(self.began).max(self.began);
        SinkMoment {
            name: self.name,
            is_running: self.is_running,
            progress: sum(&self.before, &self.progress),
            lag,
            ends_age: ends.age(),
            success_age: last.elapsed(),
        }
    }
}

impl SinkMoment {
    /// Says in words what is not ready; one that rests between runs misses nothing.
    pub(super) fn missing(&self) -> Vec<String> {
        let sink = self.name;
        if !self.is_running {
            return Vec::new();
        }
        if self.progress.positions.is_empty() {
            return vec![format!("{sink}: no partition is assigned to this process")];
        }
        let mut missing: Vec<String> =
            super::vitals::ends_missing(sink, self.ends_age).into_iter().collect();
        let lag = self.lag();
        if lag.is_some_and(|lag| lag > 0) && self.success_age > SUCCESS_AGE_MAX {
            let (behind, seconds) = (lag.unwrap_or_default(), self.success_age.as_secs());
            let why = self.progress.waiting.as_deref().unwrap_or("nobody knows why");
            missing.push(format!(
                "{sink}: nothing got done for {seconds} s, {behind} offsets behind: {why}"
            ));
        }
        missing
    }

    fn lag(&self) -> Option<i64> {
        (!self.lag.is_empty()).then(|| self.lag.values().sum())
    }

    pub(super) fn view(&self) -> SinkView {
        let counts = self.progress.counts.by_outcome();
        SinkView {
            name: self.name.to_owned(),
            lag: self.lag(),
            records: counts.into_iter().map(|(word, count)| (word.to_owned(), count)).collect(),
            success_age_ms: u64::try_from(self.success_age.as_millis()).unwrap_or(u64::MAX),
            waiting: self.progress.waiting.clone(),
        }
    }
}

/// Gives a run's progress with what runs before it counted.
fn sum(before: &Progress, now: &Progress) -> Progress {
    let mut sum = now.clone();
    sum.counts.add(&before.counts);
    let mut effects: BTreeMap<&'static str, u64> = before.effects.iter().copied().collect();
    for (word, count) in &now.effects {
        *effects.entry(word).or_default() += count;
    }
    sum.effects = effects.into_iter().collect();
    sum.commits += before.commits;
    sum.retries += before.retries;
    sum.fencings += before.fencings;
    sum.refused_besides += before.refused_besides;
    sum
}

#[cfg(test)]
mod tests {
    use sink_frame::Counts;

    use super::*;

    fn ends(offset: i64) -> Ends {
        let offsets = BTreeMap::from([(("resource.state", 0), offset)]);
        Ends { asked: Some(Instant::now()), offsets }
    }

    /// A sink that has taken ten records and was last successful so many seconds ago.
    fn sink(seconds_ago: u64) -> Sink {
        let long_ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        let mut sink = Sink::new("sink-s3");
        sink.begins();
        sink.began = long_ago(500);
        sink.tells(&Progress {
            counts: Counts { written: 7, superseded: 3, ..Counts::default() },
            effects: vec![("put", 7)],
            positions: BTreeMap::from([(("resource.state", 0), 10)]),
            succeeded: Some(long_ago(seconds_ago)),
            waiting: Some("no route".to_owned()),
            ..Progress::default()
        });
        sink
    }

    #[test]
    fn only_one_that_is_behind_and_gets_nothing_done_is_not_ready() {
        let missing = |sink: Sink, end| sink.moment(&ends(end)).missing();
        assert!(missing(sink(300), 10).is_empty(), "it has taken all");
        assert!(missing(sink(30), 12).is_empty(), "it got something done a moment ago");
        let text = "sink-s3: nothing got done for 300 s, 2 offsets behind: no route";
        assert_eq!(missing(sink(300), 12), [text]);
        let mut resting = sink(300);
        resting.ends();
        assert!(missing(resting, 12).is_empty(), "nobody runs it at the moment");
        let mut idle = Sink::new("sink-s3");
        idle.begins();
        assert_eq!(missing(idle, 12), ["sink-s3: no partition is assigned to this process"]);
        let unknown = sink(30).moment(&Ends::default()).missing();
        assert_eq!(unknown, ["sink-s3: how far its inputs go is not known yet"]);
    }

    #[test]
    fn counts_go_on_over_runs() {
        let mut sink = sink(1);
        sink.ends();
        sink.begins();
        let counts = Counts { written: 1, ..Counts::default() };
        sink.tells(&Progress { counts, effects: vec![("put", 1)], ..Progress::default() });
        let moment = sink.moment(&ends(12));
        assert_eq!((moment.progress.records(), moment.progress.effect("put")), (11, 8));
        assert!(moment.lag.is_empty());
    }
}
