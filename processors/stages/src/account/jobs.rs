//! Jobs: work that may grow with a table, done in pieces from a cursor that is kept in the state.

use apache_avro::AvroSchema;
use compliance::{Counts, Parsed};
use schemas::{Cause, Scoring, key};
use serde::{Deserialize, Serialize};

use super::{
    PIECE, Task,
    accounts::last_key,
    tables::{ACCOUNT, COMPLIANCE, FINDING, FOUND, JOB, LOOKING, RESOURCE, TRUST},
    verdicts::{Group, count_group},
};
use crate::Step;

key! {
    /// A job; jobs are done in the order of their keys.
    JobKey {
        /// A number in twenty digits.
        number
    } by number
}

/// Work to do, in the name of the record that asked for it.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct Job {
    /// What to do, and from where.
    pub work: Work,
    /// The record that asked for it.
    pub cause: Cause,
    /// That record's time, in UTC milliseconds.
    pub at_ms: i64,
    /// Pieces that are done.
    pub pieces: i64,
}

/// What to do, and from where.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) enum Work {
    /// Judge everything by a changed requirement.
    Requirement {
        /// The requirement.
        id: String,
        /// How it counted before; none when it is new.
        was: Option<Scoring>,
        /// Which rows are at hand.
        phase: RequirementPhase,
        /// The last key that was done.
        cursor: Option<String>,
    },
    /// Give the credit of verdict rows anew.
    Credit {
        /// Prefixes of their keys; the first is at hand.
        prefixes: Vec<String>,
        /// The last key that was done.
        cursor: Option<String>,
    },
    /// Recognise principals anew: an account became known, or unknown.
    Known {
        /// Whether trust rows are at hand; then come the resources that rules ask about.
        trust: bool,
        /// The last key that was done.
        cursor: Option<String>,
    },
    /// Judge those that look for what changed.
    Related {
        /// The prefix of their keys.
        prefix: String,
        /// The last key that was done.
        cursor: Option<String>,
    },
    /// Close a completed scope.
    Sweep {
        /// How far it is.
        sweep: ScopeSweep,
    },
    /// Close a completed report.
    SweepReport {
        /// How far it is.
        sweep: ReportSweep,
    },
    /// Mark findings that their source has not told of for long.
    Age {
        /// The account.
        account: String,
        /// The scanner.
        source: String,
        /// The last key that was done.
        cursor: Option<String>,
        /// When the first of those that are fresh still will be stale, in UTC milliseconds.
        next_ms: Option<i64>,
    },
    /// Fire what is due.
    Timers {
        /// Up to this time, in UTC milliseconds.
        until_ms: i64,
        /// Whether an hour ends with it, whose scores are cut after that.
        hour: bool,
        /// The last key that was done.
        cursor: Option<String>,
    },
    /// Write the hourly cut of scores.
    Cut {
        /// The last key that was done.
        cursor: Option<String>,
    },
}

schemas::symbols! {
    /// Which rows a changed requirement is at.
    RequirementPhase default "rows" {
        /// Rows that it no longer judges.
        Rows = "rows",
        /// The score of each account.
        Accounts = "accounts",
        /// Resources that its rule judges.
        Resources = "resources",
        /// Findings that feed it.
        Findings = "findings",
        /// Resources that it found, to be left.
        Found = "found",
        /// Resources that looked for those, to be left.
        Looking = "looking",
        /// Resources that its rule asks about.
        Related = "related",
    }
}

/// How far the sweep of a scope is.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct ScopeSweep {
    /// The scope's account.
    pub account: String,
    /// The scope's resource type.
    pub resource_type: String,
    /// The scope's region.
    pub region: String,
    /// The attempt that was completed.
    pub generation: i64,
    /// Observations that it announced.
    pub announced: i64,
    /// Observations that were found so far.
    pub arrived: i64,
    /// Whether all were counted and deleting may go on.
    pub counted: bool,
    /// The last key that was done.
    pub cursor: Option<String>,
}

/// How far the sweep of a report is.
#[derive(Clone, Debug, PartialEq, AvroSchema, Serialize, Deserialize)]
#[avro(namespace = "scorecard")]
pub(super) struct ReportSweep {
    /// The account.
    pub account: String,
    /// The scanner.
    pub source: String,
    /// The report that was completed.
    pub generation: i64,
    /// Whether absence clears a finding.
    pub complete: bool,
    /// Findings that were announced.
    pub announced: i64,
    /// Findings counted so far.
    pub arrived: i64,
    /// Whether all are counted, so that what absence clears goes now.
    pub counted: bool,
    /// The last key that was done.
    pub cursor: Option<String>,
}

