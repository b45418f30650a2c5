//! `scorecard tap`: prints a topic's records decoded, as they come.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use schemas::{
    Codec, Placement, TopicSpec,
    headers::{rfc3339, text},
    key,
    topic::{self, DEADLETTER, SIEM_EVENT},
};
use serde_json::{Map, Value, json};
use stream::{Position, Record, chain, worker::DLQ_TOPIC};

use crate::{config::ConfigFile, output::write_on, site::Site};

/// Longest wait for records: how soon the next one is printed.
const POLL: Duration = Duration::from_millis(200);

/// Prints a topic's records decoded, one JSON object a line, as they come
///
/// Each line has topic, partition, offset, time, key, headers and value; the value of a tombstone
/// is null. What can't be decoded comes as its bytes in hexadecimal digits under `undecoded`, with
/// the reason. Of a topic that every partition holds whole, one partition is read. It joins no
/// group and changes nothing. It ends when nobody reads what it prints.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The topic: `compliance.change`, or its full name in the log
    topic: String,
    #[command(flatten)]
    config: ConfigFile,
    /// Only records of this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Begins with the oldest record that is kept, not with the next one that comes
    #[arg(long)]
    from_start: bool,
    /// Ends after so many records
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let config = args.config.read()?;
    let topic = named(&args.topic, &config.prefix)?;
    if args.account.is_some() && topic.name != DEADLETTER.name && account_at(topic).is_none() {
        bail!("--account: no account is in the key of {} ({})", topic.name, topic.key);
    }
    let site = Site::existing(&config)?;
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut reader = site.log.reader(&starts(&site, topic, args.from_start)?)?;
    while left > 0 {
        let records = reader.poll(POLL).with_context(|| format!("reading {}", topic.name))?;
        let mut lines = String::new();
        for record in &records {
            let of_another = args.account.as_ref().is_some_and(|id| !is_of(record, id));
            if left == 0 || of_another {
                continue;
            }
            left -= 1;
            lines += &format!("{}\n", line(record, &site.codec, &site.prefix));
        }
        if !lines.is_empty() && !write_on(&lines)? {
            return Ok(());
        }
    }
    Ok(())
}

/// Finds a topic by its noun and kind or by its full name.
fn named(name: &str, prefix: &str) -> Result<&'static TopicSpec> {
    let found = topic::ALL.iter().find(|spec| spec.name == name || spec.full_name(prefix) == name);
    found.copied().with_context(|| {
        let names: Vec<_> = topic::ALL.iter().map(|spec| spec.name).collect();
        format!("there is no topic {name:?}; there are: {}", names.join(", "))
    })
}

/// Where reading begins.
fn starts(site: &Site, topic: &'static TopicSpec, from_start: bool) -> Result<Vec<Position>> {
    let mut starts = site.log.ends(&[topic])?;
    if topic.placement == Placement::Broadcast {
        starts.truncate(1);
    }
    if from_start {
        starts.iter_mut().for_each(|start| start.offset = 0);
    }
    Ok(starts)
}

/// Which part of a topic's key is the account.
fn account_at(topic: &TopicSpec) -> Option<usize> {
    // Where a topic has two kinds of keys, they begin the same.
    let (first, _) = topic.key.split_once(' ').unwrap_or((topic.key, ""));
    first.split('/').position(|part| part == "account")
}

/// Whether a record is of an account; a dead letter is of that of its source.
fn is_of(record: &Record, account: &str) -> bool {
    let source = text(&record.headers, DLQ_TOPIC).and_then(topic::by_name);
    let topic = if record.topic.name == DEADLETTER.name { source } else { Some(record.topic) };
    let parts = std::str::from_utf8(&record.key).ok().and_then(key::split);
    let part = topic.and_then(account_at).zip(parts).and_then(|(at, parts)| {
        let part = parts.get(at)?;
        Some(part == account)
    });
    part.unwrap_or(false)
}

fn line(record: &Record, codec: &Codec, prefix: &str) -> Value {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers =
        record.headers.iter().map(|(name, value)| (name.to_string(), lossy(value).into()));
    let mut line = json!({
        "topic": record.topic.full_name(prefix),
        "partition": record.partition,
        "offset": record.offset,
        "time": rfc3339(record.timestamp_ms),
        "key": lossy(&record.key),
        "headers": headers.collect::<Map<String, Value>>(),
    });
    let Some(bytes) = &record.value else {
        line["value"] = Value::Null;
        return line;
    };
    match decoded(record, codec, bytes) {
        Ok(value) => line["value"] = value,
        Err(error) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            line["undecoded"] = json!({ "reason": chain(&*error), "bytes": hex });
        }
    }
    line
}

/// Decodes a value; that of a dead letter by the topic it came from.
fn decoded(record: &Record, codec: &Codec, bytes: &[u8]) -> Result<Value> {
    let source = text(&record.headers, DLQ_TOPIC).and_then(topic::by_name);
    let topic = source.filter(|_| record.topic.name == DEADLETTER.name).unwrap_or(record.topic);
    if topic.name == SIEM_EVENT.name {
        return serde_json::from_slice(bytes).context("it is not JSON");
    }
    let value = topic::typed_json(topic, codec, bytes)?;
    value.with_context(|| format!("values of {} have no form for others", topic.name))
}
