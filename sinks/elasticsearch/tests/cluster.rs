//! On a real Elasticsearch: setting up, documents that break nothing, and the chores.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::path::Path;
use std::sync::Arc;

use kit::elasticsearch::Elasticsearch;
use schemas::{
    AccountKey, Codec, ComplianceKey, ComplianceState, RequirementKey, Resource, ResourceKey,
    ResourceState, Verdict, topic,
};
use serde_json::{Value, json};
use sink_elasticsearch::{Cluster, Config, Setup};
use stream::local::LocalLog;
use stream::{Log, Publisher};
use world::rows::{REQUIREMENTS, Rows, account_row, requirement, size};
use world::{DAY_MS, NOW_MS, Run, compare, config, effect, equal, held, once, search, setup};

fn local(folder: &Path) -> Arc<dyn Log> {
    let log = LocalLog::open(folder, 3, "test").unwrap();
    log.apply().unwrap();
    Arc::new(log)
}

/// A cluster that is set up for indices of this prefix.
fn prepared(prefix: &str) -> (&'static Elasticsearch, Config) {
    let node = Elasticsearch::shared().unwrap();
    let config = config(&node.url(), prefix);
    setup(&config, false);
    (node, config)
}

fn publisher(log: &dyn Log) -> Publisher {
    Publisher::open(log, &Codec::default(), "test", "test").unwrap()
}

fn put(log: &dyn Log, resource: &Resource) {
    let mut to = publisher(log);
    let state = ResourceState {
        scope_region: resource.region.clone(),
        resource: resource.clone(),
        first_seen_ms: NOW_MS,
    };
    to.put(&topic::RESOURCE_STATE, &resource.key(), &state, NOW_MS).unwrap();
    to.flush().unwrap();
}

fn resource(id: &str, configuration: &str) -> Resource {
    Resource {
        provider: "aws".to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        resource_type: "AWS::IAM::Policy".to_owned(),
        id: id.to_owned(),
        name: id.to_owned(),
        arn: String::new(),
        tags: Default::default(),
        configuration: configuration.to_owned(),
        supplementary: "{}".to_owned(),
        errors: Default::default(),
        truncated: Vec::new(),
        captured_ms: NOW_MS,
    }
}

#[test]
fn setting_up_is_told_beforehand_and_safe_to_repeat() {
    let node = Elasticsearch::shared().unwrap();
    let config = config(&node.url(), "setup");
    let folder = tempfile::tempdir().unwrap();
    let log = local(folder.path());
    let error = Run::new(&*log, &config).go().unwrap_err();
    assert!(sink_frame::chain(&error).contains("scorecard setup elasticsearch"), "{error}");

    let (would, count) = setup(&config, true);
    assert!(would.iter().all(|line| line.starts_with("would make ")), "{would:?}");
    assert_eq!(node.call("GET", "/setup-*", &Value::Null).unwrap().1, json!({}));
    let (said, changed) = setup(&config, false);
    assert_eq!((said.len(), changed), (would.len(), count));
    let again = setup(&config, false);
    assert_eq!(again, (Vec::new(), 0));

    // An older release's mapping and a lost alias are mended, and nothing else.
    let old = json!({"_meta": {"digest": "old"}});
    assert_eq!(node.call("PUT", "/setup-scores-all/_mapping", &old).unwrap().0, 200);
    let lost = "/setup-trust-000001/_alias/setup-trust";
    assert_eq!(node.call("DELETE", lost, &Value::Null).unwrap().0, 200);
    let (said, _) = setup(&config, false);
    assert_eq!(said, ["made mapping of setup-scores-all", "made alias setup-trust"]);
    let (_, found) = node.call("GET", "/_alias/security_solution-*", &Value::Null).unwrap();
    assert!(found.to_string().contains("setup-compliance-000001"), "{found}");
}

#[test]
fn a_cluster_that_can_not_be_used_is_an_error_that_says_why() {
    let node = Elasticsearch::shared().unwrap();
    let nobody = config("http://127.0.0.1:9", "nobody");
    let cluster = Cluster::prepare(&nobody).unwrap();
    let error = Setup::begin(&cluster, &nobody, true, &|_| ()).err().unwrap();
    assert!(sink_frame::chain(&error).contains("127.0.0.1:9"), "{error:?}");
    let mut secret = config(&node.url(), "secret");
    secret.api_key = Some(serde_json::from_value(json!({"env": "SCORECARD_NO_KEY"})).unwrap());
    let error = Cluster::prepare(&secret).err().unwrap();
    assert!(sink_frame::chain(&error).contains("SCORECARD_NO_KEY"), "{error:?}");
}

