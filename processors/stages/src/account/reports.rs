//! Reports of outside scanners: findings feed the requirements that map their checks.

use std::{collections::BTreeMap, sync::Arc};

use compliance::{FRESH_MS, Rows, StandardEntry, finding_row, part_of, worse};
use inventory::{
    Attempt, Completion, Order, ScopeKey, ScopeState, UNIT_REPORT, count_closes, order, start,
};
use schemas::{
    ComplianceKey, ComplianceState, Finding, FindingSubject, Key, Report, ReportEvent, Resource,
    ResourceKey, key, topic,
};
use stream::Record;

use super::{
    PIECE, Task,
    accounts::last_key,
    clock::CLOCK,
    jobs::{ReportSweep, Work},
    poison, same_entity,
    tables::{COMPLIANCE, FINDING, FindingKey, FindingRow, RESOURCE, SCOPE, TimerKey},
};
use crate::Step;

/// The region of what has none.
const GLOBAL: &str = "global";

/// The kind of timers that look for findings that nobody told of for long.
pub(super) const AGE_TIMER: &str = "age";

impl Task<'_, '_> {
    /// Takes one record of a report.
    pub(super) fn report(&mut self, record: &Record) -> Step {
        let (of, value) = self.view.read(&topic::REPORT, record)?;
        let report = value.ok_or_else(|| poison("a report's record can't be a tombstone"))?;
        same_entity(&of.account, Some(&report.account))?;
        let Report { source, account, report: id, event } = report;
        let key = scope_of(&account, &source);
        let scope = self.view.get(&SCOPE, &key)?;
        if let ReportEvent::Changed { finding } = event {
            return self.changed(&account, &source, scope.as_deref(), finding);
        }
        let attempt = Attempt { scan: &id, attempt: 1 };
        match (order(scope.as_deref(), attempt), scope, event) {
            (Order::Newer, scope, ReportEvent::Started {}) => {
                self.view.put(&SCOPE, &key, start(scope.as_deref(), attempt))?;
                self.cover(&account, &key.resource_type)
            }
            (Order::Newer, ..) => Err(poison(format!("report {id} of {source} never started"))),
            (Order::Current, Some(scope), event) => self.report_event(&key, &source, &scope, event),
            _ => Ok(()), // Void or delivered again: it says nothing new.
        }
    }

    fn report_event(
        &mut self,
        key: &ScopeKey,
        source: &str,
        scope: &ScopeState,
        event: ReportEvent,
    ) -> Step {
        match event {
            ReportEvent::Started {} | ReportEvent::Changed { .. } => Ok(()),
            ReportEvent::Found { finding } => self.found(&key.account, source, scope, finding),
            ReportEvent::Failed { error } => self.fail_scope(key, scope, error),
            ReportEvent::Completed { count, complete } => self.push(Work::SweepReport {
                sweep: ReportSweep {
                    account: key.account.clone(),
                    source: source.to_owned(),
                    generation: scope.generation,
                    complete,
                    announced: count,
                    arrived: 0,
                    counted: false,
                    cursor: None,
                },
            }),
        }
    }

    fn found(&mut self, account: &str, source: &str, scope: &ScopeState, finding: Finding) -> Step {
        let key = FindingKey::of(account, source, &finding);
        let generation = scope.generation;
        let earlier = self.view.get(&FINDING, &key)?.filter(|row| row.generation == generation);
        let finding = match earlier {
            Some(row) => worse(row.finding.clone(), finding),
            None => finding,
        };
        let told_ms = self.view.at_ms();
        let stale = self.ages(account, source, told_ms)?;
        let row = FindingRow {
            finding,
            generation,
            changed_in: None,
            held: None,
            told_ms: Some(told_ms),
            stale,
        };
        self.keep(&key, row)
    }

    fn changed(
        &mut self,
        account: &str,
        source: &str,
        scope: Option<&ScopeState>,
        finding: Finding,
    ) -> Step {
        let key = FindingKey::of(account, source, &finding);
        // The report that runs has it still, if it had it.
        let generation = self.view.get(&FINDING, &key)?.map_or(-1, |row| row.generation);
        let changed_in = Some(scope.map_or(0, |scope| scope.generation));
        self.account(account)?;
        // A source that makes no reports tells only what changes: its silence is no news.
        let told_ms = scope.map(|_| self.view.at_ms());
        let stale = match told_ms {
            Some(told_ms) => self.ages(account, source, told_ms)?,
            None => false,
        };
        self.keep(&key, FindingRow { finding, generation, changed_in, held: None, told_ms, stale })
    }

