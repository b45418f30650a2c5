//! The bucket is the table: whatever was written, changed, deleted, replayed or interrupted.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use kit::gateway::Gateway;
use kit::moto::Moto;
use schemas::topic::DEADLETTER;
use serde_json::{Value, json};
use stream::snapshot;
use world::{Ends, PREFIX, Run, Writer, config, keys, local, python, resource, show, wait_for};

const A: &str = "111122223333";
const B: &str = "444455556666";

fn moto() -> Moto {
    let moto = Moto::start().unwrap();
    python("make", &moto.endpoint());
    moto
}

fn body(objects: &BTreeMap<String, Value>, key: &str) -> Value {
    let object = objects.get(key).unwrap_or_else(|| panic!("no {key} among {:?}", objects.keys()));
    serde_json::from_str(object["body"].as_str().unwrap()).unwrap()
}

#[test]
fn the_bucket_is_the_table_with_real_deletes() {
    let moto = moto();
    let config = config(&moto.endpoint());
    let (_folder, log) = local();
    let mut writer = Writer::open(&*log, PREFIX);
    writer.name(A, "shop");
    let buckets = ["open", "a/../b", "ü\u{7f}", ""].map(|id| resource(A, "AWS::S3::Bucket", id));
    buckets.iter().for_each(|bucket| writer.put(bucket));
    // A network that two accounts share is a resource of each.
    let shared = [A, B].map(|account| resource(account, "AWS::EC2::VPC", "vpc-1"));
    shared.iter().for_each(|vpc| writer.put(vpc));
    let done = Run::default().on(&*log, &config).unwrap();
    assert_eq!((done.progress.records, done.progress.dead, done.waited), (7, 0, false));

    let objects = show(&moto.endpoint());
    let expected = [
        format!("Resources/ec2/vpc/vpc-1.{A}.us-east-1.json"),
        format!("Resources/ec2/vpc/vpc-1.{B}.us-east-1.json"),
        format!("Resources/s3/bucket/!C3!BC!7F.{A}.us-east-1.json"),
        format!("Resources/s3/bucket/.{A}.us-east-1.json"),
        format!("Resources/s3/bucket/a!2F..!2Fb.{A}.us-east-1.json"),
        format!("Resources/s3/bucket/open.{A}.us-east-1.json"),
    ];
    assert_eq!(keys(&objects, "Resources/"), expected);
    let names = expected.iter().map(|key| body(&objects, key)["awsAccountName"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["shop", B, "shop", "shop", "shop", "shop"]);
    let ids = expected.iter().map(|key| body(&objects, key)["resourceId"].clone());
    assert_eq!(ids.collect::<Vec<_>>(), ["vpc-1", "vpc-1", "ü\u{7f}", "", "a/../b", "open"]);
    for (key, object) in &objects {
        assert_eq!(object["encryption"], "AES256", "{key}");
        assert_eq!(object["grantees"], json!(["CanonicalUser"]), "{key}: its owner alone");
    }

    // One changes, one goes in each account.
    let mut changed = buckets[0].clone();
    changed.configuration = r#"{"Version":2}"#.to_owned();
    writer.put(&changed);
    writer.delete(&buckets[1].key());
    writer.delete(&shared[1].key());
    let done = Run::default().on(&*log, &config).unwrap();
    assert_eq!((done.progress.records, done.waited), (3, false), "it goes on where it stood");
    let objects = show(&moto.endpoint());
    let left: Vec<String> = [0, 2, 3, 5].map(|at| expected[at].clone()).to_vec();
    assert_eq!(keys(&objects, "Resources/"), left);
    assert_eq!(body(&objects, &expected[5])["configuration"], json!({"Version": 2}));
}

#[test]
fn a_replay_changes_nothing_and_finds_what_lost_its_tombstone() {
    let moto = moto();
    let config = config(&moto.endpoint());
    let (_folder, log) = local();
    let mut writer = Writer::open(&*log, PREFIX);
    writer.name(A, "shop");
    let roles = ["R1", "R2", "R3"].map(|id| resource(A, "AWS::IAM::Role", id));
    roles.iter().for_each(|role| writer.put(role));
    Run::default().on(&*log, &config).unwrap();
    let first = show(&moto.endpoint());

    // Another log with the same rows: nothing of it is committed.
    let (_folder, log) = local();
    let mut writer = Writer::open(&*log, PREFIX);
    writer.name(A, "shop");
    roles.iter().for_each(|role| writer.put(role));
    let done = Run::default().on(&*log, &config).unwrap();
    assert_eq!(done.progress.records, 4);
    assert_eq!(show(&moto.endpoint()), first);

    // One without the second role: its tombstone was compacted away unread.
    let (_folder, log) = local();
    let mut writer = Writer::open(&*log, PREFIX);
    [&roles[0], &roles[2]].into_iter().for_each(|role| writer.put(role));
    writer.name(A, "shop");
    let done = Run::default().on(&*log, &config).unwrap();
    assert_eq!(done.progress.deleted, 1);
    let mut expected = first.clone();
    expected.remove(&format!("Resources/iam/role/R2.{A}.us-east-1.json")).unwrap();
    let objects = show(&moto.endpoint());
    assert_eq!(keys(&objects, "Resources/"), keys(&expected, "Resources/"));
}

#[test]
fn a_new_name_of_an_account_reaches_all_its_documents() {
    let moto = moto();
    let config = config(&moto.endpoint());
    let (_folder, log) = local();
    let mut writer = Writer::open(&*log, PREFIX);
    writer.name(A, "old");
    writer.name(B, "other");
    for account in [A, B] {
        for id in ["R1", "R2"] {
            writer.put(&resource(account, "AWS::IAM::Role", id));
        }
    }
    let done = Run::default().on(&*log, &config).unwrap();
    // Four documents, each once, two files and three marks of the day.
    assert_eq!(done.progress.put, 4 + 2 + 3);
    writer.name(A, "new");
    writer.name(B, "other");
    Run::default().on(&*log, &config).unwrap();
    let objects = show(&moto.endpoint());
    let names = keys(&objects, "Resources/").into_iter().map(|key| {
        let document = body(&objects, &key);
        let text = |name: &str| document[name].as_str().unwrap().to_owned();
        (text("awsAccountId"), text("awsAccountName"))
    });
    let named = |account: &str, name: &str| (account.to_owned(), name.to_owned());
    let expected = [named(A, "new"), named(B, "other"), named(A, "new"), named(B, "other")];
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

#[test]
fn a_day_has_one_file_an_account_and_is_replaced_in_place() {
    let moto = moto();
    let config = config(&moto.endpoint());
    let (_folder, log) = local();
    let mut writer = Writer::open(&*log, PREFIX);
    let roles: Vec<_> =
        [(A, "R2"), (A, "R1"), (B, "R1")].map(|(a, id)| resource(a, "AWS::IAM::Role", id)).into();
    roles.iter().for_each(|role| writer.put(role));
    Run::default().on(&*log, &config).unwrap();
    let first = show(&moto.endpoint());
    let file = |day: &str, account: &str| {
        format!("lake/resources/dt={day}/account={account}/resources.jsonl.gz")
    };
    let ids = |objects: &BTreeMap<String, Value>, key: &str| -> Vec<String> {
        let lines = objects[key]["body"].as_str().unwrap().lines();
        let document = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        document.map(|document| document["resourceId"].as_str().unwrap().to_owned()).collect()
    };
    let mut expected = vec![file("2026-11-28", A), file("2026-11-28", B)];
    expected.splice(0..0, (0..3).map(|p| format!("lake/resources/dt=2026-11-28/_whole-{p}-of-3")));
    assert_eq!(keys(&first, "lake/"), expected);
    assert_eq!(ids(&first, &expected[3]), ["R1", "R2"]);
    assert_eq!(ids(&first, &expected[4]), ["R1"]);

    // The account's last resource goes on the same day: its file stays until the day is written
    // anew.
    writer.delete(&roles[2].key());
    Run { anew: false, ..Run::default() }.on(&*log, &config).unwrap();
    let objects = show(&moto.endpoint());
    assert_eq!(keys(&objects, "lake/"), expected);
    assert_eq!(keys(&objects, "Resources/").len(), 2);
    Run::default().on(&*log, &config).unwrap();
    let objects = show(&moto.endpoint());
    assert_eq!(keys(&objects, "lake/"), expected[..4]);
    assert_eq!(objects[&expected[3]], first[&expected[3]]);

    // The next day is a partition of its own, and the last one stays.
    let next = Run { now_ms: world::NOW_MS + 60_000, ..Run::default() };
    next.on(&*log, &config).unwrap();
    let objects = show(&moto.endpoint());
    assert_eq!(keys(&objects, "lake/resources/dt=2026-11-28/"), expected[..4]);
    assert!(objects.contains_key(&file("2026-11-29", A)), "{:?}", objects.keys());
}

#[test]
fn workbooks_are_put_when_their_bytes_change() {
    let moto = moto();
    let gateway = Gateway::start(moto.port()).unwrap();
    let mut config = config(&gateway.endpoint());
    config.lake = false;
    config.prefix = "security/".to_owned();
    let (_folder, log) = local();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("owner-ann@example.org.xlsx", "one");
    write("owner-bob.xlsx", "two");
    write("owner-bob.xlsx.17.part", "half");
    write("~$owner-bob.xlsx", "Excel's");
    let run = || {
        gateway.reset_counts();
        let run = Run { workbooks: Some(folder.path()), ..Run::default() };
        run.on(&*log, &config).unwrap();
        gateway.count("s3", "PUT /bucket/key")
    };
    assert_eq!((run(), run()), (2, 0));
    let names = ["owner-ann@example.org.xlsx", "owner-bob.xlsx"];
    let names = names.map(|name| format!("security/workbooks/{name}"));
    let objects = show(&moto.endpoint());
    assert_eq!(keys(&objects, ""), names);
    assert_eq!(objects[&names[0]]["body"], "one");

    write("owner-bob.xlsx", "new");
    fs::remove_file(folder.path().join("owner-ann@example.org.xlsx")).unwrap();
    assert_eq!(run(), 1);
    let objects = show(&moto.endpoint());
    assert_eq!(keys(&objects, ""), names[1..]);
    assert_eq!(objects[&names[1]]["body"], "new");
}

#[test]
fn a_bucket_that_refuses_is_waited_for_and_nothing_is_lost() {
    let moto = moto();
    let gateway = Gateway::start(moto.port()).unwrap();
    let config = config(&gateway.endpoint());
    let (_folder, log) = local();
    Writer::open(&*log, PREFIX).put(&resource(A, "AWS::IAM::Role", "R1"));
    gateway.deny_operation("s3", "PUT /bucket/key");
    let hurried = Run { patience: Some(Duration::from_secs(1)), ..Run::default() };
    let error = hurried.on(&*log, &config).unwrap_err();
    let object = format!("Resources/iam/role/R1.{A}.us-east-1.json");
    assert_eq!(error.to_string(), format!("putting {object} in bucket inventory"));
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.starts_with("AccessDenied"), "{source}");
    assert!(show(&moto.endpoint()).is_empty());

    let (done, ()) = std::thread::scope(|scope| {
        let run = scope.spawn(|| Run::default().on(&*log, &config));
        std::thread::sleep(Duration::from_secs(2));
        gateway.allow_operation("s3", "PUT /bucket/key");
        (run.join().unwrap().unwrap(), ())
    });
    assert!(done.waited && done.progress.records == 1, "{done:?}");
    assert_eq!(keys(&show(&moto.endpoint()), "Resources/"), [object]);
}

#[test]
fn a_store_that_is_started_anew_is_waited_for_until_the_bucket_is_back() {
    let (_folder, log) = local();
    let mut writer = Writer::open(&*log, PREFIX);
    writer.put(&resource(A, "AWS::IAM::Role", "R1"));
    let moto = moto();
    let config = config(&moto.endpoint());
    let run = Run { once: false, patience: None, ..Run::default() };
    std::thread::scope(|scope| {
        let _ends = Ends(&[&run]);
        let running = scope.spawn(|| run.on(&*log, &config));
        let object = |id: &str| format!("Resources/iam/role/{id}.{A}.us-east-1.json");
        wait_for(&moto.endpoint(), &[object("R1")]);
        // All buckets are gone, and what comes now has no place.
        moto.reset().unwrap();
        writer.put(&resource(A, "AWS::IAM::Role", "R2"));
        std::thread::sleep(Duration::from_secs(1));
        python("make", &moto.endpoint());
        wait_for(&moto.endpoint(), &[object("R2")]);
        run.stop.stop();
        let done = running.join().unwrap().unwrap();
        assert!(done.waited, "{done:?}");
    });
}

#[test]
fn what_can_not_be_read_goes_to_the_dead_letters_and_stops_nothing() {
    let moto = moto();
    let config = config(&moto.endpoint());
    let (_folder, log) = local();
    let mut writer = Writer::open(&*log, PREFIX);
    writer.put(&resource(A, "AWS::IAM::Role", "R1"));
    Run::default().on(&*log, &config).unwrap();
    writer.rubbish(&resource(A, "AWS::IAM::Role", "R1").key());
    writer.put(&resource(A, "AWS::IAM::Role", "R2"));
    let done = Run::default().on(&*log, &config).unwrap();
    assert_eq!((done.progress.records, done.progress.dead), (2, 1));
    let letters = snapshot::records(&*log, DEADLETTER).unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].value.as_deref(), Some(&b"rubbish"[..]));
    // The last good document stays.
    let objects = show(&moto.endpoint());
    let kept = ["R1", "R2"].map(|id| format!("Resources/iam/role/{id}.{A}.us-east-1.json"));
    assert_eq!(keys(&objects, "Resources/"), kept);
}
