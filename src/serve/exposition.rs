//! Metrics as Prometheus reads them: each name, what it means, and its rows.

mod sinks;

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text},
    metrics::MetricType,
    registry::Registry,
};
use stream::{
    AbortReason, watchdog,
    worker::{DURATION_BOUNDS, Durations, Phase, TaskMetrics, TaskProgress, WorkerMetrics},
};

use super::vitals::{Moment, Vitals, phase, resident_bytes};
use crate::site::now_ms;

/// Names and values of a row's labels.
type Labels = Vec<(&'static str, String)>;

/// All rows of one name.
#[derive(Debug)]
struct Family {
    /// For counters without `_total`, which the format adds.
    name: &'static str,
    help: &'static str,
    kind: Kind,
    rows: Vec<(Labels, Number)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

#[derive(Debug)]
enum Number {
    Count(u64),
    Value(f64),
    Durations(Durations),
}

/// Families at one moment.
#[derive(Debug)]
struct Families(Vec<Family>);

/// Gives the page.
pub(super) fn text(vitals: &Vitals) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Families(families(vitals))));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).expect("a text takes everything");
    text
}

fn families(vitals: &Vitals) -> Vec<Family> {
    let moments = vitals.moments();
    let mut families = of_process(vitals);
    families.extend(of_tasks(&moments));
    families.extend(of_workers(&moments));
    families.extend(sinks::families(&vitals.sinks()));
    families
}

fn of_process(vitals: &Vitals) -> Vec<Family> {
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    let build = vec![("command", vitals.command.to_owned())].into_iter().chain(version).collect();
    let call = watchdog::global().longest();
    let (call, age) = call.map_or(("", 0.0), |(call, age)| (call, age.as_secs_f64()));
    let last_tick = vitals.clock().flatten();
    let scan = vitals.scan();
    let plain = |value: Option<f64>| -> Vec<(Labels, Number)> {
        value.map(|value| (Labels::new(), Number::Value(value))).into_iter().collect()
    };
    vec![
        gauge("scorecard_build_info", "What runs: always 1.", vec![(build, Number::Value(1.0))]),
        gauge(
            "process_resident_memory_bytes",
            "Memory of the process that is in use.",
            plain(resident_bytes().map(|bytes| bytes as f64)),
        ),
        gauge(
            "process_start_time_seconds",
            "When the process was started, in seconds since 1970.",
            plain(Some(vitals.started_ms as f64 / 1_000.0)),
        ),
        gauge(
            "scorecard_ready",
            "Whether /readyz says yes.",
            plain(Some(if vitals.missing().is_empty() { 1.0 } else { 0.0 })),
        ),
        gauge(
            "scorecard_watchdog_call_seconds",
            "How long the longest watched call into the log runs; 0 when none runs.",
            vec![(vec![("call", call.to_owned())], Number::Value(age))],
        ),
        gauge(
            "scorecard_watchdog_limit_seconds",
            "How long a call may run before the process ends itself with exit code 70.",
            plain(Some(watchdog::global().limit().as_secs_f64())),
        ),
        gauge(
            "scorecard_clock_delay_seconds",
            "Now minus the last tick that this process wrote.",
            plain(last_tick.map(|last| (now_ms() - last) as f64 / 1_000.0)),
        ),
        gauge(
            "scorecard_scan_accounts",
            "Accounts of the running or last scan.",
            plain(scan.map(|(_, total)| total as f64)),
        ),
        gauge(
            "scorecard_scan_accounts_done",
            "Accounts of that scan whose scopes have all ended.",
            plain(scan.map(|(done, _)| done as f64)),
        ),
    ]
}

fn of_tasks(moments: &[Moment]) -> Vec<Family> {
    let mut families = task_counters(moments);
    families.extend(task_gauges(moments));
    families
}

fn task_counters(moments: &[Moment]) -> Vec<Family> {
    let count = |of: fn(&TaskMetrics) -> u64| counted(moments, |one| Number::Count(of(one)));
    vec![
        counter(
            "scorecard_task_records",
            "Records whose steps are committed.",
            count(|task| task.records),
        ),
        counter(
            "scorecard_task_dead_letters",
            "Records among them that went to the dead letters.",
            count(|task| task.dead),
        ),
        counter(
            "scorecard_task_transactions",
            "Committed transactions that held anything of the task.",
            count(|task| task.transactions),
        ),
        counter(
            "scorecard_task_restores",
            "Restores that were finished.",
            count(|task| task.restores),
        ),
        counter(
            "scorecard_task_restored_rows",
            "Rows that restores read.",
            count(|task| task.restored_rows),
        ),
        counter(
            "scorecard_task_restore_seconds",
            "How long restores took together.",
            counted(moments, |one| Number::Value(one.restore_time.as_secs_f64())),
        ),
    ]
}

