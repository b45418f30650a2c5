//! Rows that are made from numbers, runs of the sink, and what the cluster should hold then.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kit::elasticsearch::Elasticsearch;
use schemas::{Codec, Key};
use serde_json::{Value, json};
use sink_elasticsearch::{Cluster, Config, Elastic, ROLE, Setup};
use sink_frame::{Frame, FrameError, Limits, Progress};
use stream::Log;
use stream::worker::Stop;

pub(crate) mod rows;

use rows::{REQUIREMENTS, Rows};

/// 2026-11-28 23:59:00 UTC, as `date -u -d '2026-11-28 23:59' +%s000` of GNU coreutils has it.
pub(crate) const NOW_MS: i64 = 1_795_910_340_000;

/// One day.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// Gives a configuration for an address, with indices of this prefix.
pub(crate) fn config(url: &str, prefix: &str) -> Config {
    let config = json!({"url": url, "prefix": prefix, "deleted_days": 3});
    serde_json::from_value(config).unwrap()
}

/// Makes what the sink needs, and gives what was said and how much was made.
pub(crate) fn setup(config: &Config, dry_run: bool) -> (Vec<String>, usize) {
    let cluster = Cluster::prepare(config).unwrap();
    let said = Mutex::new(Vec::new());
    let tell = |line: &str| said.lock().unwrap().push(line.to_owned());
    let setup = Setup::begin(&cluster, config, dry_run, &tell).unwrap();
    let changed = setup.run().unwrap();
    (said.into_inner().unwrap(), changed)
}

/// A run of the sink.
pub(crate) struct Run<'a> {
    pub(crate) log: &'a dyn Log,
    pub(crate) config: &'a Config,
    pub(crate) now_ms: i64,
    pub(crate) once: bool,
    pub(crate) patience: Option<Duration>,
    pub(crate) stop: Arc<Stop>,
    pub(crate) progress: Mutex<Progress>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(log: &'a dyn Log, config: &'a Config) -> Self {
        Self {
            log,
            config,
            now_ms: NOW_MS,
            once: true,
            patience: Some(Duration::from_secs(120)),
            stop: Arc::new(Stop::new()),
            progress: Mutex::default(),
        }
    }

    pub(crate) fn go(&self) -> Result<Progress, FrameError> {
        let cluster = Cluster::prepare(self.config).unwrap();
        let now_ms = || self.now_ms;
        let codec = Codec::default();
        let mut target = Elastic::new(&cluster, self.config, self.log, &codec, &now_ms);
        let frame = Frame {
            role: &ROLE,
            log: self.log,
            slot: "test",
            limits: Limits { records: 2_000, bytes: 16 << 20, linger: Duration::ZERO },
            once: self.once,
            patience: self.patience,
            tell: &|progress| self.progress.lock().unwrap().clone_from(progress),
        };
        frame.run(&mut target, &self.stop)
    }
}

/// Runs the sink to the log's end.
pub(crate) fn once(log: &dyn Log, config: &Config) -> Progress {
    Run::new(log, config).go().unwrap()
}

/// Gives the effect of this name.
pub(crate) fn effect(progress: &Progress, name: &str) -> u64 {
    progress.effects.iter().find(|(other, _)| *other == name).map_or(0, |(_, count)| *count)
}

/// Every document of an alias by its row's key (by its id for events): `_version` and `_source`.
pub(crate) fn held(node: &Elasticsearch, alias: &str) -> BTreeMap<String, (i64, Value)> {
    let mut held = BTreeMap::new();
    let is_event = alias.ends_with("-changes") || alias.ends_with("-score-history");
    let every = json!({"match_all": {}});
    node.each(alias, &every, |mut hit| {
        let id = if is_event { &hit["_id"] } else { &hit["_source"]["scorecard"]["key"] };
        let key = id.as_str().unwrap().to_owned();
        let before = held.insert(key, (hit["_version"].as_i64().unwrap(), hit["_source"].take()));
        assert!(before.is_none(), "{alias} holds a row twice: {before:?}");
    })
    .unwrap();
    held
}

