//! A mail server that keeps what it gets, and a line before it that fails as it is told.

mod line;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;

pub use line::{Fault, Line};

use crate::process::Child;
use crate::{certificate, http, ports, setup};

/// Limit for a start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// How the server takes mail.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Addresses that it takes mail for, as a regular expression; all when absent.
    pub recipients: Option<String>,
    /// Whether it wants TLS: from the start, by STARTTLS, or none.
    pub tls: Option<Tls>,
    /// The name and the password that it wants.
    pub login: Option<(String, String)>,
    /// Where it listens; a free port when absent.
    pub smtp_port: Option<u16>,
}

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// With the connection.
    First,
    /// By STARTTLS, without which nothing is taken.
    Start,
}

/// One mailpit server; killed on drop.
#[derive(Debug)]
pub struct Mailpit {
    smtp_port: u16,
    http_port: u16,
    folder: TempDir,
    _server: Child,
}

impl Mailpit {
    /// Starts an empty server that takes everything; returns when it answers.
    ///
    /// # Errors
    /// When the program cannot be made or the server does not come up.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::default())
    }

    /// [`Mailpit::start`] with options.
    ///
    /// # Errors
    /// As [`Mailpit::start`].
    pub fn start_with(options: &Options) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("scorecard-mailpit-").tempdir();
        let folder = folder.context("making a folder for mailpit")?;
        let smtp_port = options.smtp_port.unwrap_or_else(ports::free);
        let http_port = ports::free();
        let mut command = Command::new(&setup::get()?.mailpit);
        command
            .args(["--smtp", &format!("127.0.0.1:{smtp_port}")])
            .args(["--listen", &format!("127.0.0.1:{http_port}")])
            .args(["--max", "0", "--enable-chaos", "--disable-version-check"])
            .args(["--smtp-disable-rdns", "--database"])
            .arg(folder.path().join("mail.db"));
        if let Some(recipients) = &options.recipients {
            command.args(["--smtp-allowed-recipients", recipients]);
        }
        if let Some(tls) = options.tls {
            let (certificate, key) = certificate::make(folder.path())?;
            command.arg("--smtp-tls-cert").arg(certificate).arg("--smtp-tls-key").arg(key);
            command.arg(match tls {
                Tls::First => "--smtp-require-tls",
                Tls::Start => "--smtp-require-starttls",
            });
        }
        if let Some((name, password)) = &options.login {
            let file = folder.path().join("logins");
            std::fs::write(&file, format!("{name}:{password}\n")).context("writing logins")?;
            command.arg("--smtp-auth-file").arg(file);
            if options.tls.is_none() {
                command.arg("--smtp-auth-allow-insecure");
            }
        }
        let mut server = Child::spawn_in_own_folder(command, folder.path(), "mailpit")?;
        let ready = http::wait_until_ok(http_port, "/readyz", START_LIMIT, || server.is_running());
        ready.with_context(|| format!("starting mailpit\n{}", server.tail()))?;
        Ok(Self { smtp_port, http_port, folder, _server: server })
    }

    /// The port on 127.0.0.1 that takes mail.
    pub fn smtp_port(&self) -> u16 {
        self.smtp_port
    }

    /// The certificate that proves the server, in PEM, where it has TLS.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// Gives what it got: a summary of each message, the newest first.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn messages(&self) -> Result<Vec<Value>> {
        let mut answer = self.json("GET", "/api/v1/messages?limit=100000", "")?;
        match answer["messages"].take() {
            Value::Array(messages) => Ok(messages),
            other => anyhow::bail!("no list of messages: {other}"),
        }
    }

    /// Gives a message with its text, HTML, and attachments.
    ///
    /// # Errors
    /// As [`Mailpit::messages`].
    pub fn message(&self, id: &str) -> Result<Value> {
        self.json("GET", &format!("/api/v1/message/{id}"), "")
    }

    /// Gives a message's headers.
    ///
    /// # Errors
    /// As [`Mailpit::messages`].
    pub fn headers(&self, id: &str) -> Result<Value> {
        self.json("GET", &format!("/api/v1/message/{id}/headers"), "")
    }

    /// Gives a part of a message as it was before it was packed for mail.
    ///
    /// # Errors
    /// As [`Mailpit::messages`].
    pub fn part(&self, id: &str, part: &str) -> Result<Vec<u8>> {
        let path = format!("/api/v1/message/{id}/part/{part}");
        Ok(http::request(self.http_port, "GET", &path, "", b"")?.body)
    }

    /// Says how well mail programs show a message's HTML, as caniemail.com knows it.
    ///
    /// # Errors
    /// As [`Mailpit::messages`].
    pub fn html_check(&self, id: &str) -> Result<Value> {
        self.json("GET", &format!("/api/v1/message/{id}/html-check"), "")
    }

    /// Answers this share (in hundredths) of recipients with a code; 0 ends that.
    ///
    /// # Errors
    /// As [`Mailpit::messages`].
    pub fn refuse_recipients(&self, code: u16, percent: u8) -> Result<()> {
        let trigger = serde_json::json!({ "ErrorCode": code, "Probability": percent });
        self.json(
            "PUT",
            "/api/v1/chaos",
            &serde_json::json!({ "Recipient": trigger }).to_string(),
        )?;
        Ok(())
    }

    fn json(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let headers = "Content-Type: application/json\r\n";
        let answer = http::request(self.http_port, method, path, headers, body.as_bytes())?;
        let text = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status == 200, "mailpit answers {} to {path}: {text}", answer.status);
        serde_json::from_slice(&answer.body).with_context(|| format!("{path} gave {text}"))
    }
}
