//! ClickHouse: its own engine behind a small HTTP front, on a loopback port.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::Child;
use crate::{http, ports, setup};

/// Limit for a start: loading the engine takes some seconds on a busy machine.
const START_LIMIT: Duration = Duration::from_secs(90);

/// One server with its data; killed on drop. See `tests/kit/clickhouse/serve.py`.
#[derive(Debug)]
pub struct ClickHouse {
    port: u16,
    password: String,
    server: Option<Child>,
    starts: u32,
    folder: TempDir,
}

/// What goes wrong with requests whose statement begins with `INSERT`.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Answered with this status; nothing is done.
    Answer(u16),
    /// The connection ends in the middle of the request; nothing is done.
    Cut,
    /// It is done, and the connection ends without an answer.
    Forget,
    /// The server reads a part of it, says `held`, and ends it after so many seconds, not done.
    Stall(u32),
    /// It is done, and answered after so many seconds; the server says `held` first.
    Hold(u32),
}

impl ClickHouse {
    /// Starts an empty server without a password; returns when it answers.
    ///
    /// # Errors
    /// When the engine cannot be fetched or the server does not come up.
    pub fn start() -> Result<Self> {
        Self::start_with_password("")
    }

    /// [`ClickHouse::start`] with the password of the user `default`.
    ///
    /// # Errors
    /// As [`ClickHouse::start`].
    pub fn start_with_password(password: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("scorecard-clickhouse-")
            .tempdir()
            .context("making a folder for ClickHouse")?;
        let password = password.to_owned();
        let mut made = Self { port: ports::free(), password, server: None, starts: 0, folder };
        made.start_again()?;
        Ok(made)
    }

    /// Starts the server on its port with the data it had; ends it first when it runs.
    ///
    /// # Errors
    /// As [`ClickHouse::start`].
    pub fn start_again(&mut self) -> Result<()> {
        self.stop()?;
        let mut command = Command::new(&setup::get()?.clickhouse);
        command
            .arg(setup::repository().join("tests/kit/clickhouse/serve.py"))
            .args(["--port", &self.port.to_string(), "--password", &self.password])
            .arg("--data")
            .arg(self.folder.path().join("data"))
            .env("PYTHONDONTWRITEBYTECODE", "1");
        self.starts += 1;
        let name = format!("clickhouse-{}", self.starts);
        let mut server = Child::spawn_in_own_folder(command, self.folder.path(), &name)?;
        let ready = http::wait_until_ok(self.port, "/ping", START_LIMIT, || server.is_running());
        ready.with_context(|| format!("starting ClickHouse\n{}", server.tail()))?;
        self.server = Some(server);
        Ok(())
    }

    /// Ends the server at once, as a crash does; its data stay.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn stop(&mut self) -> Result<()> {
        self.server.take().map_or(Ok(()), |mut server| server.kill9())
    }

    /// The server's URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The server's port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The running server's process id, or none when it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::pid)
    }

    /// What the running server has logged: one line a request.
    pub fn log(&self) -> String {
        self.server.as_ref().map(Child::stderr).unwrap_or_default()
    }

    /// Lets `times` inserts go wrong, after `skip` that go well; replaces what was asked before.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn disturb(&self, fault: Fault, skip: u32, times: u32) -> Result<()> {
        let mut wanted = match fault {
            Fault::Answer(status) => json!({"does": "answer", "status": status}),
            Fault::Cut => json!({"does": "cut"}),
            Fault::Forget => json!({"does": "forget"}),
            Fault::Stall(seconds) => json!({"does": "stall", "seconds": seconds}),
            Fault::Hold(seconds) => json!({"does": "hold", "seconds": seconds}),
        };
        wanted["on"] = "INSERT".into();
        wanted["skip"] = skip.into();
        wanted["times"] = times.into();
        let body = json!([wanted]).to_string();
        let answer = http::request(self.port, "POST", "/kit/faults", "", body.as_bytes())?;
        if answer.status != 200 {
            bail!("asking for faults gave status {}", answer.status);
        }
        Ok(())
    }

    /// Waits until the server holds a request or its answer ([`Fault::Stall`], [`Fault::Hold`]).
    ///
    /// # Errors
    /// When it does not within `limit`.
    pub fn wait_until_held(&mut self, limit: Duration) -> Result<()> {
        self.server.as_mut().context("ClickHouse does not run")?.wait_for_output("held", limit)
    }

    /// Runs a statement on the server and gives the rows of its answer, by column's name.
    ///
    /// # Errors
    /// When the server does not answer, or refuses the statement; the message shows its words.
    pub fn query(&self, statement: &str) -> Result<Vec<Value>> {
        let path = "/?default_format=JSONEachRow&output_format_json_quote_64bit_integers=0";
        let key = format!("X-ClickHouse-Key: {}\r\n", self.password);
        let answer = http::request(self.port, "POST", path, &key, statement.as_bytes())?;
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status != 200 {
            bail!("{statement}\ngave status {}: {text}", answer.status);
        }
        let rows = text.lines().map(serde_json::from_str);
        rows.collect::<Result<_, _>>().with_context(|| format!("reading the answer {text}"))
    }
}