/// Configurations that accounts may have and that no mapping foresees.
fn hostile() -> Vec<(&'static str, String)> {
    let deep = |levels: usize| {
        format!("{}{}{}", r#"{"x":"#.repeat(levels), r#"{"leaf":"end"}"#, "}".repeat(levels))
    };
    let many: Value = (0..20_000)
        .map(|n| (format!("key{n}"), json!(n)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    vec![
        ("dots", r#"{"a.b":{"c.d":1},"a":{"b":2},".":3,"..":{".x.":4}}"#.to_owned()),
        ("empty-names", r#"{"":1," ":{"":2}}"#.to_owned()),
        ("zeros", "{\"a\\u0000b\":\"c\\u0000d\"}".to_owned()),
        ("long-value", json!({"a": "v".repeat(100_000), "b": "found"}).to_string()),
        ("long-text", json!({"a": "\u{1f600}".repeat(40_000)}).to_string()),
        ("long-name", json!({"n".repeat(40_000): "found"}).to_string()),
        ("deep", deep(17)),
        ("deeper", deep(60)),
        ("deepest", deep(5_000)),
        ("lists", format!("{{\"a\":{}1{}}}", "[".repeat(90), "]".repeat(90))),
        ("many", many.to_string()),
        ("no-object", "[1,{\"a\":2}]".to_owned()),
        ("no-json", "{\"a\":".to_owned()),
        (
            "mixed",
            r#"{"a":[1,"x",null,{"b":1.5e300},[true]],"c":123456789012345678901234567890}"#
                .to_owned(),
        ),
        (
            "addresses",
            r#"{"a":"10.0.0.1/8","b":"::ffff:1.2.3.4","c":"999.1.1.1","d":"1.2.3.4/33"}"#
                .to_owned(),
        ),
    ]
}

#[test]
fn no_document_breaks_a_mapping_and_each_is_found() {
    let (node, config) = prepared("hostile");
    let folder = tempfile::tempdir().unwrap();
    let log = local(folder.path());
    let hostile = hostile();
    for (id, configuration) in &hostile {
        put(&*log, &resource(id, configuration));
    }
    let mut tagged = resource("tags", "{}");
    tagged.tags =
        (0..60).map(|n| (format!("aws:{n}.{}\0", "k".repeat(120)), "v".repeat(250))).collect();
    tagged.errors = [("x".repeat(300), "e".repeat(90_000))].into();
    put(&*log, &tagged);

    let progress = once(&*log, &config);
    let wanted = hostile.len() as u64 + 1;
    assert_eq!((progress.counts.written, progress.counts.refused), (wanted, 0), "{progress:?}");
    let found = |query: Value| {
        let found = search(node, "hostile-resources", &json!({ "query": query }));
        let mut ids: Vec<String> =
            found.iter().map(|one| one["resource"]["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let field = |name: &str, value: Value| {
        let field = format!("scorecard.configuration{name}");
        json!({"term": {field: value}})
    };
    assert_eq!(found(field("", json!("found"))), ["long-name", "long-value"]);
    assert_eq!(found(field(&".x".repeat(17), json!("end"))), Vec::<String>::new());
    assert_eq!(found(field("", json!("end"))), ["deep"]);
    assert_eq!(found(field(".a.b.c.d", json!("1"))), ["dots"]);
    assert_eq!(found(field(".key19999", json!("19999"))), ["many"]);
    assert_eq!(found(json!({"term": {"related.ip": "1.2.3.4"}})), ["addresses"]);
    assert_eq!(found(json!({"term": {"scorecard.cidrs": "10.200.0.9"}})), ["addresses"]);
    let cut =
        ["deeper", "deepest", "lists", "long-name", "long-text", "long-value", "tags", "zeros"];
    assert_eq!(found(json!({"exists": {"field": "scorecard.cut"}})), cut);
    // One mapping for all: no document added a field.
    let (_, mapping) = node.call("GET", "/hostile-resources-all/_mapping", &Value::Null).unwrap();
    assert!(!mapping.to_string().contains("key19999"));
}

#[test]
fn what_the_cluster_refuses_is_a_dead_letter_and_the_rest_gets_through() {
    let (node, config) = prepared("poison");
    let folder = tempfile::tempdir().unwrap();
    let log = local(folder.path());
    // No date field takes a year of six digits.
    let mut poison = resource("poison", "{}");
    poison.captured_ms = 9_999_999_999_999_999;
    put(&*log, &resource("before", "{}"));
    put(&*log, &poison);
    let mut writer = log.writer("test").unwrap();
    let mut unreadable = stream::snapshot::records(&*log, topic::RESOURCE_STATE.spec).unwrap();
    unreadable.truncate(1);
    let mut unreadable: stream::Outgoing = unreadable.remove(0).into();
    unreadable.key = b"111122223333/eu-west-1/T/unreadable".to_vec();
    unreadable.value = Some(b"\xc3\x01no avro".to_vec());
    writer.append(vec![unreadable]).unwrap();
    writer.flush().unwrap();
    put(&*log, &resource("after", "{}"));

    let counts = once(&*log, &config).counts;
    assert_eq!((counts.written, counts.refused, counts.dead), (2, 1, 1), "{counts:?}");
    let letters = stream::snapshot::records(&*log, topic::DEADLETTER).unwrap();
    let said: Vec<String> = letters
        .iter()
        .map(|letter| {
            format!(
                "{:?}",
                letter
                    .headers
                    .iter()
                    .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
                    .collect::<Vec<_>>()
            )
        })
        .collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().any(|text| text.contains("scorecard.captured")), "{said:?}");
    assert_eq!(held(node, "poison-resources").len(), 2);
}

#[test]
fn tables_and_histories_are_whole_and_follow_their_account_and_requirement() {
    let (node, config) = prepared("tables");
    let folder = tempfile::tempdir().unwrap();
    let log = local(folder.path());
    let rows = Rows::of(size().min(2_000), 0);
    rows.write(&*log, "test");
    let progress = once(&*log, &config);
    assert_eq!(progress.counts.refused + progress.counts.dead, 0, "{progress:?}");
    equal(node, "tables", &rows);
    assert_eq!(held(node, "tables-changes").len(), rows.resources);
    assert!(!held(node, "tables-score-history").is_empty());
    let judged = rows.resources * REQUIREMENTS;
    let findings = held(node, "security_solution-tables.misconfiguration_latest").len();
    assert!(findings < judged && findings > judged / 2, "{findings} of {judged}");

    // Another owner and another title reach documents whose rows do not change.
    let mut to = publisher(&*log);
    let id = "000000000001";
    let (key, row) = (AccountKey::new(id), account_row(id, "somebody-else"));
    to.put(&topic::ACCOUNT_STATE, &key, &row, NOW_MS).unwrap();
    let mut renamed = requirement(0);
    renamed.title = "Another title".to_owned();
    to.put(&topic::REQUIREMENT, &RequirementKey::new("rule-0"), &renamed, NOW_MS).unwrap();
    to.flush().unwrap();
    let versions = held(node, "tables-resources");
    once(&*log, &config);
    let renamed =
        Rows { first_owner: Some("somebody-else"), first_title: Some("Another title"), ..rows };
    equal(node, "tables", &renamed);
    let after = held(node, "tables-resources");
    assert!(versions.iter().all(|(key, (version, _))| after[key].0 == *version));

    // Newer rows replace older ones.
    let newer = Rows { round: 1, ..rows };
    newer.write(&*log, "test");
    once(&*log, &config);
    equal(node, "tables", &newer);
}

#[test]
fn what_is_deleted_says_so_until_it_is_purged() {
    let (node, config) = prepared("purge");
    let folder = tempfile::tempdir().unwrap();
    let log = local(folder.path());
    put(&*log, &resource("stays", "{}"));
    put(&*log, &resource("goes", "{}"));
    once(&*log, &config);
    let mut to = publisher(&*log);
    to.tombstone(&topic::RESOURCE_STATE, &resource("goes", "{}").key(), NOW_MS).unwrap();
    to.flush().unwrap();
    once(&*log, &config);
    let (stays, goes) = (resource("stays", "").key(), resource("goes", "").key());
    let only = |key: &ResourceKey| [(key.clone(), json!({"/scorecard/deleted": false}))];
    compare(node, "purge-resources", only(&stays));
    let gone = json!({"/scorecard/deleted": true, "/event/type": ["deletion"]});
    let both = [(goes.clone(), gone), (stays.clone(), json!({"/scorecard/deleted": false}))];
    compare(node, "purge-resources-all", both);

    let later = |days: i64| Run { now_ms: NOW_MS + days * DAY_MS, ..Run::new(&*log, &config) };
    assert_eq!(effect(&later(2).go().unwrap(), "purged"), 0);
    assert_eq!(effect(&later(4).go().unwrap(), "purged"), 1);
    compare(node, "purge-resources-all", only(&stays));
}

#[test]
fn documents_that_no_row_stands_for_are_swept() {
    let (node, config) = prepared("sweep");
    let folder = tempfile::tempdir().unwrap();
    let log = local(folder.path());
    put(&*log, &resource("row", "{}"));
    let progress = once(&*log, &config);
    assert_eq!(effect(&progress, "swept"), 0);
    // As if its tombstone had been compacted away while nobody followed the topic.
    let id = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let mut lost =
        held(node, "sweep-resources")["111122223333/eu-west-1/AWS::IAM::Policy/row"].1.clone();
    for (pointer, value) in
        [("/scorecard/key", "111122223333/eu-west-1/AWS::IAM::Policy/lost"), ("/event/id", id)]
    {
        *lost.pointer_mut(pointer).unwrap() = json!(value);
    }
    let version = "version=7&version_type=external";
    let path = format!("/sweep-resources-all/_doc/{id}?{version}");
    assert_eq!(node.call("PUT", &path, &lost).unwrap().0, 201);
    let later = |ms: i64| Run { now_ms: NOW_MS + ms, ..Run::new(&*log, &config) };
    assert_eq!(effect(&later(DAY_MS / 2).go().unwrap(), "swept"), 0, "it is done once a day");
    assert_eq!(effect(&later(DAY_MS + 1).go().unwrap(), "swept"), 1);
    let row = resource("row", "").key();
    compare(node, "sweep-resources", [(row, json!({"/scorecard/deleted": false}))]);
    let gone = ResourceKey { id: "lost".to_owned(), ..resource("", "").key() };
    let all = held(node, "sweep-resources-all");
    let document = &all[&schemas::Key::encode(&gone)];
    assert_eq!((document.0, &document.1["scorecard"]["deleted"]), (7, &json!(true)));
}

#[test]
fn findings_stay_in_kibanas_window_by_a_heartbeat() {
    let (node, config) = prepared("beat");
    let folder = tempfile::tempdir().unwrap();
    let log = local(folder.path());
    let key = ComplianceKey::new("q", "1", "r", "i", "");
    let row = ComplianceState { verdict: Verdict::Fail, ..ComplianceState::default() };
    let mut to = publisher(&*log);
    to.put(&topic::COMPLIANCE_STATE, &key, &row, NOW_MS).unwrap();
    to.flush().unwrap();
    once(&*log, &config);
    let version = || held(node, "beat-compliance").into_values().next().unwrap().0;
    let before = version();
    let later = Run { now_ms: NOW_MS + 13 * 3_600_000, ..Run::new(&*log, &config) };
    assert_eq!(effect(&later.go().unwrap(), "refreshed"), 1);
    let fields = json!({"/@timestamp": "2026-11-29T12:59:00.000Z",
        "/event/created": "2026-11-28T23:59:00.000Z", "/result/evaluation": "failed"});
    compare(node, "beat-compliance", [(key.clone(), fields)]);
    assert_eq!(version(), before, "a row's next record must still be newer");
    let newer = ComplianceState { verdict: Verdict::Pass, ..row };
    to.put(&topic::COMPLIANCE_STATE, &key, &newer, NOW_MS).unwrap();
    to.flush().unwrap();
    once(&*log, &config);
    compare(node, "beat-compliance", [(key, json!({"/result/evaluation": "passed"}))]);
}
