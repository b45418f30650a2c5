//! The inventory in a bucket: a document a resource, a partition a day, and the owners' workbooks.
//!
//! The way of a change: [`Sink`] reads `resource.state` as a member of a consumer group; `batch`
//! (pure) takes the newest row of each key, `encode` (pure) makes its document under the name that
//! `names` (pure) gives it; [`Bucket`] puts or deletes the object; and only then the positions are
//! committed. So the bucket is at most behind, and doing a change twice leaves what once leaves.

mod batch;
mod chores;
mod config;
mod encode;
mod error;
mod names;
mod session;
mod sink;
mod workbooks;
mod write;

pub use config::{Config, ConfigError};
pub use error::S3Error;
pub use sink::{GROUP, INPUTS, Progress, Sink};
pub use write::Bucket;
