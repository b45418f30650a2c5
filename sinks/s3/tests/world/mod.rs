//! A log with rows, a bucket of moto, and runs of the sink between them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use schemas::{AccountKey, AccountState, Codec, Resource, ResourceKey, ResourceState, topic};
use serde_json::Value;
use sink_frame::{Frame, FrameError, Limits};
use sink_s3::{Bucket, Config, Inventory, ROLE, Settings};
use stream::worker::Stop;
use stream::{Log, Publisher, local::LocalLog};
use tempfile::TempDir;

/// What topics' and groups' names begin with in a local log.
pub(crate) const PREFIX: &str = "test";

/// The bucket that tests use.
pub(crate) const BUCKET: &str = "inventory";

/// 2026-11-28 23:59:00 UTC, as `date -u -d '2026-11-28 23:59' +%s000` of GNU coreutils has it.
pub(crate) const NOW_MS: i64 = 1_795_910_340_000;

/// Limit for what should come; a machine where much else runs needs some of it.
const LIMIT: Duration = Duration::from_secs(180);

/// A local log in a folder of its own.
pub(crate) fn local() -> (TempDir, Arc<dyn Log>) {
    let folder = tempfile::tempdir().unwrap();
    let log = LocalLog::open(folder.path(), 3, PREFIX).unwrap();
    log.apply().unwrap();
    (folder, Arc::new(log))
}

/// Gives a bucket's configuration for an endpoint.
pub(crate) fn config(endpoint: &str) -> Config {
    let json = format!(r#"{{"bucket": "{BUCKET}", "endpoint": "{endpoint}"}}"#);
    serde_json::from_str(&json).unwrap()
}

/// Prepares calls to a bucket with keys that moto takes.
pub(crate) fn bucket(config: &Config) -> Bucket {
    let keys = Credentials::new("test", "test", None, None, "test");
    Bucket::prepare(config, Some(SharedCredentialsProvider::new(keys))).unwrap()
}

/// Runs `bucket.py`.
pub(crate) fn python(verb: &str, endpoint: &str) -> String {
    kit::python("sinks/s3/tests/bucket.py", &[verb, endpoint, BUCKET]).unwrap()
}

/// What a bucket holds, by key.
pub(crate) fn show(endpoint: &str) -> BTreeMap<String, Value> {
    serde_json::from_str(&python("show", endpoint)).unwrap()
}

/// Waits until a bucket holds just these objects of the inventory.
pub(crate) fn wait_for(endpoint: &str, wanted: &[String]) {
    let start = Instant::now();
    loop {
        let found: Vec<String> = serde_json::from_str(&python("keys", endpoint)).unwrap();
        let found: Vec<String> =
            found.into_iter().filter(|key| key.starts_with("Resources/")).collect();
        if found == wanted {
            return;
        }
        assert!(start.elapsed() < LIMIT, "{found:?}, not {wanted:?}");
    }
}

/// The keys of a bucket below a folder.
pub(crate) fn keys(objects: &BTreeMap<String, Value>, folder: &str) -> Vec<String> {
    objects.keys().filter(|key| key.starts_with(folder)).cloned().collect()
}

/// A resource of an account; its document names it.
pub(crate) fn resource(account: &str, resource_type: &str, id: &str) -> Resource {
    Resource {
        provider: "aws".to_owned(),
        account: account.to_owned(),
        region: "us-east-1".to_owned(),
        resource_type: resource_type.to_owned(),
        id: id.to_owned(),
        name: id.to_owned(),
        arn: String::new(),
        tags: BTreeMap::new(),
        configuration: serde_json::json!({"Version": 1}).to_string(),
        supplementary: "{}".to_owned(),
        errors: BTreeMap::new(),
        truncated: Vec::new(),
        captured_ms: NOW_MS,
    }
}

/// Writes rows as the account stage does.
pub(crate) struct Writer<'a>(pub(crate) Publisher, &'a dyn Log);

