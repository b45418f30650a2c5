//! `scorecard trend`: scores, fixes and exceptions over time, from ClickHouse.

mod answer;

use anyhow::{Context, Result, ensure};
use clap::{Subcommand, ValueEnum};
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::Offset;
use sink_clickhouse::{Database, Kind, Question, Whose};

use crate::{config::OptionalConfigFile, output};

/// Answers questions about the past from ClickHouse: scores by day, movers, fixes, exceptions
///
/// Without a command it lists the score of each day, of an account, an owner, an executive, a payer
/// or everybody, over all requirements or for one. A day without a value of its own has the last
/// one before it, and says so. Days are UTC. The tables are filled by `scorecard sink clickhouse`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: OptionalConfigFile,
    /// How to print the answer
    #[arg(long, value_enum, global = true, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    score: Score,
    #[command(subcommand)]
    command: Option<Command>,
}

/// How an answer is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people: columns, scores in percent
    Table,
    /// One JSON object a line, scores as fractions of 1
    Json,
    /// With a header; text that a spreadsheet would take for a formula begins with '
    Csv,
}

#[derive(clap::Args, Default, PartialEq)]
#[group(multiple = true)]
struct Score {
    /// The account's score
    #[arg(long, value_name = "ID", group = "whose")]
    account: Option<String>,
    /// The score over this owner's accounts
    #[arg(long, value_name = "WHO", group = "whose")]
    owner: Option<String>,
    /// The score over this executive's accounts, weighed by spend
    #[arg(long, value_name = "WHO", group = "whose")]
    executive: Option<String>,
    /// The score over this payer's accounts
    #[arg(long, value_name = "ID", group = "whose")]
    payer: Option<String>,
    /// The score over all accounts
    #[arg(long, group = "whose")]
    all: bool,
    /// For this requirement alone: the mean over the accounts that have a score
    #[arg(long, value_name = "ID")]
    requirement: Option<String>,
    /// The first day; 29 days before the last when absent
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// The last day; today when absent
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
}

#[derive(Subcommand)]
enum Command {
    /// Whose score moved most
    Movers {
        /// Over so many days
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = days())]
        days: i64,
        /// Among whom
        #[arg(long, value_enum, default_value_t = Among::Account)]
        of: Among,
        /// How many
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        limit: u32,
    },
    /// How long failures last until they are fixed, by requirement
    ///
    /// From the change into `fail` to the change into `pass`. A resource that goes was not fixed.
    /// Of failures that are open the longest is told.
    TimeToFix {
        /// This requirement alone
        #[arg(long, value_name = "ID")]
        requirement: Option<String>,
        /// Of failures that are open or ended within so many days
        #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = days())]
        days: i64,
    },
    /// Exceptions, what they credit now, and their cost in points of the enterprise's score
    ///
    /// Points are percentage points that would go with the exception. Where several credit the same
    /// requirement in the same account, each has the share of the rows that it credits there.
    Exceptions,
    /// Scores as they are, and as they were if every exception expired now
    WhatIf {
        /// Of whom; executives are weighed by spend and can't be asked for
        #[arg(long, value_enum, default_value_t = Weighed::Enterprise)]
        of: Weighed,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Among {
    Account,
    Owner,
    Executive,
    Payer,
}

#[derive(Clone, Copy, ValueEnum)]
enum Weighed {
    Account,
    Owner,
    Payer,
    Enterprise,
}

/// Days of a span: at least one, and not more than a table can hold.
fn days() -> clap::builder::RangedI64ValueParser<i64> {
    clap::value_parser!(i64).range(1..=40_000)
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let is_plain = args.command.is_none() || args.score == Score::default();
    ensure!(is_plain, "what stands before a command is for scores by day alone");
    let config = args.config.read()?;
    let config = config.context("which configuration? Name it with --config FILE")?;
    let settings = config.clickhouse.as_ref();
    let settings =
        settings.context("the configuration has no `clickhouse`: there is no history")?;
    let now = jiff::Timestamp::now();
    let today = Offset::UTC.to_datetime(now).date();
    let database = Database::prepare(settings)?;
    let ask = |question: &Question<'_>| -> Result<()> {
        database.check()?;
        output::write(answer::printed(&database.answer(question)?, args.output)?)
    };
    match &args.command {
        None => {
            let whose = args.score.whose()?;
            let to = args.score.to.unwrap_or(today);
            let from = args.score.from.map_or_else(|| to.checked_sub(29.days()), Ok)?;
            ensure!(from <= to, "--from is later than --to");
            let requirement = args.score.requirement.as_deref();
            let (from, to) = (from.to_string(), to.to_string());
            ask(&Question::Days { whose, requirement, from: &from, to: &to })
        }
        Some(Command::Movers { days, of, limit }) => {
            let from = today.checked_sub(days.days())?.to_string();
            let (to, limit) = (today.to_string(), *limit);
            ask(&Question::Movers { of: (*of).into(), from: &from, to: &to, limit })
        }
        Some(Command::TimeToFix { requirement, days }) => {
            let from = instant(now.checked_sub((*days * 24).hours())?);
            let (requirement, now) = (requirement.as_deref(), instant(now));
            ask(&Question::TimeToFix { requirement, from: &from, now: &now })
        }
        Some(Command::Exceptions) => ask(&Question::Exceptions),
        Some(Command::WhatIf { of }) => ask(&Question::WhatIf { of: (*of).into() }),
    }
}

/// Writes an instant as ClickHouse reads it.
fn instant(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
}

impl Score {
    fn whose(&self) -> Result<Whose<'_>> {
        let named = [
            self.account.as_deref().map(Whose::Account),
            self.owner.as_deref().map(Whose::Owner),
            self.executive.as_deref().map(Whose::Executive),
            self.payer.as_deref().map(Whose::Payer),
            (self.all || self.requirement.is_some()).then_some(Whose::All),
        ];
        named.into_iter().flatten().next().context(
            "whose score? Name --account, --owner, --executive, --payer, --requirement or --all, \
             or a command (scorecard trend --help)",
        )
    }
}

impl From<Among> for Kind {
    fn from(of: Among) -> Self {
        match of {
            Among::Account => Kind::Account,
            Among::Owner => Kind::Owner,
            Among::Executive => Kind::Executive,
            Among::Payer => Kind::Payer,
        }
    }
}

impl From<Weighed> for Kind {
    fn from(of: Weighed) -> Self {
        match of {
            Weighed::Account => Kind::Account,
            Weighed::Owner => Kind::Owner,
            Weighed::Payer => Kind::Payer,
            Weighed::Enterprise => Kind::Enterprise,
        }
    }
}
