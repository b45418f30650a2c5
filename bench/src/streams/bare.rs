//! The limit: consume and produce with transactions and do nothing in between, with as many
//! records of the same sizes as our stage read and wrote in one round.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::{Header, Headers, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use serde::{Deserialize, Serialize};

use super::{
    admin::{self, Ends},
    feed::{WAIT_MAX, drain, send},
    process,
    watch::reader,
};

/// Records read of a transaction, as our worker's limit.
const RECORDS_MAX: u64 = 5_000;

/// Records of a topic whose sizes are kept; after them the same sizes come again.
const SAMPLES_MAX: usize = 50_000;

/// Bytes that outputs are cut from.
const BYTES: usize = 1 << 20;

/// What a round of ours read and wrote.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Tape {
    input: String,
    from: Vec<i64>,
    /// The offsets after the last record, markers of transactions included.
    to: Vec<i64>,
    read: u64,
    outputs: Vec<Output>,
}

/// Records of one topic.
#[derive(Debug, Deserialize, Serialize)]
struct Output {
    topic: String,
    count: u64,
    /// Bytes of key, value and of all headers, and how many headers.
    sizes: Vec<[u32; 4]>,
}

impl Tape {
    /// Looks at what lies between two ends of all topics of ours.
    pub(crate) fn take(bootstrap: &str, prefix: &str, before: &Ends, after: &Ends) -> Result<Self> {
        let input = format!("{prefix}.report.v1");
        let inputs = ["report", "exception", "tick"].map(|name| format!("{prefix}.{name}.v1"));
        let of = |ends: &Ends, topic: &str| -> Vec<i64> {
            let of = ends.iter().filter(|((name, _), _)| name == topic);
            of.map(|(_, end)| *end).collect()
        };
        let (from, to) = (of(before, &input), of(after, &input));
        let grown = |topic: &str| -> i64 {
            let of = after.iter().filter(|((name, _), _)| name == topic);
            of.map(|(at, end)| end - before.get(at).copied().unwrap_or_default()).sum()
        };
        let read = u64::try_from(grown(&input)).context("counting records")?;
        let mut outputs = Vec::new();
        let mut names: Vec<&String> = after.keys().map(|(name, _)| name).collect();
        names.dedup();
        for topic in names {
            let count = u64::try_from(grown(topic)).context("counting records")?;
            if count > 0 && !inputs.contains(topic) {
                let sizes = sizes(bootstrap, topic, before, after)?;
                outputs.push(Output { topic: topic.clone(), count, sizes });
            }
        }
        Ok(Self { input, from, to, read, outputs })
    }

    pub(crate) fn written(&self) -> u64 {
        self.outputs.iter().map(|output| output.count).sum()
    }

    /// Gives the bytes of keys, values and headers that were written.
    pub(crate) fn bytes(&self) -> u64 {
        let of = |output: &Output| {
            let sizes = output.sizes.iter();
            let sum: u64 = sizes.map(|[key, value, heads, _]| u64::from(key + value + heads)).sum();
            sum * output.count / (output.sizes.len() as u64).max(1)
        };
        self.outputs.iter().map(of).sum()
    }

    pub(crate) fn read(&self) -> u64 {
        self.read
    }
}

fn sizes(bootstrap: &str, topic: &str, before: &Ends, after: &Ends) -> Result<Vec<[u32; 4]>> {
    let consumer = reader(bootstrap)?;
    let mut list = TopicPartitionList::new();
    for ((name, partition), _) in after.iter().filter(|((name, _), _)| name == topic) {
        let from = before.get(&(name.clone(), *partition)).copied().unwrap_or_default();
        list.add_partition_offset(name, *partition, Offset::Offset(from))?;
    }
    consumer.assign(&list).context("reading outputs")?;
    let mut sizes = Vec::new();
    let mut quiet = Instant::now();
    while sizes.len() < SAMPLES_MAX && quiet.elapsed() < Duration::from_secs(1) {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
        let message = message.context("reading outputs")?;
        quiet = Instant::now();
        let (mut heads, mut bytes) = (0, 0);
        for head in message.headers().iter().flat_map(|headers| headers.iter()) {
            heads += 1;
            bytes += head.key.len() + head.value.map_or(0, <[u8]>::len);
        }
        let lengths = [message.key_len(), message.payload_len(), bytes, heads];
        sizes.push(lengths.map(|length| u32::try_from(length).unwrap_or(u32::MAX)));
    }
    Ok(sizes)
}

