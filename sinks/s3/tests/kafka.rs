//! On Kafka: members share the partitions, one takes over what another left, and markers of
//! transactions are no rows to wait for.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kit::kafka::Kafka;
use kit::moto::Moto;
use schemas::topic::{OBSERVATION, RESOURCE_STATE};
use schemas::{Codec, Key, ResourceState, partition_of};
use sink_s3::ROLE;
use stream::kafka::{KafkaConfig, KafkaLog};
use stream::{Log, Member, Membership, Outcome, Outgoing, Polled, Position};
use world::{Ends, Run, config, python, resource, wait_for};

const LIMIT: Duration = Duration::from_secs(60);

fn log(prefix: &str) -> Arc<dyn Log> {
    let config = KafkaConfig {
        partitions: 3,
        replication_factor: 1,
        session_timeout_ms: 6_000,
        ..KafkaConfig::new(Kafka::shared().unwrap().bootstrap())
    };
    let log = KafkaLog::connect(config, prefix).unwrap();
    log.apply().unwrap();
    Arc::new(log)
}

/// Writes rows in transactions, as a stage does.
struct Stage {
    member: Box<dyn Member>,
    prefix: String,
    partitions: i32,
}

impl Stage {
    fn join(log: &dyn Log, prefix: &str) -> Self {
        let (group, slot) = ("account".to_owned(), "s".to_owned());
        let inputs = vec![OBSERVATION.spec];
        let mut member = log.join(&Membership { group, slot, inputs }).unwrap();
        while !matches!(member.poll(LIMIT).unwrap(), Polled::Assigned(_)) {}
        Self { member, prefix: prefix.to_owned(), partitions: log.partitions() }
    }

    /// Writes a role of each of these accounts, or its tombstone.
    fn write(&mut self, accounts: std::ops::Range<u32>, there: bool) {
        let row = |account: u32| {
            let resource = resource(&format!("{account:012}"), "AWS::IAM::Role", "R");
            let key = resource.key();
            let scope_region = resource.region.clone();
            let row = ResourceState { resource, scope_region, first_seen_ms: 0 };
            let value = Codec::default().encode(&RESOURCE_STATE.spec.full_name(&self.prefix), &row);
            Outgoing {
                topic: RESOURCE_STATE.spec,
                partition: partition_of(&key.partition_key(), self.partitions),
                timestamp_ms: 0,
                key: key.encode().into_bytes(),
                value: there.then(|| value.unwrap()),
                headers: Vec::new(),
            }
        };
        let rows = accounts.map(row).collect();
        let position = Position { topic: OBSERVATION.spec, partition: 0, offset: 0 };
        assert_eq!(self.member.commit(rows, &[position]).unwrap(), Outcome::Committed);
    }
}

/// Waits until the bucket holds the roles of these accounts, and no others.
fn wait_for_roles(endpoint: &str, accounts: std::ops::Range<u32>) {
    let name = |account: u32| format!("Resources/iam/role/R.{account:012}.us-east-1.json");
    wait_for(endpoint, &accounts.map(name).collect::<Vec<_>>());
}

#[test]
fn members_share_the_work_and_take_over() {
    let prefix = Kafka::shared().unwrap().prefix("sink-s3");
    let log = log(&prefix);
    let moto = Moto::start().unwrap();
    python("make", &moto.endpoint());
    let config = config(&moto.endpoint());
    let mut stage = Stage::join(&*log, &prefix);
    stage.write(0..20, true);

    let member = |slot| Run { once: false, patience: None, slot, ..Run::default() };
    let (a, b) = (member("a"), member("b"));
    thread::scope(|scope| {
        let _ends = Ends(&[&a, &b]);
        let first = scope.spawn(|| a.on(&*log, &config).unwrap());
        let second = scope.spawn(|| b.on(&*log, &config).unwrap());
        wait_for_roles(&moto.endpoint(), 0..20);
        stage.write(0..5, false);
        stage.write(20..30, true);
        wait_for_roles(&moto.endpoint(), 5..30);
        a.stop.stop();
        first.join().unwrap();
        stage.write(5..10, false);
        stage.write(30..40, true);
        wait_for_roles(&moto.endpoint(), 10..40);
        b.stop.stop();
        second.join().unwrap();
    });

    // Alone and behind nothing but markers, a run ends at once.
    stage.write(10..11, false);
    let done = Run::default().on(&*log, &config).unwrap();
    assert_eq!((done.progress.records, done.progress.dead), (1, 0));
    wait_for_roles(&moto.endpoint(), 11..40);
    let again = Run::default().on(&*log, &config).unwrap();
    assert_eq!(again.progress.records, 0, "{again:?}");
    // It had its partitions: it wrote the day's files and marks anew.
    assert_eq!(again.progress.put, 29 + 3);
    let committed = log.committed(ROLE.name, ROLE.inputs).unwrap();
    assert_eq!(committed.len(), 6);
}
