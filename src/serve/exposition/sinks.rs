//! Metrics of sinks.

use super::{Family, Labels, Number, counter, gauge};
use crate::serve::sinks::SinkMoment;

/// Gives the families of all sinks of this process.
pub(super) fn families(sinks: &[SinkMoment]) -> Vec<Family> {
    let mut families = counters(sinks);
    families.extend(gauges(sinks));
    families
}

fn counters(sinks: &[SinkMoment]) -> Vec<Family> {
    let count = |of: fn(&SinkMoment) -> u64| {
        let row = |sink| (labels(sink), Number::Count(of(sink)));
        sinks.iter().map(row).collect::<Vec<_>>()
    };
    vec![
        counter(
            "scorecard_sink_records",
            "Committed records by what became of them; together they are the records taken.",
            by(sinks, "outcome", |sink| sink.progress.counts.by_outcome().to_vec()),
        ),
        counter(
            "scorecard_sink_effects",
            "What was done to the target, in its own words; what was done twice counts twice.",
            by(sinks, "effect", |sink| sink.progress.effects.clone()),
        ),
        counter("scorecard_sink_commits", "Committed batches.", count(|s| s.progress.commits)),
        counter(
            "scorecard_sink_retries",
            "Pauses after which something was tried again.",
            count(|sink| sink.progress.retries),
        ),
        counter(
            "scorecard_sink_fencings",
            "How often another member took the sink's place.",
            count(|sink| sink.progress.fencings),
        ),
        counter(
            "scorecard_sink_refused_besides",
            "Items that no record asked for and the target refused.",
            count(|sink| sink.progress.refused_besides),
        ),
    ]
}

fn gauges(sinks: &[SinkMoment]) -> Vec<Family> {
    let running = || sinks.iter().filter(|sink| sink.is_running);
    let lags = running().flat_map(|sink| {
        sink.lag.iter().map(|((partition, topic), lag)| {
            let mut labels = labels(sink);
            labels.push(("partition", partition.to_string()));
            labels.push(("topic", (*topic).to_owned()));
            (labels, Number::Value(*lag as f64))
        })
    });
    let value = |of: fn(&SinkMoment) -> Option<f64>| {
        let row = |sink: &SinkMoment| Some((labels(sink), Number::Value(of(sink)?)));
        running().filter_map(row).collect::<Vec<_>>()
    };
    vec![
        gauge(
            "scorecard_sink_lag_records",
            "Offsets from what the target holds of an input to that input's end.",
            lags.collect(),
        ),
        gauge(
            "scorecard_sink_ends_age_seconds",
            "How old the ends are that lags are counted to.",
            value(|sink| Some(sink.ends_age?.as_secs_f64())),
        ),
        gauge(
            "scorecard_sink_success_age_seconds",
            "How long ago a batch was last committed, or all was taken.",
            value(|sink| Some(sink.success_age.as_secs_f64())),
        ),
        gauge(
            "scorecard_sink_waiting",
            "Whether it waits before it tries something again.",
            value(|sink| Some(if sink.progress.waiting.is_some() { 1.0 } else { 0.0 })),
        ),
    ]
}

fn by(
    sinks: &[SinkMoment],
    label: &'static str,
    counts: fn(&SinkMoment) -> Vec<(&'static str, u64)>,
) -> Vec<(Labels, Number)> {
    let rows = sinks.iter().flat_map(|sink| {
        counts(sink).into_iter().map(move |(word, count)| {
            let mut labels = labels(sink);
            labels.push((label, word.to_owned()));
            (labels, Number::Count(count))
        })
    });
    rows.collect()
}

fn labels(sink: &SinkMoment) -> Labels {
    vec![("sink", sink.name.to_owned())]
}
