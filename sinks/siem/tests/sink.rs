//! The sink through the frame, on a log in a folder: what is told, what is not, and in whose words.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::time::Duration;

use schemas::topic::{DEADLETTER, SIEM_EVENT};
use schemas::{
    ChangeKind, Codec, ComplianceKey, Credit, ResourceChange, ResourceKey, Standing, Verdict,
};
use serde_json::Value;
use sink_frame::{Frame, Limits, Progress};
use sink_siem::{Config, ROLE, Siem};
use stream::worker::Stop;
use stream::{Log, Outgoing, local::LocalLog, snapshot};
use world::{
    ACCOUNT, AT_MS, PARTITIONS, account, cause, check, finding, inventory, of_account,
    of_requirement, placed, requirement, row, standing, transition,
};

const FAIL: Option<Standing> = Some(Standing { verdict: Verdict::Fail, credit: Credit::None });

fn log(folder: &tempfile::TempDir) -> LocalLog {
    let log = LocalLog::open(folder.path(), PARTITIONS, "t").unwrap();
    log.apply().unwrap();
    log
}

fn append(log: &dyn Log, records: Vec<Outgoing>) {
    let mut writer = log.writer("test").unwrap();
    writer.append(records).unwrap();
    writer.flush().unwrap();
}

fn run(log: &dyn Log, config: &Config) -> Progress {
    let frame = Frame {
        role: &ROLE,
        log,
        slot: "test",
        limits: Limits { records: 100, bytes: 1 << 20, linger: Duration::ZERO },
        once: true,
        patience: Some(Duration::from_secs(10)),
        tell: &|_| (),
    };
    let codec = Codec::default();
    frame.run(&mut Siem::new(log, &codec, config), &Stop::new()).unwrap()
}

fn events(log: &dyn Log) -> Vec<Value> {
    let records = snapshot::records(log, SIEM_EVENT).unwrap();
    let events = records.iter().map(|record| {
        let event = serde_json::from_slice(record.value.as_ref().unwrap()).unwrap();
        check(&event);
        event
    });
    events.collect()
}

fn change(kind: ChangeKind) -> ResourceChange {
    let (differences, first_trusted) = (Vec::new(), Vec::new());
    ResourceChange { kind, at_ms: AT_MS, differences, cause: cause(), first_trusted }
}

fn bucket(id: &str, kind: ChangeKind) -> Outgoing {
    let key = ResourceKey::new(ACCOUNT, "eu-west-1", "AWS::S3::Bucket", id);
    placed(inventory(&key, &change(kind)), ACCOUNT)
}

#[test]
fn each_change_is_told_once_in_the_words_of_its_requirement_and_account() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let passes = Some(standing(Verdict::Pass, Credit::None));
    append(
        &log,
        vec![
            bucket("logs", ChangeKind::Created),
            placed(finding(&row(), &transition(None, FAIL)), ACCOUNT),
            placed(finding(&row(), &transition(None, passes)), ACCOUNT),
            placed(of_account(&account()), ACCOUNT),
            placed(of_requirement(&requirement()), ACCOUNT),
        ],
    );
    let progress = run(&log, &Config::default());
    assert_eq!((progress.counts.written, progress.counts.skipped), (2, 3));
    let told = |from: usize| -> Vec<String> {
        let events = events(&log).into_iter().skip(from);
        events.map(|event| event["message"].as_str().unwrap().to_owned()).collect()
    };
    let mut first = told(0);
    first.sort();
    let expected = [
        "Created: AWS::S3::Bucket logs in prod-web",
        "Fails: Buckets block public access (logs/2024 in prod-web)",
    ];
    assert_eq!(first, expected);

    // A second run tells nothing again; a new requirement is known to its first finding.
    assert_eq!(run(&log, &Config::default()).records(), 0);
    let mut young = requirement();
    young.id = "s3-versioning".to_owned();
    young.title = "Buckets keep versions".to_owned();
    let key = ComplianceKey::new("s3-versioning", ACCOUNT, "eu-west-1", "logs", "");
    append(
        &log,
        vec![
            placed(finding(&key, &transition(None, FAIL)), ACCOUNT),
            placed(of_requirement(&young), ACCOUNT),
        ],
    );
    run(&log, &Config::default());
    assert_eq!(told(2), ["Fails: Buckets keep versions (logs in prod-web)"]);
}

#[test]
fn a_withdrawn_requirement_closes_its_findings_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let withdrawn = Outgoing { value: None, ..placed(of_requirement(&requirement()), ACCOUNT) };
    append(
        &log,
        vec![
            placed(of_requirement(&requirement()), ACCOUNT),
            placed(finding(&row(), &transition(None, FAIL)), ACCOUNT),
            withdrawn,
            placed(finding(&row(), &transition(FAIL, None)), ACCOUNT),
        ],
    );
    run(&log, &Config::default());
    let events = events(&log);
    let titles: Vec<_> = events.iter().map(|event| &event["finding_info"]["title"]).collect();
    assert_eq!(titles, ["Buckets block public access"; 2]);
    assert_eq!(events[1]["status"], "Resolved");
}

#[test]
fn the_inventory_can_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    append(
        &log,
        vec![
            bucket("logs", ChangeKind::Created),
            placed(finding(&row(), &transition(None, FAIL)), ACCOUNT),
        ],
    );
    let config = Config { inventory: false, splunk: None };
    let progress = run(&log, &config);
    assert_eq!((progress.counts.written, progress.counts.skipped), (1, 1));
    let classes: Vec<_> = events(&log).iter().map(|event| event["class_uid"].clone()).collect();
    assert_eq!(classes, [2003]);
}

#[test]
fn what_can_not_be_read_is_a_dead_letter_and_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let broken = Outgoing { value: Some(vec![0xc3]), ..bucket("broken", ChangeKind::Created) };
    let keyless = Outgoing { key: vec![0xff], ..bucket("keyless", ChangeKind::Created) };
    append(&log, vec![broken, keyless, bucket("logs", ChangeKind::Deleted)]);
    let progress = run(&log, &Config::default());
    assert_eq!((progress.counts.written, progress.counts.dead), (1, 2));
    assert_eq!(events(&log)[0]["message"], format!("Deleted: AWS::S3::Bucket logs in {ACCOUNT}"));
    assert_eq!(snapshot::records(&log, DEADLETTER).unwrap().len(), 2);
}
