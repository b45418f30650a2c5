//! A local log whose process is killed at random moments loses nothing and shows nothing half done.
//!
//! The test runs itself as a child that commits and appends batches, tells each that was
//! acknowledged, and is killed. The seed is printed; `STREAM_KILL_SEED` repeats a run's moments.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use schemas::{
    TopicSpec,
    topic::{OBSERVATION, REPORT, RESOURCE_CHANGE, RESOURCE_STATE},
};
use stream::{
    Log, Member, Membership, Outcome, Outgoing, Polled, Position, Record, local::LocalLog,
};

const FOLDER: &str = "STREAM_KILL_FOLDER";
const SEED: &str = "STREAM_KILL_SEED";
const ROUNDS: usize = 64;
const PARTITIONS: i32 = 4;
/// Batches that may be durable before their line is read: one whose line is on its way, one more
/// that waits to tell.
const AHEAD_MAX: u64 = 2;
const INPUT: &TopicSpec = OBSERVATION.spec;
const CHAIN: &TopicSpec = RESOURCE_CHANGE.spec;
const TABLE: &TopicSpec = RESOURCE_STATE.spec;
const PLAIN: &TopicSpec = REPORT.spec;

/// A generator of numbers that only has to be the same for the same seed (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Checksum of bytes after another checksum (FNV-1a).
fn checksum(after: u64, bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(after ^ 0xcbf2_9ce4_8422_2325, step)
}

fn outgoing(topic: &'static TopicSpec, partition: i32, key: String, value: String) -> Outgoing {
    Outgoing {
        topic,
        partition,
        timestamp_ms: 0,
        key: key.into_bytes(),
        value: Some(value.into_bytes()),
        headers: Vec::new(),
    }
}

/// The chain's records of one batch: how many and what they hold follows from its number and the
/// checksum of everything before it.
fn batch(number: u64, chain: u64) -> (Vec<Outgoing>, u64) {
    let mut random = Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let count = 1 + random.below(30);
    let mut sum = chain;
    let records = (0..count).map(|index| {
        let filler = "x".repeat(random.below(300) as usize);
        let value = format!("{number}/{index}/{count}/{chain:016x}/{filler}");
        sum = checksum(sum, value.as_bytes());
        let partition = random.below(PARTITIONS as u64) as i32;
        outgoing(CHAIN, partition, number.to_string(), value)
    });
    let records = records.collect();
    (records, sum)
}

fn positions(topic: &'static TopicSpec, from: &BTreeMap<i32, i64>) -> Vec<Position> {
    let positions = (0..PARTITIONS).map(|partition| Position {
        topic,
        partition,
        offset: from.get(&partition).copied().unwrap_or(0),
    });
    positions.collect()
}

/// Reads a topic from positions up to its ends, and moves the positions.
fn read(log: &dyn Log, topic: &'static TopicSpec, from: &mut BTreeMap<i32, i64>) -> Vec<Record> {
    let mut reader = log.reader(&positions(topic, from)).unwrap();
    let mut records = Vec::new();
    loop {
        let more = reader.poll(Duration::ZERO).unwrap();
        if more.is_empty() {
            break;
        }
        records.extend(more);
    }
    for position in reader.positions().unwrap() {
        from.insert(position.partition, position.offset);
    }
    records
}

/// Not a test of its own: what the child process does until it is killed.
#[test]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let log = LocalLog::open(folder, PARTITIONS, "kill").unwrap();
    log.apply().unwrap();
    let appender = log.clone();
    // Without a buffer: at most one acknowledgement is on its way to the pipe while the next batch
    // is made, so what may be there beyond the last line read is bounded.
    let (acks, told) = mpsc::sync_channel::<String>(0);
    let plain_acks = acks.clone();
    thread::spawn(move || append_plain(&appender, &plain_acks));
    thread::spawn(move || commit_chain(&log, &acks));
    let mut out = std::io::stdout().lock();
    for ack in told {
        writeln!(out, "{ack}").unwrap();
        out.flush().unwrap();
    }
}

fn commit_chain(log: &LocalLog, acks: &mpsc::SyncSender<String>) {
    let mut number = committed(log);
    let mut chain = 0;
    for done in 1..=number {
        chain = batch(done, chain).1;
    }
    let mut member = join(log);
    loop {
        number += 1;
        let (mut records, sum) = batch(number, chain);
        // A small table besides, so that compaction has something to do.
        for row in 0..10 {
            let key = format!("row {row}");
            records.push(outgoing(TABLE, row % PARTITIONS, key, number.to_string()));
        }
        let position = Position { topic: INPUT, partition: 0, offset: number as i64 };
        let outcome = member.commit(records, &[position]).unwrap();
        assert_eq!(outcome, Outcome::Committed);
        chain = sum;
        acks.send(format!("chain {number}")).unwrap();
        if number.is_multiple_of(50) {
            log.compact().unwrap();
        }
        thread::sleep(Duration::from_micros(500));
    }
}

