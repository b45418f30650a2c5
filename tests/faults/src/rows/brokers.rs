//! Brokers that are killed.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use kit::{cluster::Cluster, kafka::Kafka};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};
use schemas::topic::OBSERVATION;

use crate::{
    line::{BROKER, Line, Round},
    verdict::judge,
};

/// Row 3 with one node: it is killed and started again while all goes on.
pub(crate) fn killed(round: &mut Round) -> Result<()> {
    let mut is_again = false;
    Kafka::unspoiled(BROKER, |kafka| {
        if std::mem::replace(&mut is_again, true) {
            round.tally.happened("run that Kafka spoiled: it forgot the end of a transaction");
            round.folder = tempfile::Builder::new().prefix("scorecard-faults-").tempdir()?;
        }
        killed_once(round, kafka)
    })
}

fn killed_once(round: &mut Round, kafka: &mut Kafka) -> Result<()> {
    let mut line = Line::new(round, &kafka.bootstrap(), 1, 300)?;
    line.start(line.settings("a", 1))?;
    line.start(line.settings("b", 1))?;
    line.feed_for(Duration::from_secs(15))?;
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(2_000 + line.round.random.below(3_000) as u64));
        kafka.kill9()?;
        line.round.tally.fault("kill -9 of the broker");
        kafka.restart()?;
    }
    line.settle()?;
    judge(&mut line)
}

/// Limit for a node that came back to hold all that the others do.
const IN_SYNC_LIMIT: Duration = Duration::from_secs(120);

/// Partitions of the topics of groups and transactions, as the kit sets them.
const COORDINATED: i32 = 4;

/// What a node may be for a line.
#[derive(Clone, Copy, Debug)]
enum Part {
    /// It leads an input partition.
    Leader,
    /// It leads the controllers.
    Controller,
    /// It keeps the account stage's group.
    GroupCoordinator,
    /// It keeps the transactions of a worker.
    TransactionCoordinator,
}

/// Row 3 with three nodes: the node of each part is killed in turn.
pub(crate) fn parts_killed(round: &mut Round) -> Result<()> {
    let mut cluster = Cluster::start(BROKER)?;
    let mut line = Line::new(round, &cluster.bootstrap(), 3, 600)?;
    let config = ClientConfig::new().set("bootstrap.servers", cluster.bootstrap()).clone();
    let client: BaseConsumer = config.create()?;
    line.start(line.settings("a", 1))?;
    line.start(line.settings("b", 1))?;
    line.feed_for(Duration::from_secs(60))?;
    let mut parts =
        vec![Part::Leader, Part::Controller, Part::GroupCoordinator, Part::TransactionCoordinator];
    while !parts.is_empty() {
        let part = parts.remove(line.round.random.below(parts.len()));
        in_sync(&client)?;
        let at = node_of(part, &cluster, &client, &line)?;
        cluster.nodes[at].kill9()?;
        line.round.tally.fault(&format!("kill -9 of the {part:?}"));
        thread::sleep(Duration::from_millis(1_000 + line.round.random.below(8_000) as u64));
        cluster.nodes[at].restart()?;
    }
    line.settle()?;
    for node in &cluster.nodes {
        ensure!(!node.forgot_a_marker()?, "Kafka forgot the end of a transaction");
    }
    judge(&mut line)
}

fn node_of(part: Part, cluster: &Cluster, client: &BaseConsumer, line: &Line<'_>) -> Result<usize> {
    let (topic, partition) = match part {
        Part::Controller => return cluster.controller(),
        Part::Leader => (OBSERVATION.spec.full_name(&line.prefix), 0),
        Part::GroupCoordinator => {
            let group = format!("{}.account", line.prefix);
            ("__consumer_offsets".to_owned(), java_hash(&group) % COORDINATED)
        }
        Part::TransactionCoordinator => {
            let id = format!("{}.account.a-0", line.prefix);
            ("__transaction_state".to_owned(), java_hash(&id) % COORDINATED)
        }
    };
    let start = Instant::now();
    loop {
        // Kafka makes its own topics when the first worker needs them.
        let leader = leader(client, &topic, partition)?;
        if let Some(leader) = leader {
            return Ok(usize::try_from(leader)? - 1);
        }
        ensure!(start.elapsed() < IN_SYNC_LIMIT, "{topic}/{partition} has no leader");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Gives the node that leads a partition; none while there is no such partition or node.
fn leader(client: &BaseConsumer, topic: &str, partition: i32) -> Result<Option<i32>> {
    let metadata = client.fetch_metadata(Some(topic), Duration::from_secs(20))?;
    let found = metadata.topics().iter().flat_map(|topic| topic.partitions());
    let mut leaders = found.filter(|found| found.id() == partition).map(|found| found.leader());
    Ok(leaders.find(|leader| *leader > 0))
}

/// `String.hashCode` of Java, made positive as Kafka does it.
fn java_hash(text: &str) -> i32 {
    let hash = |hash: i32, byte: u8| hash.wrapping_mul(31).wrapping_add(i32::from(byte));
    text.bytes().fold(0, hash) & i32::MAX
}

/// Waits until every partition has all its replicas in sync.
fn in_sync(client: &BaseConsumer) -> Result<()> {
    let start = Instant::now();
    loop {
        let metadata = client.fetch_metadata(None, Duration::from_secs(20));
        let whole = metadata.as_ref().is_ok_and(|metadata| {
            let mut partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
            partitions.all(|partition| {
                partition.leader() > 0 && partition.isr().len() == partition.replicas().len()
            })
        });
        if whole {
            return Ok(());
        }
        ensure!(start.elapsed() < IN_SYNC_LIMIT, "replicas are not in sync: {:?}", metadata.err());
        thread::sleep(Duration::from_millis(200));
    }
}
