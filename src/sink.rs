//! `scorecard sink`: carries tables to where others read them.

mod alert;
mod clickhouse;
mod elasticsearch;
mod mail;
mod s3;
mod siem;

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use clap::Subcommand;
use schemas::TopicSpec;
use sink_frame::{Frame, Limits, Progress, Role, Target};
use stream::worker::Stop;

use crate::{
    config::{Config, ConfigFile},
    progress::Teller,
    run::stop_on_signal,
    serve::{Listen, Vitals},
    site::Site,
    telemetry,
};

/// Patience with a target of who asked for one run: somebody waits for the answer.
const PATIENCE_ONCE: Duration = Duration::from_secs(120);

/// Carries tables to other systems
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Keeps the inventory, a partition a day and workbooks in a bucket, until it is told to end
    ///
    /// With `--once` this day's partition is written anew.
    S3(Flags),
    /// Keeps documents of all tables and histories in Elasticsearch, until it is told to end
    ///
    /// `scorecard setup elasticsearch` makes the indices.
    Elasticsearch(Flags),
    /// Keeps scores, verdicts, exceptions and spend in ClickHouse, until it is told to end
    ///
    /// `scorecard setup clickhouse` makes the tables; `scorecard trend` asks them.
    Clickhouse(Flags),
    /// Tells a SIEM of findings and changes of the inventory, in the topic `siem.event`
    Siem(Flags),
    /// Tells of what can't wait for a report, by mail and webhook; ends when it is told to
    ///
    /// Unknown accounts that are trusted, scores that fall, accounts that are not collected.
    Alert(Flags),
    /// Sends reports by mail when they are due, each once; ends when it is told to
    ///
    /// `scorecard mail` shows what is planned, what was sent, and a message before it is sent.
    Mail(Flags),
}

#[derive(clap::Args)]
struct Flags {
    #[command(flatten)]
    config: ConfigFile,
    /// Ends when everything is there that the log holds now
    #[arg(long)]
    once: bool,
    /// This process's name among others that run the same sink: stable over restarts
    #[arg(long, value_name = "NAME", default_value = "sink", env = "SCORECARD_SLOT")]
    slot: String,
    #[command(flatten)]
    listen: Listen,
}

/// Carries for one sink.
type Sink = fn(&Run<'_>) -> Result<()>;

/// One run of a sink.
struct Run<'a> {
    site: &'a Site,
    config: &'a Config,
    slot: &'a str,
    once: bool,
    /// Whether somebody asked for this run, and not a round of `run`.
    is_asked: bool,
    teller: &'a Teller,
    vitals: &'a Arc<Vitals>,
    stop: &'a Stop,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let (flags, sink): (&Flags, Sink) = match &args.command {
        Command::S3(flags) => (flags, s3::sink),
        Command::Elasticsearch(flags) => (flags, elasticsearch::sink),
        Command::Clickhouse(flags) => (flags, clickhouse::sink),
        Command::Siem(flags) => (flags, siem::sink),
        Command::Alert(flags) => (flags, alert::sink),
        Command::Mail(flags) => (flags, mail::sink),
    };
    let config = flags.config.read()?;
    telemetry::start(config.telemetry.as_ref(), &flags.slot)?;
    let vitals = flags.listen.start("sink", config.listen)?;
    let (site, teller, stop) = (Site::open(&config)?, Teller::new(), Stop::new());
    stop_on_signal(&stop)?;
    vitals.begins();
    sink(&Run {
        site: &site,
        config: &config,
        slot: &flags.slot,
        once: flags.once,
        is_asked: true,
        teller: &teller,
        vitals: &vitals,
        stop: &stop,
    })
}

/// A sink as the configuration knows it.
struct Known {
    role: &'static Role,
    /// Tables that it looks things up in, besides the inputs that it follows.
    looked_up: &'static [&'static TopicSpec],
    is_configured: fn(&Config) -> bool,
    sink: Sink,
}