fn task_gauges(moments: &[Moment]) -> Vec<Family> {
    let phases = open(moments, |task, _| Some(phase(&task.phase)));
    let phases = phases.into_iter().map(|(mut labels, word)| {
        labels.push(("phase", word.to_owned()));
        (labels, Number::Value(1.0))
    });
    let value = |of: fn(&TaskProgress, &TaskMetrics) -> Option<f64>| {
        open(moments, of).into_iter().map(|(l, value)| (l, Number::Value(value))).collect()
    };
    let lags = moments.iter().flat_map(|moment| {
        moment.lag.iter().map(|((partition, topic), lag)| {
            let mut labels = of_task(moment.name, *partition);
            labels.push(("topic", (*topic).to_owned()));
            (labels, Number::Value(*lag as f64))
        })
    });
    let ages = moments.iter().filter_map(|moment| {
        let labels = vec![("stage", moment.name.to_owned())];
        Some((labels, Number::Value(moment.ends_age?.as_secs_f64())))
    });
    vec![
        gauge("scorecard_task_phase", "What the task does: always 1.", phases.collect()),
        gauge(
            "scorecard_task_lag_records",
            "Offsets from what the task has taken of an input to that input's end.",
            lags.collect(),
        ),
        gauge(
            "scorecard_stage_ends_age_seconds",
            "How old the ends are that lags are counted to.",
            ages.collect(),
        ),
        gauge(
            "scorecard_task_buffered_records",
            "Records that are read and not taken yet.",
            value(|task, _| Some(task.buffered as f64)),
        ),
        gauge(
            "scorecard_task_dirty_bytes",
            "Bytes that the running transaction appends, about.",
            value(|_, counted| Some(counted.dirty_bytes as f64)),
        ),
        gauge(
            "scorecard_task_restore_left_records",
            "Offsets that the running restore has still to read; 0 when none runs.",
            value(|task, _| match task.phase {
                Phase::Restoring(far) => Some((far.total - far.done) as f64),
                _ => Some(0.0),
            }),
        ),
        gauge(
            "scorecard_task_tick_delay_seconds",
            "Now minus the time of the newest tick that the task has taken.",
            value(|_, counted| Some((now_ms() - counted.tick_ms?) as f64 / 1_000.0)),
        ),
    ]
}

fn of_workers(moments: &[Moment]) -> Vec<Family> {
    let aborts = moments.iter().flat_map(|moment| {
        moment.metrics.workers.iter().flat_map(|(slot, worker)| {
            // A reason that has not come up yet is there as 0, so that its first time is a change.
            [AbortReason::Asked, AbortReason::Uncertain].into_iter().map(|reason| {
                let mut labels = of_worker(moment.name, slot);
                labels.push(("reason", reason.word().to_owned()));
                (labels, Number::Count(worker.aborts.get(&reason).copied().unwrap_or(0)))
            })
        })
    });
    vec![
        Family {
            name: "scorecard_worker_transaction_seconds",
            help: "Durations of committed transactions, from their first record on.",
            kind: Kind::Histogram,
            rows: by_worker(moments, |worker| Number::Durations(worker.commits.clone())),
        },
        counter("scorecard_worker_aborts", "Aborted transactions by reason.", aborts.collect()),
        counter(
            "scorecard_worker_fencings",
            "How often another member took the worker's place.",
            by_worker(moments, |worker| Number::Count(worker.fencings)),
        ),
        counter(
            "scorecard_worker_producers",
            "Producers that the worker started: each bumps the epoch of its transactional id.",
            by_worker(moments, |worker| Number::Count(worker.producers())),
        ),
    ]
}

/// Gives a row for every task that ever was open here.
fn counted(moments: &[Moment], of: impl Fn(&TaskMetrics) -> Number) -> Vec<(Labels, Number)> {
    let mut rows = Vec::new();
    for moment in moments {
        for (partition, task) in &moment.metrics.tasks {
            rows.push((of_task(moment.name, *partition), of(task)));
        }
    }
    rows
}

/// Gives a row for every task that is open.
fn open<T>(
    moments: &[Moment],
    of: impl Fn(&TaskProgress, &TaskMetrics) -> Option<T>,
) -> Vec<(Labels, T)> {
    let nothing = TaskMetrics::default();
    let mut rows = Vec::new();
    for moment in moments {
        for (partition, task) in &moment.tasks {
            let counted = moment.metrics.tasks.get(partition).unwrap_or(&nothing);
            if let Some(value) = of(task, counted) {
                rows.push((of_task(moment.name, *partition), value));
            }
        }
    }
    rows
}

fn by_worker(moments: &[Moment], of: impl Fn(&WorkerMetrics) -> Number) -> Vec<(Labels, Number)> {
    let mut rows = Vec::new();
    for moment in moments {
        for (slot, worker) in &moment.metrics.workers {
            rows.push((of_worker(moment.name, slot), of(worker)));
        }
    }
    rows
}

