//! One membership of the collectors' consumer group: units in, observations and ends out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use producer_findings::{AccountReport, Reports, publish};
use schemas::headers::rfc3339;
use schemas::topic::{OBSERVATION, SCAN_UNIT};
use schemas::{AccountKey, Observation, ObservationEvent, ScanUnit, UnitStatus};
use stream::{LogError, Member, Membership, Outcome, Outgoing, Polled, Position, Record};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::AbortHandle;

use crate::api::Budget;
use crate::board::has_ended;
use crate::error::Error;
use crate::intake::Intake;
use crate::organizations::PROVIDER;
use crate::plan::{attempt, start_of};
use crate::scanner::Core;
use crate::scope::{Event, Report, Scope, Told, UnitId, What};
use crate::unit::{UnitEnd, Work, collect};

/// The consumer group.
pub const GROUP: &str = "collector";

/// Reports that may wait for the member; collectors pause above it, so that memory stays bounded.
const REPORTS_MAX: usize = 256;

/// Longest wait for something to happen: how soon new units are noticed.
const WAIT: Duration = Duration::from_millis(50);

/// How often positions are committed when no unit ends.
const COMMIT_EVERY: Duration = Duration::from_secs(5);

/// A pause after a transaction that was aborted, so that aborts that follow each other don't spin.
const ABORT_PAUSE: Duration = Duration::from_millis(200);

/// A member at work.
pub(crate) struct Session<'a> {
    core: &'a mut Core,
    member: Box<dyn Member>,
    intake: Intake,
    running: BTreeMap<UnitId, Running>,
    /// Ends that no transaction holds yet.
    ended: Vec<(UnitId, ScanUnit)>,
    sender: Sender<Report>,
    receiver: Receiver<Report>,
    /// What each scan may still call from this process.
    budgets: BTreeMap<String, Arc<Budget>>,
    committed: Instant,
}

/// A unit at work: its record grows to that of its end.
struct Running {
    unit: ScanUnit,
    task: AbortHandle,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        for running in self.running.values() {
            running.task.abort();
        }
    }
}

impl<'a> Session<'a> {
    /// Joins the group.
    pub(crate) fn join(core: &'a mut Core) -> Result<Self, Error> {
        let membership = Membership {
            group: GROUP.to_owned(),
            slot: core.slot.clone(),
            inputs: vec![SCAN_UNIT.spec],
        };
        let member = core.outlet.log.join(&membership).map_err(log("joining the collectors"))?;
        let (sender, receiver) = mpsc::channel(REPORTS_MAX);
        Ok(Self {
            core,
            member,
            intake: Intake::default(),
            running: BTreeMap::new(),
            ended: Vec::new(),
            sender,
            receiver,
            budgets: BTreeMap::new(),
            committed: Instant::now(),
        })
    }

    /// What the session works with.
    pub(crate) fn core(&mut self) -> &mut Core {
        self.core
    }

    /// Tells whether this member has the first partition: of all collectors, one has.
    pub(crate) fn leads(&self) -> bool {
        self.intake.has(0)
    }

    /// Gives the units at work, and the calls that scans have made from this process.
    pub(crate) fn at_work(&self) -> (impl Iterator<Item = &ScanUnit>, u64) {
        let calls = self.budgets.values().map(|budget| budget.used()).sum();
        (self.running.values().map(|running| &running.unit), calls)
    }

    /// Polls once and does what follows from it.
    pub(crate) fn pass(&mut self) -> Result<(), Error> {
        let wait = if self.running.is_empty() { WAIT } else { Duration::ZERO };
        let polled = self.member.poll(wait).map_err(|error| match error {
            LogError::Fenced { slot, .. } => Error::Fenced { slot },
            error => log("reading units")(error),
        });
        match polled? {
            Polled::Records(records) => records.iter().for_each(|record| self.take(record)),
            Polled::Assigned(partitions) => self.resume(&partitions)?,
            Polled::Revoked { partitions, lost } => self.revoke(&partitions, lost)?,
        }
        self.start();
        self.receive()?;
        let moved = self.committed.elapsed() >= COMMIT_EVERY && !self.intake.positions().is_empty();
        if !self.ended.is_empty() || moved {
            while self.commit()? == Outcome::Aborted {
                std::thread::sleep(ABORT_PAUSE);
                let partitions = self.intake.partitions();
                self.resume(&partitions)?;
            }
        }
        self.core.read_board()
    }

