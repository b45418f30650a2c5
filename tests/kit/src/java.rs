//! Kafka's own Java code as the oracle: where keys go, what a topic holds.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::setup;

/// A key with Kafka's hash of it and its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// murmur2 of the key's bytes.
    pub hash: i32,
    /// The partition that Kafka's Java producer sends the key to.
    pub partition: i32,
}

/// Asks Kafka's Java client where each key goes in a topic of `partitions` partitions.
///
/// # Errors
/// When the tools cannot be prepared or the program fails.
pub fn place(keys: &[&str], partitions: i32) -> Result<Vec<Placed>> {
    let mut input = String::new();
    for key in keys {
        writeln!(input, "{}", base64(key.as_bytes())).context("writing a key")?;
    }
    let output = run("Murmur2", &[&partitions.to_string()], &input)?;
    let placed: Option<Vec<Placed>> = output.lines().map(read_row).collect();
    let placed = placed.with_context(|| format!("{output:?} is no list of hashes"))?;
    if placed.len() != keys.len() {
        bail!("{} answers for {} keys", placed.len(), keys.len());
    }
    Ok(placed)
}

/// The partitions of [`place`].
///
/// # Errors
/// As [`place`].
pub fn partitions(keys: &[&str], partitions: i32) -> Result<Vec<i32>> {
    Ok(place(keys, partitions)?.iter().map(|placed| placed.partition).collect())
}

/// Runs a main class from Kafka's jars (such as `org.apache.kafka.tools.TopicCommand`) or from
/// `tests/kit/java`, with `input` on its standard input, and returns its standard output.
///
/// # Errors
/// When the tools cannot be prepared or the program fails; the message shows what it said.
pub fn run(class: &str, args: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new("java")
        .args(options("64m", "log4j2-tools.properties")?)
        .arg(class)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting java (a JDK is needed)")?;
    let mut stdin = child.stdin.take().context("taking java's standard input")?;
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().with_context(|| format!("waiting for {class}"))?;
    let written = writer.join().expect("writing to a pipe does not panic");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{class} {args:?} failed with {}\n{stdout}\n{stderr}", output.status);
    }
    written.with_context(|| format!("writing to {class}"))?;
    Ok(stdout)
}

/// A shell script that runs a main class from Kafka's jars with the script's arguments, as those
/// that come with Kafka do.
///
/// # Errors
/// When the tools cannot be prepared.
pub fn script(class: &str) -> Result<String> {
    let options = options("64m", "log4j2-tools.properties")?.join("' '");
    // A class that is run once is not worth the second compiler.
    Ok(format!("#!/bin/sh\nexec java -XX:TieredStopAtLevel=1 '{options}' {class} \"$@\"\n"))
}

/// The options of every JVM that the kit starts: small, quick to start, with Kafka's jars.
pub(crate) fn options(heap: &str, log_config: &str) -> Result<Vec<String>> {
    let setup = setup::get()?;
    let config = setup::repository().join("tests/kit/kafka").join(log_config);
    Ok(vec![
        format!("-Xmx{heap}"),
        "-XX:+UseSerialGC".into(),
        "-XX:-UsePerfData".into(),
        format!("-Dlog4j2.configurationFile={}", config.display()),
        "-cp".into(),
        format!("{}:{}/*", setup.java.display(), setup.kafka.display()),
    ])
}

fn read_row(line: &str) -> Option<Placed> {
    let (hash, partition) = line.split_once(' ')?;
    Some(Placed { hash: hash.parse().ok()?, partition: partition.parse().ok()? })
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        let coded = ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes()));
        assert_eq!(coded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }
}
