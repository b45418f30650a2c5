//! What can go wrong with a log, and how an error is told with its causes.

use std::{error::Error, path::PathBuf};

/// A failure of the log: what was attempted and on what; the cause is its source.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The folder of a local log can't be opened.
    #[error("opening the local log in {}", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process has the local log open.
    #[error(
        "the local log in {} is in use by another process: wait for its end, or keep the log on \
         Kafka, which serves any number",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// Another process has the tasks' own tables open.
    #[error(
        "the tables in {} are in use by another process: wait for its end, or give each process of \
         this machine a `state` of its own",
        path.display()
    )]
    StoresInUse {
        /// The folder.
        path: PathBuf,
    },
    /// The store under a local log or a task failed.
    #[error("{attempted} in the store")]
    Store {
        /// What was attempted.
        attempted: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Kafka failed.
    #[error("{attempted} on Kafka at {bootstrap}")]
    Kafka {
        /// What was attempted, on what.
        attempted: String,
        /// The brokers that were asked.
        bootstrap: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A topic is missing or not as it must be.
    #[error("topic {topic} {problem}; run `scorecard topics apply`")]
    Topic {
        /// The topic's full name.
        topic: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A value could not be encoded.
    #[error("encoding a value of topic {topic}")]
    Encode {
        /// The topic's noun and kind.
        topic: &'static str,
        /// Why.
        #[source]
        source: schemas::AvroError,
    },
    /// The log holds something that this release can't read.
    #[error("{what} in the local log can't be read")]
    Corrupt {
        /// What it is.
        what: String,
    },
    /// The folder holds a log of another shape.
    #[error("the local log in {} {problem}", path.display())]
    Unfit {
        /// The folder.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
    /// A record is larger than the log takes.
    #[error("a record of {bytes} bytes for topic {topic}; the limit is {bytes_max}")]
    TooLarge {
        /// The topic's noun and kind.
        topic: &'static str,
        /// Bytes of its key, value and headers.
        bytes: usize,
        /// The most that the log takes.
        bytes_max: usize,
    },
    /// A note is larger than is kept beside a position.
    #[error("a note of {bytes} bytes beside a position of topic {topic}; the limit is {bytes_max}")]
    NoteTooLarge {
        /// The topic's noun and kind.
        topic: &'static str,
        /// Bytes of the note.
        bytes: usize,
        /// The most that is kept.
        bytes_max: usize,
    },
    /// Another process or thread joined with the same slot: this member can't go on.
    #[error("another member joined group {group} as {slot}")]
    Fenced {
        /// The group.
        group: String,
        /// The slot.
        slot: String,
    },
    /// A partition is not the member's, or it was not resumed.
    #[error("partition {partition} of topic {topic} is not assigned to this member")]
    NotAssigned {
        /// The topic's noun and kind.
        topic: &'static str,
        /// The partition.
        partition: i32,
    },
    /// A record of a topic that is ours alone can't be decoded.
    #[error("decoding the record of topic {topic}, partition {partition}, offset {offset}")]
    Decode {
        /// The topic's full name.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset.
        offset: i64,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Reading to a known end did not get on: a transaction is open, or a broker is away.
    #[error("reading {what} stood still for {} s", waited.as_secs())]
    Stalled {
        /// What was read.
        what: String,
        /// For how long.
        waited: std::time::Duration,
    },
    /// A setting of the configuration can't be used.
    #[error("setting {name} {problem}")]
    Setting {
        /// The setting.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// Gives an error with its causes in one line, each cause once: some crates' errors hold the texts
/// of their causes in their own.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let told = cause.to_string();
        if !format!(": {text}: ").contains(&format!(": {told}: ")) {
            text = format!("{text}: {told}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Told {
        text: &'static str,
        source: Option<Box<Told>>,
    }

    fn told(texts: &[&'static str]) -> String {
        let link =
            |source: Option<Box<Told>>, text: &&'static str| Some(Box::new(Told { text, source }));
        chain(&*texts.iter().rev().fold(None, link).unwrap())
    }

    #[test]
    fn each_cause_is_told_once() {
        assert_eq!(told(&["alone"]), "alone");
        for texts in [
            &["call", "connect", "refused"][..],
            &["call: connect", "connect", "refused"],
            &["call: connect: refused", "connect: refused", "refused"],
            &["call: connect: refused", "connect", "refused"],
            &["call", "connect", "connect", "refused"],
        ] {
            assert_eq!(told(texts), "call: connect: refused", "{texts:?}");
        }
        assert_eq!(told(&["no such file", "file"]), "no such file: file", "a word is no cause");
    }
}