/// The number of the first job that is not finished, and of the next one to come. Jobs are read by
/// their numbers, never searched for: in an LSM tree a search would pass every job ever done.
const FIRST: &str = "jobs.first";
const NEXT: &str = "jobs.next";

impl Task<'_, '_> {
    /// Adds a job for the record at hand.
    pub(super) fn push(&mut self, work: Work) -> Step {
        let number = self.number(NEXT)?.max(0);
        self.set_number(NEXT, number + 1)?;
        let (cause, at_ms) = (self.view.cause().clone(), self.view.at_ms());
        let job = Job { work, cause, at_ms, pieces: 0 };
        self.view.put(&JOB, &job_key(number), job)
    }

    /// Does one piece of the first job; false when there is none.
    pub(super) fn work(&mut self) -> Step<bool> {
        let first = self.number(FIRST)?.max(0);
        if first >= self.number(NEXT)? {
            return Ok(false);
        }
        let key = job_key(first);
        let Some(job) = self.view.get(&JOB, &key)? else {
            return Ok(false);
        };
        self.view.act_for(job.cause.clone(), job.at_ms, &format!("{first}.{}", job.pieces));
        match self.piece(job.work.clone())? {
            Some(work) => {
                let pieces = job.pieces + 1;
                let (cause, at_ms) = (job.cause.clone(), job.at_ms);
                self.view.put(&JOB, &key, Job { work, cause, at_ms, pieces })?;
            }
            None => {
                self.view.delete(&JOB, &key)?;
                self.set_number(FIRST, first + 1)?;
            }
        }
        Ok(self.number(FIRST)?.max(0) < self.number(NEXT)?)
    }

    fn piece(&mut self, work: Work) -> Step<Option<Work>> {
        match work {
            Work::Requirement { id, was, phase, cursor } => {
                self.requirement_piece(id, was, phase, cursor)
            }
            Work::Credit { prefixes, cursor } => self.credit_piece(prefixes, cursor),
            Work::Known { trust, cursor } => self.known_piece(trust, cursor),
            Work::Related { prefix, cursor } => self.related_piece(prefix, cursor),
            Work::Sweep { sweep } => self.sweep(sweep),
            Work::SweepReport { sweep } => self.sweep_report(sweep),
            Work::Age { account, source, cursor, next_ms } => {
                self.age(account, source, cursor, next_ms)
            }
            Work::Timers { until_ms, hour, cursor } => self.timers(until_ms, hour, cursor),
            Work::Cut { cursor } => self.cut(cursor),
        }
    }

    fn requirement_piece(
        &mut self,
        id: String,
        was: Option<Scoring>,
        phase: RequirementPhase,
        cursor: Option<String>,
    ) -> Step<Option<Work>> {
        let next = match phase {
            RequirementPhase::Rows => self.requirement_rows(&id, was, cursor.as_deref())?,
            RequirementPhase::Found => self.leave(&FOUND, &id, cursor.as_deref())?,
            RequirementPhase::Looking => self.leave(&LOOKING, &id, cursor.as_deref())?,
            RequirementPhase::Related => self.requirement_related(&id, cursor.as_deref())?,
            RequirementPhase::Accounts => self.requirement_accounts(&id, cursor.as_deref())?,
            RequirementPhase::Resources => self.requirement_resources(&id, cursor.as_deref())?,
            RequirementPhase::Findings => self.requirement_findings(&id, cursor.as_deref())?,
        };
        if next.is_some() {
            return Ok(Some(Work::Requirement { id, was, phase, cursor: next }));
        }
        let phase = match phase {
            RequirementPhase::Rows => RequirementPhase::Found,
            RequirementPhase::Found => RequirementPhase::Looking,
            RequirementPhase::Looking => RequirementPhase::Related,
            RequirementPhase::Related => RequirementPhase::Accounts,
            RequirementPhase::Accounts => RequirementPhase::Resources,
            RequirementPhase::Resources => RequirementPhase::Findings,
            RequirementPhase::Findings => return Ok(None),
        };
        Ok(Some(Work::Requirement { id, was, phase, cursor: None }))
    }

    /// Drops rows that the requirement no longer judges, and counts the others as it counts now.
    fn requirement_rows(
        &mut self,
        id: &str,
        was: Option<Scoring>,
        cursor: Option<&str>,
    ) -> Step<Option<String>> {
        let Some(was) = was else { return Ok(None) };
        let entry = self.standard()?.get(id).cloned();
        let page = self.view.scan(&COMPLIANCE, &key::prefix(&[id]), cursor, PIECE)?;
        for (key, row) in &page {
            let mut rows = self.rows_beside(key, row)?;
            // A subject's rows are done together, with the last of them.
            if rows.keys().next_back() != Some(key) {
                continue;
            }
            let before = count_group(was, &rows);
            let judged = |key: &_, row: &_| entry.as_ref().is_some_and(|e| e.judges(key, row));
            let gone: Group = rows.extract_if(.., |key, row| !judged(key, row)).collect();
            for (key, row) in &gone {
                self.drop_row(key, row)?;
            }
            let scoring = entry.as_ref().map(|entry| entry.requirement.scoring);
            let now = scoring.map_or(Counts::default(), |scoring| count_group(scoring, &rows));
            self.count(&key.account, id, now + -before);
        }
        Ok(page_end(&page))
    }

