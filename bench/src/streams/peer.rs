//! The peers' side: the same events as compact binary records, in topics of their own.
//!
//! Both topics are partitioned by account; the end of an exception comes as a tombstone at its
//! place, so that a peer needs no clock. Both are in the peers' favour.

use std::{
    process::Command,
    sync::{Arc, OnceLock},
};

use super::{
    feed::{Outgoing, Translate},
    fold::Counts,
    process,
    workload::{Event, Subject, What},
};
use anyhow::{Context, Result, bail};

/// Heap and collector: on one core the serial collector costs least, and 512 MiB leave it room.
const JVM: [&str; 4] = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData"];

/// Writes events as the peers' records.
pub(crate) struct Peer {
    findings: Arc<str>,
    exceptions: Arc<str>,
    partitions: i32,
}

impl Peer {
    pub(crate) fn new(prefix: &str, partitions: i32) -> Self {
        Self {
            findings: format!("{prefix}.findings").into(),
            exceptions: format!("{prefix}.exceptions").into(),
            partitions,
        }
    }

    fn record(
        &self,
        topic: &Arc<str>,
        subject: Subject,
        value: Option<Vec<u8>>,
        at_ms: i64,
    ) -> Outgoing {
        let account = i32::try_from(subject.account).unwrap_or_default();
        Outgoing {
            topic: topic.clone(),
            partition: account % self.partitions,
            at_ms,
            key: key_of(subject),
            value,
            headers: Vec::new(),
        }
    }
}

impl Translate for Peer {
    fn first(&mut self, _: i64) -> Result<Vec<Outgoing>> {
        Ok(Vec::new())
    }

    fn add(&mut self, event: &Event, to: &mut Vec<Outgoing>) -> Result<()> {
        let at_ms = event.at_ms;
        match event.what {
            What::Found { subject, fails } => {
                let value = [&[u8::from(fails)], &at_ms.to_be_bytes()[..]].concat();
                to.push(self.record(&self.findings, subject, Some(value), at_ms));
            }
            What::Excepted { id, subject, expires_ms } => {
                let expires = expires_ms.unwrap_or(i64::MAX).to_be_bytes();
                let value = [&id.to_be_bytes()[..], &expires].concat();
                to.push(self.record(&self.exceptions, subject, Some(value), at_ms));
            }
            What::Withdrawn { subject, .. } | What::Expired { subject } => {
                to.push(self.record(&self.exceptions, subject, None, at_ms));
            }
            What::Loaded { .. } | What::Tick { .. } => {}
        }
        Ok(())
    }
}

fn key_of(subject: Subject) -> Vec<u8> {
    let Subject { account, check, resource } = subject;
    [&account.to_be_bytes()[..], &check.to_be_bytes(), &resource.to_be_bytes()].concat()
}

/// Reads a record of the peers' counts.
pub(crate) fn read_counts(key: &[u8], value: &[u8]) -> Result<Option<(u32, u16, Counts)>> {
    let (Some((account, check)), 6, 12) = (key.split_first_chunk(), key.len(), value.len()) else {
        bail!("a count of a peer has {} and {} bytes", key.len(), value.len());
    };
    let number = |at: usize| {
        let bytes = value[at..at + 4].try_into().expect("the length was looked at");
        i64::from(i32::from_be_bytes(bytes))
    };
    let check = u16::from_be_bytes(check.try_into().context("reading a check")?);
    let counts = Counts { total: number(0), noncompliant: number(4), excepted: number(8) };
    Ok(Some((u32::from_be_bytes(*account), check, counts)))
}

/// Gives the command that runs a peer; `form` and `caches` are those of `Peer.java`.
pub(crate) fn command(
    bootstrap: &str,
    prefix: &str,
    state: &std::path::Path,
    form: &str,
    caches: &str,
) -> Result<Command> {
    let root = kit::setup::repository();
    let classes = CLASSES.get_or_init(|| prepare().map_err(|error| format!("{error:#}")));
    let classes = classes.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    let log = root.join("tests/kit/kafka/log4j2-tools.properties");
    let mut command = process::pinned("java");
    command
        .args(JVM)
        .arg(format!("-Dlog4j2.configurationFile={}", log.display()))
        .args(["-cp", classes, "Peer", bootstrap, prefix])
        .arg(state)
        .args([form, caches]);
    Ok(command)
}

/// The peers' class path; asked for once, since the time of a start is measured.
static CLASSES: OnceLock<Result<String, String>> = OnceLock::new();

fn prepare() -> Result<String> {
    let script = kit::setup::repository().join("bench/peers/prepare");
    let said = Command::new("bash").arg(script).output().context("preparing the peers")?;
    if !said.status.success() {
        bail!("preparing the peers failed: {}", String::from_utf8_lossy(&said.stderr));
    }
    let classes = String::from_utf8(said.stdout).context("reading the peers' class path")?;
    Ok(classes.trim().to_owned())
}
