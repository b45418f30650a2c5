//! What the page reads from addresses, headers and logins.

use std::{sync::Arc, thread, time::Duration};

use schemas::{
    AccountKey, AccountState, Codec, Key, Resource, ResourceKey, ResourceState, ScoreKey,
    ScoreState, ScoreStatus, Tick, TickKey, Topic, Value, partition_of, topic,
};
use sink_page::{Config, Live, Page, Pipeline, Request};
use stream::{Log, LogConfig, Outgoing, worker::Stop};
use tempfile::TempDir;

use super::USUAL;
use crate::Target;

const ACCOUNT: &str = "111122223333";
const PREFIX: &str = "scorecard";
const PARTITIONS: i32 = 2;

/// 2026-03-02T09:00:00Z.
const AT_MS: i64 = 1_772_442_000_000;

/// Every status that an answer may have; 503 is one of them where the log can't be read.
const STATUSES: [u16; 9] = [200, 303, 400, 401, 403, 404, 405, 413, 414];

/// What must not come back as it was sent: it would be an element of the page.
const ELEMENT: &str = "<fuzz";

pub(super) const PAGE: Target = Target {
    name: "page",
    run,
    words: &[
        "GET /",
        "HEAD /",
        "POST /login",
        "/accounts?",
        "/account/111122223333",
        "/api/v1/",
        "/resource/111122223333/r/AWS%3A%3AS3%3A%3ABucket/a%2Fb",
        "?sort=-score",
        "&q=",
        "&page=2",
        "&rows=1000",
        "&format=csv",
        "&format=xlsx",
        "&format=json",
        "%3Cfuzz",
        "<fuzz",
        "%ff",
        "+",
        "\nHost: localhost\n",
        "\nOrigin: http://localhost\n",
        "\nCookie: scorecard=x\n",
        "\nAuthorization: Bearer x\n",
        "%2e%2e",
        "#",
        "\n\ntoken=x",
        "/explain/",
        "/search?q=logs",
    ],
    ..USUAL
};

/// A page over a log in a folder.
struct Served {
    page: Page,
    stop: Stop,
    _folder: TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.stop();
    }
}

thread_local! {
    static SERVED: Served = serve();
}

/// An input is `METHOD TARGET`, headers, an empty line and a body, as in HTTP.
fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap_or_default().split_once(' ').unwrap_or(("GET", "/"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    let header = |name: &str| {
        let found = headers.iter().find(|(one, _)| one.eq_ignore_ascii_case(name));
        found.map(|(_, value)| (*value).to_owned())
    };
    let request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        host: Some(header("host").unwrap_or_else(|| "localhost".to_owned())),
        origin: header("origin"),
        authorization: header("authorization"),
        cookie: header("cookie"),
        is_https: header("x-forwarded-proto").is_some(),
        body: body.as_bytes().to_vec(),
    };
    SERVED.with(|served| holds(served, &request));
}

fn holds(served: &Served, request: &Request) {
    let answer = served.page.answer(request);
    assert!(STATUSES.contains(&answer.status), "{}: {request:?}", answer.status);
    assert!(answer.header("content-security-policy").is_some(), "{:?}", answer.headers);
    for (name, value) in &answer.headers {
        assert!(value.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{name}: {value:?}");
    }
    let kind = answer.header("content-type").unwrap_or_default();
    if kind.ends_with("json") {
        serde_json::from_slice::<serde_json::Value>(&answer.body).expect("JSON");
    } else if kind.starts_with("text/html") {
        let html = std::str::from_utf8(&answer.body).expect("text");
        assert!(!html.contains(ELEMENT), "what was asked for is an element: {request:?}");
    }
    let _ = served.page.listens(request);
}

fn serve() -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    let config = LogConfig::Local {
        dir: folder.path().join("log"),
        partitions: PARTITIONS,
        retention_days: None,
        history_retention_days: None,
    };
    let log = stream::open(&config, PREFIX).expect("a log");
    log.apply().expect("topics");
    fill(&*log);
    let (stop, config) = (Stop::new(), Config::default());
    let ask = Box::new(|| Ok(Pipeline { lags: Vec::new(), dead: 0 }));
    let live = Live::start(Arc::clone(&log), Codec::default(), ask, stop.clone()).expect("threads");
    let page = Page::new(Arc::clone(&live), &config, config.listen).expect("a page");
    let asked = Request {
        method: "GET".to_owned(),
        path: "/api/v1/search".to_owned(),
        query: "q=logs".to_owned(),
        host: Some("localhost".to_owned()),
        ..Request::default()
    };
    // The tables are read by another thread.
    while !String::from_utf8_lossy(&page.answer(&asked).body).contains("\"total\":1") {
        thread::sleep(Duration::from_millis(10));
    }
    Served { page, stop, _folder: folder }
}

/// Writes an account with a score and a bucket whose names want to be markup.
fn fill(log: &dyn Log) {
    let account = AccountState {
        account: ACCOUNT.to_owned(),
        name: "payments <fuzz>".to_owned(),
        listed: true,
        ..AccountState::default()
    };
    put(log, &topic::ACCOUNT_STATE, &AccountKey::new(ACCOUNT), &account);
    let score = ScoreState {
        status: ScoreStatus::Scored,
        score: Some(schemas::SCORE_ONE / 4),
        weight: 2,
        weighted_score: schemas::SCORE_ONE / 2,
        total: 4,
        noncompliant: 3,
        scopes: 1,
        scopes_collected: 1,
        ..ScoreState::default()
    };
    for requirement in ["*", "s3"] {
        put(log, &topic::SCORE_STATE, &ScoreKey::new(ACCOUNT, requirement), &score);
    }
    let state = ResourceState {
        resource: Resource {
            provider: "aws".to_owned(),
            account: ACCOUNT.to_owned(),
            region: "r".to_owned(),
            resource_type: "AWS::S3::Bucket".to_owned(),
            id: "a/b".to_owned(),
            name: "logs <fuzz>".to_owned(),
            arn: String::new(),
            tags: Default::default(),
            configuration: "{\"name\":\"logs\"}".to_owned(),
            supplementary: "{}".to_owned(),
            errors: Default::default(),
            truncated: Vec::new(),
            captured_ms: AT_MS,
        },
        scope_region: "r".to_owned(),
        first_seen_ms: AT_MS,
    };
    let key = ResourceKey::new(ACCOUNT, "r", "AWS::S3::Bucket", "a/b");
    put(log, &topic::RESOURCE_STATE, &key, &state);
    put(log, &topic::TICK, &TickKey { minute_ms: AT_MS }, &Tick { minute_ms: AT_MS });
}

fn put<K: Key, V: Value>(log: &dyn Log, topic: &Topic<K, V>, key: &K, value: &V) {
    let value = Codec::default().encode_for(topic.spec, PREFIX, value).expect("a record");
    let partitions = match topic.spec.placement {
        schemas::Placement::Broadcast => (0..PARTITIONS).collect(),
        _ => vec![partition_of(&key.partition_key(), PARTITIONS)],
    };
    let one = |partition| Outgoing {
        topic: topic.spec,
        partition,
        timestamp_ms: AT_MS,
        key: key.encode().into_bytes(),
        value: Some(value.clone()),
        headers: Vec::new(),
    };
    let mut writer = log.writer("fuzz").expect("a writer");
    writer.append(partitions.into_iter().map(one).collect()).expect("appended");
    writer.flush().expect("durable");
}