/// Every sink, in the order in which a round of `run` carries to them.
const SINKS: [Known; 6] = [
    Known {
        role: &sink_s3::ROLE,
        looked_up: &[],
        is_configured: |config| config.s3.is_some(),
        sink: s3::sink,
    },
    Known {
        role: &sink_elasticsearch::ROLE,
        looked_up: &[],
        is_configured: |config| config.elasticsearch.is_some(),
        sink: elasticsearch::sink,
    },
    Known {
        role: &sink_clickhouse::ROLE,
        looked_up: &[],
        is_configured: |config| config.clickhouse.is_some(),
        sink: clickhouse::sink,
    },
    Known {
        role: &sink_siem::ROLE,
        looked_up: &[],
        is_configured: |config| config.siem.is_some(),
        sink: siem::sink,
    },
    Known {
        role: &sink_alert::ROLE,
        looked_up: &sink_alert::READ,
        is_configured: |config| config.alerts.is_some(),
        sink: alert::sink,
    },
    Known {
        role: &sink_mail::ROLE,
        looked_up: &sink_mail::READ,
        is_configured: |config| config.mail.is_some(),
        sink: mail::sink,
    },
];

/// Gives the sinks that a configuration asks for.
pub(crate) fn configured(config: &Config) -> Vec<&'static Role> {
    let asked = SINKS.iter().filter(|one| (one.is_configured)(config));
    asked.map(|one| one.role).collect()
}

/// Gives all sinks there are, with the tables that they look things up in besides their inputs.
pub(crate) fn all() -> impl Iterator<Item = (&'static Role, &'static [&'static TopicSpec])> {
    SINKS.iter().map(|one| (one.role, one.looked_up))
}

/// Carries to every configured system what the log holds now.
pub(crate) fn carry(
    site: &Site,
    config: &Config,
    teller: &Teller,
    vitals: &Arc<Vitals>,
    stop: &Stop,
) -> Result<()> {
    let run = Run { site, config, slot: "run", once: true, is_asked: false, teller, vitals, stop };
    let configured = SINKS.iter().filter(|one| (one.is_configured)(config));
    // One that fails holds up no other.
    let done: Vec<Result<()>> = configured.map(|one| (one.sink)(&run)).collect();
    done.into_iter().collect()
}

impl Run<'_> {
    /// Follows the log for a target; `told` is what people read of it.
    fn follow(
        &self,
        role: &'static Role,
        limits: Limits,
        told: &dyn Fn(&Progress) -> String,
        target: &mut impl Target,
    ) -> Result<()> {
        let frame = Frame {
            role,
            log: &*self.site.log,
            slot: self.slot,
            // Nobody waits for small batches to grow where somebody waits for the end.
            limits: if self.once { Limits { linger: Duration::ZERO, ..limits } } else { limits },
            once: self.once,
            patience: self.once.then_some(PATIENCE_ONCE),
            tell: &|progress| {
                self.vitals.sink_tells(role, progress);
                self.teller.step(&told(progress));
            },
        };
        self.vitals.sink_begins(&self.site.log, role);
        let followed = frame.run(target, self.stop);
        self.vitals.sink_ends(role);
        self.teller.done(&told(&followed?));
        Ok(())
    }
}

/// Says in words how far a sink is that writes `noun`s to a place.
fn told(place: &str, noun: &str, progress: &Progress) -> String {
    let (counts, records) = (&progress.counts, progress.records());
    let mut text = format!("{place}: {records} records taken, {} {noun}", counts.written);
    if counts.unchanged > 0 {
        text += &format!(", {} there already", counts.unchanged);
    }
    for (word, count) in progress.effects.iter().filter(|(_, count)| *count > 0) {
        text += &format!(", {count} {word}");
    }
    text + &left(progress)
}

/// Says what was not taken, and why nothing is at the moment.
fn left(progress: &Progress) -> String {
    let mut text = String::new();
    let dead = progress.counts.dead + progress.counts.refused;
    if dead > 0 {
        text += &format!(", {dead} records in the dead letters (scorecard dlq list)");
    }
    if let Some(reason) = &progress.waiting {
        text += &format!("; waiting: {reason}");
    }
    text
}