fn of_task(stage: &str, partition: i32) -> Labels {
    vec![("stage", stage.to_owned()), ("partition", partition.to_string())]
}

fn of_worker(stage: &str, slot: &str) -> Labels {
    vec![("stage", stage.to_owned()), ("slot", slot.to_owned())]
}

fn counter(name: &'static str, help: &'static str, rows: Vec<(Labels, Number)>) -> Family {
    Family { name, help, kind: Kind::Counter, rows }
}

fn gauge(name: &'static str, help: &'static str, rows: Vec<(Labels, Number)>) -> Family {
    Family { name, help, kind: Kind::Gauge, rows }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in self.0.iter().filter(|family| !family.rows.is_empty()) {
            let kind = match family.kind {
                Kind::Counter => MetricType::Counter,
                Kind::Gauge => MetricType::Gauge,
                Kind::Histogram => MetricType::Histogram,
            };
            let mut metric = encoder.encode_descriptor(family.name, family.help, None, kind)?;
            for (labels, number) in &family.rows {
                number.encode(family.kind, metric.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

impl Number {
    fn encode(&self, kind: Kind, mut row: MetricEncoder<'_>) -> fmt::Result {
        match (self, kind) {
            (Number::Count(count), Kind::Counter) => {
                row.encode_counter::<NoLabelSet, u64, u64>(count, None)
            }
            (Number::Value(value), Kind::Counter) => {
                row.encode_counter::<NoLabelSet, f64, f64>(value, None)
            }
            (Number::Count(count), _) => row.encode_gauge(&(*count as f64)),
            (Number::Value(value), _) => row.encode_gauge(value),
            (Number::Durations(all), _) => {
                let within: u64 = all.counts.iter().sum();
                let bounds = DURATION_BOUNDS.iter().copied().zip(all.counts);
                let over = (f64::INFINITY, all.count - within);
                let buckets: Vec<_> = bounds.chain([over]).collect();
                row.encode_histogram::<NoLabelSet>(all.sum.as_secs_f64(), all.count, &buckets, None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, time::Duration};

    use super::*;

    #[test]
    fn every_name_is_in_the_manual_and_the_manual_has_no_other() {
        let page = include_str!("../../docs/src/operations.md");
        let written = page.split('`').filter(|word| {
            let mut letters = word.chars();
            let starts = ["scorecard_", "process_"].iter().any(|start| word.starts_with(start));
            starts && letters.all(|c| c.is_ascii_lowercase() || c == '_')
        });
        let written: BTreeSet<String> = written.map(str::to_owned).collect();
        let exposed = families(&Vitals::new("process")).into_iter().map(|family| {
            let end = if family.kind == Kind::Counter { "_total" } else { "" };
            format!("{}{end}", family.name)
        });
        assert_eq!(written, exposed.collect());
    }

    #[test]
    fn rows_are_what_prometheus_reads() {
        let mut durations = Durations::default();
        for ms in [3, 60, 60, 40_000] {
            durations.add(Duration::from_millis(ms));
        }
        let labels = || vec![("stage", "account".to_owned()), ("slot", "a\"b\\c".to_owned())];
        let families = vec![
            counter("x_records", "Records.", vec![(labels(), Number::Count(7))]),
            counter("x_seconds", "Time.", vec![(labels(), Number::Value(1.5))]),
            gauge("x_lag", "Lag.", vec![(Labels::new(), Number::Value(3.0))]),
            gauge("x_nothing", "No rows.", Vec::new()),
            Family {
                name: "x_took_seconds",
                help: "Durations.",
                kind: Kind::Histogram,
                rows: vec![(vec![("stage", "s".to_owned())], Number::Durations(durations))],
            },
        ];
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Families(families)));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for expected in [
            "# TYPE x_records_total counter",
            r#"x_records_total{stage="account",slot="a\"b\\c"} 7"#,
            r#"x_seconds_total{stage="account",slot="a\"b\\c"} 1.5"#,
            "x_lag 3.0",
            r#"x_took_seconds_bucket{stage="s",le="0.005"} 1"#,
            r#"x_took_seconds_bucket{stage="s",le="0.05"} 1"#,
            r#"x_took_seconds_bucket{stage="s",le="0.1"} 3"#,
            r#"x_took_seconds_bucket{stage="s",le="30"} 3"#,
            r#"x_took_seconds_bucket{stage="s",le="+Inf"} 4"#,
            r#"x_took_seconds_count{stage="s"} 4"#,
        ] {
            assert!(lines.contains(&expected), "no line {expected}:\n{text}");
        }
        assert!(!text.contains("x_nothing"), "{text}");
    }
}
