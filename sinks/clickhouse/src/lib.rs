//! Scores, verdicts, exceptions and spend over time in ClickHouse, and the questions asked of them.

mod config;
mod database;
mod encode;
mod error;
mod rows;
mod setup;
mod trend;

pub use config::{Config, ConfigError};
pub use database::{Answer, Database};
pub use encode::{Made, encode};
pub use error::ClickHouseError;
pub use setup::{Step, VERSION};
pub use trend::{Kind, Question, Whose};
