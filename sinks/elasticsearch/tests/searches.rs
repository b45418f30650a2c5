//! Every search of the manual runs on a real Elasticsearch and finds what it says.

#![allow(clippy::unwrap_used, reason = "a panic with a message is how a test fails")]

#[allow(dead_code, reason = "each test uses some of it")]
mod world;

use std::time::SystemTime;

use kit::elasticsearch::Elasticsearch;
use schemas::{
    AccountKey, AccountState, Cause, ChangeKind, Codec, ComplianceKey, ComplianceState, Credit,
    Key, Resource, ResourceChange, ResourceState, RollupKey, RollupState, ScoreKey, ScoreState,
    Topic, TrustKey, TrustState, TypeCoverage, Value as Row, Verdict, topic,
};
use serde_json::{Value, json};
use stream::Publisher;
use stream::local::LocalLog;
use world::{DAY_MS, Run, config, setup};

const PAGE: &str = include_str!("../../../docs/src/elasticsearch.md");

const OURS: &str = "111122223333";
const FOREIGN: &str = "999999999999";
const OWNER: &str = "ann@example.com";

/// A search of the manual: the sentence before it, the alias without its prefix, the body.
struct Search {
    says: String,
    kind: String,
    body: Value,
}

fn searches() -> Vec<Search> {
    let mut found = Vec::new();
    let mut parts = PAGE.split("```");
    while let (Some(before), Some(code)) = (parts.next(), parts.next()) {
        let Some(code) = code.strip_prefix("console\n") else { continue };
        let (line, body) = code.split_once('\n').unwrap();
        let kind = line.strip_prefix("GET scorecard-").unwrap();
        let kind = kind.strip_suffix("/_search").unwrap().to_owned();
        let paragraphs: Vec<&str> = before.trim().split("\n\n").collect();
        let says = paragraphs.last().unwrap().replace('\n', " ");
        found.push(Search { says, kind, body: serde_json::from_str(body).unwrap() });
    }
    found
}

/// A publisher that dates everything a day ago.
struct To {
    publisher: Publisher,
    at_ms: i64,
}

impl To {
    fn put<K: Key, V: Row>(&mut self, topic: &Topic<K, V>, key: &K, value: &V) {
        self.publisher.put(topic, key, value, self.at_ms).unwrap();
    }

    fn resource(&mut self, resource_type: &str, id: &str, configuration: Value) {
        let resource = Resource {
            provider: "aws".to_owned(),
            account: OURS.to_owned(),
            region: "eu-west-1".to_owned(),
            resource_type: format!("AWS::EC2::{resource_type}"),
            id: id.to_owned(),
            name: id.to_owned(),
            arn: format!("arn:aws:ec2:eu-west-1:{OURS}:{id}"),
            tags: [("team".to_owned(), "shop".to_owned())].into(),
            configuration: configuration.to_string(),
            supplementary: "{}".to_owned(),
            errors: Default::default(),
            truncated: Vec::new(),
            captured_ms: self.at_ms,
        };
        let state = ResourceState {
            scope_region: resource.region.clone(),
            first_seen_ms: self.at_ms,
            resource,
        };
        self.put(&topic::RESOURCE_STATE, &state.resource.key(), &state);
    }

