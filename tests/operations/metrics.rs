//! Metrics and health of a real process: numbers are those that the log itself tells.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use schemas::{TopicSpec, topic};
use stream::{Outgoing, Writer};

use crate::site::Site;

type Samples = BTreeMap<String, f64>;

/// What the account stage reads.
const SOURCES: [&TopicSpec; 8] = [
    topic::TICK.spec,
    topic::ACCOUNT_LISTING.spec,
    topic::ACCOUNT_REGISTER.spec,
    topic::REQUIREMENT.spec,
    topic::EXCEPTION.spec,
    topic::SPEND.spec,
    topic::OBSERVATION.spec,
    topic::REPORT.spec,
];

/// The topics that the account stage's tables are restored from.
const TABLES: [&TopicSpec; 6] = [
    topic::ACCOUNT_STATE.spec,
    topic::RESOURCE_STATE.spec,
    topic::TRUST_STATE.spec,
    topic::COMPLIANCE_STATE.spec,
    topic::SCORE_STATE.spec,
    topic::ACCOUNT_CHANGELOG,
];

/// Sums the samples of a name whose labels hold all of these.
fn sum(samples: &Samples, name: &str, labels: &[&str]) -> f64 {
    let of = samples.iter().filter(|(sample, _)| {
        let rest = sample.strip_prefix(name).unwrap_or("-");
        (rest.is_empty() || rest.starts_with('{')) && labels.iter().all(|one| rest.contains(one))
    });
    of.map(|(_, value)| value).sum()
}

const ACCOUNT: &str = r#"stage="account""#;

/// Appends a record that no stage can read.
fn poison(site: &Site) -> Result<()> {
    let log = site.open()?;
    let mut writer: Box<dyn Writer> = log.writer("test")?;
    writer.append(vec![Outgoing {
        topic: topic::SPEND.spec,
        partition: 1,
        timestamp_ms: 1_700_000_000_000,
        key: b"111111111111".to_vec(),
        value: Some(b"not Avro".to_vec()),
        headers: Vec::new(),
    }])?;
    Ok(writer.flush()?)
}

fn counts_are_the_logs(site: &Site) -> Result<()> {
    site.fill(3, 2)?;
    poison(site)?;
    let mut process = site.start(&["process"], "first")?;
    process.wait_for_rest(site.partitions)?;
    assert_eq!(process.text("/healthz")?, (200, "ok\n".to_owned()));
    assert_eq!(process.text("/readyz")?, (200, "ready\n".to_owned()));
    let head = process.get("/metrics")?.head.to_lowercase();
    ensure!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert_eq!(process.text("/nothing")?.0, 404);
    let refused = kit::http::request(process.port, "POST", "/metrics", "", b"")?;
    assert_eq!(refused.status, 405);
    let samples = process.metrics()?;
    process.end()?;

    let taken = sum(&samples, "scorecard_task_records_total", &[ACCOUNT]);
    let dead = sum(&samples, "scorecard_task_dead_letters_total", &[]);
    assert_eq!((taken, dead), (site.count(&SOURCES)? as f64, 1.0));
    let dead_of_1 = [ACCOUNT, r#"partition="1""#];
    assert_eq!(sum(&samples, "scorecard_task_dead_letters_total", &dead_of_1), 1.0);
    assert_eq!(sum(&samples, "scorecard_task_lag_records", &[]), 0.0);
    let tasks = 2.0 * f64::from(site.partitions);
    assert_eq!(sum(&samples, "scorecard_task_phase", &[r#"phase="running""#]), tasks);
    let transactions = sum(&samples, "scorecard_worker_transaction_seconds_count", &[]);
    let bucket = sum(&samples, "scorecard_worker_transaction_seconds_bucket", &[r#"le="+Inf""#]);
    let seconds = sum(&samples, "scorecard_worker_transaction_seconds_sum", &[]);
    ensure!(transactions >= 2.0 && bucket == transactions && seconds > 0.0, "{samples:?}");
    ensure!(sum(&samples, "scorecard_worker_producers_total", &[]) == 2.0, "{samples:?}");
    // The simulated history ended at midnight.
    let delay = sum(&samples, "scorecard_task_tick_delay_seconds", &[r#"partition="0""#]);
    ensure!((0.0..2.0 * 86_400.0).contains(&delay), "{delay}");
    let memory = sum(&samples, "process_resident_memory_bytes", &[]);
    ensure!((1e6..4e9).contains(&memory), "{memory}");
    restores_are_counted(site)
}

/// A warm start reads nothing again, a cold one every row of the tables' topics.
fn restores_are_counted(site: &Site) -> Result<()> {
    let restored = |name: &str| -> Result<Samples> {
        let mut process = site.start(&["process"], name)?;
        process.wait_for_rest(site.partitions)?;
        let samples = process.metrics()?;
        process.end()?;
        Ok(samples)
    };
    let warm = restored("warm")?;
    assert_eq!(sum(&warm, "scorecard_task_restores_total", &[ACCOUNT]), f64::from(site.partitions));
    assert_eq!(sum(&warm, "scorecard_task_restored_rows_total", &[ACCOUNT]), 0.0);
    std::fs::remove_dir_all(site.folder().join("state"))?;
    let cold = restored("cold")?;
    let mut rows = 0;
    for topic in TABLES {
        rows += stream::snapshot::records(&*site.open()?, topic)?.len();
    }
    assert_eq!(sum(&cold, "scorecard_task_restored_rows_total", &[ACCOUNT]), rows as f64);
    ensure!(sum(&cold, "scorecard_task_restore_seconds_total", &[]) > 0.0, "{cold:?}");
    Ok(())
}

#[test]
fn counts_are_the_logs_on_a_local_log() -> Result<()> {
    counts_are_the_logs(&Site::local(2)?)
}

#[test]
fn counts_are_the_logs_on_kafka() -> Result<()> {
    counts_are_the_logs(&Site::kafka("metrics", 2)?)
}

#[test]
fn a_process_says_in_words_why_it_is_not_ready() -> Result<()> {
    let site = Site::kafka("ready", 1)?;
    // Another machine's configuration, so to speak: a state folder is one process's.
    let elsewhere = Site::on_kafka(&site.prefix, 1)?;
    let first = site.start(&["process", "--stage", "account", "--slot", "a"], "a")?;
    let limit = Duration::from_secs(60);
    let mut first = first;
    kit::http::wait_until_ok(first.port, "/readyz", limit, || first.child.is_running())?;
    // One partition is the first one's; a second process has none.
    let idle = elsewhere.start(&["process", "--stage", "account", "--slot", "b"], "b")?;
    let said = "account: no partition is assigned to this process\n";
    let start = std::time::Instant::now();
    while idle.text("/readyz")? != (503, said.to_owned()) {
        ensure!(start.elapsed() < limit, "it says {:?}", idle.text("/readyz")?);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(idle.text("/healthz")?.0, 200);
    idle.end()?;
    first.end()
}

#[test]
fn a_clock_tells_of_its_ticks() -> Result<()> {
    let site = Site::local(1)?;
    let mut clock = site.start(&["clock"], "clock")?;
    let limit = Duration::from_secs(60);
    kit::http::wait_until_ok(clock.port, "/readyz", limit, || clock.child.is_running())?;
    let samples = clock.metrics()?;
    let delay = samples.get("scorecard_clock_delay_seconds").context("the clock's delay")?;
    ensure!((0.0..120.0).contains(delay), "{delay}");
    clock.end()?;
    ensure!(site.count(&[topic::TICK.spec])? >= 1, "a tick is in the log");
    Ok(())
}