fn append_plain(log: &LocalLog, acks: &mpsc::SyncSender<String>) {
    let mut number = log.ends(&[PLAIN]).unwrap()[0].offset;
    let mut writer = log.writer("kill").unwrap();
    loop {
        let value = number.to_string();
        let records = (0..PARTITIONS)
            .map(|partition| outgoing(PLAIN, partition, "k".to_owned(), value.clone()));
        writer.append(records.collect()).unwrap();
        number += 1;
        acks.send(format!("plain {number}")).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
}

fn join(log: &LocalLog) -> Box<dyn Member> {
    let membership =
        Membership { group: "g".to_owned(), slot: "s".to_owned(), inputs: vec![INPUT] };
    let mut member = log.join(&membership).unwrap();
    let polled = member.poll(Duration::from_secs(10)).unwrap();
    assert!(matches!(polled, Polled::Assigned(partitions) if partitions.len() == 4));
    member
}

fn committed(log: &LocalLog) -> u64 {
    log.committed("g", &[INPUT]).unwrap()[0].offset as u64
}

/// The last acknowledged numbers of the chain and of plain batches.
#[derive(Clone, Copy, Debug, Default)]
struct Acked {
    chain: u64,
    plain: u64,
}

/// Runs a child for some time, kills it, and gives what it was told.
fn run_and_kill(folder: &Path, after: Duration, mut acked: Acked) -> Acked {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reader = thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            // A kill may cut the last line: its number counts only with the line's end, and a cut
            // number is smaller than the one before.
            match line.split_once(' ') {
                Some(("chain", number)) => acked.chain = acked.chain.max(number.parse().unwrap()),
                Some(("plain", number)) => acked.plain = acked.plain.max(number.parse().unwrap()),
                _ => {}
            }
        }
        acked
    });
    thread::sleep(after);
    assert!(child.try_wait().unwrap().is_none(), "the child ended by itself");
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// What earlier rounds have verified.
#[derive(Default)]
struct Verified {
    number: u64,
    chain: u64,
    chain_at: BTreeMap<i32, i64>,
    plain: u64,
    plain_at: BTreeMap<i32, i64>,
}

impl Verified {
    fn go_on(&mut self, folder: &Path, acked: Acked) {
        let log = LocalLog::open(folder, PARTITIONS, "kill").unwrap();
        log.apply().unwrap();
        self.chain(&log, acked.chain);
        self.plain(&log, acked.plain);
        let newest = committed(&log).to_string();
        let mut rows = BTreeMap::new();
        for record in read(&log, TABLE, &mut BTreeMap::new()) {
            rows.insert(record.key, record.value.unwrap());
        }
        assert!(rows.values().all(|value| *value == newest.as_bytes()), "{rows:?}");
        assert!(rows.len() == 10 || newest == "0");
    }

    fn chain(&mut self, log: &LocalLog, acked: u64) {
        let number = committed(log);
        assert!(number >= acked, "commit {acked} is lost: the last is {number}");
        assert!(number <= acked + AHEAD_MAX, "{number} after {acked}: too many under way");
        let mut found = Vec::new();
        for record in read(log, CHAIN, &mut self.chain_at) {
            found.push((record.partition, record.value.unwrap()));
        }
        let mut expected = Vec::new();
        while self.number < number {
            self.number += 1;
            let (records, sum) = batch(self.number, self.chain);
            self.chain = sum;
            expected.extend(records.into_iter().map(|r| (r.partition, r.value.unwrap())));
        }
        // Each partition keeps the order of commits; between partitions there is none.
        for partition in 0..PARTITIONS {
            let of = |records: &[(i32, Vec<u8>)]| {
                let own = records.iter().filter(|(p, _)| *p == partition);
                own.map(|(_, value)| value.clone()).collect::<Vec<_>>()
            };
            assert_eq!(of(&found), of(&expected), "partition {partition}");
        }
    }

    fn plain(&mut self, log: &LocalLog, acked: u64) {
        let ends = log.ends(&[PLAIN]).unwrap();
        let end = ends[0].offset as u64;
        assert!(ends.iter().all(|e| e.offset as u64 == end), "half a batch: {ends:?}");
        assert!(end >= acked, "batch {acked} is lost: the last is {end}");
        assert!(end <= acked + AHEAD_MAX, "{end} after {acked}: too many under way");
        let records = read(log, PLAIN, &mut self.plain_at);
        assert_eq!(records.len() as u64, (end - self.plain) * PARTITIONS as u64);
        for record in records {
            assert_eq!(record.value.unwrap(), record.offset.to_string().as_bytes());
        }
        self.plain = end;
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_half_done_is_seen() {
    let seed = std::env::var(SEED).map_or_else(
        |_| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            now.as_nanos() as u64 | 1
        },
        |seed| seed.parse().unwrap(),
    );
    println!("{SEED}={seed}");
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(seed);
    let mut acked = Acked::default();
    let mut verified = Verified::default();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        let after = Duration::from_micros(20_000 + random.below(380_000));
        acked = run_and_kill(folder.path(), after, acked);
        verified.go_on(folder.path(), acked);
        // One commit may have been under way: from here on it counts.
        acked.chain = verified.number;
        acked.plain = verified.plain;
    }
    println!(
        "{ROUNDS} kills in {:.1} s: {} commits, {} plain batches",
        start.elapsed().as_secs_f64(),
        verified.number,
        verified.plain
    );
    assert!(verified.number > ROUNDS as u64, "hardly any commit was seen");
    // All of it once more, from the start.
    let acked = Acked { chain: verified.number, plain: verified.plain };
    Verified::default().go_on(folder.path(), acked);
}