/// Copies records as a tape says, and prints how long each run took
#[derive(clap::Args)]
pub(crate) struct BareArgs {
    #[arg(long)]
    bootstrap: String,
    #[arg(long)]
    prefix: String,
    #[arg(long)]
    tape: PathBuf,
    #[arg(long)]
    runs: u32,
}

/// One run.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct BareRun {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
}

/// Starts the copier on the contenders' core; gives its runs after one that warms up, and its
/// memory at their end.
pub(crate) fn run(
    bootstrap: &str,
    prefix: &str,
    tape: &Tape,
    runs: u32,
    folder: &Path,
) -> Result<(Vec<BareRun>, u64)> {
    fs::create_dir_all(folder).context("making a folder")?;
    let names: Vec<String> =
        tape.outputs.iter().map(|one| format!("{prefix}.{}", one.topic)).collect();
    let partitions = i32::try_from(tape.from.len()).context("counting partitions")?;
    admin::make_topics(bootstrap, &names, partitions, "delete")?;
    let path = folder.join("tape.json");
    fs::write(&path, serde_json::to_vec(tape)?).context("writing a tape")?;
    let mut command = process::pinned(std::env::current_exe().context("finding this program")?);
    command.args(["streams-bare", "--bootstrap", bootstrap, "--prefix", prefix, "--tape"]);
    command.arg(&path).args(["--runs", &(runs + 1).to_string()]);
    let said = kit::process::run(command, Duration::from_secs(1_800))?;
    admin::remove_topics(bootstrap, prefix)?;
    let last = said.lines().last().context("the copier says something")?;
    let (mut all, memory): (Vec<BareRun>, u64) = serde_json::from_str(last)?;
    all.remove(0);
    Ok((all, memory))
}

/// Copies.
pub(crate) fn copy(args: &BareArgs) -> Result<()> {
    let tape: Tape = serde_json::from_slice(&fs::read(&args.tape).context("reading a tape")?)?;
    let mut copier = Copier::open(args, tape)?;
    let runs: Vec<BareRun> = (0..args.runs).map(|_| copier.run()).collect::<Result<_>>()?;
    let memory = process::memory(std::process::id())?.now;
    println!("{}", serde_json::to_string(&(runs, memory))?);
    Ok(())
}

struct Copier {
    consumer: BaseConsumer,
    producer: BaseProducer,
    tape: Tape,
    topics: Vec<String>,
    bytes: Vec<u8>,
    written: Vec<u64>,
}

