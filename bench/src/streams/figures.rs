//! What was measured, in the form of the report.

use serde::Serialize;

use super::{
    bare::BareRun,
    contender::Kind,
    live::{Latency, Ready},
    process::Memory,
    race::Stretch,
    whole::Whole,
};

/// Everything.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) throughput: Vec<Throughput>,
    pub(crate) bare: Option<Bare>,
    pub(crate) whole: Option<Whole>,
    pub(crate) live: Vec<Live>,
    pub(crate) scale: Vec<Scale>,
}

/// A contender's throughput; medians of rounds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Throughput {
    pub(crate) contender: String,
    pub(crate) form: Form,
    /// Findings and changes of exceptions a second, of flips.
    pub(crate) records_per_second: f64,
    /// Records read a second: more where a side needs more of them.
    pub(crate) inputs_per_second: f64,
    pub(crate) cpu_seconds_per_million: f64,
    pub(crate) broker_cpu_seconds_per_million: f64,
    /// Of the first load.
    pub(crate) load_per_second: f64,
    pub(crate) load_cpu_seconds_per_million: f64,
    /// Counts written for each record.
    pub(crate) counts_per_record: f64,
    /// Rows of the counts that were wrong after any round, at most.
    pub(crate) differing: usize,
    /// Of how many.
    pub(crate) rows: usize,
    pub(crate) rss_bytes: u64,
    pub(crate) peak_bytes: u64,
}

/// Whose work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    /// Our account stage.
    Ours,
    /// Kafka Streams, plain.
    Dsl,
    /// Kafka Streams, tuned.
    Papi,
}

/// Bare rdkafka; medians of runs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bare {
    /// Records of ours that the run stands for, a second.
    pub(crate) records_per_second: f64,
    pub(crate) cpu_seconds_per_million: f64,
    /// Records read and written for each record.
    pub(crate) read_per_record: f64,
    pub(crate) written_per_record: f64,
    pub(crate) bytes_written_per_record: f64,
    pub(crate) rss_bytes: u64,
}

/// How a contender takes what comes, and comes back.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Live {
    pub(crate) contender: String,
    pub(crate) form: Form,
    pub(crate) latency: Vec<Latency>,
    /// Rows of the counts that were wrong after that.
    pub(crate) differing: usize,
    pub(crate) kept: Vec<Ready>,
    pub(crate) wiped: Vec<Ready>,
}

/// Throughput at a size.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Scale {
    /// What grows: `accounts`, `resources` or `partitions`.
    pub(crate) dimension: &'static str,
    /// 1, 10 or 100.
    pub(crate) factor: u32,
    pub(crate) keys: u64,
    pub(crate) partitions: i32,
    pub(crate) throughput: Throughput,
}

impl Form {
    pub(crate) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Ours => Self::Ours,
            Kind::Dsl(_) => Self::Dsl,
            Kind::Papi(_) => Self::Papi,
        }
    }
}

impl Throughput {
    pub(crate) fn of(
        kind: Kind,
        load: &Stretch,
        rounds: &[Stretch],
        rows: usize,
        memory: Memory,
    ) -> Self {
        let of = |figure: fn(&Stretch) -> f64| median(rounds.iter().map(figure).collect());
        let all = rounds.iter().chain([load]);
        Self {
            contender: kind.name(),
            form: Form::of(kind),
            records_per_second: of(Stretch::per_second),
            inputs_per_second: of(|one| one.inputs as f64 / one.seconds),
            cpu_seconds_per_million: of(Stretch::cpu_per_million),
            broker_cpu_seconds_per_million: of(Stretch::broker_cpu_per_million),
            load_per_second: load.per_second(),
            load_cpu_seconds_per_million: load.cpu_per_million(),
            counts_per_record: of(|one| one.counts as f64 / one.records as f64),
            differing: all.map(|one| one.differing).max().unwrap_or_default(),
            rows,
            rss_bytes: memory.now,
            peak_bytes: memory.peak,
        }
    }
}

impl Bare {
    pub(crate) fn of(
        runs: &[BareRun],
        records: u64,
        (read, written, bytes): (u64, u64, u64),
        rss_bytes: u64,
    ) -> Self {
        let records = records as f64;
        let of = |figure: &dyn Fn(&BareRun) -> f64| median(runs.iter().map(figure).collect());
        Self {
            records_per_second: of(&|run| records / run.seconds),
            cpu_seconds_per_million: of(&|run| run.cpu_seconds / records * 1e6),
            read_per_record: read as f64 / records,
            written_per_record: written as f64 / records,
            bytes_written_per_record: bytes as f64 / records,
            rss_bytes,
        }
    }
}

/// Gives the middle of some figures, NaN of none.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    match figures.len() {
        0 => f64::NAN,
        count if count.is_multiple_of(2) => (figures[count / 2 - 1] + figures[count / 2]) / 2.0,
        count => figures[count / 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
