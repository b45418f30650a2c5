//! Goes through documents that a query finds, page by page.

use elasticsearch::http::Method;
use serde_json::{Value, json};

use crate::ElasticError;
use crate::client::Cluster;

/// A walk over the documents of an alias in the order of their ids.
///
/// It only goes forward: what is changed on the way is met once, and what comes behind it is a
/// later walk's.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    alias: String,
    query: Value,
    /// Whether whole documents are wanted, or fields of these names.
    fields: Option<Vec<&'static str>>,
    size: usize,
    after: Option<Value>,
    is_fresh: bool,
}

/// A document that was found.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) id: String,
    pub(crate) version: i64,
    pub(crate) source: Value,
    fields: Value,
}

impl Hit {
    /// Gives a field's one value.
    pub(crate) fn field(&self, name: &str) -> &Value {
        &self.fields[name][0]
    }
}

impl Scan {
    /// Begins a walk that gives whole documents.
    pub(crate) fn documents(alias: String, query: Value) -> Self {
        Self { alias, query, fields: None, size: 500, after: None, is_fresh: false }
    }

    /// Begins a walk that gives ids, versions and some fields.
    pub(crate) fn fields(alias: String, query: Value, fields: &[&'static str]) -> Self {
        let fields = Some(fields.to_vec());
        Self { alias, query, fields, size: 5_000, after: None, is_fresh: false }
    }

    /// The alias that it goes through.
    pub(crate) fn alias(&self) -> &str {
        &self.alias
    }

    /// Gives the next page; none at the end. Where it fails, the next call tries the same again.
    pub(crate) fn page(&mut self, cluster: &Cluster) -> Result<Option<Vec<Hit>>, ElasticError> {
        if !self.is_fresh {
            // What was written before the walk must be met.
            cluster.call(Method::Post, &format!("/{}/_refresh", self.alias), None)?;
            self.is_fresh = true;
        }
        let mut search = json!({"query": self.query, "size": self.size, "version": true,
            "sort": [{"event.id": "asc"}], "track_total_hits": false});
        if let Some(fields) = &self.fields {
            search["_source"] = json!(false);
            search["docvalue_fields"] = json!(fields);
        }
        if let Some(after) = &self.after {
            search["search_after"] = after.clone();
        }
        let path = format!("/{}/_search", self.alias);
        let mut answer = cluster.call(Method::Post, &path, Some(&search))?;
        let unreadable = |problem: &str| ElasticError::Answer {
            attempted: format!("searching {}", self.alias),
            problem: problem.to_owned(),
        };
        if answer["timed_out"] == json!(true) || answer["_shards"]["failed"] != json!(0) {
            return Err(unreadable("a part of the index did not answer"));
        }
        let Value::Array(hits) = answer["hits"]["hits"].take() else {
            return Err(unreadable("it has no hits"));
        };
        let Some(last) = hits.last() else { return Ok(None) };
        let after = last["sort"].clone();
        let hits = hits.into_iter().map(|mut hit| {
            let id = hit["_id"].as_str().map(str::to_owned)?;
            let version = hit["_version"].as_i64()?;
            Some(Hit { id, version, source: hit["_source"].take(), fields: hit["fields"].take() })
        });
        let hits: Option<Vec<Hit>> = hits.collect();
        let hits = hits.ok_or_else(|| unreadable("a hit has no id or no version"))?;
        self.after = Some(after);
        Ok(Some(hits))
    }
}