impl Copier {
    fn open(args: &BareArgs, tape: Tape) -> Result<Self> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &args.bootstrap)
            .set("group.id", format!("{}.copier", args.prefix))
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.queue.backoff.ms", "5")
            .create()
            .context("making a consumer")?;
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &args.bootstrap)
            .set("transactional.id", format!("{}.copier", args.prefix))
            .set("compression.type", "lz4")
            .set("linger.ms", "1")
            .set("retry.backoff.ms", "10")
            .set("queue.buffering.max.messages", "50000")
            .set("queue.buffering.max.kbytes", "65536")
            .create()
            .context("making a producer")?;
        producer.init_transactions(WAIT_MAX).context("starting transactions")?;
        let topics = tape.outputs.iter().map(|one| format!("{}.{}", args.prefix, one.topic));
        let topics: Vec<String> = topics.collect();
        let written = vec![0; topics.len()];
        Ok(Self { consumer, producer, topics, tape, bytes: Vec::with_capacity(BYTES), written })
    }

    fn run(&mut self) -> Result<BareRun> {
        let mut list = TopicPartitionList::new();
        for (partition, from) in (0..).zip(&self.tape.from) {
            list.add_partition_offset(&self.tape.input, partition, Offset::Offset(*from))?;
        }
        self.consumer.assign(&list).context("reading the input")?;
        self.written.fill(0);
        let (mut read, mut open, mut begun) = (0, 0, None);
        let mut next = self.tape.from.clone();
        let mut last = Instant::now();
        // What is left at the end may be markers of transactions alone.
        while last.elapsed() < Duration::from_secs(2) || read == 0 {
            let Some(message) = self.consumer.poll(Duration::from_millis(20)) else {
                if open > 0 {
                    self.commit(&next)?;
                    (open, last) = (0, Instant::now());
                }
                continue;
            };
            let message = message.context("reading the input")?;
            let partition = message.partition();
            let place = usize::try_from(partition).context("reading a partition's number")?;
            if message.offset() >= self.tape.to[place] {
                continue;
            }
            begun.get_or_insert((Instant::now(), process::cpu_seconds(std::process::id())?));
            next[place] = message.offset() + 1;
            if self.bytes.len() < BYTES {
                self.bytes.extend_from_slice(message.payload().unwrap_or_default());
            }
            if open == 0 {
                self.producer.begin_transaction().context("beginning a transaction")?;
            }
            (read, open) = (read + 1, open + 1);
            drop(message);
            self.write(read, partition)?;
            if open == RECORDS_MAX {
                self.commit(&next)?;
                (open, last) = (0, Instant::now());
            }
        }
        let (from, cpu) = begun.context("something was read")?;
        let seconds = last.duration_since(from).as_secs_f64();
        let cpu_seconds = process::cpu_seconds(std::process::id())? - cpu;
        Ok(BareRun { seconds, cpu_seconds })
    }

    /// Writes what is due after so many records read.
    fn write(&mut self, read: u64, partition: i32) -> Result<()> {
        for (place, output) in self.tape.outputs.iter().enumerate() {
            let due = u128::from(output.count) * u128::from(read) / u128::from(self.tape.read);
            while u128::from(self.written[place]) < due {
                let number = usize::try_from(self.written[place]).context("counting")?;
                let sizes = output.sizes.get(number % output.sizes.len().max(1));
                let Some([key, value, bytes, heads]) = sizes.copied() else { break };
                let mut headers = OwnedHeaders::new_with_capacity(heads as usize);
                for _ in 0..heads {
                    // A name of twelve bytes, as most are.
                    let length = (bytes / heads).saturating_sub(12);
                    let value = Some(self.cut(number, length));
                    headers = headers.insert(Header { key: "ce_timestamp", value });
                }
                let (key, value) = (self.cut(number, key), self.cut(number + 7, value));
                let record = BaseRecord::to(&self.topics[place]).partition(partition);
                send(&self.producer, record.key(key).payload(value).headers(headers))?;
                self.written[place] += 1;
            }
        }
        Ok(())
    }

    /// Gives bytes as they stand in the input, from a place that moves with the number.
    fn cut(&self, number: usize, length: u32) -> &[u8] {
        let length = (length as usize).min(self.bytes.len());
        let from = number * 131 % (self.bytes.len() - length).max(1);
        &self.bytes[from..from + length]
    }

    fn commit(&self, next: &[i64]) -> Result<()> {
        drain(&self.producer);
        let mut list = TopicPartitionList::new();
        for (partition, offset) in (0..).zip(next) {
            list.add_partition_offset(&self.tape.input, partition, Offset::Offset(*offset))?;
        }
        let Some(group) = self.consumer.group_metadata() else { bail!("the consumer has a group") };
        let sent = self.producer.send_offsets_to_transaction(&list, &group, WAIT_MAX);
        sent.context("sending offsets")?;
        self.producer.commit_transaction(WAIT_MAX).context("committing")
    }
}
