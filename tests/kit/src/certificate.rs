//! Certificates of servers on this machine, made when they are needed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process;

/// How long a key may take on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Makes a key with a certificate for `localhost` and 127.0.0.1 that is its own authority: the
/// files `certificate.pem` and `key.pem` of the folder, in this order.
///
/// # Errors
/// When openssl is missing or fails.
pub fn make(folder: &Path) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let mut command = Command::new("openssl");
    command
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    process::run(command, LIMIT).context("openssl is needed to make a certificate")?;
    Ok((certificate, key))
}
