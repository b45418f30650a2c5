//! Measures a local log: appends, transactional copies and reads, in records a second.
//!
//! `cargo run --release -p stream --example local_throughput [FOLDER]`; without a folder a
//! temporary one is used. Run it on an idle machine: it prints what it saw, it does not judge.

use std::{
    error::Error,
    path::PathBuf,
    time::{Duration, Instant},
};

use schemas::topic::{OBSERVATION, RESOURCE_CHANGE, RESOURCE_STATE};
use stream::{Log, Membership, Outcome, Outgoing, Polled, Position, local::LocalLog};

const PARTITIONS: i32 = 12;
const BATCHES: usize = 500;
const BATCH_RECORDS: usize = 1_000;
const VALUE_BYTES: usize = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let folder = std::env::args_os().nth(1);
    let folder = folder.map_or(temporary.path().to_owned(), PathBuf::from);
    let log = LocalLog::open(&folder, PARTITIONS, "throughput")?;
    log.apply()?;
    append(&log)?;
    copy(&log)?;
    read(&log)?;
    small_commits(&log)?;
    drop(log);
    let start = Instant::now();
    drop(LocalLog::open(&folder, PARTITIONS, "throughput")?);
    println!("reopen: {:.2} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn report(what: &str, records: usize, elapsed: Duration) {
    let rate = records as f64 / elapsed.as_secs_f64();
    println!("{what}: {records} records, {rate:.0} records/s");
}

/// Records that compress about as well as documents do.
fn batch(number: usize) -> Vec<Outgoing> {
    let records = (0..BATCH_RECORDS).map(|i| {
        let id = number * BATCH_RECORDS + i;
        let mut value = format!("{{\"id\":{id},\"hash\":\"{:016x}\"}}", id * 0x9e37_79b9);
        while value.len() < VALUE_BYTES {
            value.push_str(&format!(",\"field{}\":{}", value.len(), id ^ value.len()));
        }
        Outgoing {
            topic: OBSERVATION.spec,
            partition: (i % PARTITIONS as usize) as i32,
            timestamp_ms: 1_700_000_000_000 + id as i64,
            key: format!("{:012}", id % 50_000).into_bytes(),
            value: Some(value.into_bytes()),
            headers: schemas::headers::cloud_event(&schemas::headers::Event {
                id: "0/0/0",
                kind: "observation",
                source: "/scorecard/throughput",
                time_ms: 0,
            }),
        }
    });
    records.collect()
}

fn append(log: &dyn Log) -> Result<(), Box<dyn Error>> {
    let mut writer = log.writer("throughput")?;
    let mut elapsed = Duration::ZERO;
    for number in 0..BATCHES {
        let records = batch(number);
        let start = Instant::now();
        writer.append(records)?;
        elapsed += start.elapsed();
    }
    report("append 1,000 a batch, 400 bytes", BATCHES * BATCH_RECORDS, elapsed);
    Ok(())
}

/// Reads every record and writes two for it, 5,000 a transaction.
fn copy(log: &dyn Log) -> Result<(), Box<dyn Error>> {
    let mut member = log.join(&Membership {
        group: "copy".to_owned(),
        slot: "0".to_owned(),
        inputs: vec![OBSERVATION.spec],
    })?;
    let start = Instant::now();
    let (mut read, mut commits) = (0, 0);
    let mut outputs = Vec::new();
    let mut positions = vec![None; PARTITIONS as usize];
    while read < BATCHES * BATCH_RECORDS {
        match member.poll(Duration::from_secs(1))? {
            Polled::Assigned(partitions) => {
                member.resume(&partitions)?;
            }
            Polled::Revoked { .. } => return Err("nobody else is there".into()),
            Polled::Records(records) => {
                read += records.len();
                for record in records {
                    positions[record.partition as usize] = Some(Position {
                        topic: record.topic,
                        partition: record.partition,
                        offset: record.offset + 1,
                    });
                    for topic in [RESOURCE_STATE.spec, RESOURCE_CHANGE.spec] {
                        outputs.push(Outgoing {
                            topic,
                            partition: record.partition,
                            timestamp_ms: record.timestamp_ms,
                            key: record.key.clone(),
                            value: record.value.clone(),
                            headers: record.headers.clone(),
                        });
                    }
                }
            }
        }
        if outputs.len() >= 10_000 || read == BATCHES * BATCH_RECORDS {
            let positions: Vec<_> = positions.iter().copied().flatten().collect();
            let outcome = member.commit(std::mem::take(&mut outputs), &positions)?;
            assert_eq!(outcome, Outcome::Committed);
            commits += 1;
        }
    }
    report("read 1, write 2, commit (inputs)", read, start.elapsed());
    println!("  in {commits} transactions");
    Ok(())
}

fn read(log: &dyn Log) -> Result<(), Box<dyn Error>> {
    let starts: Vec<_> = (0..PARTITIONS)
        .map(|partition| Position { topic: RESOURCE_CHANGE.spec, partition, offset: 0 })
        .collect();
    let mut reader = log.reader(&starts)?;
    let start = Instant::now();
    let mut read = 0;
    while read < BATCHES * BATCH_RECORDS {
        read += reader.poll(Duration::from_secs(1))?.len();
    }
    report("read from the start", read, start.elapsed());
    Ok(())
}

fn small_commits(log: &dyn Log) -> Result<(), Box<dyn Error>> {
    let mut writer = log.writer("throughput")?;
    let mut times = Vec::new();
    for number in 0..200 {
        let records: Vec<_> = batch(number).into_iter().take(10).collect();
        let start = Instant::now();
        writer.append(records)?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    println!("commit of 10 records: p50 {:?}, p99 {:?}", times[100], times[198]);
    Ok(())
}
