//! The inventory in a bucket: a document a resource, a partition a day, and the owners' workbooks.
//!
//! The way of a change: the frame of sinks reads `resource.state` as a member of a group and gives
//! [`Inventory`] a batch; `batch` (pure) takes the newest row of each key, `encode` (pure) makes
//! its document under the name that `names` (pure) gives it; [`Bucket`] puts or deletes the object;
//! and only then the frame commits. Doing a change twice leaves what doing it once leaves.

mod batch;
mod chores;
mod config;
mod encode;
mod error;
mod names;
mod target;
mod workbooks;
mod write;

pub use config::Config;
pub use encode::Change;
pub use error::S3Error;
pub use target::{Inventory, ROLE, Settings};
pub use write::Bucket;
