//! Reports of outside scanners: findings feed the requirements that map their checks.

use std::{collections::BTreeMap, sync::Arc};

use compliance::{Rows, StandardEntry, finding_row, part_of, worse};
use inventory::{
    Attempt, Completion, Order, ScopeKey, ScopeState, UNIT_REPORT, count_closes, order, start,
};
use schemas::{
    ComplianceState, Finding, FindingSubject, Report, ReportEvent, Resource, key, topic,
};
use stream::Record;

use super::{
    PIECE, Task,
    accounts::last_key,
    jobs::{ReportSweep, Work},
    poison, same_entity,
    tables::{FINDING, FindingKey, FindingRow, SCOPE},
};
use crate::Step;

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
        self.keep(&key, FindingRow { finding, generation, changed_in: None, held: None })
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
        self.keep(&key, FindingRow { finding, generation, changed_in, held: None })
    }

    /// Writes a finding's row, and judges it.
    fn keep(&mut self, key: &FindingKey, row: FindingRow) -> Step {
        let row = Arc::new(row);
        self.view.put(&FINDING, key, row.clone())?;
        for entry in self.fed_by(key)? {
            self.judge_finding(&entry, key, Some(&row.finding))?;
        }
        Ok(())
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
    ) -> Step {
        let mapping = entry
            .requirement
            .checks
            .iter()
            .find(|mapping| mapping.source == key.source && mapping.check == key.check);
        let part = part_of(&key.source, &key.check);
        let row = mapping.zip(finding).and_then(|(mapping, found)| finding_row(found, mapping));
        let judged: Rows = row.map(|row| (part.clone(), row)).into_iter().collect();
        let mine = |one: &str, _: &ComplianceState| one == part;
        let resource = subject(key, &entry.requirement.resource_type);
        self.replace(entry, &resource, &key.source, mine, judged)
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
        let query = FindingKey { resource: String::new(), ..key.clone() };
        let failed = self.view.get(&FINDING, &query)?.filter(|row| {
            row.generation == sweep.generation && row.finding.subject == FindingSubject::Query
        });
        let held = failed
            .map(|failed| FindingRow { held: Some(failed.finding.message.clone()), ..row.clone() });
        let unknown = held.as_ref().and_then(FindingRow::unknown);
        match held {
            Some(held) => self.view.put(&FINDING, key, held)?,
            None => self.view.delete(&FINDING, key)?,
        }
        for entry in self.fed_by(key)? {
            self.judge_finding(&entry, key, unknown.as_ref())?;
        }
        Ok(())
    }

    /// Judges what the table has of a finding: one that is held keeps its verdict, and says so.
    pub(super) fn judge_finding_row(
        &mut self,
        entry: &StandardEntry,
        key: &FindingKey,
        row: &FindingRow,
    ) -> Step {
        self.judge_finding(entry, key, Some(&row.finding))?;
        match row.unknown() {
            Some(unknown) => self.judge_finding(entry, key, Some(&unknown)),
            None => Ok(()),
        }
    }
}

fn scope_of(account: &str, source: &str) -> ScopeKey {
    ScopeKey::new(account, format!("{UNIT_REPORT}/{source}"), "global")
}

/// Gives what a finding is about as a resource: the scanner tells no more than its id.
fn subject(key: &FindingKey, resource_type: &str) -> Resource {
    let is_arn = key.resource.starts_with("arn:");
    Resource {
        provider: String::new(),
        account: key.account.clone(),
        region: key.region.clone(),
        resource_type: resource_type.to_owned(),
        id: key.resource.clone(),
        name: key.resource.clone(),
        arn: if is_arn { key.resource.clone() } else { String::new() },
        tags: BTreeMap::new(),
        configuration: "{}".to_owned(),
        supplementary: "{}".to_owned(),
        errors: BTreeMap::new(),
        truncated: Vec::new(),
        captured_ms: 0,
    }
}
