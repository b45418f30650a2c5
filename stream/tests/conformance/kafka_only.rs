//! What only Kafka has: others' transactions, settings of topics, rebalances.

use std::time::{Duration, Instant};

use kit::kafka::Kafka;
use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer},
};
use schemas::{
    Cleanup,
    topic::{ALL, OBSERVATION, RESOURCE_CHANGE, RESOURCE_STATE},
};
use stream::{
    Log, LogError, Outcome, Polled, TopicPlan,
    kafka::{KafkaConfig, KafkaLog},
};

use crate::harness::{
    PARTITIONS, append, at, join, kafka, kafka_config, pairs, reached, read_all, record, starts,
    texts,
};

fn foreign_producer(id: &str) -> BaseProducer {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", Kafka::shared().unwrap().bootstrap())
        .set("transactional.id", id)
        .create()
        .unwrap();
    producer.init_transactions(Duration::from_secs(30)).unwrap();
    producer
}

fn send(producer: &BaseProducer, topic: &str, value: &str) {
    producer.begin_transaction().unwrap();
    let record = BaseRecord::to(topic).partition(0).key("k").payload(value);
    producer.send(record).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
}

#[test]
fn open_and_aborted_transactions_are_not_seen() {
    let node = Kafka::shared().unwrap();
    let prefix = node.prefix("others");
    let log = KafkaLog::connect(kafka_config(), &prefix).unwrap();
    log.apply().unwrap();
    let topic = RESOURCE_STATE.spec;
    let producer = foreign_producer(&prefix);
    let limit = Duration::from_secs(30);

    send(&producer, &topic.full_name(&prefix), "open");
    let ends = log.ends(&[topic]).unwrap();
    assert_eq!(ends[0], at(topic, 0, 1), "the end counts what is open");
    let mut reader = log.reader(&starts(&[topic])).unwrap();
    for _ in 0..10 {
        assert!(reader.poll(Duration::from_millis(100)).unwrap().is_empty());
    }
    assert!(!reached(&reader.positions().unwrap(), &ends), "nor may a restore end here");

    producer.abort_transaction(limit).unwrap();
    send(&producer, &topic.full_name(&prefix), "committed");
    producer.commit_transaction(limit).unwrap();
    send(&producer, &topic.full_name(&prefix), "aborted");
    producer.abort_transaction(limit).unwrap();
    let read = read_all(&log, &[topic]);
    assert_eq!(texts(&read), pairs(&[("k", "committed")]));
    // Two records and two markers lie before and behind it.
    assert_eq!(log.ends(&[topic]).unwrap()[0], at(topic, 0, 6));
}

#[test]
fn other_settings_are_changed_and_other_counts_refused() {
    let node = Kafka::shared().unwrap();
    let prefix = node.prefix("settings");
    let connect = |config: KafkaConfig| KafkaLog::connect(config, &prefix).unwrap();
    connect(kafka_config()).apply().unwrap();

    let more = connect(KafkaConfig { partitions: PARTITIONS + 1, ..kafka_config() });
    let plan = more.plan().unwrap();
    let wrong = "has 3 partitions, not 4";
    let refused = |plan: &TopicPlan| matches!(plan, TopicPlan::Refuse(_, why) if why == wrong);
    assert!(plan.len() == ALL.len() && plan.iter().all(refused), "{plan:?}");
    assert!(more.check().is_err() && more.apply().is_err());
    assert!(more.ends(&[OBSERVATION.spec]).is_err());

    let own = "segment.ms=123456";
    let topic = OBSERVATION.spec.full_name(&prefix);
    let bootstrap = node.bootstrap();
    let tool = |args: &[&str]| {
        let mut all = vec!["--bootstrap-server", &bootstrap];
        all.extend(["--entity-type", "topics", "--entity-name", &topic]);
        all.extend(args);
        kit::java::run("kafka.admin.ConfigCommand", &all, "").unwrap()
    };
    tool(&["--alter", "--add-config", own]);
    let shorter = connect(KafkaConfig { retention_days: Some(1), ..kafka_config() });
    let altered = |plan: &TopicPlan| match plan {
        TopicPlan::Alter(spec, changes) => {
            let [change] = &changes[..] else { return false };
            spec.cleanup == Cleanup::Delete
                && change.to_string() == "retention.ms=-1 instead of 86400000"
        }
        TopicPlan::Keep(spec) => spec.cleanup != Cleanup::Delete,
        _ => false,
    };
    let plan = shorter.apply().unwrap();
    assert!(plan.iter().all(altered), "{plan:?}");
    shorter.check().unwrap();
    let described = tool(&["--describe"]);
    assert!(described.contains(own), "{described}");
    assert!(described.contains("retention.ms=86400000"), "{described}");
}