    /// Makes sure that what a source tells now is marked when it is stale; tells whether it is so
    /// already.
    fn ages(&mut self, account: &str, source: &str, told_ms: i64) -> Step<bool> {
        let due_ms = told_ms.saturating_add(FRESH_MS);
        if due_ms <= self.number(CLOCK)? {
            return Ok(true);
        }
        let subject = scope_of(account, source).encode();
        let name = format!("{AGE_TIMER} {subject}");
        let set_ms = self.number(&name)?;
        if set_ms < 0 || due_ms < set_ms {
            self.set_number(&name, due_ms)?;
            self.set_timer(&TimerKey::at(due_ms, AGE_TIMER, &subject))?;
        }
        Ok(false)
    }

    /// Takes the timer of a source that may have told nothing for long.
    pub(super) fn age_due(&mut self, subject: &str) -> Step {
        self.set_number(&format!("{AGE_TIMER} {subject}"), -1)?;
        let Some(scope) = ScopeKey::decode(subject) else { return Ok(()) };
        let Some((_, source)) = scope.resource_type.split_once('/') else { return Ok(()) };
        let (account, source) = (scope.account.clone(), source.to_owned());
        self.push(Work::Age { account, source, cursor: None, next_ms: None })
    }

    /// Does a piece of marking what a source has not told of for long.
    pub(super) fn age(
        &mut self,
        account: String,
        source: String,
        cursor: Option<String>,
        mut next_ms: Option<i64>,
    ) -> Step<Option<Work>> {
        let now_ms = self.number(CLOCK)?;
        let prefix = key::prefix(&[&account, &source]);
        let rows = self.view.scan(&FINDING, &prefix, cursor.as_deref(), PIECE)?;
        for (key, row) in rows.iter().filter(|(_, row)| !row.stale) {
            let Some(told_ms) = row.told_ms else { continue };
            let due_ms = told_ms.saturating_add(FRESH_MS);
            if due_ms > now_ms {
                next_ms = Some(next_ms.map_or(due_ms, |next_ms| next_ms.min(due_ms)));
                continue;
            }
            let row = FindingRow { stale: true, ..(**row).clone() };
            self.view.put(&FINDING, key, row.clone())?;
            for entry in self.fed_by(key)? {
                self.judge_finding_row(&entry, key, &row)?;
            }
        }
        if rows.len() == PIECE {
            return Ok(Some(Work::Age { account, source, cursor: last_key(&rows), next_ms }));
        }
        if let Some(next_ms) = next_ms {
            self.ages(&account, &source, next_ms - FRESH_MS)?;
        }
        Ok(None)
    }

    /// Writes a finding's row, and judges it.
    fn keep(&mut self, key: &FindingKey, row: FindingRow) -> Step {
        let row = Arc::new(row);
        self.view.put(&FINDING, key, row.clone())?;
        for entry in self.fed_by(key)? {
            self.judge_finding(&entry, key, Some(&row.finding), row.stale)?;
        }
        Ok(())
    }

    /// Gives what a finding is about as a resource: what the inventory calls it, when the scanner
    /// names it by its id there. A row that stands is called so already: see [`Task::replace`].
    fn subject(
        &self,
        key: &FindingKey,
        resource_type: &str,
        stood: Option<&ComplianceState>,
    ) -> Step<Resource> {
        let FindingKey { account, region, resource: id, .. } = key;
        let (name, arn) = if id.starts_with("arn:") {
            (id.clone(), id.clone())
        } else if let Some(row) = stood.filter(|row| row.resource_type == resource_type) {
            (row.name.clone(), row.arn.clone())
        } else {
            let key = ResourceKey::new(account, region, resource_type, id);
            match self.view.get(&RESOURCE, &key)? {
                Some(row) => (row.resource.name.clone(), row.resource.arn.clone()),
                None => (id.clone(), String::new()),
            }
        };
        Ok(Resource {
            provider: String::new(),
            account: account.clone(),
            region: region.clone(),
            resource_type: resource_type.to_owned(),
            id: id.clone(),
            name,
            arn,
            tags: BTreeMap::new(),
            configuration: "{}".to_owned(),
            supplementary: "{}".to_owned(),
            errors: BTreeMap::new(),
            truncated: Vec::new(),
            captured_ms: 0,
        })
    }

    fn fed_by(&mut self, key: &FindingKey) -> Step<Vec<Arc<StandardEntry>>> {
        Ok(self.standard()?.fed_by(&key.source, &key.check).cloned().collect())
    }

