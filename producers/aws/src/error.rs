//! What ends a scan; everything else that goes wrong is data in its results.

use stream::LogError;

use crate::api::ModelError;
use crate::config::ConfigError;

/// What ends a scan.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration can't be used.
    #[error("checking the configuration of the aws producer")]
    Config(#[from] ConfigError),
    /// The program's API model is damaged.
    #[error("loading the API model")]
    Model(#[from] ModelError),
    /// A service is wanted that no collector is for.
    #[error("no collector is for {word:?}; there are: {known}")]
    Service {
        /// What was wanted.
        word: String,
        /// The collectors' ids.
        known: String,
    },
    /// Accounts are wanted that no payer lists.
    #[error("no payer lists account {0}")]
    Account(String),
    /// The collectors' runtime could not be started.
    #[error("starting the collectors' runtime")]
    Runtime(#[source] std::io::Error),
    /// The log could not be read or written.
    #[error("{what}")]
    Log {
        /// What was attempted.
        what: &'static str,
        /// Why not.
        #[source]
        source: LogError,
    },
    /// Another process joined the group by the same name.
    #[error("another collector runs as {slot:?}; give each process a --slot of its own")]
    Fenced {
        /// The name.
        slot: String,
    },
}
