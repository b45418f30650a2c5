//! The report: ratios, and tables that people read.

use serde_json::{Value, json};

use crate::report::{head, line, round};

use super::figures::{Figures, Form, Live, Throughput, median};

/// Gives the fastest of a form that counted right.
pub(crate) fn best(figures: &Figures, form: Form) -> Option<&Throughput> {
    let right = figures.throughput.iter().filter(|one| one.form == form && one.differing == 0);
    right.max_by(|a, b| a.records_per_second.total_cmp(&b.records_per_second))
}

/// Gives ours against the peers; what was not measured is null.
pub(crate) fn ratios(figures: &Figures) -> Value {
    let rate = |form| best(figures, form).map(|one| one.records_per_second);
    let memory = |form| best(figures, form).map(|one| one.rss_bytes as f64);
    let (ours, bare) = (rate(Form::Ours), figures.bare.as_ref());
    let over = |one: Option<f64>, other: Option<f64>| Some(one? / other?);
    let least = |of: &dyn Fn(Form) -> Option<f64>| {
        [Form::Dsl, Form::Papi].into_iter().filter_map(of).min_by(f64::total_cmp)
    };
    let live = |form| figures.live.iter().find(|live| live.form == form);
    let kept = |form| ready(live(form)?, |live| &live.kept);
    let wiped = |form| ready(live(form)?, |live| &live.wiped);
    let p99 = |form| live(form)?.latency.iter().find(|one| one.rate == 1_000).map(|one| one.p99_ms);
    let flat = |dimension| flatness(figures, Form::Ours, dimension);
    let flat_keys = [flat("accounts"), flat("resources")];
    json!({
        "throughput_vs_kafka_streams_dsl": round(over(ours, rate(Form::Dsl))),
        "throughput_vs_kafka_streams_papi": round(over(ours, rate(Form::Papi))),
        "memory_vs_kafka_streams": round(over(memory(Form::Ours), least(&memory))),
        "ready_kept_vs_kafka_streams": round(over(kept(Form::Ours), least(&kept))),
        "ready_wiped_vs_kafka_streams": round(over(wiped(Form::Ours), least(&wiped))),
        "latency_p99_vs_kafka_streams": round(over(p99(Form::Ours), least(&p99))),
        "throughput_vs_bare": round(over(ours, bare.map(|one| one.records_per_second))),
        "flatness_1x_100x": round(flat_keys.into_iter().flatten().min_by(f64::total_cmp)),
        "records_per_second": of_forms(&rate),
        "cpu_seconds_per_million": of_forms(&|form| {
            best(figures, form).map(|one| one.cpu_seconds_per_million)
        }),
        "rss_mib": of_forms(&|form| memory(form).map(|bytes| bytes / f64::from(1 << 20))),
        "ready_kept_seconds": of_forms(&kept),
        "ready_wiped_seconds": of_forms(&wiped),
        "latency_p99_ms": of_forms(&p99),
        "bare_records_per_second": bare.map(|one| one.records_per_second.round()),
        "whole_stage_records_per_second":
            figures.whole.map(|one| one.records_per_second.round()),
        "flatness": {
            "accounts": round(flat("accounts")),
            "resources": round(flat("resources")),
            "partitions": round(flat("partitions")),
        },
    })
}

fn of_forms(figure: &dyn Fn(Form) -> Option<f64>) -> Value {
    json!({
        "ours": round(figure(Form::Ours)),
        "dsl": round(figure(Form::Dsl)),
        "papi": round(figure(Form::Papi)),
    })
}

/// Gives the median time until every partition was back; none unless all counts were right.
fn ready(live: &Live, of: fn(&Live) -> &Vec<super::live::Ready>) -> Option<f64> {
    let all = of(live);
    let right = !all.is_empty() && all.iter().all(|one| one.differing == 0);
    right.then(|| median(all.iter().map(|one| one.seconds).collect()))
}

/// Gives the throughput at 100 times the size over that at the size.
fn flatness(figures: &Figures, form: Form, dimension: &str) -> Option<f64> {
    let at = |factor| {
        let of = |one: &&super::figures::Scale| {
            one.dimension == dimension && one.factor == factor && one.throughput.form == form
        };
        figures.scale.iter().find(of).map(|one| one.throughput.records_per_second)
    };
    Some(at(100)? / at(1)?)
}

