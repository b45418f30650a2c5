//! What a process serves over HTTP: metrics and health, and the page.

mod exposition;
mod http;
mod page;
mod server;
mod sinks;
mod tls;
mod vitals;

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};

pub(crate) use page::serve as serve_page;
pub(crate) use sinks::SinkView;
#[cfg(test)]
pub(crate) use vitals::StageView;
pub(crate) use vitals::{ProcessView, TaskView, Vitals};

/// The argument of every command that runs for long.
#[derive(clap::Args)]
pub(crate) struct Listen {
    /// Serves /metrics, /healthz, /readyz and /tasks at this address, for example 127.0.0.1:9464;
    /// the configuration's `listen` when absent
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Listen {
    /// Makes the record of what the process does, and serves it if an address is given.
    pub(crate) fn start(
        &self,
        command: &'static str,
        configured: Option<SocketAddr>,
    ) -> Result<Arc<Vitals>> {
        let vitals = Arc::new(Vitals::new(command));
        if let Some(address) = self.listen.or(configured) {
            let at = http::serve(address, vitals.clone())
                .with_context(|| format!("listening at {address}"))?;
            eprintln!("listening at http://{at}");
        }
        Ok(vitals)
    }
}
