//! The log on a Kafka that wants TLS and names, and allows only what lists allow: what works, what
//! is refused in which words, and that no password ever shows.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod harness;

use std::time::{Duration, Instant};

use kit::{
    secured::{ADMIN, ADMIN_PASSWORD},
    tokens::CLIENT_SECRET,
};
use schemas::topic::{self, ACCOUNT_CHANGELOG, DEADLETTER, REPORT, RESOURCE_STATE};
use stream::{
    Log, LogError, Outcome,
    acls::{Needs, arguments},
    kafka::{KafkaConfig, KafkaLog},
};

use crate::harness::{
    MAKER, WORKER, WRONG, assert_hidden, certificate, find, join, node, oauth, outgoing, read_to,
    sasl, secret, text, words, write,
};

#[test]
fn every_way_to_prove_a_name_carries_the_log() {
    let ways = [
        ("plain", sasl("PLAIN", ADMIN, ADMIN_PASSWORD)),
        ("scram-256", sasl("SCRAM-SHA-256", ADMIN, ADMIN_PASSWORD)),
        ("scram-512", sasl("SCRAM-SHA-512", ADMIN, ADMIN_PASSWORD)),
        ("certificate", certificate()),
        ("oauthbearer", oauth(CLIENT_SECRET)),
    ];
    for (way, config) in ways {
        let shown = format!("{config:?}");
        let log = KafkaLog::connect(config, "ways").unwrap();
        log.apply().unwrap();
        log.check().unwrap();
        write(&log, way);
        let mut member = join(&log, way).unwrap();
        let position = read_to(&mut *member, way).unwrap();
        let outputs = vec![outgoing(RESOURCE_STATE.spec, way)];
        assert_eq!(member.commit(outputs, &[position]).unwrap(), Outcome::Committed, "{way}");
        find(&log, RESOURCE_STATE.spec, way).unwrap();
        assert_eq!(log.committed(way, &[REPORT.spec]).unwrap(), [position], "{way}");
        assert_hidden(&[shown]);
    }
}

#[test]
fn a_refusal_says_what_where_and_why_but_no_secret() {
    let mut stranger = sasl("PLAIN", ADMIN, ADMIN_PASSWORD);
    stranger.properties.insert("ssl.ca.location".to_owned(), text(&node().stranger()));
    let mut typing_error = sasl("PLAIN", ADMIN, ADMIN_PASSWORD);
    typing_error.secrets.insert("sasl.pasword".to_owned(), secret(ADMIN_PASSWORD));
    let mut no_number = sasl("PLAIN", ADMIN, ADMIN_PASSWORD);
    no_number.secrets.insert("linger.ms".to_owned(), secret(ADMIN_PASSWORD));
    let (bootstrap, refused) = (node().sasl(), "is refused by librdkafka");
    let cases: [(KafkaConfig, &[&str]); 7] = [
        (sasl("PLAIN", ADMIN, WRONG), &["connecting", &bootstrap, "Authentication failed"]),
        (sasl("SCRAM-SHA-512", ADMIN, WRONG), &["connecting", &bootstrap, "SCRAM-SHA-512"]),
        (sasl("SCRAM-SHA-256", "nobody", WRONG), &["connecting", &bootstrap, "SCRAM-SHA-256"]),
        (oauth(WRONG), &["connecting", &bootstrap, "OAUTHBEARER token"]),
        (stranger, &["connecting", &bootstrap, "certificate verify failed"]),
        (typing_error, &["sasl.pasword", refused]),
        (no_number, &["linger.ms", refused]),
    ];
    for (config, expected) in cases {
        let start = Instant::now();
        let error = KafkaLog::connect(config, "refused").err().unwrap();
        let words = words(&error);
        for part in expected {
            assert!(words.contains(part), "{part:?} is not in {words:?}");
        }
        // Far below the 20 s after which any question is given up.
        assert!(start.elapsed() < Duration::from_secs(12), "{:?}: {words}", start.elapsed());
        assert_hidden(&[words, format!("{error:?}")]);
    }
}

