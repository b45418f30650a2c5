//! The page follows a log: what is written while it is open is shown, by whoever wrote it.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use schemas::{
    AccountKey, AccountState, Cause, Codec, ComplianceChange, ComplianceKey, ComplianceState,
    Credit, Key, Resource, ResourceKey, ResourceState, ScoreKey, ScoreState, ScoreStatus, Standing,
    Tick, TickKey, Topic, Value, Verdict, partition_of, topic,
};
use sink_page::{Config, Live, Page, Pipeline, Request, Scope};
use stream::{Log, LogConfig, Outgoing, worker::Stop};

const PARTITIONS: i32 = 4;
const ACCOUNT: &str = "111111111111";
const DAY_MS: i64 = 86_400_000;

/// 2026-03-02T09:00:00Z.
const AT_MS: i64 = 1_772_442_000_000;

/// A log in a folder.
struct Written {
    log: Arc<dyn Log>,
    _folder: tempfile::TempDir,
}

impl Written {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = LogConfig::Local {
            dir: folder.path().join("log"),
            partitions: PARTITIONS,
            retention_days: None,
            history_retention_days: None,
        };
        let log = stream::open(&config, "scorecard").unwrap();
        log.apply().unwrap();
        Self { log, _folder: folder }
    }

    fn put<K: Key, V: Value>(&self, topic: &Topic<K, V>, key: &K, value: Option<&V>, at_ms: i64) {
        let encode = |value| Codec::default().encode_for(topic.spec, "scorecard", value).unwrap();
        let partitions = match topic.spec.placement {
            schemas::Placement::Broadcast => (0..PARTITIONS).collect(),
            _ => vec![partition_of(&key.partition_key(), PARTITIONS)],
        };
        let one = |partition| Outgoing {
            topic: topic.spec,
            partition,
            timestamp_ms: at_ms,
            key: key.encode().into_bytes(),
            value: value.map(encode),
            headers: Vec::new(),
        };
        let mut writer = self.log.writer("test").unwrap();
        writer.append(partitions.into_iter().map(one).collect()).unwrap();
        writer.flush().unwrap();
    }

    fn tick(&self, at_ms: i64) {
        let tick = Tick { minute_ms: at_ms };
        self.put(&topic::TICK, &TickKey { minute_ms: at_ms }, Some(&tick), at_ms);
    }

    fn score(&self, failing: i64, at_ms: i64) {
        let score = score(failing);
        self.put(&topic::SCORE_STATE, &ScoreKey::new(ACCOUNT, "*"), Some(&score), at_ms);
    }

    fn cut(&self, failing: i64, at_ms: i64) {
        let (key, score) = (ScoreKey::new(ACCOUNT, "*"), score(failing));
        self.put(&topic::SCORE_HISTORY, &key, Some(&score), at_ms);
        // Cuts of requirements lie between those of accounts.
        let other = ScoreKey::new(ACCOUNT, "s3");
        self.put(&topic::SCORE_HISTORY, &other, Some(&score), at_ms);
    }
}

fn score(failing: i64) -> ScoreState {
    let score = (4 - failing) * schemas::SCORE_ONE / 4;
    ScoreState {
        status: ScoreStatus::Scored,
        score: Some(score),
        weight: 2,
        weighted_score: 2 * score,
        total: 4,
        noncompliant: failing,
        scopes: 1,
        scopes_collected: 1,
        ..ScoreState::default()
    }
}

fn document(name: &str) -> ResourceState {
    ResourceState {
        resource: Resource {
            provider: "aws".into(),
            account: ACCOUNT.into(),
            region: "r".into(),
            resource_type: "AWS::S3::Bucket".into(),
            id: "a/b".into(),
            name: name.into(),
            arn: String::new(),
            tags: Default::default(),
            configuration: format!("{{\"name\":\"{name}\"}}"),
            supplementary: "{}".into(),
            errors: Default::default(),
            truncated: Vec::new(),
            captured_ms: AT_MS,
        },
        scope_region: "r".into(),
        first_seen_ms: AT_MS,
    }
}

fn page(log: &Written, stop: &Stop) -> (Arc<Live>, Page) {
    let ask = Box::new(|| Ok(Pipeline { lags: vec![("account".into(), 3)], dead: 2 }));
    let live = Live::start(log.log.clone(), Codec::default(), ask, stop.clone()).unwrap();
    let config = Config::default();
    let page = Page::new(live.clone(), &config, config.listen).unwrap();
    (live, page)
}

fn get(page: &Page, target: &str) -> (u16, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let answer = page.answer(&Request {
        method: "GET".into(),
        path: path.into(),
        query: query.into(),
        host: Some("localhost:8642".into()),
        ..Request::default()
    });
    (answer.status, String::from_utf8(answer.body).unwrap())
}

