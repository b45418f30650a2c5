//! TLS before a server that has none.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::Child;
use crate::{certificate, ports, setup};

/// Limit for a start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A front on a loopback port, whose certificate no authority of this machine vouches for; ended
/// on drop.
#[derive(Debug)]
pub struct Front {
    port: u16,
    certificate: PathBuf,
    _server: Child,
    _folder: TempDir,
}

impl Front {
    /// Starts a front before the server on 127.0.0.1:`upstream`; returns when it listens.
    ///
    /// # Errors
    /// When openssl or Python is missing.
    pub fn start(upstream: u16) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("scorecard-tls-").tempdir();
        let folder = folder.context("making a folder for a certificate")?;
        let (certificate, key) = certificate::make(folder.path())?;
        let port = ports::free();
        let mut command = Command::new(&setup::get()?.python);
        command
            .arg(setup::repository().join("tests/kit/tls/front.py"))
            .args(["--port", &port.to_string(), "--upstream", &upstream.to_string()])
            .arg("--certificate")
            .arg(&certificate)
            .arg("--key")
            .arg(key);
        let mut server = Child::spawn_in_own_folder(command, folder.path(), "tls")?;
        server.wait_for_output("ready", START_LIMIT).context("starting TLS before a server")?;
        Ok(Self { port, certificate, _server: server, _folder: folder })
    }

    /// Where clients begin, by the name that the certificate proves.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The certificate that proves the front, in PEM.
    pub fn authority(&self) -> &PathBuf {
        &self.certificate
    }
}