/// Takes the right away whose arguments hold these words.
fn withdraw(rights: &[Vec<String>], words: &str) {
    let mut found = rights.iter().filter(|list| list.join(" ").contains(words));
    node().withdraw(WORKER.0, found.next().unwrap()).unwrap();
    assert!(found.next().is_none(), "{words} is not one right");
}

fn assert_told(error: &LogError, parts: &[&str]) {
    let words = words(error);
    for part in parts.iter().copied().chain([&*node().sasl()]) {
        assert!(words.contains(part), "{part:?} is not in {words:?}");
    }
    assert_hidden(&[words, format!("{error:?}")]);
}

#[test]
fn a_worker_gets_along_with_the_rights_of_its_list_and_with_no_fewer() {
    let admin = KafkaLog::connect(sasl("SCRAM-SHA-512", ADMIN, ADMIN_PASSWORD), "rights").unwrap();
    admin.apply().unwrap();
    write(&admin, "in");
    let needs = Needs {
        reads: vec![REPORT.spec, RESOURCE_STATE.spec],
        writes: vec![RESOURCE_STATE.spec, DEADLETTER],
        makes: Vec::new(),
        group: Some("g".to_owned()),
        watches: Vec::new(),
    };
    let rights = arguments(&needs.acls("rights"));
    let log = KafkaLog::connect(sasl("SCRAM-SHA-512", WORKER.0, WORKER.1), "rights").unwrap();
    // What is hidden is not called missing.
    assert_told(&log.check().unwrap_err(), &["finding topic rights.", "authorization failed"]);

    for list in &rights {
        node().allow(WORKER.0, list).unwrap();
    }
    log.check().unwrap();
    log.incarnation(REPORT.spec).unwrap();
    let mut member = join(&log, "g").unwrap();
    let position = read_to(&mut *member, "in").unwrap();
    let outputs = |value| vec![outgoing(RESOURCE_STATE.spec, value), outgoing(DEADLETTER, value)];
    assert_eq!(member.commit(outputs("out"), &[position]).unwrap(), Outcome::Committed);
    find(&log, RESOURCE_STATE.spec, "out").unwrap();
    let other = member.commit(vec![outgoing(ACCOUNT_CHANGELOG, "no")], &[position]);
    assert_told(&other.unwrap_err(), &["writing records", "authorization failed"]);

    // One right after the other goes; what needs it says so.
    drop(member);
    withdraw(&rights, "--operation Read --topic rights.report.v1");
    let reading = find(&log, REPORT.spec, "in").unwrap_err();
    assert_told(&reading, &["reading", "rights.report.v1", "authorization failed"]);
    withdraw(&rights, "--operation Read --group rights.g");
    let reading = join(&log, "g").and_then(|mut member| read_to(&mut *member, "in"));
    assert_told(&reading.unwrap_err(), &["reading", "rights.g", "authorization failed"]);
    withdraw(&rights, "--transactional-id");
    let joining = join(&log, "g").err().unwrap();
    assert_told(&joining, &["starting a producer", "Transactional Id authorization failed"]);
}

#[test]
fn topics_are_made_and_changed_with_the_rights_of_that_list() {
    let needs = Needs { makes: topic::ALL.to_vec(), ..Needs::default() };
    let rights = arguments(&needs.acls("topics"));
    for list in &rights {
        node().allow(MAKER.0, list).unwrap();
    }
    let config = sasl("PLAIN", MAKER.0, MAKER.1);
    let shorter = KafkaConfig { retention_days: Some(1), ..config.clone() };
    KafkaLog::connect(config.clone(), "topics").unwrap().apply().unwrap();
    let log = KafkaLog::connect(shorter, "topics").unwrap();
    log.apply().unwrap();
    log.check().unwrap();
    let reading = find(&log, REPORT.spec, "nothing").unwrap_err();
    assert_told(&reading, &["reading", "topics.report.v1", "authorization failed"]);
    // Below another prefix it may do nothing.
    let other = KafkaLog::connect(config, "other").unwrap().apply().unwrap_err();
    assert_told(&other, &["finding topic other.", "authorization failed"]);
}
