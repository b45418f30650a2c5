//! Golden cases through the pipeline: reports and documents in, compliance rows and counts out.
//!
//! A case is a folder `tests/golden/SOURCE/CASE`; its README says what each file is. Here its input
//! goes through the log and the account stage under the standard that ships, and what stands in the
//! tables then is `expected-compliance.jsonl`. `check.py` comes to the same by itself: from the
//! findings that a person read, and from what a person wrote of documents.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use producer_findings::{Options, Program, Reports, sources::by_id};
use producer_standard::Layer;
use schemas::{
    AccountKey, Codec, Observation, ObservationEvent, Requirement, RequirementKey, Resource, topic,
};
use serde_json::{Value, json};
use stages::AccountStage;
use stream::{
    Log, LogConfig, Publisher, Stage, snapshot,
    store::Stores,
    worker::{Progress, StageFactory, Stop, Worker, WorkerConfig, caught_up},
};

/// The source that is no scanner: documents of resources.
const DOCUMENTS: &str = "documents";

/// The source whose reports a program of the user's prints.
const EXEC: &str = "exec";

const PREFIX: &str = "golden";

/// 2026-12-03T00:00:00Z in UTC milliseconds (`date -u -d 2026-12-03 +%s`): when all was seen.
const AT_MS: i64 = 1_796_256_000_000;

/// One case, and the source that its input is of.
struct Case {
    source: String,
    path: PathBuf,
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn name(path: &Path) -> String {
    path.file_name().and_then(|name| name.to_str()).unwrap().to_owned()
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let of = |source: PathBuf| {
        folders(&source).into_iter().map(move |path| Case { source: name(&source), path })
    };
    folders(&root).into_iter().flat_map(of).collect()
}

impl Case {
    /// The standard that ships, and what the case adds to it.
    fn requirements(&self) -> Vec<Requirement> {
        let mut all = producer_standard::shipped().requirements;
        let own = self.path.join("standard");
        if own.is_dir() {
            let own = producer_standard::load(&[Layer::Folder(own)]).unwrap();
            assert_eq!(own.problems, []);
            all.extend(own.requirements);
        }
        all
    }

    /// Reports in the case's input, and in folders beside it that are called after a source.
    fn reports(&self) -> Vec<Reports> {
        let beside = folders(&self.path).into_iter().filter(|path| by_id(&name(path)).is_some());
        let mut reports: Vec<_> = beside.map(|path| self.read(&name(&path), &path)).collect();
        if self.source != DOCUMENTS {
            reports.push(self.read(&self.source, &self.path.join("input")));
        }
        reports
    }

    fn read(&self, source: &str, path: &Path) -> Reports {
        let given = fs::read_to_string(self.path.join("options.json")).unwrap_or("{}".to_owned());
        let given: Value = serde_json::from_str(&given).unwrap();
        let text = |name: &str| given[name].as_str().map(str::to_owned);
        let partial = given["partial"] == true;
        let options =
            Options { account: text("account"), partial, check: text("check"), now_ms: AT_MS };
        if source == EXEC {
            let program = json!({"program": "/bin/cat", "arguments": [path.join("printed.jsonl")]});
            let program: Program = serde_json::from_value(program).unwrap();
            return producer_findings::run(EXEC, &program, &options);
        }
        producer_findings::read(by_id(source).expect("a source"), path, &options).unwrap()
    }

