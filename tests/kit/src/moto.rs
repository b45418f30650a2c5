//! AWS as moto's server plays it, on a loopback port.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::process::Child;
use crate::{http, ports, setup};

/// Limit for a start: importing boto3 and moto takes some seconds.
const START_LIMIT: Duration = Duration::from_secs(90);

/// One moto server; killed on drop.
///
/// Credentials: any access key works, and `AssumeRole` into a role of any account gives keys whose
/// calls land in that account. Roles, policies and external ids are not checked: put a
/// [`crate::gateway::Gateway`] in front for a role that must be refused.
#[derive(Debug)]
pub struct Moto {
    port: u16,
    server: Child,
    _folder: TempDir,
}

/// Facts that moto's own API has no call for; see `tests/kit/moto/serve.py`.
#[derive(Debug, Default, Clone)]
pub struct Options {
    arguments: Vec<String>,
}

impl Options {
    /// Users whose names start with `prefix`, and their access keys, count as made `days` days
    /// before the call that makes them.
    #[must_use]
    pub fn keys_age_days(mut self, prefix: &str, days: u32) -> Self {
        self.arguments.push(format!("--keys-age-days={prefix}={days}"));
        self
    }

    /// The root user of `account` has MFA; without this, no account's has.
    #[must_use]
    pub fn root_mfa(mut self, account: &str) -> Self {
        self.arguments.push(format!("--root-mfa={account}"));
        self
    }

    /// `account` has a support plan, and so Trusted Advisor; without this, no account has.
    #[must_use]
    pub fn support_plan(mut self, account: &str) -> Self {
        self.arguments.push(format!("--support-plan={account}"));
        self
    }
}

impl Moto {
    /// Starts an empty server; returns when it answers.
    ///
    /// # Errors
    /// When the Python environment cannot be made or the server does not come up.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::default())
    }

    /// [`Moto::start`] with options.
    ///
    /// # Errors
    /// As [`Moto::start`].
    pub fn start_with(options: &Options) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("scorecard-moto-")
            .tempdir()
            .context("making a folder for moto")?;
        let port = ports::free();
        let mut command = Command::new(&setup::get()?.python);
        command
            .arg(setup::repository().join("tests/kit/moto/serve.py"))
            .args(["--port", &port.to_string()])
            .args(&options.arguments)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env_remove("MOTO_PORT");
        let mut server = Child::spawn_in_own_folder(command, folder.path(), "moto")?;
        let ready =
            http::wait_until_ok(port, "/moto-api/data.json", START_LIMIT, || server.is_running());
        ready.with_context(|| format!("starting moto\n{}", server.tail()))?;
        Ok(Self { port, server, _folder: folder })
    }

    /// The endpoint of every AWS service: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The server's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the server has logged: one line a request, and stack traces of its own faults.
    pub fn log(&self) -> String {
        self.server.stderr()
    }

    /// Forgets everything that was made since the start.
    ///
    /// # Errors
    /// When the server does not answer with 200.
    pub fn reset(&self) -> Result<()> {
        let answer = http::request(self.port, "POST", "/moto-api/reset", "", b"")?;
        if answer.status != 200 {
            bail!("resetting moto gave status {}", answer.status);
        }
        Ok(())
    }
}
