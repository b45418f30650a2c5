//! What the program says of its work, on standard error.

mod format;

use std::io::{IsTerminal, stderr};

use anyhow::{Context, Result};
use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    EnvFilter, Layer, filter::FilterExt, fmt, layer::SubscriberExt, registry,
    util::SubscriberInitExt,
};

use crate::telemetry::{self, OwnSpans};
use format::WithIds;

/// The arguments of every command that say what is logged, and how.
#[derive(clap::Args)]
pub(crate) struct Logging {
    /// What to log on standard error: off, error, warn, info, debug, or a filter such as
    /// `stream=debug`
    #[arg(
        long,
        global = true,
        env = "SCORECARD_LOG",
        value_name = "FILTER",
        default_value = "warn"
    )]
    log: String,
    /// How to log
    #[arg(
        long,
        global = true,
        env = "SCORECARD_LOG_FORMAT",
        value_name = "FORM",
        value_enum,
        default_value_t = Form::Text
    )]
    log_format: Form,
}

/// How a log is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A line for people; in colour on a terminal, unless NO_COLOR is set
    Text,
    /// One JSON object a line, for programs that gather logs
    Json,
}

impl Logging {
    /// Begins to log.
    ///
    /// # Errors
    /// When the filter is none.
    pub(crate) fn start(&self) -> Result<()> {
        let filter = EnvFilter::try_new(&self.log);
        let filter = filter.with_context(|| format!("--log {:?}: is no filter", self.log))?;
        if filter.max_level_hint() != Some(LevelFilter::OFF) {
            telemetry::want();
        }
        let colours = stderr().is_terminal() && !is_set(std::env::var_os("NO_COLOR").as_deref());
        let lines = fmt::layer().with_writer(stderr).with_ansi(colours);
        let form = self.log_format;
        let lines = match form {
            Form::Text => {
                let inner = fmt::format().with_ansi(colours);
                lines.event_format(WithIds { inner, form }).boxed()
            }
            Form::Json => lines.json().map_event_format(|inner| WithIds { inner, form }).boxed(),
        };
        // Lines tell what their span tells, whatever its own level.
        registry()
            .with(telemetry::layer().with_filter(OwnSpans))
            .with(lines.with_filter(filter.or(OwnSpans)))
            .init();
        Ok(())
    }
}

/// Whether a variable asks for something: it is there, and not empty (<https://no-color.org>).
fn is_set(value: Option<&std::ffi::OsStr>) -> bool {
    value.is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_asks_for_nothing() {
        assert!(is_set(Some("1".as_ref())) && is_set(Some("0".as_ref())));
        assert!(!is_set(Some("".as_ref())) && !is_set(None));
    }
}
