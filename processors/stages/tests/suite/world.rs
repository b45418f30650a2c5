//! A small language for tests of single behaviours: one account, one partition, one minute a
//! record.

use schemas::{
    AccountKey, AccountState, ComplianceKey, ComplianceState, Credit, Exception, Finding,
    ReportEvent, Requirement, Resource, ScoreKey, ScoreState, Verdict, topic,
};

use crate::{
    build::{Event, Scan, Source, T0, report, resource},
    site::{Site, Tables},
};

pub(crate) const ME: &str = "111111111111";
pub(crate) const BUCKET: &str = "Test::Bucket";

pub(crate) struct World {
    pub(crate) site: Site,
    pub(crate) now_ms: i64,
    scans: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { site: Site::new(1), now_ms: T0, scans: 0 }
    }

    /// Takes a record one second after the last one.
    pub(crate) fn take(&mut self, source: Source) {
        self.now_ms += 1000;
        let at_ms = self.now_ms;
        self.site.take(&Event { at_ms, source });
    }

    pub(crate) fn tick(&mut self, minute_ms: i64) {
        self.now_ms = minute_ms - 1000;
        self.take(Source::Tick(minute_ms));
    }

    pub(crate) fn next_scan(&mut self, of_type: &str, region: &str) -> Scan {
        self.scans += 1;
        Scan::new(ME, of_type, region, &format!("scan-{:04}", self.scans))
    }

    /// A whole scan of one type in region `r1`.
    pub(crate) fn scan(&mut self, resources: &[Resource]) {
        let of_type = resources.first().map_or(BUCKET, |r| &r.resource_type).to_owned();
        let scan = self.next_scan(&of_type, "r1");
        self.take(scan.start());
        resources.iter().for_each(|one| self.take(scan.see(one)));
        self.take(scan.complete(i64::try_from(resources.len()).unwrap()));
    }

    pub(crate) fn requirement(&mut self, row: Requirement) {
        self.take(Source::Requirement(row.id.clone(), Some(row)));
    }

    pub(crate) fn except(&mut self, row: Exception) {
        self.take(Source::Exception(row.id.clone(), Some(row)));
    }

    pub(crate) fn report(&mut self, id: &str, findings: &[Finding], complete: bool) {
        self.take(report(ME, id, ReportEvent::Started {}));
        for finding in findings.iter().cloned() {
            self.take(report(ME, id, ReportEvent::Found { finding }));
        }
        self.take(report(ME, id, ReportEvent::completed(findings, complete)));
    }

    pub(crate) fn tables(&self) -> Tables {
        self.site.tables()
    }

    pub(crate) fn account(&self) -> AccountState {
        self.tables().accounts[&AccountKey::new(ME)].clone()
    }

    /// Ids of the resources in the inventory.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.tables().resources.into_keys().map(|key| key.id).collect()
    }

    /// Kind and id of each change of the inventory.
    pub(crate) fn changes(&self) -> Vec<String> {
        let changes = self.site.events_of(topic::RESOURCE_CHANGE);
        changes.iter().map(|(key, c)| format!("{} {}", c.kind, key.id)).collect()
    }

    pub(crate) fn row(&self, requirement: &str, id: &str, part: &str) -> Option<ComplianceState> {
        let key = ComplianceKey::new(requirement, ME, "r1", id, part);
        self.tables().verdicts.remove(&key)
    }

    pub(crate) fn verdict(&self, requirement: &str, id: &str) -> Option<Verdict> {
        self.row(requirement, id, "").map(|row| row.verdict)
    }

    pub(crate) fn credit(&self, id: &str) -> (Credit, Option<String>) {
        let row = self.row("R1", id, "").expect("a verdict");
        (row.credit, row.exception)
    }

    pub(crate) fn score(&self, requirement: &str) -> ScoreState {
        self.tables().scores[&ScoreKey::new(ME, requirement)].clone()
    }

    /// Total, noncompliant, excepted, expired, unknown.
    pub(crate) fn counts(&self, requirement: &str) -> [i64; 5] {
        let s = self.score(requirement);
        [s.total, s.noncompliant, s.excepted, s.expired, s.unknown]
    }
}

/// A bucket in region `r1` that is public or not.
pub(crate) fn bucket(id: &str, public: bool) -> Resource {
    resource(ME, "r1", BUCKET, id, &format!(r#"{{"Public":{public}}}"#))
}

/// A bucket that nobody could look into.
pub(crate) fn opaque(id: &str) -> Resource {
    resource(ME, "r1", BUCKET, id, "{}")
}