    fn resume(&mut self, partitions: &[i32]) -> Result<(), Error> {
        let positions = self.member.resume(partitions).map_err(log("reading units"))?;
        for position in positions {
            self.intake.open(position.partition, position.offset);
        }
        Ok(())
    }

    /// Gives partitions up: their units are dropped, and whoever gets them begins them anew.
    fn revoke(&mut self, partitions: &[i32], lost: bool) -> Result<(), Error> {
        if !lost {
            // What an aborted transaction would have ended is done once more by the next owner.
            let _ = self.commit()?;
        }
        for partition in partitions {
            self.intake.close(*partition);
        }
        self.ended.retain(|(id, _)| !partitions.contains(&id.partition));
        self.running.retain(|id, running| {
            let stays = !partitions.contains(&id.partition);
            if !stays {
                running.task.abort();
            }
            stays
        });
        Ok(())
    }

    fn take(&mut self, record: &Record) {
        let id = UnitId { partition: record.partition, offset: record.offset };
        let unit = self.core.decode(record).filter(|unit| !has_ended(unit));
        self.intake.take(id, unit);
    }

    /// Starts units whose time has come, as many as may be at work at the same time.
    fn start(&mut self) {
        while self.running.len() < self.core.config.concurrency.accounts {
            let now_ms = (self.core.clock)();
            let Some((id, mut unit)) = self.intake.next_due(now_ms) else { return };
            if self.core.has_ended(&unit) {
                // Whoever had the partition before could not commit a position behind it.
                self.intake.end(id);
                continue;
            }
            unit.attempt = unit.attempt.max(attempt(&unit.scan, now_ms));
            unit.worker = self.core.slot.clone();
            let Some(role) = self.core.config.role_of(&unit.payer) else {
                unit.status = UnitStatus::Failed;
                unit.error = Some(format!("UnknownPayer: {} is not configured here", unit.payer));
                self.intake.end(id);
                self.ended.push((id, unit));
                continue;
            };
            let budget = self.budget(&unit.scan);
            let work = Work { id, unit: unit.clone(), role, budget };
            let task = collect(Arc::clone(&self.core.shared), work, self.sender.clone());
            let task = self.core.runtime.spawn(task).abort_handle();
            self.running.insert(id, Running { unit, task });
        }
    }

    /// Gives a scan's budget; those of earlier scans are forgotten once a later one has begun.
    fn budget(&mut self, scan: &str) -> Arc<Budget> {
        let calls_max = self.core.config.concurrency.calls_per_scan;
        let budget = self.budgets.entry(scan.to_owned()).or_insert_with(|| Budget::new(calls_max));
        Arc::clone(budget)
    }

    /// Publishes what the units' tasks report, as long as they have something to say.
    fn receive(&mut self) -> Result<(), Error> {
        if self.running.is_empty() {
            return Ok(());
        }
        let mut reports = Vec::new();
        let receive = self.receiver.recv_many(&mut reports, REPORTS_MAX);
        let waiting = async { tokio::time::timeout(WAIT, receive).await };
        // An elapsed time means that nobody had anything to say.
        let _ = self.core.runtime.block_on(waiting);
        for Report { unit, what } in reports {
            match what {
                What::Scope(scope, event) => self.observe(unit, &scope, event)?,
                What::Ended(end) => self.end(unit, end),
            }
        }
        Ok(())
    }

