//! Measures the account stage's steps over findings that flip, with tables on disk and without a
//! log: what a record costs besides reading and appending it.
//!
//! Run with `cargo run --release -p stages --example flips [keys] [flips]`.

use std::cell::RefCell;

use schemas::{
    AccountKey, CheckMapping, Codec, Finding, FindingStatus, FindingSubject, Key, Report,
    ReportEvent, Requirement, RequirementKey, ScoreKey, ScoreState, Scoring, Severity, Topic,
    Value, topic,
};
use stages::AccountStage;
use stream::{
    Record, Stage, View,
    cache::RowCache,
    pending::Pending,
    store::{Identity, Marks, Stores, TaskStore},
    view::{Committed, TaskContext},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const T0: i64 = 1_767_225_600_000;
const CHECKS: usize = 20;
const RESOURCES: usize = 50;

/// Records of one transaction.
const TRANSACTION: usize = 5_000;

struct Bench {
    stage: AccountStage,
    store: TaskStore,
    cache: RefCell<RowCache>,
    context: TaskContext,
    codec: Codec,
    offset: i64,
    appended: usize,
}

impl Bench {
    fn record<K: Key, V: Value>(&mut self, of: &Topic<K, V>, key: &K, value: &V) -> Record {
        self.offset += 1;
        Record {
            topic: of.spec,
            partition: 0,
            offset: self.offset,
            timestamp_ms: T0 + self.offset,
            key: key.encode().into_bytes(),
            value: Some(self.codec.encode_for(of.spec, "scorecard", value).expect("it encodes")),
            headers: Vec::new(),
        }
    }

    fn report(&mut self, account: usize, event: ReportEvent) -> Record {
        let account = format!("{:012}", 100_000_000_000 + account);
        let key = AccountKey::new(&*account);
        let report = "2026-01-01T00:00:00Z/1".into();
        self.record(
            &topic::REPORT,
            &key,
            &Report { source: "cloudsploit".into(), report, account, event },
        )
    }

    fn finding(&mut self, key: usize, fails: bool) -> (usize, Finding) {
        let (account, rest) = (key / (CHECKS * RESOURCES), key % (CHECKS * RESOURCES));
        let (check, resource) = (rest / RESOURCES, rest % RESOURCES);
        let finding = Finding {
            check: format!("check{check}"),
            subject: FindingSubject::Resource,
            region: "eu-west-1".into(),
            resource: format!("arn:aws:s3:::bucket-{account}-{resource}"),
            status: if fails { FindingStatus::Fail } else { FindingStatus::Pass },
            message: format!("Bucket encryption is {}", if fails { "disabled" } else { "enabled" }),
            totals: None,
        };
        (account, finding)
    }

    fn take(&mut self, records: &[Record]) {
        for records in records.chunks(TRANSACTION) {
            let mut pending = Pending::default();
            for record in records {
                let committed = Committed { store: &self.store, cache: &self.cache };
                let mut view = View::for_record(committed, &self.context, &mut pending, record);
                self.stage.step(&mut view, record).expect("a step");
                view.accept();
                loop {
                    let mut view = View::for_record(committed, &self.context, &mut pending, record);
                    let more = self.stage.work(&mut view).expect("work");
                    view.accept();
                    if !more {
                        break;
                    }
                }
            }
            self.appended += pending.take_records(&self.store, &self.context).expect("rows").len();
            self.store.apply(pending.rows(), &Marks::default()).expect("a commit");
            self.cache.get_mut().follow(pending);
        }
    }

    /// Holds the scores against what the last flips say.
    fn check(&self, fails: &[bool]) {
        let mut expected = vec![0_i64; fails.len() / RESOURCES];
        for (key, fails) in fails.iter().enumerate() {
            expected[key / RESOURCES] += i64::from(*fails);
        }
        let mut seen = 0;
        for (key, bytes) in self.store.rows(topic::SCORE_STATE.spec.name).expect("rows") {
            let key = ScoreKey::decode(&key).expect("a key");
            let Some(check) = key.requirement.strip_prefix("requirement-") else { continue };
            let score: ScoreState = self.codec.decode(&bytes).expect("a score");
            let account = key.account.parse::<usize>().expect("a number") - 100_000_000_000;
            let pair = account * CHECKS + check.parse::<usize>().expect("a number");
            assert_eq!((score.total, score.noncompliant), (RESOURCES as i64, expected[pair]));
            seen += 1;
        }
        assert_eq!(seen, expected.len());
    }

    fn measure(&mut self, what: &str, records: &[Record]) {
        self.appended = 0;
        let start = cpu_seconds();
        self.take(records);
        let seconds = cpu_seconds() - start;
        let count = records.len() as f64;
        println!(
            "{what:20} {count:9} records, {:6.2} us of processor time and {:.2} appended each",
            seconds / count * 1e6,
            self.appended as f64 / count
        );
    }
}

fn main() {
    let mut sizes = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let (keys, flips): (usize, usize) =
        (sizes.next().unwrap_or(100_000), sizes.next().unwrap_or(200_000));
    let folder = std::env::temp_dir().join(format!("flips-{}", std::process::id()));
    let stores = Stores::open(&folder).expect("a folder");
    let stage = AccountStage::default();
    let identity = Identity {
        stage: "account",
        partition: 0,
        partitions: 1,
        prefix: "scorecard".into(),
        log: String::new(),
        tables: stage.tables(),
    };
    let mut bench = Bench {
        stage,
        store: stores.lease(&identity).expect("a store").expect("free"),
        cache: RefCell::new(RowCache::new(32 << 20)),
        context: TaskContext::new(Codec::default(), "scorecard", "account", 0, 1),
        codec: Codec::default(),
        offset: 0,
        appended: 0,
    };
    let standard: Vec<Record> = (0..CHECKS).map(|check| requirement(&mut bench, check)).collect();
    bench.take(&standard);
    let accounts = keys / (CHECKS * RESOURCES);
    let mut load = Vec::new();
    for account in 0..accounts {
        load.push(bench.report(account, ReportEvent::Started {}));
        for key in 0..CHECKS * RESOURCES {
            let (_, finding) = bench.finding(account * CHECKS * RESOURCES + key, first(key));
            load.push(bench.report(account, ReportEvent::Found { finding }));
        }
        let count = (CHECKS * RESOURCES) as i64;
        load.push(bench.report(account, ReportEvent::Completed { count, complete: false }));
    }
    bench.measure("first load", &load);
    drop(load);
    let mut fails: Vec<bool> = (0..keys).map(first).collect();
    let mut random = 88_172_645_463_325_252_u64;
    let mut draw = Vec::new();
    for _ in 0..flips {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Zipfian with exponent 1: the rank's logarithm is uniform.
        let uniform = (random >> 11) as f64 / (1_u64 << 53) as f64;
        let rank = ((keys as f64).powf(uniform) as usize).min(keys - 1);
        let key = rank.wrapping_mul(7_919) % keys;
        fails[key] = !fails[key];
        let (account, finding) = bench.finding(key, fails[key]);
        draw.push(bench.report(account, ReportEvent::Changed { finding }));
    }
    bench.measure("flips", &draw);
    bench.check(&fails);
    drop(bench);
    drop(stores);
    std::fs::remove_dir_all(folder).expect("a folder to remove");
}

/// Tells whether a key fails in the first load.
fn first(key: usize) -> bool {
    (key % (CHECKS * RESOURCES)).is_multiple_of(3)
}

/// Gives the processor time that the process has used, in seconds, by Linux's hundredths.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
    (ticks(11) + ticks(12)) / 100.0
}

fn requirement(bench: &mut Bench, check: usize) -> Record {
    let id = format!("requirement-{check}");
    bench.record(
        &topic::REQUIREMENT,
        &RequirementKey::new(&*id),
        &Requirement {
            title: id.clone(),
            why: String::new(),
            severity: Severity::High,
            weight: 5,
            resource_type: "AWS::S3::Bucket".into(),
            scoring: Scoring::Resources,
            rule: None,
            checks: vec![CheckMapping {
                source: "cloudsploit".into(),
                check: format!("check{check}"),
                warn_passes: false,
            }],
            remediation: String::new(),
            controls: Vec::new(),
            parameters: "{}".to_owned(),
            changes: Vec::new(),
            id,
        },
    )
}
