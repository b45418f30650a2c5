//! Resources: the document a collector saw, the inventory's row, and its changes.

use std::collections::BTreeMap;

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::{Cause, avro::string_map, key, symbols};

key! {
    /// A resource.
    ResourceKey {
        /// The account's id.
        account,
        /// The region it lies in; `global` for what has none.
        region,
        /// Its type in AWS Config's words, for example `AWS::S3::Bucket`.
        resource_type,
        /// Its id, unique within account, region and type.
        id
    } by account
}

/// One resource as a collector saw it: the envelope of AWS Config around the provider's documents.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Resource {
    /// The cloud.
    pub provider: String,
    /// The account's id.
    pub account: String,
    /// The region it lies in; `global` for what has none.
    pub region: String,
    /// Its type.
    pub resource_type: String,
    /// Its id, unique within account, region and type.
    pub id: String,
    /// Its name; the id when it has none.
    pub name: String,
    /// Its ARN or the like; empty when the provider gives none.
    pub arn: String,
    /// Tags.
    #[avro(with = string_map)]
    pub tags: BTreeMap<String, String>,
    /// The provider's document: a JSON object with sorted members.
    pub configuration: String,
    /// Answers to further calls, by the call's short name: a JSON object with sorted members.
    pub supplementary: String,
    /// Further calls that failed: short name to `Code: message`.
    #[avro(with = string_map)]
    pub errors: BTreeMap<String, String>,
    /// Paths that were cut off because the document was too large.
    pub truncated: Vec<String>,
    /// When it was seen, in UTC milliseconds.
    pub captured_ms: i64,
}

impl Resource {
    /// Gives the resource's key.
    pub fn key(&self) -> ResourceKey {
        ResourceKey::new(&*self.account, &*self.region, &*self.resource_type, &*self.id)
    }
}

/// The inventory's row.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct ResourceState {
    /// The document as it was when it last changed.
    pub resource: Resource,
    /// The region of the scope that it was seen in.
    pub scope_region: String,
    /// When it was first seen, in UTC milliseconds.
    pub first_seen_ms: i64,
}

symbols! {
    /// What happened to a resource.
    ChangeKind default "updated" {
        /// Seen for the first time.
        Created = "created",
        /// Its document changed.
        Updated = "updated",
        /// A completed scope no longer had it.
        Deleted = "deleted",
    }
}

/// One difference between two documents.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct Difference {
    /// Where: a JSON Pointer below the envelope (RFC 6901).
    pub path: String,
    /// The value before as JSON; absent when it was not there.
    pub before: Option<String>,
    /// The value after as JSON; absent when it is gone.
    pub after: Option<String>,
}

/// One change of a resource.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub struct ResourceChange {
    /// What happened.
    pub kind: ChangeKind,
    /// When the record that showed it was made, in UTC milliseconds.
    pub at_ms: i64,
    /// What differs; empty for created and deleted.
    pub differences: Vec<Difference>,
    /// The record that showed it.
    pub cause: Cause,
    /// Principals that its policies let in and that its account never trusted before, sorted.
    #[serde(default)]
    #[avro(default = "[]")]
    pub first_trusted: Vec<String>,
}
