//! `scorecard replay`: the tables of a real history are made again, and a changed row is found.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use schemas::topic::{COMPLIANCE_STATE, OBSERVATION, REQUIREMENT, RESOURCE_STATE, SCORE_STATE};
use serde_json::Value;
use stream::{Outgoing, snapshot};

use crate::site::Site;

fn findings(text: &str) -> Result<BTreeMap<String, Value>> {
    let found: Value = serde_json::from_str(text)?;
    let tables = found["tables"].as_array().into_iter().flatten();
    Ok(tables.map(|one| (one["table"].as_str().unwrap_or("").to_owned(), one.clone())).collect())
}

fn is_found(site: &Site) -> Result<()> {
    let equal = findings(&site.run(&["replay", "--output", "json"])?)?;
    assert_eq!(equal.len(), 7, "{equal:?}");
    for (name, table) in &equal {
        ensure!(
            table["rows"].as_u64() > Some(0) && table["rows"] == table["equal"],
            "{name}: {table}"
        );
    }

    // One row is changed, one is taken away, one is put in: by hand, past the stages.
    let log = site.open()?;
    let rows = |topic| -> Result<Vec<_>> {
        let mut last = BTreeMap::new();
        for record in snapshot::records(&*log, topic)? {
            last.insert((record.partition, record.key.clone()), record);
        }
        Ok(last.into_values().filter(|record| record.value.is_some()).collect())
    };
    let scores = rows(SCORE_STATE.spec)?;
    let changed = Outgoing { value: scores[1].value.clone(), ..scores[0].clone().into() };
    ensure!(changed.value != scores[0].value, "two scores with the same bytes: choose others");
    let gone = Outgoing { value: None, ..rows(RESOURCE_STATE.spec)?[0].clone().into() };
    let foreign = Outgoing {
        key: b"put/in\x1b[2J".to_vec(),
        ..rows(COMPLIANCE_STATE.spec)?[0].clone().into()
    };
    let keys = [&scores[0].key, &gone.key].map(|key| String::from_utf8(key.clone()).unwrap());
    let mut writer = log.writer("test")?;
    writer.append(vec![changed, gone, foreign])?;
    writer.flush()?;
    drop((writer, log));

    let finished = site.end_of(&["replay"])?;
    ensure!(finished.status.code() == Some(1), "{}", finished.stdout);
    ensure!(finished.stderr.contains("3 rows differ"), "{}", finished.stderr);
    for expected in [
        format!("score.state different: 0/{}", keys[0]),
        format!("resource.state missing: 0/{}", keys[1]),
        "compliance.state extra: 0/put/in\\u{1b}[2J".to_owned(),
    ] {
        ensure!(finished.stdout.contains(&expected), "{expected} in {}", finished.stdout);
    }
    let one = site.run(&["replay", "--table", "trust.state", "--output", "json"])?;
    assert_eq!(findings(&one)?.keys().collect::<Vec<_>>(), ["trust.state"]);
    Ok(())
}

/// The rebuilt rows lie under the other prefix, and the live ones are as they were.
fn is_written(site: &Site, into: &Site) -> Result<()> {
    site.fill(2, 2)?;
    site.process()?;
    let before = site.count(schemas::topic::ALL)?;
    site.run(&["replay", "--into", &into.prefix])?;
    assert_eq!(site.count(schemas::topic::ALL)?, before, "the log itself is only read");
    let last = |site: &Site| -> Result<BTreeMap<_, _>> {
        let log = site.open()?;
        let mut rows = BTreeMap::new();
        for record in snapshot::records(&*log, SCORE_STATE.spec)? {
            match record.value {
                Some(value) => rows.insert((record.partition, record.key), value),
                None => rows.remove(&(record.partition, record.key)),
            };
        }
        Ok(rows)
    };
    let rows = last(site)?;
    ensure!(!rows.is_empty() && last(into)? == rows, "the rebuilt scores are the scores");
    let again = site.end_of(&["replay", "--into", &into.prefix])?;
    ensure!(again.stderr.contains("is not empty: choose a prefix"), "{}", again.stderr);
    Ok(())
}

#[test]
fn a_changed_row_is_found_on_a_local_log() -> Result<()> {
    let site = Site::local(3)?;
    site.fill(4, 3)?;
    site.process()?;
    is_found(&site)
}

#[test]
fn a_changed_row_is_found_on_kafka() -> Result<()> {
    let site = Site::kafka("replay", 3)?;
    // Here the stages take records as they come.
    let mut process = site.start(&["process"], "process")?;
    site.fill(4, 3)?;
    process.wait_for_rest(3)?;
    process.end()?;
    is_found(&site)
}

#[test]
fn rebuilt_rows_go_into_new_topics_of_a_local_log() -> Result<()> {
    let site = Site::local(2)?;
    let into = site.beside("rebuilt")?;
    is_written(&site, &into)
}

#[test]
fn rebuilt_rows_go_into_new_topics_on_kafka() -> Result<()> {
    let site = Site::kafka("into", 2)?;
    let into = Site::on_kafka(&format!("{}-rebuilt", site.prefix), 2)?;
    is_written(&site, &into)
}

/// What retention and compaction took is told with its number.
#[test]
fn what_is_gone_is_told() -> Result<()> {
    let site = Site::local(2)?;
    site.fill(3, 3)?;
    // The same requirements once more: of each only the last stays.
    site.fill(3, 3)?;
    site.process()?;
    site.age()?;
    let finished = site.end_of(&["replay", "--output", "json"])?;
    let found: Value = serde_json::from_str(&finished.stdout)?;
    for (topic, by) in [(REQUIREMENT.spec, "compaction"), (OBSERVATION.spec, "retention")] {
        let gone = site.count(&[topic])? - site.kept(topic)?;
        ensure!(gone > 10, "{} of {} are gone", gone, topic.name);
        let expected = serde_json::json!({"topic": topic.name, "records": gone, "by": by});
        let lost = found["lost"].as_array().unwrap();
        ensure!(lost.contains(&expected), "no {expected} in {lost:?}");
    }
    let text = site.end_of(&["replay"])?.stdout;
    ensure!(text.contains("! requirement: "), "{text}");
    Ok(())
}

#[test]
fn what_is_not_there_is_said() -> Result<()> {
    let site = Site::local(2)?;
    let empty = site.end_of(&["replay"])?;
    ensure!(empty.stderr.contains("no stage has taken a record yet"), "{}", empty.stderr);
    let unknown = site.end_of(&["replay", "--table", "scores"])?;
    ensure!(unknown.stderr.contains("there is no table \"scores\""), "{}", unknown.stderr);
    Ok(())
}
