//! The account stage: inventory, trust, verdicts, credit and scores of the accounts of a partition.
//!
//! Reads listings, registers, observations, reports, the standard, exceptions, spend and ticks;
//! writes the account, resource, trust, compliance and score tables, their changes, and each
//! account's shares of the sums. One record is one step; what may grow with a table becomes jobs,
//! which are worked off in pieces before the next record, so that tables are as if each step were
//! one.

mod accounts;
mod cache;
mod clock;
mod jobs;
mod registers;
mod related;
mod reports;
mod resources;
mod scopes;
mod scores;
mod tables;
mod trust;
mod verdicts;

use schemas::{TopicSpec, topic};
use stream::{Record, Stage, StepError, TableSpec, View};

use crate::Step;
use cache::Cache;
use scores::Tally;

/// Rows that one piece of pending work may touch.
pub const PIECE: usize = 200;

/// The account stage of one partition.
#[derive(Default)]
pub struct AccountStage {
    cache: Cache,
}

/// A step at work: the tables, and what is derived from them.
struct Task<'t, 'v> {
    view: &'t mut View<'v>,
    cache: &'t mut Cache,
    tally: Tally,
}

impl Stage for AccountStage {
    fn name(&self) -> &'static str {
        "account"
    }

    fn inputs(&self) -> Vec<&'static TopicSpec> {
        vec![
            topic::TICK.spec,
            topic::ACCOUNT_LISTING.spec,
            topic::ACCOUNT_REGISTER.spec,
            topic::REQUIREMENT.spec,
            topic::EXCEPTION.spec,
            topic::SPEND.spec,
            topic::OBSERVATION.spec,
            topic::REPORT.spec,
        ]
    }

    fn tables(&self) -> Vec<TableSpec> {
        tables::all()
    }

    fn outputs(&self) -> Vec<&'static TopicSpec> {
        vec![
            topic::RESOURCE_CHANGE.spec,
            topic::COMPLIANCE_CHANGE.spec,
            topic::SCORE_HISTORY.spec,
            topic::CONTRIBUTION.spec,
        ]
    }

    fn step(&mut self, view: &mut View<'_>, record: &Record) -> Step {
        let task = &mut Task { view, cache: &mut self.cache, tally: Tally::default() };
        match record.topic.name {
            "tick" => task.tick(record),
            "account.listing" => task.listing(record),
            "account.register" => task.register(record),
            "requirement" => task.requirement(record),
            "exception" => task.exception(record),
            "spend" => task.spend(record),
            "observation" => task.observation(record),
            "report" => task.report(record),
            other => Err(poison(format!("the account stage does not read {other}"))),
        }?;
        task.settle_scores()
    }

    fn work(&mut self, view: &mut View<'_>) -> Step<bool> {
        let mut task = Task { view, cache: &mut self.cache, tally: Tally::default() };
        let more = task.work()?;
        task.settle_scores()?;
        Ok(more)
    }
}

/// Refuses a value that names another entity than its key: it would stand in rows that neither
/// finds.
fn same_entity(key: &str, named: Option<&str>) -> Step {
    match named {
        Some(named) if named != key => {
            Err(poison(format!("the key is of {key}, the value of {named}")))
        }
        _ => Ok(()),
    }
}

fn poison(reason: impl Into<String>) -> StepError {
    StepError::Poison { reason: reason.into() }
}