    /// Documents in the envelope of AWS Config, by their scope.
    fn documents(&self) -> BTreeMap<(String, String, String), Vec<Resource>> {
        let mut scopes = BTreeMap::<_, Vec<_>>::new();
        if self.source != DOCUMENTS {
            return scopes;
        }
        let text = fs::read_to_string(self.path.join("input/documents.jsonl")).unwrap();
        for resource in text.lines().map(document) {
            let Resource { account, region, resource_type, .. } = &resource;
            let scope = (account.clone(), region.clone(), resource_type.clone());
            scopes.entry(scope).or_default().push(resource);
        }
        scopes
    }
}

fn document(line: &str) -> Resource {
    let value: Value = serde_json::from_str(line).unwrap();
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let errors = value["errors"].as_object().into_iter().flatten();
    Resource {
        provider: "aws".to_owned(),
        account: text("awsAccountId"),
        region: text("awsRegion"),
        resource_type: text("resourceType"),
        id: text("resourceId"),
        name: text("resourceName"),
        arn: text("ARN"),
        tags: BTreeMap::new(),
        configuration: value["configuration"].to_string(),
        supplementary: value["supplementaryConfiguration"].to_string(),
        errors: errors.map(|(of, why)| (of.clone(), why.as_str().unwrap().to_owned())).collect(),
        truncated: Vec::new(),
        captured_ms: AT_MS,
    }
}

/// Appends everything of a case to a log.
fn publish(case: &Case, log: &dyn Log) {
    let mut publisher = Publisher::open(log, &Codec::default(), PREFIX, "tests").unwrap();
    for requirement in case.requirements() {
        let key = RequirementKey::new(&*requirement.id);
        publisher.put(&topic::REQUIREMENT, &key, &requirement, AT_MS).unwrap();
    }
    for ((account, region, resource_type), resources) in case.documents() {
        let count = i64::try_from(resources.len()).unwrap();
        let seen = resources.into_iter().map(|resource| ObservationEvent::Observed { resource });
        let events = [ObservationEvent::Started {}].into_iter().chain(seen);
        for event in events.chain([ObservationEvent::Completed { count }]) {
            let observation = Observation {
                scan: "scan".to_owned(),
                attempt: 1,
                provider: "aws".to_owned(),
                account: account.clone(),
                region: region.clone(),
                resource_type: resource_type.clone(),
                event,
            };
            let key = AccountKey::new(&*account);
            publisher.put(&topic::OBSERVATION, &key, &observation, AT_MS).unwrap();
        }
    }
    for reports in case.reports() {
        producer_findings::publish(&reports, &mut publisher, AT_MS).unwrap();
    }
    publisher.flush().unwrap();
}

/// Lets the account stage take everything.
fn process(log: &Arc<dyn Log>, state: &Path) {
    let factory: StageFactory = Arc::new(|| Box::new(AccountStage::default()) as Box<dyn Stage>);
    let (stop, progress) = (Stop::new(), Progress::default());
    let mut config = WorkerConfig::new("golden", Stores::open(state).unwrap());
    config.progress = progress.clone();
    let (group, inputs) = (config.group("account"), AccountStage::default().inputs());
    let mut worker = Worker::new(log.clone(), Codec::default(), PREFIX, factory, config);
    thread::scope(|scope| {
        let running = scope.spawn(|| worker.run(&stop));
        while !caught_up(&**log, &group, &inputs, Some(&progress)).unwrap() {
            assert!(!running.is_finished(), "the worker ended by itself");
            thread::sleep(Duration::from_millis(10));
        }
        stop.stop();
        running.join().unwrap().unwrap();
    });
}

/// Gives the verdicts, then what they count for: one line each, sorted by key.
fn tables(log: &dyn Log, requirements: &[Requirement]) -> Vec<String> {
    let codec = Codec::default();
    let severity = |id: &str| requirements.iter().find(|one| one.id == id).map(|one| one.severity);
    let rows = snapshot::table(log, &codec, PREFIX, &topic::COMPLIANCE_STATE).unwrap();
    let rows = rows.into_iter().map(|(key, row)| {
        json!({"requirement": key.requirement, "account": key.account, "region": key.region,
            "resource": key.resource, "arn": row.arn, "part": key.part, "verdict": row.verdict,
            "source": row.source, "severity": severity(&key.requirement),
            "evidence": row.evidence})
    });
    let scores = snapshot::table(log, &codec, PREFIX, &topic::SCORE_STATE).unwrap();
    let scores = scores.into_iter().filter(|(key, _)| key.requirement != "*");
    let scores = scores.filter(|(_, score)| score.total + score.unknown > 0);
    let scores = scores.map(|(key, score)| {
        json!({"requirement": key.requirement, "account": key.account, "total": score.total,
            "noncompliant": score.noncompliant, "unknown": score.unknown})
    });
    rows.chain(scores).map(|line| line.to_string()).collect()
}

#[test]
fn every_case_comes_to_the_rows_that_it_says() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("log");
        let (retention_days, history_retention_days) = (None, None);
        let config =
            LogConfig::Local { dir, partitions: 1, retention_days, history_retention_days };
        let log = stream::open(&config, PREFIX).unwrap();
        log.apply().unwrap();
        publish(&case, &*log);
        process(&log, &folder.path().join("state"));
        let of = case.path.display();
        let dead = snapshot::records(&*log, topic::DEADLETTER).unwrap();
        assert_eq!(dead.len(), 0, "{of}: dead letters");
        let got = tables(&*log, &case.requirements());
        let file = case.path.join("expected-compliance.jsonl");
        if update {
            let text: String = got.iter().map(|line| format!("{line}\n")).collect();
            fs::write(&file, text).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap();
        for (got, expected) in got.iter().zip(expected.lines()) {
            assert_eq!(got, expected, "{of}");
        }
        assert_eq!(got.len(), expected.lines().count(), "{of}");
    }
}

#[test]
fn the_expected_rows_follow_from_what_a_person_read() {
    let said = kit::python("tests/golden/check.py", &[]).unwrap();
    assert!(said.ends_with(" cases agree\n"), "{said}");
}