    fn requirement_accounts(&mut self, id: &str, cursor: Option<&str>) -> Step<Option<String>> {
        let rows = self.view.scan(&ACCOUNT, "", cursor, PIECE)?;
        for (_, state) in &rows {
            self.rescore(state, id)?;
        }
        Ok(page_end(&rows))
    }

    /// Enters the resources that the requirement's rule asks about.
    fn requirement_related(&mut self, id: &str, cursor: Option<&str>) -> Step<Option<String>> {
        let Some(entry) = self.standard()?.get(id).cloned() else {
            return Ok(None);
        };
        if entry.relations().is_empty() {
            return Ok(None);
        }
        let rows = self.view.scan(&RESOURCE, "", cursor, PIECE)?;
        for (_, state) in &rows {
            self.enter_found(&entry, &Parsed::of(&state.resource))?;
        }
        Ok(page_end(&rows))
    }

    fn requirement_resources(&mut self, id: &str, cursor: Option<&str>) -> Step<Option<String>> {
        let Some(entry) = self.standard()?.get(id).cloned() else {
            return Ok(None);
        };
        if entry.rule.is_none() {
            return Ok(None);
        }
        let rows = self.view.scan(&RESOURCE, "", cursor, PIECE)?;
        for (_, state) in &rows {
            if state.resource.resource_type == entry.requirement.resource_type {
                let judged = Parsed::of(&state.resource);
                self.move_looking(&entry, None, Some(&judged))?;
                self.judge_by(&entry, &judged)?;
            }
        }
        Ok(page_end(&rows))
    }

    fn requirement_findings(&mut self, id: &str, cursor: Option<&str>) -> Step<Option<String>> {
        let Some(entry) = self.standard()?.get(id).cloned() else {
            return Ok(None);
        };
        if entry.requirement.checks.is_empty() {
            return Ok(None);
        }
        let rows = self.view.scan(&FINDING, "", cursor, PIECE)?;
        for (key, row) in &rows {
            if entry.is_fed_by(&key.source, &key.check) {
                self.judge_finding_row(&entry, key, row)?;
            }
        }
        Ok(page_end(&rows))
    }

    fn credit_piece(
        &mut self,
        mut prefixes: Vec<String>,
        cursor: Option<String>,
    ) -> Step<Option<Work>> {
        let Some(prefix) = prefixes.first() else {
            return Ok(None);
        };
        let rows = self.view.scan(&COMPLIANCE, prefix, cursor.as_deref(), PIECE)?;
        let next = page_end(&rows);
        for (key, row) in rows {
            self.recredit(&key, &row)?;
        }
        if next.is_none() {
            prefixes.remove(0);
        }
        Ok((!prefixes.is_empty()).then_some(Work::Credit { prefixes, cursor: next }))
    }

    fn known_piece(&mut self, trust: bool, cursor: Option<String>) -> Step<Option<Work>> {
        if trust {
            let rows = self.view.scan(&TRUST, "", cursor.as_deref(), PIECE)?;
            for (key, _) in &rows {
                self.recognise(key)?;
            }
            let cursor = page_end(&rows);
            return Ok(Some(Work::Known { trust: cursor.is_some(), cursor }));
        }
        let asking: Vec<_> =
            self.standard()?.all().filter(|e| e.asks_for_accounts()).cloned().collect();
        if asking.is_empty() {
            return Ok(None);
        }
        let rows = self.view.scan(&RESOURCE, "", cursor.as_deref(), PIECE)?;
        for (_, state) in &rows {
            let judged = Parsed::of(&state.resource);
            let of_type = &state.resource.resource_type;
            for entry in asking.iter().filter(|e| e.requirement.resource_type == *of_type) {
                self.judge_by(entry, &judged)?;
            }
        }
        Ok(page_end(&rows).map(|cursor| Work::Known { trust, cursor: Some(cursor) }))
    }
}

/// Gives the key to go on after; none when the page was the last.
pub(super) fn page_end<K: schemas::Key, V>(rows: &[(K, V)]) -> Option<String> {
    if rows.len() == PIECE { last_key(rows) } else { None }
}

fn job_key(number: i64) -> JobKey {
    JobKey::new(format!("{number:020}"))
}
