//! A naive model of the pipeline: lists and maps, everything derived anew, nothing kept by
//! difference.
//!
//! It shares nothing with the stages but the judging of one document by one rule. Votes, credit,
//! scores and sums are written again from the design's words, with floating-point numbers.

use std::collections::{BTreeMap, BTreeSet};

use compliance::{Parsed, Rows, Standard, StandardEntry, judge};
use rules::Related;
use schemas::{
    AccountKey, AccountListing, AccountRegister, AccountStatus, ComplianceKey, ComplianceState,
    Exception, Finding, FindingStatus, FindingSubject, Observation, ObservationEvent, Report,
    ReportEvent, Resource, ResourceKey, ResourceState, Scoring, Spend, Verdict,
};

use crate::build::{Event, MINUTE, Source};

mod related;
pub(crate) mod sums;
mod trust;
mod votes;

#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) clock: i64,
    pub(crate) at_ms: i64,
    pub(crate) listings: BTreeMap<String, AccountListing>,
    /// Where the accounts stand that an organisation lists, or once did.
    pub(crate) stands: BTreeMap<String, Stand>,
    pub(crate) registers: BTreeMap<String, AccountRegister>,
    pub(crate) spends: BTreeMap<String, Spend>,
    pub(crate) exceptions: BTreeMap<String, Exception>,
    pub(crate) standard: Standard,
    pub(crate) scopes: BTreeMap<ScopeId, Scope>,
    pub(crate) resources: BTreeMap<ResourceKey, ResourceState>,
    /// Whom each resource lets in, as far as could be read, and the condition's key.
    pub(crate) named: BTreeMap<ResourceKey, BTreeMap<String, Option<String>>>,
    /// When each account first saw each principal.
    pub(crate) sights: BTreeMap<(String, String), i64>,
    findings: BTreeMap<FindingId, Found>,
    /// Accounts that something was ever said about.
    pub(crate) met: BTreeSet<String>,
    /// Verdicts without credit: what is held depends on what was seen before.
    pub(crate) verdicts: BTreeMap<ComplianceKey, ComplianceState>,
    judged: BTreeMap<(String, ResourceKey), (Inputs, Rows)>,
    revision: u64,
    revisions: BTreeMap<String, u64>,
}

/// Account, resource type or `report/<source>`, region.
pub(crate) type ScopeId = (String, String, String);
/// The rows of a finding with the report of each, and when its source, if it makes reports, told.
#[derive(Clone, Default)]
struct Found {
    rows: Vec<(String, Finding)>,
    told_ms: Option<i64>,
}

/// Account, source, check, region, resource.
type FindingId = (String, String, String, String, String);

/// What a judgement depends on: the requirement's revision, the document, its relations, who is
/// known, the minute.
#[derive(PartialEq)]
struct Inputs(u64, Resource, Vec<Related>, BTreeSet<String>, i64);

/// Where an account stands, since when, and its last listing.
pub(crate) struct Stand {
    pub(crate) status: AccountStatus,
    pub(crate) since_ms: i64,
    pub(crate) last: AccountListing,
}

pub(crate) struct Scope {
    attempt: (String, i32),
    running: bool,
    pub(crate) completed_ms: Option<i64>,
    pub(crate) error: Option<String>,
    /// Resources at the last completion.
    pub(crate) resources: i64,
    /// Resources that the running attempt saw, and those that the scope is known to hold.
    seen: BTreeSet<ResourceKey>,
    members: BTreeSet<ResourceKey>,
}

/// Marks what changed while a report was the newest.
fn changed_in(report: &str) -> String {
    format!("changed in {report}")
}

struct Known<'a>(&'a BTreeSet<String>);

impl rules::Context for Known<'_> {
    fn is_known_account(&self, account: &str) -> bool {
        self.0.contains(account)
    }
}

impl Oracle {
    pub(crate) fn run(events: &[Event]) -> Self {
        let mut oracle = Self { clock: -1, ..Self::default() };
        events.iter().for_each(|event| oracle.take(event));
        oracle
    }

