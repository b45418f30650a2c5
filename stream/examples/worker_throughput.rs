//! Measures one worker on a local log: records a second of a small stage with a join and a table.
//!
//! `cargo run --release -p stream --example worker_throughput [RECORDS]`. Run it on an idle
//! machine: it prints what it saw, it does not judge.

use std::{
    error::Error,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use schemas::{
    AccountKey, AccountListing, AccountStatus, Codec, ScanUnit, Spend, TopicSpec,
    topic::{ACCOUNT_CHANGELOG, SCAN_UNIT, SPEND},
};
use stream::{
    Log, Publisher, Record, Stage, StepError, Table, TableSpec, View,
    local::LocalLog,
    store::Stores,
    worker::{Progress, Stop, Worker, WorkerConfig, caught_up},
};

const PARTITIONS: i32 = 12;
const ACCOUNTS: usize = 10_000;
const PREFIX: &str = "throughput";
const COUNTS: Table<AccountKey, AccountListing> = Table::private("counts", ACCOUNT_CHANGELOG);

/// Reads a row, writes it back and emits an event, for each record.
struct Count;

impl Stage for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn inputs(&self) -> Vec<&'static TopicSpec> {
        vec![SPEND.spec]
    }

    fn tables(&self) -> Vec<TableSpec> {
        vec![COUNTS.spec]
    }

    fn outputs(&self) -> Vec<&'static TopicSpec> {
        vec![SCAN_UNIT.spec]
    }

    fn step(&mut self, view: &mut View<'_>, record: &Record) -> Result<(), StepError> {
        let (key, spend) = view.read(&SPEND, record)?;
        let cents = spend.map_or(0, |spend: Spend| spend.cents);
        let known = view.get(&COUNTS, &key)?;
        let sum = known.map_or(0, |row| row.name.parse().unwrap_or(0)) + cents;
        let row = AccountListing {
            provider: "aws".to_owned(),
            account: key.account.clone(),
            payer: "payer".to_owned(),
            name: sum.to_string(),
            status: AccountStatus::Active,
            ..AccountListing::default()
        };
        let scan = row.name.clone();
        view.put(&COUNTS, &key, row)?;
        let event = ScanUnit {
            scan,
            attempt: 1,
            account: key.account.clone(),
            region: "global".to_owned(),
            ..ScanUnit::default()
        };
        view.emit(&SCAN_UNIT, &key, &event)
    }

    fn work(&mut self, _view: &mut View<'_>) -> Result<bool, StepError> {
        Ok(false)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let records = std::env::args().nth(1).map_or(Ok(500_000), |text| text.parse::<usize>())?;
    let folder = tempfile::tempdir()?;
    let log = LocalLog::open(folder.path().join("log"), PARTITIONS, PREFIX)?;
    log.apply()?;
    let log: Arc<dyn Log> = Arc::new(log);
    append(&*log, records)?;
    let stores = Stores::open(&folder.path().join("state"))?;
    run("process", &log, &stores, records)?;
    let empty = Stores::open(&folder.path().join("empty"))?;
    run("restore", &log, &empty, records)?;
    run("start with tables", &log, &stores, 0)
}

fn append(log: &dyn Log, records: usize) -> Result<(), Box<dyn Error>> {
    let mut publisher = Publisher::open(log, &Codec::default(), PREFIX, "throughput")?;
    for i in 0..records {
        let account = format!("{:012}", i % ACCOUNTS);
        let at_ms = 1_700_000_000_000 + i as i64;
        let spend = Spend {
            account: account.clone(),
            cents: 1,
            currency: "USD".to_owned(),
            captured_ms: at_ms,
        };
        publisher.put(&SPEND, &AccountKey::new(account), &spend, at_ms)?;
    }
    Ok(publisher.flush()?)
}

/// Runs a worker until it has caught up, and prints how long that took.
fn run(
    what: &str,
    log: &Arc<dyn Log>,
    stores: &Stores,
    records: usize,
) -> Result<(), Box<dyn Error>> {
    let config = WorkerConfig::new("throughput", stores.clone());
    let progress: Progress = config.progress.clone();
    let stage = || Box::new(Count) as Box<dyn Stage>;
    let mut worker = Worker::new(log.clone(), Codec::default(), PREFIX, Arc::new(stage), config);
    let (stop, group) = (Stop::new(), worker.group());
    let start = Instant::now();
    let running = thread::spawn({
        let stop = stop.clone();
        move || worker.run(&stop)
    });
    while !running.is_finished() && !caught_up(&**log, &group, &[SPEND.spec], Some(&progress))? {
        thread::sleep(Duration::from_millis(20));
    }
    let elapsed = start.elapsed().as_secs_f64();
    stop.stop();
    let report = running.join().map_err(|_| "the worker panicked")??;
    let rate = records as f64 / elapsed;
    println!("{what}: {elapsed:.2} s, {rate:.0} records/s, {report:?}");
    Ok(())
}
