//! `scorecard dlq`: dead letters, why they died, and another try.

use std::{fmt, path::PathBuf, str::FromStr};

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use schemas::{
    TopicSpec,
    headers::text,
    topic::{DEADLETTER, by_name},
};
use serde_json::{Value, json};
use stream::{
    Outgoing, Record, snapshot,
    worker::{
        DLQ_OFFSET, DLQ_PARTITION, DLQ_REASON, DLQ_STAGE, DLQ_TIME, DLQ_TOPIC, DLQ_VALUE_BYTES,
    },
};

use crate::{
    config::ConfigFile,
    output::{Form, say},
    site::Site,
};

/// Reads dead letters, and gives them another try
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists dead letters, oldest first within each partition
    List {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        form: Form,
    },
    /// Shows one dead letter whole
    Show {
        #[command(flatten)]
        config: ConfigFile,
        /// Where it is, as `list` names it: PARTITION/OFFSET
        place: Place,
        /// Writes the value's bytes, as they were, to this file
        #[arg(long, value_name = "FILE")]
        value: Option<PathBuf>,
    },
    /// Appends dead letters to the topics they came from, once more
    ///
    /// Do so when the reason is mended: a newer version can read them, or a schema registry knows
    /// their schema again. A record of a scan or report that was overtaken since says nothing new.
    /// The dead letters stay where they are; another retry appends them again, which is harmless.
    Retry {
        #[command(flatten)]
        config: ConfigFile,
        /// Which ones, as `list` names them: PARTITION/OFFSET
        #[arg(required_unless_present = "all")]
        places: Vec<Place>,
        /// All that the filters let through
        #[arg(long, conflicts_with = "places")]
        all: bool,
        #[command(flatten)]
        filter: Filter,
        /// Says what would be appended; appends nothing
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(clap::Args)]
struct Filter {
    /// Only those that came from this topic, for example `observation`
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// Only those that this stage or sink met, for example `sink-s3`
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
    /// Only those whose reason holds this text
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// A place in the topic of dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    partition: i32,
    offset: i64,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let place = parts.and_then(|(partition, offset)| {
            Some(Self { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
        });
        place.ok_or_else(|| "a place is PARTITION/OFFSET, for example 3/17".to_owned())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::List { config, filter, form } => {
            let letters = filter.pick(read(&open(config)?)?);
            letters.iter().try_for_each(|letter| print_line(letter, form.is_json()))?;
            if !form.is_json() {
                say!("{} dead letters", letters.len())?;
            }
            Ok(())
        }
        Command::Show { config, place, value } => {
            let letters = read(&open(config)?)?;
            show(find(&letters, *place)?, value.as_ref())
        }
        Command::Retry { config, places, all, filter, dry_run } => {
            let site = open(config)?;
            let letters = read(&site)?;
            let chosen = if *all {
                filter.pick(letters)
            } else {
                let found = places.iter().map(|place| find(&letters, *place).cloned());
                filter.pick(found.collect::<Result<_>>()?)
            };
            retry(&site, &chosen, *dry_run)
        }
    }
}

fn open(config: &ConfigFile) -> Result<Site> {
    Site::open(&config.read()?)
}

fn read(site: &Site) -> Result<Vec<Record>> {
    snapshot::records(&*site.log, DEADLETTER).context("reading the dead letters")
}

impl Filter {
    fn pick(&self, letters: Vec<Record>) -> Vec<Record> {
        let holds = |letter: &Record| {
            let topic =
                self.topic.as_deref().is_none_or(|topic| header(letter, DLQ_TOPIC) == topic);
            let stage =
                self.stage.as_deref().is_none_or(|stage| header(letter, DLQ_STAGE) == stage);
            let reason = self.reason.as_deref();
            topic
                && stage
                && reason.is_none_or(|reason| header(letter, DLQ_REASON).contains(reason))
        };
        letters.into_iter().filter(holds).collect()
    }
}

fn place_of(letter: &Record) -> Place {
    Place { partition: letter.partition, offset: letter.offset }
}

fn find(letters: &[Record], place: Place) -> Result<&Record> {
    let found = letters.iter().find(|letter| place_of(letter) == place);
    found.with_context(|| format!("there is no dead letter at {place}; see `scorecard dlq list`"))
}

fn header<'a>(letter: &'a Record, name: &str) -> &'a str {
    text(&letter.headers, name).unwrap_or("")
}

