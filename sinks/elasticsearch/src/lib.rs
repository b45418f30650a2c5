//! Tables and histories in Elasticsearch or OpenSearch: for searches, for SIEMs, and for Kibana.
//!
//! The way of a record: [`Elastic`] is a target of the frame; `documents` (pure) turns the record
//! into a document in the words of ECS, `flat` and `network` (pure) make any configuration fit its
//! field and find addresses and opened ports in it; `bulk` writes documents and classifies what
//! became of each one.
//!
//! **Invariant**: a document's version is made of its topic's life and its record's offset, so that
//! an older write never replaces a newer one, and the same write twice is one.
//!
//! **Invariant**: nothing is deleted at once. What is gone is a document that says so, with the
//! version of the record that said so, until it is older than any replay.

mod bulk;
mod chores;
mod client;
mod config;
mod documents;
mod error;
mod facts;
mod flat;
mod kibana;
mod lives;
mod mapping;
mod names;
mod network;
mod rewrite;
mod scan;
mod setup;
mod target;

pub use bulk::Item;
pub use client::Cluster;
pub use config::Config;
pub use error::ElasticError;
pub use kibana::ndjson as kibana_objects;
pub use setup::Setup;
pub use target::{Elastic, LIMITS, ROLE};