    /// Judges a finding by one requirement; without a finding its row goes.
    fn judge_finding(
        &mut self,
        entry: &StandardEntry,
        key: &FindingKey,
        finding: Option<&Finding>,
        stale: bool,
    ) -> Step {
        let mapping = entry
            .requirement
            .checks
            .iter()
            .find(|mapping| mapping.source == key.source && mapping.check == key.check);
        let part = part_of(&key.source, &key.check);
        let scoring = entry.requirement.scoring;
        let row = mapping
            .zip(finding)
            .and_then(|(mapping, found)| finding_row(found, mapping, scoring, stale));
        let judged: Rows = row.map(|row| (part.clone(), row)).into_iter().collect();
        let mine = |one: &ComplianceKey, _: &ComplianceState| one.part == part;
        let FindingKey { account, region, resource: id, .. } = key;
        let row = ComplianceKey::new(&*entry.requirement.id, account, region, id, &*part);
        let stood = self.view.get(&COMPLIANCE, &row)?;
        let resource = self.subject(key, &entry.requirement.resource_type, stood.as_deref())?;
        // The requirement may concern resources of another type now, which are called otherwise.
        let was = stood.as_ref().map_or(&*resource.arn, |row| &*row.arn);
        self.replace(entry, &resource, was, mine, (&key.source, judged))
    }

    /// Does a piece of a report's end: first counts what arrived, then clears what a complete
    /// report no longer has.
    pub(super) fn sweep_report(&mut self, mut sweep: ReportSweep) -> Step<Option<Work>> {
        let prefix = key::prefix(&[&sweep.account, &sweep.source]);
        let rows = self.view.scan(&FINDING, &prefix, sweep.cursor.as_deref(), PIECE)?;
        let arrived = |row: &FindingRow| row.generation == sweep.generation;
        if sweep.counted {
            let is_newer = |row: &FindingRow| row.changed_in == Some(sweep.generation);
            for (key, row) in rows.iter().filter(|(_, row)| !arrived(row) && !is_newer(row)) {
                self.settle_stale(&sweep, key, row)?;
            }
        } else {
            let arrived = rows.iter().filter(|(_, row)| arrived(row)).count();
            sweep.arrived += i64::try_from(arrived).unwrap_or(i64::MAX);
        }
        if rows.len() == PIECE {
            let cursor = last_key(&rows);
            return Ok(Some(Work::SweepReport { sweep: ReportSweep { cursor, ..sweep } }));
        }
        let key = scope_of(&sweep.account, &sweep.source);
        if sweep.counted {
            return self.complete_scope(&key, 0);
        }
        // Only once all findings were counted it is known whether absence counts.
        match count_closes(sweep.announced, sweep.arrived) {
            Completion::Sweep if sweep.complete => {
                let sweep = ReportSweep { counted: true, cursor: None, ..sweep };
                Ok(Some(Work::SweepReport { sweep }))
            }
            Completion::Sweep => self.complete_scope(&key, 0),
            Completion::Short { error } => self.fall_short(&key, error),
        }
    }

    /// Clears a finding that a complete report no longer has, or holds it where the scanner could
    /// not look: a query that failed says nothing about what it would have found.
    fn settle_stale(&mut self, sweep: &ReportSweep, key: &FindingKey, row: &FindingRow) -> Step {
        // A query without a region was about all of them.
        let failed = match self.failed_query(sweep, key, &key.region)? {
            None => self.failed_query(sweep, key, GLOBAL)?,
            failed => failed,
        };
        let held = failed
            .map(|failed| FindingRow { held: Some(failed.finding.message.clone()), ..row.clone() });
        let unknown = held.as_ref().and_then(FindingRow::unknown);
        match held {
            Some(held) => self.view.put(&FINDING, key, held)?,
            None => self.view.delete(&FINDING, key)?,
        }
        for entry in self.fed_by(key)? {
            self.judge_finding(&entry, key, unknown.as_ref(), row.stale)?;
        }
        Ok(())
    }

    /// Gives the query of a finding's check that failed in a region.
    fn failed_query(
        &self,
        sweep: &ReportSweep,
        key: &FindingKey,
        region: &str,
    ) -> Step<Option<Arc<FindingRow>>> {
        let query =
            FindingKey { region: region.to_owned(), resource: String::new(), ..key.clone() };
        let row = self.view.get(&FINDING, &query)?;
        Ok(row.filter(|row| {
            row.generation == sweep.generation && row.finding.subject == FindingSubject::Query
        }))
    }

    /// Judges what the table has of a finding: one that is held keeps its verdict, and says so.
    pub(super) fn judge_finding_row(
        &mut self,
        entry: &StandardEntry,
        key: &FindingKey,
        row: &FindingRow,
    ) -> Step {
        self.judge_finding(entry, key, Some(&row.finding), row.stale)?;
        match row.unknown() {
            Some(unknown) => self.judge_finding(entry, key, Some(&unknown), row.stale),
            None => Ok(()),
        }
    }
}

fn scope_of(account: &str, source: &str) -> ScopeKey {
    ScopeKey::new(account, format!("{UNIT_REPORT}/{source}"), GLOBAL)
}