/// Asks until the answer holds a text.
fn wait_for(page: &Page, target: &str, wanted: &str) {
    let began = Instant::now();
    loop {
        let (_, body) = get(page, target);
        if body.contains(wanted) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{wanted} is not in {body}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks as an open page does until it is told of something newer.
fn wait_for_event(page: &Page, seen: u64) -> (u64, String) {
    let began = Instant::now();
    loop {
        if let Some(event) = page.event(&Scope::All, Some(seen)) {
            return event;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "nothing is told");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_open_page_shows_what_is_written_while_it_is_open() {
    let log = Written::new();
    let account = AccountState {
        account: ACCOUNT.into(),
        name: "payments".into(),
        listed: true,
        ..AccountState::default()
    };
    log.put(&topic::ACCOUNT_STATE, &AccountKey::new(ACCOUNT), Some(&account), AT_MS);
    log.score(3, AT_MS - DAY_MS);
    log.score(2, AT_MS);
    log.tick(AT_MS);
    let stop = Stop::new();
    let (_, page) = page(&log, &stop);
    wait_for(&page, "/", ">50.0 %<");
    let (version, _) = page.event(&Scope::All, None).unwrap();

    log.score(1, AT_MS + 1);
    log.tick(AT_MS + 60_000);
    wait_for(&page, "/", ">75.0 %<");
    wait_for(&page, "/accounts", "2026-03-02 09:01");
    wait_for(&page, "/", "3 records behind");
    let (later, event) = wait_for_event(&page, version);
    assert!(event.contains("\"score\":\"75.0 %\""), "{event}");
    // Who opens another page meanwhile is told the same, and who has seen it nothing.
    let (same, other) = page.event(&Scope::All, None).unwrap();
    assert!(same >= later && other.contains("\"score\":\"75.0 %\""), "{other}");
    assert_eq!(page.event(&Scope::All, Some(same)).filter(|(version, _)| *version == same), None);

    // A row that goes is gone, and a verdict that passes too.
    let key = ComplianceKey::new("s3", ACCOUNT, "r", "a/b", "");
    let row = |verdict| ComplianceState { verdict, ..ComplianceState::default() };
    let failing = format!("/api/v1/failing/{ACCOUNT}");
    log.put(&topic::COMPLIANCE_STATE, &key, Some(&row(Verdict::Fail)), AT_MS);
    wait_for(&page, &failing, "\"total\":1");
    log.put(&topic::COMPLIANCE_STATE, &key, Some(&row(Verdict::Pass)), AT_MS);
    wait_for(&page, &failing, "\"total\":0");
    log.put(&topic::ACCOUNT_STATE, &AccountKey::new(ACCOUNT), None, AT_MS);
    wait_for(&page, "/api/v1/accounts", "\"total\":0");
    stop.stop();
}

#[test]
fn a_document_is_read_where_it_lies() {
    let log = Written::new();
    let account = AccountState { account: ACCOUNT.into(), listed: true, ..AccountState::default() };
    log.put(&topic::ACCOUNT_STATE, &AccountKey::new(ACCOUNT), Some(&account), AT_MS);
    let key = ResourceKey::new(ACCOUNT, "r", "AWS::S3::Bucket", "a/b");
    log.put(&topic::RESOURCE_STATE, &key, Some(&document("before")), AT_MS);
    let stop = Stop::new();
    let (_, page) = page(&log, &stop);
    let target = format!("/api/v1/resource/{ACCOUNT}/r/AWS%3A%3AS3%3A%3ABucket/a%2Fb");
    wait_for(&page, &target, "{\"name\":\"before\"}");
    log.put(&topic::RESOURCE_STATE, &key, Some(&document("after")), AT_MS);
    wait_for(&page, &target, "{\"name\":\"after\"}");
    wait_for(&page, "/api/v1/search?q=after", "\"total\":1");
    log.put(&topic::RESOURCE_STATE, &key, None, AT_MS);
    wait_for(&page, "/api/v1/search?q=after", "\"total\":0");
    assert_eq!(get(&page, &target).0, 404);
    stop.stop();
}

#[test]
fn the_past_is_read_from_the_log_and_goes_on() {
    let log = Written::new();
    let account = AccountState { account: ACCOUNT.into(), listed: true, ..AccountState::default() };
    log.put(&topic::ACCOUNT_STATE, &AccountKey::new(ACCOUNT), Some(&account), AT_MS);
    // Before the 90 days; two cuts in a day; nothing in the last hour of a day.
    log.cut(4, AT_MS - 95 * DAY_MS);
    let midnight = AT_MS.div_euclid(DAY_MS) * DAY_MS;
    log.cut(3, midnight - 10 * DAY_MS - 7_200_000);
    log.cut(2, midnight - 10 * DAY_MS - 3_600_000);
    log.cut(1, midnight - 5 * DAY_MS - 20 * 3_600_000);
    let change = ComplianceChange {
        before: None,
        after: Some(Standing { verdict: Verdict::Fail, credit: Credit::None }),
        at_ms: AT_MS - DAY_MS,
        cause: Cause { topic: "observation".into(), partition: 1, offset: 9 },
        row: None,
    };
    let key = ComplianceKey::new("s3", ACCOUNT, "r", "a", "");
    log.put(&topic::COMPLIANCE_CHANGE, &key, Some(&change), AT_MS - DAY_MS);
    log.tick(AT_MS);
    let stop = Stop::new();
    let (_, page) = page(&log, &stop);
    wait_for(&page, "/", "● read");
    let days = format!("/api/v1/days/{ACCOUNT}");
    let scores = |body: &str| -> Vec<(String, f64)> {
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        let items = json["items"].as_array().unwrap().iter();
        let read = |item: &serde_json::Value| {
            (item["day"].as_str().unwrap()[..10].to_owned(), item["score"].as_f64().unwrap())
        };
        items.map(read).collect()
    };
    let expected = [("2026-02-24".to_owned(), 0.75), ("2026-02-19".to_owned(), 0.5)];
    assert_eq!(scores(&get(&page, &days).1), expected);
    assert!(get(&page, &format!("/api/v1/changes/{ACCOUNT}")).1.contains("observation/1/9"));

    log.cut(0, AT_MS + 60_000);
    wait_for(&page, &days, "\"day\":\"2026-03-02");
    assert_eq!(scores(&get(&page, &days).1)[0], ("2026-03-02".to_owned(), 1.0));
    stop.stop();
}