    fn inventory(&mut self) {
        let group = |protocol: &str, from: i64, to: i64, source: &str| {
            json!({"IpPermissions": [{"IpProtocol": protocol, "FromPort": from, "ToPort": to,
                "IpRanges": [{"CidrIp": source}]}], "IpPermissionsEgress": [{"IpProtocol": "-1",
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]})
        };
        self.resource("SecurityGroup", "sg-ssh", group("tcp", 22, 22, "0.0.0.0/0"));
        self.resource("SecurityGroup", "sg-range", group("tcp", 20, 80, "0.0.0.0/0"));
        self.resource("SecurityGroup", "sg-all", group("-1", -1, -1, "0.0.0.0/0"));
        self.resource("SecurityGroup", "sg-office", group("tcp", 22, 22, "10.0.0.0/8"));
        self.resource("SecurityGroup", "sg-web", group("tcp", 443, 443, "0.0.0.0/0"));
        self.resource("SecurityGroup", "sg-0a1b2c3d", group("tcp", 80, 443, "0.0.0.0/0"));
        let address = |ip: &str| json!({"PrivateIpAddress": ip});
        let mut attached = address("10.1.2.3");
        attached["Attachment"] = json!({"InstanceId": "i-0123"});
        attached["Groups"] = json!([{"GroupId": "sg-0a1b2c3d"}]);
        self.resource("NetworkInterface", "eni-1", attached);
        self.resource("NetworkInterface", "eni-2", address("10.1.2.4"));
        self.resource("Instance", "i-0123", address("10.1.2.3"));
        self.resource("VPC", "vpc-1", json!({"CidrBlock": "10.1.0.0/16"}));
        self.resource("Subnet", "subnet-1", json!({"CidrBlock": "10.1.2.0/24"}));
        self.resource("Subnet", "subnet-2", json!({"CidrBlock": "10.1.3.0/24"}));
    }

    fn figures(&mut self) {
        let coverage = |resource_type: &str, failed| TypeCoverage {
            resource_type: resource_type.to_owned(),
            scopes: 2,
            collected: 2 - failed,
            failed,
            oldest_ms: None,
            error: None,
            resources: 1,
        };
        for (id, failed) in [(OURS, 1), ("444455556666", 0)] {
            let account = AccountState {
                provider: "aws".to_owned(),
                account: id.to_owned(),
                name: "Shop".to_owned(),
                owner: Some(OWNER.to_owned()),
                executive: Some("eve@example.com".to_owned()),
                coverage: vec![coverage("T", failed), coverage("U", 0)],
                ..AccountState::default()
            };
            self.put(&topic::ACCOUNT_STATE, &AccountKey::new(id), &account);
        }
        for (requirement, score) in [("*", 750_000_000), ("no-ssh", 1)] {
            let score = ScoreState { score: Some(score), ..ScoreState::default() };
            self.put(&topic::SCORE_HISTORY, &ScoreKey::new(OURS, requirement), &score);
        }
        for (id, accounts, noncompliant) in [(FOREIGN, 2, 1), ("888888888888", 5, 3), ("7", 9, 0)] {
            let sum = RollupState { accounts, noncompliant, ..RollupState::default() };
            self.put(&topic::ROLLUP_STATE, &RollupKey::new("foreign", id), &sum);
        }
        let sum = RollupState { noncompliant: 4, ..RollupState::default() };
        self.put(&topic::ROLLUP_STATE, &RollupKey::new("owner", OWNER), &sum);
    }

    fn trust(&mut self) {
        for (account, principal, of, known) in [
            (OURS, "arn:aws:iam::999999999999:root", FOREIGN, false),
            ("444455556666", "arn:aws:iam::999999999999:role/x", FOREIGN, true),
            (OURS, "arn:aws:iam::444455556666:root", "444455556666", true),
        ] {
            let trust = TrustState {
                principal_account: Some(of.to_owned()),
                known,
                ..TrustState::default()
            };
            self.put(&topic::TRUST_STATE, &TrustKey::new(account, principal), &trust);
        }
    }

    fn verdicts(&mut self) {
        let days = |days: i64| self.at_ms + days * DAY_MS;
        for (resource, verdict, credit, expires_ms) in [
            ("sg-ssh", Verdict::Fail, Credit::None, None),
            ("sg-all", Verdict::Fail, Credit::Live, Some(days(20))),
            ("sg-range", Verdict::Fail, Credit::Live, Some(days(9))),
            ("sg-far", Verdict::Fail, Credit::Live, Some(days(90))),
            ("sg-old", Verdict::Fail, Credit::Lapsed, Some(days(-9))),
            ("sg-web", Verdict::Pass, Credit::None, None),
        ] {
            let row = ComplianceState {
                verdict,
                credit,
                exception_expires_ms: expires_ms,
                since_ms: self.at_ms - i64::from(resource == "sg-old"),
                ..ComplianceState::default()
            };
            let key = ComplianceKey::new("no-ssh", OURS, "eu-west-1", resource, "");
            self.put(&topic::COMPLIANCE_STATE, &key, &row);
        }
        for (id, kind, at_ms) in [
            ("sg-0a1b2c3d", ChangeKind::Created, self.at_ms - 5),
            ("sg-0a1b2c3d", ChangeKind::Updated, self.at_ms),
            ("sg-web", ChangeKind::Created, self.at_ms),
        ] {
            let change = ResourceChange {
                kind,
                at_ms,
                differences: Vec::new(),
                cause: Cause { topic: "observation".to_owned(), partition: 0, offset: 0 },
                first_trusted: Vec::new(),
            };
            let key = schemas::ResourceKey::new(OURS, "eu-west-1", "AWS::EC2::SecurityGroup", id);
            self.put(&topic::RESOURCE_CHANGE, &key, &change);
        }
    }
}

/// Gives one word for each hit, in the order of the answer or, where it has none, sorted.
fn words(answer: &Value, pointer: &str, is_sorted: bool) -> Vec<String> {
    let hits = answer["hits"]["hits"].as_array().unwrap().iter();
    let word = |hit: &Value| hit["_source"].pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let mut words: Vec<String> = hits.map(word).collect();
    if !is_sorted {
        words.sort();
    }
    words
}

#[test]
fn every_search_of_the_manual_finds_what_it_says() {
    let node = Elasticsearch::shared().unwrap();
    let config = config(&node.url(), "manual");
    setup(&config, false);
    let folder = tempfile::tempdir().unwrap();
    let log = LocalLog::open(folder.path(), 2, "test").unwrap();
    stream::Log::apply(&log).unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let now_ms = i64::try_from(now).unwrap();
    let publisher = Publisher::open(&log, &Codec::default(), "test", "test").unwrap();
    let mut to = To { publisher, at_ms: now_ms - DAY_MS };
    to.inventory();
    to.figures();
    to.trust();
    to.verdicts();
    to.publisher.flush().unwrap();
    let counts = Run { now_ms, ..Run::new(&log, &config) }.go().unwrap().counts;
    assert_eq!(counts.refused + counts.dead, 0, "{counts:?}");

    let id = "/resource/id";
    let account = "/cloud/account/id";
    let wanted: [(&str, &str, &[&str]); 13] = [
        ("opens port 22", id, &["sg-all", "sg-range", "sg-ssh"]),
        ("network interface with this address", id, &["eni-1"]),
        ("this address lies in", id, &["subnet-1", "vpc-1"]),
        ("mentions this security group", id, &["eni-1"]),
        ("Who trusts", account, &[OURS, "444455556666"]),
        ("that nobody knows:", "/scorecard/trust/principal", &["arn:aws:iam::999999999999:root"]),
        ("Foreign accounts", "/scorecard/rollup/id", &["888888888888", FOREIGN]),
        ("has to mend", id, &["sg-old", "sg-ssh"]),
        ("expire within 30 days", id, &["sg-range", "sg-all"]),
        ("happened to a resource", "/event/action", &["resource-updated", "resource-created"]),
        ("day by day", account, &[]),
        ("could not be collected", account, &[OURS]),
        ("names an address, an ARN", id, &["eni-1", "i-0123"]),
    ];
    let searches = searches();
    assert_eq!(searches.len(), wanted.len(), "the manual has other searches");
    for (search, (says, pointer, found)) in searches.iter().zip(wanted) {
        assert!(search.says.contains(says), "{says}: {}", search.says);
        let path = format!("/manual-{}", search.kind);
        assert_eq!(node.call("POST", &format!("{path}/_refresh"), &Value::Null).unwrap().0, 200);
        let (status, answer) = node.call("POST", &format!("{path}/_search"), &search.body).unwrap();
        assert_eq!(status, 200, "{}: {answer}", search.says);
        let is_sorted = search.body.get("sort").is_some();
        assert_eq!(words(&answer, pointer, is_sorted), found, "{}: {answer}", search.says);
        if says == "day by day" {
            let days = &answer["aggregations"]["day"]["buckets"];
            assert_eq!(days[0]["score"]["value"], 0.75, "{answer}");
        }
    }
    decorate(node, &searches.last().unwrap().body);
}

/// The one query that decorates alerts finds the account, owner and tags from whatever they name.
fn decorate(node: &Elasticsearch, body: &Value) {
    let arn = format!("arn:aws:ec2:eu-west-1:{OURS}:eni-2");
    for (named, wanted) in [
        ("10.1.2.4", &["eni-2"][..]),
        ("i-0123", &["eni-1", "i-0123"]),
        (&arn, &["eni-2"]),
        ("nothing", &[]),
    ] {
        let mut body = body.clone();
        body["query"]["multi_match"]["query"] = json!(named);
        let (status, answer) = node.call("POST", "/manual-resources/_search", &body).unwrap();
        assert_eq!(status, 200, "{answer}");
        assert_eq!(words(&answer, "/resource/id", false), wanted, "{named}: {answer}");
        for hit in answer["hits"]["hits"].as_array().unwrap() {
            let source = &hit["_source"];
            assert_eq!(source["cloud"]["account"], json!({"id": OURS, "name": "Shop"}));
            assert_eq!(source["scorecard"]["owner"], OWNER);
            assert_eq!(source["scorecard"]["tags"]["team"], "shop");
        }
    }
}