    pub(crate) fn take(&mut self, event: &Event) {
        let Event { at_ms, source } = event.clone();
        self.at_ms = at_ms;
        match source {
            Source::Tick(minute_ms) => self.clock = self.clock.max(minute_ms),
            Source::Listing(id, row) => {
                self.stand(&id, row.as_ref());
                replace(&mut self.listings, &id, row);
                self.meet(&id);
            }
            Source::Register(id, row) => {
                replace(&mut self.registers, &id, row);
                self.meet(&id);
            }
            Source::Spend(id, row) => {
                replace(&mut self.spends, &id, row);
                self.met.insert(id);
            }
            Source::Exception(id, row) => replace(&mut self.exceptions, &id, row),
            Source::Requirement(id, row) => {
                self.revision += 1;
                self.revisions.insert(id.clone(), self.revision);
                match row {
                    Some(row) => self.standard.insert(row),
                    None => self.standard.remove(&id),
                }
            }
            Source::Observation(observation) => self.observe(observation),
            Source::Report(report) => self.report(report),
            Source::Poison(_) => {}
        }
        self.rejudge();
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.max(self.at_ms)
    }

    /// Accounts that are listed, our own by the register, or approved third parties.
    pub(crate) fn known(&self) -> BTreeSet<String> {
        let vouched = self.registers.iter().filter(|(_, row)| !row.third_party || row.approved);
        let vouched = vouched.map(|(id, _)| id.clone());
        self.listings.keys().cloned().chain(vouched).collect()
    }

    /// Notes where an account stands by a listing, or by the end of one.
    fn stand(&mut self, id: &str, row: Option<&AccountListing>) {
        let old = self.stands.remove(id);
        let (status, last) = match (row, &old) {
            (Some(row), _) => (row.status, row.clone()),
            (None, Some(old)) => (AccountStatus::Left, old.last.clone()),
            (None, None) => return,
        };
        let same = old.filter(|old| old.status == status);
        let since_ms = same.map_or(self.at_ms, |old| old.since_ms);
        self.stands.insert(id.to_owned(), Stand { status, since_ms, last });
    }

    fn meet(&mut self, id: &str) {
        let own = self.registers.get(id).is_some_and(|row| !row.third_party);
        if own || self.listings.contains_key(id) {
            self.met.insert(id.to_owned());
        }
    }

    fn observe(&mut self, observation: Observation) {
        let Observation { scan, attempt, account, region, resource_type, event, .. } = observation;
        let id = (account, resource_type, region);
        if !self.enter(&id, (scan, attempt), matches!(event, ObservationEvent::Started {})) {
            return;
        }
        let at_ms = self.at_ms;
        let scope = self.scopes.get_mut(&id).expect("it was entered");
        match event {
            ObservationEvent::Started {} => {}
            ObservationEvent::Failed { error } => {
                scope.running = false;
                scope.error = Some(error);
            }
            ObservationEvent::Observed { resource } => {
                let key = resource.key();
                scope.seen.insert(key.clone());
                scope.members.insert(key.clone());
                self.see(key, resource, id.2);
            }
            ObservationEvent::Completed { count } => {
                scope.running = false;
                let arrived = scope.seen.len();
                if (arrived as i64) < count {
                    let error = format!("Incomplete: {arrived} of {count} announced items arrived");
                    scope.error = Some(error);
                    return;
                }
                scope.completed_ms = Some(at_ms);
                scope.resources = arrived as i64;
                let gone: Vec<_> = scope.members.difference(&scope.seen).cloned().collect();
                scope.members = scope.seen.clone();
                for key in gone {
                    if !self.scopes.values().any(|scope| scope.members.contains(&key)) {
                        self.resources.remove(&key);
                        self.named.remove(&key);
                    }
                }
            }
        }
    }