/// What tells whether a cluster is as it was: for each alias how many documents it holds, deleted
/// ones too, and a sum over all of their ids, versions and contents.
pub(crate) fn everything(node: &Elasticsearch, prefix: &str) -> BTreeMap<String, (usize, u64)> {
    let states = ["resources", "accounts", "compliance", "scores", "trust", "rollups"];
    let states = states.map(|kind| format!("{prefix}-{kind}-all"));
    let histories = ["changes", "score-history"].map(|kind| format!("{prefix}-{kind}"));
    let mut all = BTreeMap::new();
    for alias in states.into_iter().chain(histories) {
        let (mut count, mut sum) = (0, 0_u64);
        node.each(&alias, &json!({"match_all": {}}), |hit| {
            let mut hasher = DefaultHasher::new();
            (hit["_id"].as_str(), hit["_version"].as_i64()).hash(&mut hasher);
            hit["_source"].to_string().hash(&mut hasher);
            (count, sum) = (count + 1, sum.wrapping_add(hasher.finish()));
        })
        .unwrap();
        all.insert(alias, (count, sum));
    }
    all
}

/// Asserts that a document has these fields, given by their pointers.
pub(crate) fn has(source: &Value, fields: &Value) {
    for (pointer, value) in fields.as_object().unwrap() {
        let found = source.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(found, value, "{pointer} of {source}");
    }
}

/// Asserts that the aliases of people hold the rows' documents, each once and nothing else.
pub(crate) fn equal(node: &Elasticsearch, prefix: &str, rows: &Rows) {
    let numbered = |source: &Value| -> usize {
        source["resource"]["id"].as_str().unwrap().strip_prefix("sg-").unwrap().parse().unwrap()
    };
    let mut seen = vec![false; rows.resources];
    let every = json!({"match_all": {}});
    node.each(&format!("{prefix}-resources"), &every, |hit| {
        let source = &hit["_source"];
        let n = numbered(source);
        has(source, &rows.resource_fields(n));
        assert!(!std::mem::replace(&mut seen[n], true), "twice: {source}");
    })
    .unwrap();
    assert!(seen.iter().all(|seen| *seen), "{prefix}-resources lacks a row");
    let mut seen = vec![false; rows.resources * REQUIREMENTS];
    node.each(&format!("{prefix}-compliance"), &every, |hit| {
        let source = &hit["_source"];
        let rule = source["rule"]["id"].as_str().unwrap().strip_prefix("rule-").unwrap();
        let (n, r): (usize, usize) = (numbered(source), rule.parse().unwrap());
        has(source, &rows.verdict_fields(n, r));
        assert!(!std::mem::replace(&mut seen[n * REQUIREMENTS + r], true), "twice: {source}");
    })
    .unwrap();
    assert!(seen.iter().all(|seen| *seen), "{prefix}-compliance lacks a row");
}

/// Asserts that an alias holds these rows, none more and none twice, with these fields.
pub(crate) fn compare<K: Key>(
    node: &Elasticsearch,
    alias: &str,
    wanted: impl IntoIterator<Item = (K, Value)>,
) {
    let mut held = held(node, alias);
    for (key, fields) in wanted {
        let key = key.encode();
        let (_, source) = held.remove(&key).unwrap_or_else(|| panic!("{alias} lacks {key}"));
        has(&source, &fields);
    }
    assert!(held.is_empty(), "{alias} holds what no row stands for: {:?}", held.keys());
}

/// Gives the names of what a search finds, sorted.
pub(crate) fn search(node: &Elasticsearch, index: &str, query: &Value) -> Vec<Value> {
    let path = format!("/{index}/_search?size=100");
    let (status, mut answer) = node.call("POST", &path, query).unwrap();
    assert_eq!(status, 200, "{query}: {answer}");
    let Value::Array(hits) = answer["hits"]["hits"].take() else { panic!("{answer}") };
    hits.into_iter().map(|mut hit| hit["_source"].take()).collect()
}