/// Writes the report as Markdown.
pub(crate) fn markdown(figures: &Figures, ratios: &Value, settings: &Value) -> String {
    let mut to = String::from("# The account stage against Kafka Streams and bare rdkafka\n\n");
    line(&mut to, &format!("Made by `bench/run streams`; settings: `{settings}`.\n"));
    line(
        &mut to,
        "Each contender ran on core 1; broker, generator and reader of counts on core 0.",
    );
    line(&mut to, "Medians of rounds after one that warms up. `bench/README.md` says how.\n");
    line(&mut to, "## Ours against the peers\n");
    head(&mut to, "figure | ratio");
    for (name, ratio) in ratios.as_object().into_iter().flatten() {
        if name.contains("_vs_") || name.starts_with("flatness_") {
            line(&mut to, &format!("| `{name}` | {ratio} |"));
        }
    }
    throughput(&mut to, figures);
    live(&mut to, figures);
    scale(&mut to, figures);
    to
}

fn throughput(to: &mut String, figures: &Figures) {
    if figures.throughput.is_empty() && figures.whole.is_none() {
        return;
    }
    line(to, "\n## Throughput, CPU and memory\n");
    head(
        to,
        "contender | records/s | read/s | CPU s a million | broker CPU s a million \
        | load/s | counts a record | wrong rows | MiB | peak MiB",
    );
    for one in &figures.throughput {
        let (rss, peak) = (one.rss_bytes >> 20, one.peak_bytes >> 20);
        let row = format!(
            "| {} | {:.0} | {:.0} | {:.1} | {:.1} | {:.0} | {:.2} | {} of {} | {rss} | {peak} |",
            one.contender,
            one.records_per_second,
            one.inputs_per_second,
            one.cpu_seconds_per_million,
            one.broker_cpu_seconds_per_million,
            one.load_per_second,
            one.counts_per_record,
            one.differing,
            one.rows,
        );
        line(to, &row);
    }
    if let Some(bare) = &figures.bare {
        line(
            to,
            &format!(
                "\nBare rdkafka takes as many records of the same sizes ({:.2} read and {:.2} \
                 written, {:.0} bytes written, for each) at {:.0} records/s, {:.1} \
                 CPU s a million, {} MiB.",
                bare.read_per_record,
                bare.written_per_record,
                bare.bytes_written_per_record,
                bare.records_per_second,
                bare.cpu_seconds_per_million,
                bare.rss_bytes >> 20
            ),
        );
    }
    if let Some(whole) = &figures.whole {
        line(
            to,
            &format!(
                "\nThe whole account stage takes {} records of simulated collectors at {:.0}/s, \
                 {:.1} CPU s a million, {} MiB.",
                whole.records,
                whole.records_per_second,
                whole.cpu_seconds_per_million,
                whole.rss_bytes >> 20
            ),
        );
    }
}

fn live(to: &mut String, figures: &Figures) {
    if figures.live.iter().any(|live| !live.latency.is_empty()) {
        line(to, "\n## From change to count\n");
        head(
            to,
            "contender | changes/s | p50 ms | p99 ms | p99.9 ms | max ms | unseen \
        | share of its core",
        );
    }
    for live in &figures.live {
        for one in &live.latency {
            let row = format!(
                "| {} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {} of {} | {:.2} |",
                live.contender,
                one.rate,
                one.p50_ms,
                one.p99_ms,
                one.p999_ms,
                one.max_ms,
                one.unseen,
                one.flips + one.unseen,
                one.cpu_share,
            );
            line(to, &row);
        }
    }
    if figures.live.iter().any(|live| !live.kept.is_empty()) {
        line(to, "\n## Ready after `kill -9`, in seconds from the start\n");
        head(to, "contender | state | first new record | every partition | wrong rows");
    }
    for live in &figures.live {
        for (state, all) in [("kept", &live.kept), ("wiped", &live.wiped)] {
            if all.is_empty() {
                continue;
            }
            let row = format!(
                "| {} | {state} | {:.1} | {:.1} | {} |",
                live.contender,
                median(all.iter().map(|one| one.first_seconds).collect()),
                median(all.iter().map(|one| one.seconds).collect()),
                all.iter().map(|one| one.differing).max().unwrap_or_default(),
            );
            line(to, &row);
        }
    }
}

fn scale(to: &mut String, figures: &Figures) {
    if figures.scale.is_empty() {
        return;
    }
    line(to, "\n## Throughput at 1, 10 and 100 times the size\n");
    head(
        to,
        "contender | what grows | times | keys | partitions | records/s \
        | CPU s a million | MiB | wrong rows",
    );
    for one in &figures.scale {
        let row = format!(
            "| {} | {} | {} | {} | {} | {:.0} | {:.1} | {} | {} |",
            one.throughput.contender,
            one.dimension,
            one.factor,
            one.keys,
            one.partitions,
            one.throughput.records_per_second,
            one.throughput.cpu_seconds_per_million,
            one.throughput.rss_bytes >> 20,
            one.throughput.differing,
        );
        line(to, &row);
    }
}
