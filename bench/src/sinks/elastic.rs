//! Elasticsearch, and our sink to it as production runs it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use kit::elasticsearch::Elasticsearch;
use kit::recorder::Request;
use schemas::Codec;
use serde_json::{Value, json};
use sink_elasticsearch::{Cluster, Config, Elastic, LIMITS, ROLE, Setup};
use sink_frame::Role;

use super::bare::Answer;
use super::contest;
use super::history::END_MS;
use super::ours::{self, Lap};
use crate::site::{PREFIX, Site, pin};

/// The one node, on core 0.
pub(crate) struct Server(Elasticsearch);

impl Server {
    pub(crate) fn start() -> Result<Self> {
        let node = Elasticsearch::start()?;
        pin(node.pid().context("Elasticsearch does not run")?, "0");
        Ok(Self(node))
    }

    fn call(&self, method: &str, path: &str) -> Result<Value> {
        let (status, answer) = self.0.call(method, path, &Value::Null)?;
        ensure!(status == 200, "{method} {path}: status {status}: {answer}");
        Ok(answer)
    }
}

fn config(url: &str) -> Result<Config> {
    let config = json!({"url": url, "prefix": PREFIX,
        "concurrency": <Server as contest::Server>::CONCURRENCY});
    Ok(serde_json::from_value(config)?)
}

impl contest::Server for Server {
    const NAME: &'static str = "elasticsearch";
    const UNIT: &'static str = "documents";
    /// As is usual for the sink.
    const CONCURRENCY: usize = 2;
    const ROLE: Role = ROLE;

    fn port(&self) -> u16 {
        self.0.port()
    }

    fn renew(&self) -> Result<()> {
        let all = self.call("GET", &format!("/{PREFIX}-*/_alias"))?;
        for index in all.as_object().into_iter().flat_map(|all| all.keys()) {
            self.call("DELETE", &format!("/{index}"))?;
        }
        let config = config(&self.0.url())?;
        let cluster = Cluster::prepare(&config)?;
        Setup::begin(&cluster, &config, false, &|_| ())?.run()?;
        Ok(())
    }

    fn carry(&self, url: &str, site: &Site, role: &'static Role) -> Result<Lap> {
        let (codec, config) = (Codec::default(), config(url)?);
        let cluster = Cluster::prepare(&config)?;
        let mut target = Elastic::new(&cluster, &config, &*site.log, &codec, &|| END_MS);
        ours::carry(role, LIMITS, site, &mut target)
    }

    fn held(&self) -> Result<BTreeMap<String, u64>> {
        self.call("POST", &format!("/{PREFIX}-*/_refresh"))?;
        let path = format!("/_cat/indices/{PREFIX}-*?format=json&h=index,docs.count");
        let indices = self.call("GET", &path)?;
        let indices = indices.as_array().context("a list of indices")?;
        let counts = indices.iter().filter_map(|one| {
            let (index, count) = (one["index"].as_str()?, one["docs.count"].as_str()?);
            // What the sink notes for itself is no batch's.
            (!index.contains("-control")).then(|| Some((index.to_owned(), count.parse().ok()?)))?
        });
        Ok(counts.collect())
    }

    fn is_batch(request: &Request) -> bool {
        request.path().ends_with("/_bulk")
    }

    fn is_preparation(request: &Request) -> bool {
        // The indices of months.
        request.method == "PUT" && !request.path().contains("/_doc")
    }

    fn check(answer: &Answer) -> Result<()> {
        let body: Value = serde_json::from_slice(&answer.body)?;
        let items = body["items"].as_array().context("a bulk's items")?;
        for item in items.iter().filter_map(|item| item.as_object()?.values().next()) {
            // A conflict says that something newer is there already.
            let is_taken = matches!(item["status"].as_u64(), Some(200..300 | 409));
            ensure!(is_taken, "a document was not taken: {item}");
        }
        Ok(())
    }
}