    /// Tells whether a record of an attempt counts; a newer attempt's start opens it.
    fn enter(&mut self, id: &ScopeId, attempt: (String, i32), starts: bool) -> bool {
        let latest = self.scopes.get(id).map(|scope| &scope.attempt);
        if latest == Some(&attempt) {
            return self.scopes[id].running;
        }
        if !starts || latest.is_some_and(|latest| *latest > attempt) {
            return false;
        }
        let old = self.scopes.remove(id);
        let scope = Scope {
            attempt,
            running: true,
            completed_ms: old.as_ref().and_then(|old| old.completed_ms),
            error: None,
            resources: old.as_ref().map_or(0, |old| old.resources),
            seen: BTreeSet::new(),
            members: old.map_or(BTreeSet::new(), |old| old.members),
        };
        self.scopes.insert(id.clone(), scope);
        self.met.insert(id.0.clone());
        true
    }

    fn see(&mut self, key: ResourceKey, resource: Resource, scope_region: String) {
        let old = self.resources.get(&key);
        let first_seen_ms = old.map_or(resource.captured_ms, |old| old.first_seen_ms);
        let mut kept = resource;
        if let Some(old) = old.filter(|old| old.scope_region == scope_region) {
            let again = Resource { captured_ms: old.resource.captured_ms, ..kept.clone() };
            if again == old.resource {
                kept = again;
            }
        }
        if old.is_none_or(|old| old.resource != kept || old.scope_region != scope_region) {
            self.name(&key, &kept);
        }
        let row = ResourceState { resource: kept, scope_region, first_seen_ms };
        self.resources.insert(key, row);
    }

    fn report(&mut self, report: Report) {
        let Report { source, report, account, event } = report;
        let id = (account.clone(), format!("report/{source}"), "global".to_owned());
        if let ReportEvent::Changed { finding } = event {
            return self.change(&id, source, finding);
        }
        if !self.enter(&id, (report.clone(), 1), matches!(event, ReportEvent::Started {})) {
            return;
        }
        let at_ms = self.at_ms;
        let scope = self.scopes.get_mut(&id).expect("it was entered");
        match event {
            ReportEvent::Started {} | ReportEvent::Changed { .. } => {}
            ReportEvent::Failed { error } => {
                scope.running = false;
                scope.error = Some(error);
            }
            ReportEvent::Found { finding } => {
                let Finding { check, region, resource, .. } = finding.clone();
                let key = (account, source, check, region, resource);
                let found = self.findings.entry(key).or_default();
                found.rows.retain(|(of, _)| *of == report);
                found.rows.push((report, finding));
                found.told_ms = Some(at_ms);
            }
            ReportEvent::Completed { complete, .. } => {
                scope.running = false;
                scope.completed_ms = Some(at_ms);
                let mine = |key: &FindingId| key.0 == account && key.1 == source;
                self.findings.retain(|key, found| {
                    let stays = |of: &str| of == report || of == changed_in(&report);
                    !complete || !mine(key) || found.rows.iter().all(|(of, _)| stays(of))
                });
            }
        }
    }

    /// Takes a finding that changed outside of any report: it stays with the report that has it.
    fn change(&mut self, id: &ScopeId, source: String, finding: Finding) {
        let report = self.scopes.get(id).map_or("", |scope| &scope.attempt.0);
        let Finding { check, region, resource, .. } = finding.clone();
        let key = (id.0.clone(), source, check, region, resource);
        let told_ms = self.scopes.get(id).map(|_| self.at_ms);
        let found = self.findings.entry(key).or_default();
        let had = found.rows.iter().any(|(of, _)| of == report);
        let of = if had { report.to_owned() } else { changed_in(report) };
        *found = Found { rows: vec![(of, finding)], told_ms };
        self.met.insert(id.0.clone());
    }

