//! Turns rows of the inventory into objects: documents, and the days' partitions. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use schemas::{AvroError, Codec, Key, Resource, ResourceKey, ResourceState, headers::rfc3339};
use serde::de::IgnoredAny;

use crate::names;

const JSON: &str = "application/json";
const GZIP: &str = "application/gzip";

/// One change of the bucket; keys are without the configured prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The object is these bytes from now on.
    Put {
        /// The object's key.
        key: String,
        /// Its bytes.
        body: Vec<u8>,
        /// Its media type.
        content_type: &'static str,
        /// The body's SHA-256 in hexadecimal, kept with the object; none when nobody asks for it.
        sha256: Option<String>,
    },
    /// There is no such object from now on.
    Delete {
        /// The object's key.
        key: String,
    },
}

/// Why a row can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("not a key of this topic")]
    Key,
    #[error("decoding the value")]
    Value(#[source] AvroError),
}

impl Unfit {
    /// Tells whether it may be fit later: the schema registry does not answer.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Unfit::Value(error) if error.is_transient())
    }
}

/// Rows of one partition by key, as they lie in the log.
pub(crate) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Names of accounts by id.
pub(crate) type AccountNames = BTreeMap<String, String>;

/// Reads a key's bytes.
pub(crate) fn key(bytes: &[u8]) -> Result<ResourceKey, Unfit> {
    std::str::from_utf8(bytes).ok().and_then(ResourceKey::decode).ok_or(Unfit::Key)
}

/// Gives what a row of the inventory changes in the bucket; a row without a value is a tombstone.
pub(crate) fn change(
    key_bytes: &[u8],
    value: Option<&[u8]>,
    accounts: &AccountNames,
    codec: &Codec,
) -> Result<Change, Unfit> {
    let object = names::object(&key(key_bytes)?);
    let Some(value) = value else { return Ok(Change::Delete { key: object }) };
    let state: ResourceState = codec.decode(value).map_err(Unfit::Value)?;
    let body = document(&state.resource, accounts).into_bytes();
    Ok(Change::Put { key: object, body, content_type: JSON, sha256: None })
}

/// Writes a resource as Antiope does, in one line of JSON: AWS Config's envelope with the account's
/// name. Times are UTC with microseconds, always.
pub(crate) fn document(resource: &Resource, accounts: &AccountNames) -> String {
    let account_name = accounts.get(&resource.account).unwrap_or(&resource.account);
    let mut members = vec![
        ("ARN", text(&resource.arn)),
        ("awsAccountId", text(&resource.account)),
        ("awsAccountName", text(account_name)),
        ("awsRegion", text(&resource.region)),
        ("resourceType", text(&resource.resource_type)),
        ("resourceId", text(&resource.id)),
        ("resourceName", text(&resource.name)),
        ("source", text("scorecard")),
        ("configurationItemCaptureTime", text(&moment(resource.captured_ms))),
        ("configuration", json(&resource.configuration)),
        ("supplementaryConfiguration", json(&resource.supplementary)),
        ("tags", map(&resource.tags)),
        ("errors", map(&resource.errors)),
    ];
    if resource.arn.is_empty() {
        members.remove(0);
    }
    if !resource.truncated.is_empty() {
        let paths: Vec<String> = resource.truncated.iter().map(|path| text(path)).collect();
        members.push(("truncated", format!("[{}]", paths.join(","))));
    }
    let members: Vec<String> =
        members.into_iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// A day's rows of one partition of the log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Day {
    /// One object an account.
    pub(crate) files: Vec<Change>,
    /// Their keys.
    pub(crate) keys: BTreeSet<String>,
    /// Rows in the files.
    pub(crate) rows: usize,
    /// Rows that can't be decoded: they are in no file.
    pub(crate) unfit: usize,
}

/// Packs a partition's rows into one file of gzipped JSON lines for each account, sorted by key;
/// the same rows give the same bytes.
///
/// Errors: only those that may pass.
pub(crate) fn day(
    folder: &str,
    rows: &Rows,
    accounts: &AccountNames,
    codec: &Codec,
) -> Result<Day, Unfit> {
    let mut day = Day::default();
    let mut lines: BTreeMap<ResourceKey, &[u8]> = BTreeMap::new();
    for (bytes, value) in rows {
        match key(bytes) {
            Ok(key) => drop(lines.insert(key, value)),
            Err(_) => day.unfit += 1,
        }
    }
    let mut lines = lines.into_iter().peekable();
    while let Some((first, _)) = lines.peek() {
        let account = first.account.clone();
        let mut packer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
        let (mut rows, memory) = (0, "memory takes everything");
        while let Some((_, value)) = lines.next_if(|(key, _)| key.account == account) {
            match codec.decode::<ResourceState>(value).map_err(Unfit::Value) {
                Ok(state) => {
                    writeln!(packer, "{}", document(&state.resource, accounts)).expect(memory);
                    rows += 1;
                }
                Err(error) if error.is_transient() => return Err(error),
                Err(_) => day.unfit += 1,
            }
        }
        let body = packer.finish().unwrap_or_else(|error: io::Error| panic!("{memory}: {error}"));
        let key = names::lake_file(folder, &account);
        day.keys.insert(key.clone());
        day.files.push(Change::Put { key, body, content_type: GZIP, sha256: None });
        day.rows += rows;
    }
    Ok(day)
}

/// Gives the objects of the inventory that rows stand for.
pub(crate) fn objects(rows: &Rows) -> BTreeSet<String> {
    rows.keys().filter_map(|bytes| Some(names::object(&key(bytes).ok()?))).collect()
}

/// Gives the object that says that a partition's day is whole.
pub(crate) fn whole(folder: &str, partition: i32, partitions: i32, rows: usize) -> Change {
    let key = names::whole(folder, partition, partitions);
    let body = format!("{{\"rows\":{rows}}}\n").into_bytes();
    Change::Put { key, body, content_type: JSON, sha256: None }
}

/// Gives the day of a time, `YYYY-MM-DD` in UTC.
pub(crate) fn date(ms: i64) -> String {
    rfc3339(ms).split('T').next().unwrap_or_default().to_owned()
}

/// Writes a time as Elasticsearch reads Antiope's: `yyyy-MM-dd HH:mm:ss.SSSSSS`.
fn moment(ms: i64) -> String {
    rfc3339(ms).replace('T', " ").replace('Z', "000")
}

fn text(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

fn map(map: &BTreeMap<String, String>) -> String {
    serde_json::to_string(map).expect("a map of texts is JSON")
}

/// Takes a document over as it is, so that no number loses digits; what is not one line of JSON
/// becomes one.
fn json(document: &str) -> String {
    if document.is_empty() {
        return "{}".to_owned();
    }
    if serde_json::from_str::<IgnoredAny>(document).is_err() {
        return text(document);
    }
    if !document.contains(['\n', '\r']) {
        return document.to_owned();
    }
    // Between the tokens of JSON line ends mean nothing, and within texts they are escaped.
    document.replace(['\n', '\r'], " ")
}

#[cfg(test)]
pub(crate) mod tests;
