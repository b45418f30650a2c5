//! `scorecard history`: when and why an account's score changed.

use anyhow::{Result, ensure};
use schemas::{
    Cause, ComplianceKey, ComplianceState, ScoreKey, ScoreState, ScoreStatus, Standing,
    headers::rfc3339, percent, topic,
};
use serde::Serialize;

use crate::{
    account_log::AccountLog,
    config::ConfigFile,
    instant::instant,
    output::{Form, plain, say},
    site::Site,
};

const DAY_MS: i64 = 86_400_000;

/// Shows when and why an account's score changed between two times
///
/// Hourly cuts of the score where it differs from the one before, and between them each verdict
/// that changed, with the record (topic, partition, offset) that changed it.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigFile,
    /// The account
    #[arg(long, value_name = "ID")]
    account: String,
    /// The score of this requirement instead of the account's own
    #[arg(long, value_name = "ID")]
    requirement: Option<String>,
    /// From this instant (RFC 3339) or day; when absent, seven days before the end, or before the
    /// last tick
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<i64>,
    /// To this instant (RFC 3339) or day; to the log's end when absent
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<i64>,
    #[command(flatten)]
    form: Form,
}

/// Something that happened. Times are UTC milliseconds, scores fractions of 1.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    /// The score at the cut of an hour.
    Score {
        at_ms: i64,
        status: ScoreStatus,
        score: Option<f64>,
        total: i64,
        noncompliant: i64,
        excepted: i64,
    },
    /// A verdict or its credit changed.
    Verdict(Box<Transition>),
}

/// A change of a verdict or its credit.
#[derive(Debug, PartialEq, Serialize)]
struct Transition {
    at_ms: i64,
    requirement: String,
    region: String,
    resource: String,
    part: String,
    before: Option<Told>,
    after: Option<Told>,
    cause: Cause,
    /// What the row says since, or last said; nothing where an older release told the change.
    #[serde(flatten)]
    row: Option<Row>,
}

/// What the row of a verdict says.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    name: String,
    arn: String,
    evidence: String,
    exception: Option<String>,
}

/// A verdict and its credit in words.
#[derive(Debug, PartialEq, Serialize)]
struct Told {
    verdict: String,
    credit: String,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<()> {
    let site = Site::existing(&args.config.read()?)?;
    let end = match args.to {
        Some(to) => to,
        None => site.time_ms()?,
    };
    let from = args.from.unwrap_or(end - 7 * DAY_MS);
    // What came after the last tick is told too.
    let to = args.to.unwrap_or(i64::MAX);
    ensure!(from <= to, "--from is later than --to");
    let events = read(&AccountLog::new(&site, &args.account), args, from, to)?;
    if events.is_empty() && !args.form.is_json() {
        let to = args.to.map_or("the log's end".to_owned(), rfc3339);
        return say!("nothing changed in account {} from {} to {to}", args.account, rfc3339(from));
    }
    for event in &events {
        if args.form.is_json() {
            say!("{}", serde_json::to_string(event)?)?;
        } else {
            say!("{}", event.words())?;
        }
    }
    Ok(())
}

/// Reads what happened, in the order of time.
fn read(log: &AccountLog<'_>, args: &Args, from: i64, to: i64) -> Result<Vec<Event>> {
    let wanted = args.requirement.as_deref().unwrap_or("*");
    let mut cuts: Vec<(i64, ScoreState)> = Vec::new();
    log.events(&topic::SCORE_HISTORY, |key: ScoreKey, score, record| {
        if key.requirement == wanted && record.timestamp_ms <= to {
            cuts.push((record.timestamp_ms, score));
        }
    })?;
    let mut events = changed(&cuts, from);
    log.events(&topic::COMPLIANCE_CHANGE, |key: ComplianceKey, change, _| {
        let is_asked = args.requirement.as_deref().is_none_or(|id| id == key.requirement);
        if is_asked && (from..=to).contains(&change.at_ms) {
            events.push(Event::Verdict(Box::new(Transition {
                at_ms: change.at_ms,
                requirement: key.requirement,
                region: key.region,
                resource: key.resource,
                part: key.part,
                before: change.before.map(Told::from),
                after: change.after.map(Told::from),
                cause: change.cause,
                row: change.row.map(Row::from),
            })));
        }
    })?;
    // Stable: what one record did keeps its order.
    events.sort_by_key(Event::at_ms);
    Ok(events)
}

/// Gives the cuts from a time on whose score is another than that of the cut before.
fn changed(cuts: &[(i64, ScoreState)], from: i64) -> Vec<Event> {
    let mut events = Vec::new();
    let mut last = None;
    for (at_ms, score) in cuts {
        let now = (score.status, score.score, score.total, score.noncompliant, score.excepted);
        if last.as_ref() != Some(&now) && *at_ms >= from {
            events.push(Event::Score {
                at_ms: *at_ms,
                status: score.status,
                score: score.score.map(|one| one as f64 / schemas::SCORE_ONE as f64),
                total: score.total,
                noncompliant: score.noncompliant,
                excepted: score.excepted,
            });
        }
        last = Some(now);
    }
    events
}

impl Event {
    fn at_ms(&self) -> i64 {
        match self {
            Self::Score { at_ms, .. } => *at_ms,
            Self::Verdict(transition) => transition.at_ms,
        }
    }