    /// Makes every verdict anew; only what can't be told looks back.
    fn rejudge(&mut self) {
        let old = std::mem::take(&mut self.verdicts);
        let entries: Vec<_> = self.standard.all().cloned().collect();
        let known = self.known();
        for entry in &entries {
            let of_type = &entry.requirement.resource_type;
            let resources: Vec<Resource> = self
                .resources
                .values()
                .filter(|row| entry.rule.is_some() && row.resource.resource_type == *of_type)
                .map(|row| row.resource.clone())
                .collect();
            for resource in resources {
                let judged = self.judged(entry, &resource, &known);
                self.settle_rule(entry, &resource, judged, &old);
            }
            self.settle_findings(entry, &old);
        }
    }

    fn judged(
        &mut self,
        entry: &StandardEntry,
        resource: &Resource,
        known: &BTreeSet<String>,
    ) -> Rows {
        let id = entry.requirement.id.clone();
        let minute = self.now_ms().div_euclid(MINUTE);
        let (revision, related) = (self.revisions[&id], self.related(entry, resource));
        let inputs = Inputs(revision, resource.clone(), related.clone(), known.clone(), minute);
        let place = (id, resource.key());
        if let Some((of, rows)) = self.judged.get(&place)
            && *of == inputs
        {
            return rows.clone();
        }
        let rows = judge(entry, &Parsed::of(resource), &related, &Known(known), self.now_ms());
        self.judged.insert(place, (inputs, rows.clone()));
        rows
    }

    fn settle_rule(
        &mut self,
        entry: &StandardEntry,
        resource: &Resource,
        judged: Rows,
        old: &BTreeMap<ComplianceKey, ComplianceState>,
    ) {
        let key = |part: &str| {
            let Resource { account, region, id, .. } = resource;
            ComplianceKey::new(&*entry.requirement.id, account, region, id, part)
        };
        let before: BTreeMap<&str, &ComplianceState> = old
            .iter()
            .filter(|(of, row)| {
                **of == key(&of.part)
                    && row.source == "rule"
                    && row.resource_type == resource.resource_type
            })
            .map(|(of, row)| (&*of.part, row))
            .collect();
        let unreadable = judged.len() == 1
            && judged.get("").is_some_and(|row| row.verdict == Verdict::Unknown)
            && !before.is_empty()
            && !before.contains_key("");
        if unreadable {
            for (part, row) in before {
                let row = self.row(resource, "rule", &judged[""], Some(row), true);
                self.verdicts.insert(key(part), row);
            }
            return;
        }
        for (part, now) in &judged {
            let row = self.row(resource, "rule", now, before.get(&**part).copied(), false);
            self.verdicts.insert(key(part), row);
        }
    }

    fn settle_findings(
        &mut self,
        entry: &StandardEntry,
        old: &BTreeMap<ComplianceKey, ComplianceState>,
    ) {
        let found: Vec<_> = self.findings.clone().into_iter().collect();
        for ((account, source, check, region, resource), found) in found {
            let mappings = &entry.requirement.checks;
            let Some(mapping) = mappings.iter().find(|m| m.source == source && m.check == check)
            else {
                continue;
            };
            let finding = worst(found.rows.iter().map(|(_, finding)| finding));
            let by_summary = entry.requirement.scoring == Scoring::Summary;
            match finding.subject {
                FindingSubject::Empty | FindingSubject::Query => continue,
                FindingSubject::Summary if !by_summary => continue,
                _ => {}
            }
            let told = found.rows.iter().filter_map(|(_, finding)| finding.totals);
            let totals = told.max_by_key(|one| (one.failing, one.total)).filter(|_| by_summary);
            let verdict = match finding.status {
                FindingStatus::Pass => Verdict::Pass,
                FindingStatus::Warn if mapping.warn_passes => Verdict::Pass,
                FindingStatus::Warn | FindingStatus::Fail => Verdict::Fail,
                FindingStatus::Unknown => Verdict::Unknown,
            };
            let eight_days = 8 * 24 * 60 * MINUTE;
            let stale = found.told_ms.is_some_and(|told_ms| told_ms + eight_days <= self.clock);
            let evidence = finding.message.clone();
            let now = compliance::Row { verdict, evidence, flips_ms: None, stale, totals };
            let of_type = &entry.requirement.resource_type;
            let subject = crate::build::resource(&account, &region, of_type, &resource, "{}");
            let is_arn = resource.starts_with("arn:");
            let known = self.resources.get(&subject.key()).filter(|_| !is_arn);
            let named = match known {
                Some(row) => (row.resource.name.clone(), row.resource.arn.clone()),
                None => (resource.clone(), if is_arn { resource } else { String::new() }),
            };
            let subject = Resource { name: named.0, arn: named.1, ..subject };
            let part = format!("{source}:{check}");
            let id = &*entry.requirement.id;
            let key = ComplianceKey::new(id, account, region, &*subject.id, part);
            let row = self.row(&subject, &source, &now, old.get(&key), false);
            self.verdicts.insert(key, row);
        }
    }