fn source(letter: &Record) -> String {
    let [topic, partition, offset] =
        [DLQ_TOPIC, DLQ_PARTITION, DLQ_OFFSET].map(|name| header(letter, name));
    format!("{topic}/{partition}/{offset}")
}

fn as_json(letter: &Record) -> Value {
    json!({
        "place": place_of(letter).to_string(),
        "time": header(letter, DLQ_TIME),
        "stage": header(letter, DLQ_STAGE),
        "source": source(letter),
        "key": String::from_utf8_lossy(&letter.key),
        "bytes": letter.value.as_ref().map(Vec::len),
        "reason": header(letter, DLQ_REASON),
    })
}

fn print_line(letter: &Record, json: bool) -> Result<()> {
    if json {
        return say!("{}", as_json(letter));
    }
    // Keys and reasons quote outside data: a line break or an escape must not forge a line.
    say!(
        "{:<10} {} {:<18} {:<24} {} {}",
        place_of(letter).to_string(),
        header(letter, DLQ_TIME),
        header(letter, DLQ_STAGE),
        source(letter),
        String::from_utf8_lossy(&letter.key).escape_debug(),
        header(letter, DLQ_REASON).escape_debug(),
    )
}

fn show(letter: &Record, value: Option<&PathBuf>) -> Result<()> {
    say!("place   {}", place_of(letter))?;
    say!("source  {}", source(letter))?;
    say!("key     {}", String::from_utf8_lossy(&letter.key).escape_debug())?;
    say!("reason  {}", header(letter, DLQ_REASON).escape_debug())?;
    for (name, bytes) in &letter.headers {
        if ![DLQ_TOPIC, DLQ_PARTITION, DLQ_OFFSET, DLQ_REASON].contains(&&**name) {
            say!("header  {name}: {}", String::from_utf8_lossy(bytes).escape_debug())?;
        }
    }
    match &letter.value {
        None => say!("value   none: a tombstone")?,
        Some(bytes) => {
            say!(
                "value   {} bytes: {}",
                bytes.len(),
                String::from_utf8_lossy(bytes).escape_debug()
            )?;
        }
    }
    let Some(file) = value else { return Ok(()) };
    let bytes = letter.value.as_ref().context("it has no value to write: it is a tombstone")?;
    std::fs::write(file, bytes).with_context(|| format!("writing {}", file.display()))
}

fn retry(site: &Site, letters: &[Record], dry_run: bool) -> Result<()> {
    // All are looked at before the first is appended.
    let again = letters.iter().map(revived).collect::<Result<Vec<_>>>()?;
    for (letter, record) in letters.iter().zip(&again) {
        let verb = if dry_run { "would go" } else { "goes" };
        let topic = record.topic.full_name(&site.prefix);
        say!("{} {verb} to {topic}, partition {}", place_of(letter), record.partition)?;
    }
    if dry_run || again.is_empty() {
        return say!("0 of {} records appended", letters.len());
    }
    let count = again.len();
    let mut writer = site.log.writer("dlq retry")?;
    writer.append(again)?;
    writer.flush()?;
    say!("{count} of {count} records appended")
}

/// Makes the record as it was before it died.
fn revived(letter: &Record) -> Result<Outgoing> {
    let place = place_of(letter);
    ensure!(
        text(&letter.headers, DLQ_VALUE_BYTES).is_none(),
        "{place} can't be tried again: its value was cut to fit; read the source at {}",
        source(letter)
    );
    let topic = topic_of(letter).with_context(|| format!("{place} can't be tried again"))?;
    let partition = header(letter, DLQ_PARTITION);
    let partition =
        partition.parse().with_context(|| format!("{place}: partition {partition:?}"))?;
    let headers = letter.headers.iter().filter(|(name, _)| !name.starts_with("dlq_"));
    let headers = headers.cloned().collect();
    Ok(Outgoing { topic, partition, headers, ..letter.clone().into() })
}

/// The topic that a letter came from, if its records may be appended once more.
fn topic_of(letter: &Record) -> Result<&'static TopicSpec> {
    let name = header(letter, DLQ_TOPIC);
    let Some(topic) = by_name(name) else { bail!("it names no topic of ours: {name:?}") };
    // A stage's outputs are the stage's alone.
    let stage = header(letter, DLQ_STAGE);
    let sink = if stage.starts_with("sink-") {
        format!("; {stage} meets it again when its group is reset to before it")
    } else {
        String::new()
    };
    let writer = topic.writer;
    ensure!(topic.is_source(), "it came from {name}, which only the {writer} writes{sink}");
    Ok(topic)
}
