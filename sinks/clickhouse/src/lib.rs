//! Scores, verdicts, exceptions and spend over time in ClickHouse, and the questions asked of them.
//!
//! The way of a record: the frame cuts a batch of one topic and partition, and notes where it
//! ends; `encode` (pure) turns each record into the row of its topic's table; [`Tables`] inserts
//! them with a token made of topic, life, partition and offsets; then the end is committed. The
//! same batch again has the same token and is dropped, by the table and by what its views fill.
//! What is older than the tokens that ClickHouse remembers (a replay from the start) is the same
//! rows again, which tables merge by their versions, and views by aggregates that do not count.

mod config;
mod database;
mod encode;
mod error;
mod http;
mod lives;
mod rows;
mod setup;
mod target;
mod trend;

pub use config::Config;
pub use database::{Answer, Database};
pub use encode::{Made, encode};
pub use error::ClickHouseError;
pub use setup::{Step, VERSION};
pub use target::{LIMITS, ROLE, Tables};
pub use trend::{Kind, Question, Whose};