    fn row(
        &self,
        resource: &Resource,
        source: &str,
        now: &compliance::Row,
        old: Option<&ComplianceState>,
        hold: bool,
    ) -> ComplianceState {
        let told = |old: &&ComplianceState| {
            hold || now.verdict == Verdict::Unknown
                && (old.verdict == Verdict::Pass || old.verdict == Verdict::Fail)
        };
        let held = old.filter(told);
        let unchanged = old.filter(|old| old.verdict == now.verdict).map(|old| old.since_ms);
        ComplianceState {
            resource_type: resource.resource_type.clone(),
            name: resource.name.clone(),
            arn: resource.arn.clone(),
            verdict: held.map_or(now.verdict, |old| old.verdict),
            held: held.is_some(),
            evidence: held.map_or(&now.evidence, |old| &old.evidence).clone(),
            source: source.to_owned(),
            since_ms: held.map(|old| old.since_ms).or(unchanged).unwrap_or(self.at_ms),
            flips_ms: now.flips_ms,
            stale: now.stale,
            totals: held.map_or(now.totals, |old| old.totals),
            ..ComplianceState::default()
        }
    }
}

/// Of several rows of a report about one check and resource, the worst one about a resource speaks.
fn worst<'a>(rows: impl Iterator<Item = &'a Finding>) -> &'a Finding {
    let rank = |finding: &&Finding| {
        let counts = matches!(finding.subject, FindingSubject::Resource | FindingSubject::Account);
        let status = match finding.status {
            FindingStatus::Fail => 0,
            FindingStatus::Warn => 1,
            FindingStatus::Unknown => 2,
            FindingStatus::Pass => 3,
        };
        (!counts, status, finding.message.clone(), finding.subject)
    };
    rows.min_by_key(rank).expect("a finding was reported")
}

fn replace<V>(map: &mut BTreeMap<String, V>, id: &str, row: Option<V>) {
    match row {
        Some(row) => map.insert(id.to_owned(), row),
        None => map.remove(id),
    };
}

#[test]
fn the_oracle_agrees_with_an_example_by_hand() {
    use crate::build::{Scan, T0, requirement, resource};
    let scan = Scan::new("1", "T", "r", "s");
    let rule = Source::Requirement("R".into(), Some(requirement("R", "T", "!r.Public")));
    let bad = resource("1", "r", "T", "a", r#"{"Public":true}"#);
    let good = resource("1", "r", "T", "b", r#"{"Public":false}"#);
    let sources = [rule, scan.start(), scan.see(&bad), scan.see(&good), scan.complete(2)];
    let events: Vec<_> = sources.into_iter().map(|source| Event { at_ms: T0, source }).collect();
    let oracle = Oracle::run(&events);
    let verdicts: Vec<_> = oracle.verdicts.values().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Verdict::Fail, Verdict::Pass]);
    let score = &oracle.scores()[&("1".to_owned(), "*".to_owned())];
    assert_eq!((score.score, score.total), (Some(0.5), 2));
    assert!(oracle.accounts().contains_key(&AccountKey::new("1")));
}
