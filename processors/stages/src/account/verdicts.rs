//! Verdicts: judged rows replace the rows that stood, with their changes, timers and votes.

use std::{collections::BTreeMap, sync::Arc};

use compliance::{Place, Rows, StandardEntry, count_rows, credit, settle};
use schemas::{
    AccountKey, ComplianceChange, ComplianceKey, ComplianceState, Key, Resource, ResourceKey,
    Standing, Verdict, key, topic,
};

use super::{
    Task,
    tables::{ACCOUNT, COMPLIANCE, PARTS, PartsKey, PartsRow, RESOURCE, TIMER, TimerKey},
};
use crate::Step;

/// The kind of timers that judge a resource again.
pub(super) const VERDICT_TIMER: &str = "verdict";

/// Rows of one resource under one requirement, by part.
type Parts = BTreeMap<String, Arc<ComplianceState>>;

impl Task<'_, '_> {
    /// Replaces a source's rows of a resource under a requirement by what was judged now.
    ///
    /// `mine` tells which of the rows that stand are the source's own.
    pub(super) fn replace(
        &mut self,
        entry: &StandardEntry,
        resource: &Resource,
        source: &str,
        mine: impl Fn(&str, &ComplianceState) -> bool,
        judged: Rows,
    ) -> Step {
        let requirement = &entry.requirement;
        let all = self.rows_of(&parts_key(&requirement.id, resource))?;
        let (own, other): (Parts, Parts) =
            all.clone().into_iter().partition(|(part, row)| mine(part, row));
        let at_ms = self.view.at_ms();
        let mut after = Parts::new();
        for (part, row) in settle(&own, judged, resource, source, at_ms) {
            let key = row_key(&requirement.id, resource, &part);
            let row = self.with_credit(&key, row)?;
            after.insert(part, Arc::new(row));
        }
        for part in own.keys().chain(after.keys().filter(|part| !own.contains_key(*part))) {
            let key = row_key(&requirement.id, resource, part);
            self.write_row(&key, own.get(part), after.get(part))?;
        }
        let before = count_rows(requirement.scoring, all.values().map(|row| &**row));
        let now = other.values().chain(after.values()).map(|row| &**row);
        let now = count_rows(requirement.scoring, now);
        self.count(&resource.account, &requirement.id, now + -before);
        Ok(())
    }

    /// Gives the credit of one row anew; the other rows of its resource count with it.
    pub(super) fn recredit(&mut self, key: &ComplianceKey, row: &Arc<ComplianceState>) -> Step {
        let after = Arc::new(self.with_credit(key, (**row).clone())?);
        if after == *row {
            return Ok(());
        }
        let Some(scoring) = self.standard()?.get(&key.requirement).map(|e| e.requirement.scoring)
        else {
            return Ok(());
        };
        let siblings = self.rows_beside(key)?;
        let before = count_rows(scoring, siblings.iter().map(|(_, row)| &**row));
        let now = count_rows(
            scoring,
            siblings.iter().map(|(other, row)| if other == key { &*after } else { &**row }),
        );
        self.write_row(key, Some(row), Some(&after))?;
        self.count(&key.account, &key.requirement, now + -before);
        Ok(())
    }

    /// Takes a row away, as when its requirement no longer judges such resources.
    pub(super) fn drop_row(&mut self, key: &ComplianceKey, row: &Arc<ComplianceState>) -> Step {
        self.write_row(key, Some(row), None)
    }

    /// Writes a row with its change and its timer; nothing happens where nothing differs.
    fn write_row(
        &mut self,
        key: &ComplianceKey,
        before: Option<&Arc<ComplianceState>>,
        after: Option<&Arc<ComplianceState>>,
    ) -> Step {
        if before == after {
            return Ok(());
        }
        match after {
            Some(row) => self.view.put(&COMPLIANCE, key, row.clone())?,
            None => self.view.delete(&COMPLIANCE, key)?,
        }
        if before.is_some() != after.is_some() {
            self.move_part(key, after.is_some())?;
        }
        self.move_timer(key, before.and_then(|r| r.flips_ms), after.and_then(|r| r.flips_ms))?;
        let (before, after) = (before.map(|row| standing(row)), after.map(|row| standing(row)));
        if before == after {
            return Ok(());
        }
        let at_ms = self.view.at_ms();
        let change = ComplianceChange { before, after, at_ms, cause: self.view.cause().clone() };
        self.view.emit(&topic::COMPLIANCE_CHANGE, key, &change)
    }