    fn words(&self) -> String {
        let at = rfc3339(self.at_ms());
        match self {
            Self::Score { status, score, total, noncompliant, excepted, .. } => {
                let score = score.map_or_else(|| status.to_string().replace('_', " "), percent);
                format!("{at}  score {score}: {noncompliant} of {total} fail, {excepted} excepted")
            }
            Self::Verdict(transition) => format!("{at}    {}", transition.words()),
        }
    }
}

impl Transition {
    fn words(&self) -> String {
        let name = [&self.region, &self.resource, &self.part].map(|text| plain(text)).join("/");
        let name = name.trim_end_matches('/');
        let called = self.row.as_ref().map_or("", |row| &row.name);
        let called = match called.is_empty() || called == self.resource {
            true => String::new(),
            false => format!(" ({})", plain(called)),
        };
        // What is gone was not judged now.
        let row = self.row.as_ref().filter(|_| self.after.is_some());
        let why = match row.map_or("", |row| &row.evidence) {
            "" => String::new(),
            evidence => format!(": {}", plain(evidence)),
        };
        let [before, after] = [&self.before, &self.after].map(|one| told_words(one.as_ref()));
        let (requirement, cause) = (plain(&self.requirement), &self.cause);
        format!("{requirement} {name}{called}: {before} -> {after}, {cause}{why}")
    }
}

impl From<ComplianceState> for Row {
    fn from(row: ComplianceState) -> Self {
        let ComplianceState { name, arn, evidence, exception, .. } = row;
        Self { name, arn, evidence, exception }
    }
}

impl From<Standing> for Told {
    fn from(standing: Standing) -> Self {
        Self { verdict: standing.verdict.to_string(), credit: standing.credit.to_string() }
    }
}

fn told_words(told: Option<&Told>) -> String {
    match told {
        None => "none".to_owned(),
        Some(told) if told.credit == "none" => told.verdict.clone(),
        Some(told) => format!("{} with {} credit", told.verdict, told.credit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::{Credit, Verdict};

    #[test]
    fn only_cuts_that_differ_are_told() {
        let score = |noncompliant| ScoreState {
            status: ScoreStatus::Scored,
            score: Some((4 - noncompliant) * schemas::SCORE_ONE / 4),
            total: 4,
            noncompliant,
            ..ScoreState::default()
        };
        let cuts = [(1, score(1)), (2, score(1)), (3, score(2)), (4, score(2)), (5, score(1))];
        let at: Vec<_> = changed(&cuts, 2).iter().map(Event::at_ms).collect();
        assert_eq!(at, [3, 5], "the cut before the time says what is new");
        assert_eq!(
            changed(&cuts, 3)[0].words(),
            "1970-01-01T00:00:00.003Z  score 50.0 %: 2 of 4 fail, 0 excepted"
        );
    }

    #[test]
    fn a_change_is_told_with_its_cause() {
        let standing = |verdict, credit| Some(Told::from(Standing { verdict, credit }));
        let words_of = |after, row| {
            let transition = Transition {
                at_ms: 0,
                requirement: "R1".into(),
                region: "r".into(),
                resource: "sg-1\n".into(),
                part: String::new(),
                before: None,
                after,
                cause: Cause { topic: "observation".into(), partition: 3, offset: 17 },
                row,
            };
            Event::Verdict(Box::new(transition)).words()
        };
        let fails = || standing(Verdict::Fail, Credit::Live);
        let words = "1970-01-01T00:00:00.000Z    R1 r/sg-1\\n: none -> fail with live credit, \
                     observation/3/17";
        assert_eq!(words_of(fails(), None), words, "of an older release");
        let row = || {
            let (name, evidence) = ("web".into(), "port\n22".into());
            Some(Row { name, arn: String::new(), evidence, exception: None })
        };
        let whole = words.replace("sg-1\\n", "sg-1\\n (web)") + ": port\\n22";
        assert_eq!(words_of(fails(), row()), whole);
        let gone = "1970-01-01T00:00:00.000Z    R1 r/sg-1\\n (web): none -> none, observation/3/17";
        assert_eq!(words_of(None, row()), gone, "nothing is judged any more");
    }
}