#[test]
fn a_member_may_commit_before_it_gives_up_its_partitions() {
    let subject = kafka();
    let log = &*subject.log;
    let input = OBSERVATION.spec;
    let records = (0..PARTITIONS).map(|p| record(input, p, "a", "1"));
    append(log, records.collect());
    let mut first = join(log, "g", "a", &[input]);
    first.until_read(3);

    let mut second = join(log, "g", "b", &[input]);
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing is revoked");
        match first.member.poll(Duration::from_millis(50)).unwrap() {
            Polled::Revoked { partitions, lost } => {
                assert_eq!((partitions, lost), (vec![0, 1, 2], false));
                break;
            }
            Polled::Records(_) => {}
            other @ Polled::Assigned(_) => panic!("{other:?}"),
        }
        second.turn();
    }
    // The other one gets nothing while we take our time.
    for _ in 0..20 {
        assert!(!second.turn());
    }
    let output = record(RESOURCE_CHANGE.spec, 0, "k", "last words");
    assert_eq!(first.commit(vec![output]), Outcome::Committed);
    first.owned.clear();
    first.next.clear();
    crate::harness::until(&mut [&mut first, &mut second], |members| {
        members[0].owned == [0, 1] && members[1].owned == [2]
    });
    let stale = first.member.commit(Vec::new(), &[at(input, 2, 1)]).unwrap();
    assert_eq!(stale, Outcome::Fenced, "partition 2 is not ours any more");
    for _ in 0..10 {
        second.turn();
    }
    assert!(second.records.is_empty(), "what was committed came again");
    assert_eq!(read_all(log, &[RESOURCE_CHANGE.spec]).len(), 1);
}

#[test]
fn a_topic_that_is_made_anew_has_another_name() {
    let mut node = Kafka::start().unwrap();
    let config = KafkaConfig { bootstrap: node.bootstrap(), ..kafka_config() };
    let connect = || KafkaLog::connect(config.clone(), "anew").unwrap();
    let log = connect();
    log.apply().unwrap();
    let topic = OBSERVATION.spec;
    let first = log.incarnation(topic).unwrap();
    let neighbour = log.incarnation(RESOURCE_STATE.spec).unwrap();

    node.kill9().unwrap();
    node.restart().unwrap();
    assert_eq!(log.incarnation(topic).unwrap(), first, "asked by a client that was there before");
    assert_eq!(connect().incarnation(topic).unwrap(), first, "asked by a new client");

    let (bootstrap, name) = (node.bootstrap(), topic.full_name("anew"));
    let args = ["--bootstrap-server", &bootstrap, "--delete", "--topic", &name];
    kit::java::run("org.apache.kafka.tools.TopicCommand", &args, "").unwrap();
    let start = Instant::now();
    while !log.plan().unwrap().contains(&TopicPlan::Create(topic)) {
        assert!(start.elapsed() < Duration::from_secs(60), "the topic stays");
    }
    let error = log.incarnation(topic).unwrap_err();
    assert!(matches!(error, LogError::Topic { .. }), "{error:?}");
    log.apply().unwrap();
    assert_ne!(log.incarnation(topic).unwrap(), first);
    assert_eq!(log.incarnation(RESOURCE_STATE.spec).unwrap(), neighbour);
}
