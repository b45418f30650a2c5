//! What ends a scan; everything else that goes wrong is data in its results.

use crate::api::ModelError;
use crate::config::ConfigError;
use crate::sink::SinkError;

/// What ends a scan.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration can't be used.
    #[error("checking the configuration of the aws producer")]
    Config(#[from] ConfigError),
    /// The program's API model is damaged.
    #[error("loading the API model")]
    Model(#[from] ModelError),
    /// Records could not be handed on.
    #[error("publishing {what}")]
    Sink {
        /// What was to be published.
        what: &'static str,
        /// Why.
        #[source]
        source: SinkError,
    },
}