    fn observe(&mut self, id: UnitId, scope: &Scope, event: Event) -> Result<(), Error> {
        // A unit that was taken away has nothing to say any more.
        let Some(Running { unit, .. }) = self.running.get_mut(&id) else { return Ok(()) };
        let now_ms = (self.core.clock)();
        let event = match event {
            Event::Started => ObservationEvent::Started {},
            Event::Seen(document) => {
                unit.resources += 1;
                let mut resource = document.stamp(now_ms);
                self.core.redactor.apply(&mut resource);
                ObservationEvent::Observed { resource }
            }
            Event::Told(told) => {
                let reports = reports(unit, told);
                let publisher = &mut self.core.publisher;
                return publish(&reports, publisher, now_ms).map_err(log("publishing a report"));
            }
            Event::Completed { count } => {
                unit.scopes += 1;
                ObservationEvent::Completed { count }
            }
            Event::Failed { error } => {
                unit.scopes += 1;
                unit.failed += 1;
                let Scope { region, resource_type, .. } = scope;
                unit.error.get_or_insert_with(|| format!("{resource_type} in {region}: {error}"));
                ObservationEvent::Failed { error }
            }
        };
        let observation = Observation {
            scan: unit.scan.clone(),
            attempt: unit.attempt,
            provider: PROVIDER.to_owned(),
            account: scope.account.clone(),
            region: scope.region.clone(),
            resource_type: scope.resource_type.to_owned(),
            event,
        };
        let key = AccountKey::new(&*observation.account);
        let put = self.core.publisher.put(&OBSERVATION, &key, &observation, now_ms);
        put.map_err(log("publishing an observation"))
    }

    fn end(&mut self, id: UnitId, end: UnitEnd) {
        let Some(Running { mut unit, .. }) = self.running.remove(&id) else { return };
        unit.status = end.status;
        unit.calls = i64::try_from(end.calls).unwrap_or(i64::MAX);
        // What ended the whole unit says more than its first failed scope.
        unit.error = end.error.or(unit.error);
        self.intake.end(id);
        self.ended.push((id, unit));
    }

    /// Makes observations durable, then writes the units' ends and the position in one transaction.
    ///
    /// After an aborted one the ends are still held, and the reader has to be resumed.
    fn commit(&mut self) -> Result<Outcome, Error> {
        self.core.publisher.flush().map_err(log("publishing observations"))?;
        let (outputs, positions) = (self.ends()?, self.intake.positions());
        if outputs.is_empty() && positions.is_empty() {
            return Ok(Outcome::Committed);
        }
        let of = |(partition, offset): &(i32, i64)| Position {
            topic: SCAN_UNIT.spec,
            partition: *partition,
            offset: *offset,
        };
        let places: Vec<_> = positions.iter().map(of).collect();
        let outcome = self.member.commit(outputs, &places).map_err(log("committing units"))?;
        match outcome {
            Outcome::Committed => {
                self.intake.committed(&positions);
                self.ended.clear();
                self.committed = Instant::now();
            }
            Outcome::Aborted => {}
            Outcome::Fenced => return Err(Error::Fenced { slot: self.core.slot.clone() }),
        }
        Ok(outcome)
    }

    fn ends(&mut self) -> Result<Vec<Outgoing>, Error> {
        let now_ms = (self.core.clock)();
        let mut outputs = Vec::new();
        for (_, unit) in &self.ended {
            let key = AccountKey::new(&*unit.account);
            let records = self.core.publisher.records(&SCAN_UNIT, &key, unit, now_ms);
            outputs.extend(records.map_err(log("writing a unit's end"))?);
        }
        Ok(outputs)
    }
}

/// Makes the report of what a scanner told in a unit. Its id is like those of reports in files, the
/// time first; whoever takes over a unit begins a later one.
fn reports(unit: &ScanUnit, told: Told) -> Reports {
    let start_ms = start_of(&unit.scan).unwrap_or_default();
    let id = format!("{}/{:010}", rfc3339(start_ms), unit.attempt);
    let report = AccountReport::of_account(told.source, id, &unit.account, told.findings);
    Reports { reports: vec![report], ..Reports::default() }
}

/// Says what was attempted on the log.
pub(crate) fn log(what: &'static str) -> impl FnOnce(LogError) -> Error {
    move |source| Error::Log { what, source }
}