    fn move_timer(&mut self, key: &ComplianceKey, from: Option<i64>, to: Option<i64>) -> Step {
        if from == to {
            return Ok(());
        }
        let timer = |at_ms| TimerKey::at(at_ms, VERDICT_TIMER, &key.encode());
        if let Some(at_ms) = from {
            self.view.delete(&TIMER, &timer(at_ms))?;
        }
        if let Some(at_ms) = to {
            self.set_timer(&timer(at_ms))?;
        }
        Ok(())
    }

    /// Gives all rows of a row's resource under its requirement, itself among them.
    pub(super) fn rows_beside(
        &mut self,
        key: &ComplianceKey,
    ) -> Step<Vec<(ComplianceKey, Arc<ComplianceState>)>> {
        let ComplianceKey { requirement, account, region, resource, .. } = key;
        let rows = self.rows_of(&PartsKey::new(requirement, account, region, resource))?;
        let with_key = |(part, row)| (ComplianceKey { part, ..key.clone() }, row);
        Ok(rows.into_iter().map(with_key).collect())
    }

    fn rows_of(&mut self, of: &PartsKey) -> Step<Parts> {
        let PartsKey { requirement, account, region, resource } = of;
        let mut rows = Parts::new();
        for part in self.view.get(&PARTS, of)?.iter().flat_map(|row| &row.parts) {
            let key = ComplianceKey::new(requirement, account, region, resource, part);
            let row = self.view.get(&COMPLIANCE, &key)?;
            rows.extend(row.map(|row| (part.clone(), row)));
        }
        Ok(rows)
    }

    /// Notes that a part has a row now, or none any more.
    fn move_part(&mut self, key: &ComplianceKey, is_there: bool) -> Step {
        let ComplianceKey { requirement, account, region, resource, part } = key;
        let of = PartsKey::new(requirement, account, region, resource);
        let mut parts = self.view.get(&PARTS, &of)?.map_or(Vec::new(), |row| row.parts.clone());
        match parts.binary_search(part) {
            Err(at) if is_there => parts.insert(at, part.clone()),
            Ok(at) if !is_there => drop(parts.remove(at)),
            _ => {}
        }
        if parts.is_empty() {
            return self.view.delete(&PARTS, &of);
        }
        self.view.put(&PARTS, &of, PartsRow { parts })
    }

    /// Gives the credit of all rows of a resource anew, where any credit goes by its tags.
    pub(super) fn recredit_tagged(&mut self, resource: &Resource) -> Step {
        if !self.exceptions()?.asks_for_tags() {
            return Ok(());
        }
        let of_type =
            |entry: &StandardEntry| entry.requirement.resource_type == resource.resource_type;
        for id in self.requirements(of_type)? {
            for (part, row) in self.rows_of(&parts_key(&id, resource))? {
                self.recredit(&row_key(&id, resource, &part), &row)?;
            }
        }
        Ok(())
    }

    fn with_credit(&mut self, key: &ComplianceKey, row: ComplianceState) -> Step<ComplianceState> {
        let now_ms = self.now_ms()?;
        let exceptions = self.exceptions()?;
        let (placed, tagged) = (exceptions.by_place().next().is_some(), exceptions.asks_for_tags());
        let fails = row.verdict == Verdict::Fail;
        // What no exception asks for is not looked up.
        let account = if fails && placed {
            self.view.get(&ACCOUNT, &AccountKey::new(&*key.account))?
        } else {
            None
        };
        let resource =
            if fails && tagged { self.view.get(&RESOURCE, &resource_of(key, &row))? } else { None };
        let resource = resource.as_deref().map(|state| &state.resource);
        let place = Place { account: account.as_deref(), resource };
        Ok(credit(key, row, place, self.exceptions()?, now_ms))
    }
}

fn parts_key(requirement: &str, resource: &Resource) -> PartsKey {
    let Resource { account, region, id, .. } = resource;
    PartsKey::new(requirement, &**account, &**region, &**id)
}

fn row_key(requirement: &str, resource: &Resource, part: &str) -> ComplianceKey {
    let Resource { account, region, id, .. } = resource;
    ComplianceKey::new(requirement, &**account, &**region, &**id, part)
}

/// Gives the resource that a row is about, as the inventory calls it.
fn resource_of(key: &ComplianceKey, row: &ComplianceState) -> ResourceKey {
    ResourceKey::new(&*key.account, &*key.region, &*row.resource_type, &*key.resource)
}

/// Gives the prefix of all rows of a resource under a requirement.
pub(super) fn resource_prefix(key: &ComplianceKey) -> String {
    key::prefix(&[&key.requirement, &key.account, &key.region, &key.resource])
}

fn standing(row: &ComplianceState) -> Standing {
    Standing { verdict: row.verdict, credit: row.credit }
}
