//! From observation appended to score committed, at a steady rate: buckets that lose and regain
//! their encryption, so that each observation changes a score.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Result;
use schemas::{AccountKey, Observation, ObservationEvent, Resource, topic};
use serde_json::{Value, json};
use stream::{Position, Publisher, Reader, store::Stores, worker::Stop};

use crate::{
    LogKind,
    site::{PARTITIONS, Site, now_ms},
};

/// Accounts that take turns.
const ACCOUNTS: u64 = 50;
/// Buckets of each account that take turns.
const BUCKETS: u64 = 20;
/// Observations before the clock starts: tables and caches are warm then.
const WARM_UP: Duration = Duration::from_secs(5);

/// Time from observation appended to score committed, at a steady rate
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The log
    #[arg(long, value_enum, default_value = "local")]
    log: LogKind,
    /// Observations a second
    #[arg(long, default_value_t = 500)]
    rate: u64,
    /// Seconds that are measured
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

/// Runs the benchmark.
pub(crate) fn run(args: &Args) -> Result<Value> {
    let site = Site::open(args.log)?;
    site.publish_standard(now_ms())?;
    let mut publisher = site.publisher()?;
    for account in 0..ACCOUNTS {
        observe(&mut publisher, account, ObservationEvent::Started {})?;
    }
    publisher.flush()?;
    let stores = Stores::open(&site.state())?;
    let stop = Stop::new();
    let workers = [site.account(&stores, &stop), site.rollup(&stores, &stop)];

    let from: Vec<Position> = (0..PARTITIONS)
        .map(|partition| Position { topic: topic::SCORE_STATE.spec, partition, offset: 0 })
        .collect();
    let reader = site.log.reader(&from)?;
    let measured_from = now_ms() + i64::try_from(WARM_UP.as_millis())?;
    let watched = stop.clone();
    let watcher = std::thread::spawn(move || watch(reader, &watched, measured_from));
    let appended = append(&mut publisher, args)?;
    std::thread::sleep(Duration::from_secs(3));
    stop.stop();
    for worker in workers {
        worker.join()?;
    }
    let mut latencies = watcher.join().map_err(|_| anyhow::anyhow!("the watcher panicked"))??;
    latencies.sort_unstable();
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied();
    let (p50, p99, max) = (at(0.5), at(0.99), latencies.last().copied());
    println!(
        "{:?}: {appended} observations at {}/s, {} score changes seen",
        args.log,
        args.rate,
        latencies.len()
    );
    println!(
        "observation appended to score committed: p50 {p50:?} ms, p99 {p99:?} ms, max {max:?} ms"
    );
    Ok(json!({
        "bench": "latency",
        "log": format!("{:?}", args.log).to_lowercase(),
        "rate": args.rate,
        "observations": appended,
        "scores": latencies.len(),
        "p50_ms": p50,
        "p99_ms": p99,
        "max_ms": max,
    }))
}

/// Appends observations at the rate; each toggles one bucket.
fn append(publisher: &mut Publisher, args: &Args) -> Result<u64> {
    let started = Instant::now();
    let total = (args.seconds + WARM_UP.as_secs()) * args.rate;
    for number in 0..total {
        let due = Duration::from_micros(number * 1_000_000 / args.rate);
        if let Some(wait) = due.checked_sub(started.elapsed()) {
            std::thread::sleep(wait);
        }
        let account = number % ACCOUNTS;
        let round = number / ACCOUNTS;
        let encrypted = (round / BUCKETS).is_multiple_of(2);
        let resource = bucket(account, round % BUCKETS, encrypted);
        observe(publisher, account, ObservationEvent::Observed { resource })?;
        publisher.flush()?;
    }
    Ok(total)
}

fn observe(publisher: &mut Publisher, account: u64, event: ObservationEvent) -> Result<()> {
    let id = format!("{account:012}");
    let observation = Observation {
        scan: "bench".to_owned(),
        attempt: 1,
        provider: "aws".to_owned(),
        account: id.clone(),
        region: "global".to_owned(),
        resource_type: "AWS::S3::Bucket".to_owned(),
        event,
    };
    Ok(publisher.put(&topic::OBSERVATION, &AccountKey::new(id), &observation, now_ms())?)
}

fn bucket(account: u64, number: u64, encrypted: bool) -> Resource {
    let rules = json!({"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]});
    let encryption = if encrypted { rules } else { Value::Null };
    let name = format!("bucket-{account}-{number}");
    Resource {
        provider: "aws".to_owned(),
        account: format!("{account:012}"),
        region: "eu-west-1".to_owned(),
        resource_type: "AWS::S3::Bucket".to_owned(),
        id: name.clone(),
        name: name.clone(),
        arn: format!("arn:aws:s3:::{name}"),
        tags: BTreeMap::from([("team".to_owned(), "payments".to_owned())]),
        configuration: json!({"Name": name}).to_string(),
        supplementary: json!({"Encryption": encryption, "Policy": null, "PolicyStatus": null,
            "PublicAccessBlock": null, "Acl": {"Grants": []}, "Tagging": null})
        .to_string(),
        errors: BTreeMap::new(),
        truncated: Vec::new(),
        captured_ms: now_ms(),
    }
}

/// Notes for each new account score how long ago its observation was appended.
fn watch(mut reader: Box<dyn Reader>, stop: &Stop, from_ms: i64) -> Result<Vec<i64>> {
    let mut latencies = Vec::new();
    while !stop.is_stopped() {
        for record in reader.poll(Duration::from_millis(5))? {
            // A table's record carries the time of the record that caused it.
            let of_account = record.key.ends_with(b"/*");
            if of_account && record.timestamp_ms >= from_ms {
                latencies.push(now_ms() - record.timestamp_ms);
            }
        }
    }
    Ok(latencies)
}