impl<'a> Writer<'a> {
    pub(crate) fn open(log: &'a dyn Log, prefix: &str) -> Self {
        Self(Publisher::open(log, &Codec::default(), prefix, "test").unwrap(), log)
    }

    pub(crate) fn put(&mut self, resource: &Resource) {
        let scope_region = resource.region.clone();
        let row = ResourceState { resource: resource.clone(), scope_region, first_seen_ms: 0 };
        self.0.put(&topic::RESOURCE_STATE, &resource.key(), &row, NOW_MS).unwrap();
        self.0.flush().unwrap();
    }

    pub(crate) fn delete(&mut self, key: &ResourceKey) {
        self.0.tombstone(&topic::RESOURCE_STATE, key, NOW_MS).unwrap();
        self.0.flush().unwrap();
    }

    pub(crate) fn name(&mut self, account: &str, name: &str) {
        let state = AccountState {
            provider: "aws".to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
            ..AccountState::default()
        };
        let key = AccountKey::new(account);
        self.0.put(&topic::ACCOUNT_STATE, &key, &state, NOW_MS).unwrap();
        self.0.flush().unwrap();
    }

    /// Bytes that no codec reads, under a good key.
    pub(crate) fn rubbish(&self, key: &ResourceKey) {
        use schemas::Key;
        let mut writer = self.1.writer("test").unwrap();
        let partition = schemas::partition_of(&key.partition_key(), self.1.partitions());
        let record = stream::Outgoing {
            topic: topic::RESOURCE_STATE.spec,
            partition,
            timestamp_ms: 0,
            key: key.encode().into_bytes(),
            value: Some(b"rubbish".to_vec()),
            headers: Vec::new(),
        };
        writer.append(vec![record]).unwrap();
        writer.flush().unwrap();
    }
}

/// How a run of the sink differs from the usual one.
pub(crate) struct Run<'a> {
    pub(crate) once: bool,
    pub(crate) anew: bool,
    pub(crate) now_ms: i64,
    pub(crate) workbooks: Option<&'a Path>,
    pub(crate) patience: Option<Duration>,
    pub(crate) slot: &'a str,
    pub(crate) stop: Stop,
}

impl Default for Run<'_> {
    fn default() -> Self {
        let patience = Some(Duration::from_secs(60));
        Self {
            once: true,
            anew: true,
            now_ms: NOW_MS,
            workbooks: None,
            patience,
            slot: "a",
            stop: Stop::new(),
        }
    }
}

/// Ends runs when it is dropped: a test that fails must not wait for threads of its own.
pub(crate) struct Ends<'a>(pub(crate) &'a [&'a Run<'a>]);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(|run| run.stop.stop());
    }
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) records: u64,
    pub(crate) put: u64,
    pub(crate) deleted: u64,
    pub(crate) dead: u64,
}

/// What was done and whatever it waited for.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) progress: Progress,
    pub(crate) waited: bool,
}

impl Run<'_> {
    pub(crate) fn on(&self, log: &dyn Log, config: &Config) -> Result<Done, FrameError> {
        let waited = Cell::new(false);
        let (codec, bucket) = (Codec::default(), bucket(config));
        let settings = Settings {
            log,
            codec: &codec,
            lake: config.lake,
            anew: self.anew,
            workbooks: self.workbooks,
            now_ms: &|| self.now_ms,
        };
        let frame = Frame {
            role: &ROLE,
            log,
            slot: self.slot,
            limits: Limits::default(),
            once: self.once,
            patience: self.patience,
            tell: &|progress| waited.set(waited.get() || progress.waiting.is_some()),
        };
        let done = frame.run(&mut Inventory::new(&bucket, settings), &self.stop)?;
        let progress = Progress {
            records: done.records(),
            put: done.effect("put"),
            deleted: done.effect("deleted"),
            dead: done.counts.dead,
        };
        Ok(Done { progress, waited: waited.get() })
    }
}
