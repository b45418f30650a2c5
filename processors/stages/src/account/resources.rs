//! Resources: a document that came, changed or went, and everything that follows from it.

use std::sync::Arc;

use compliance::{Parsed, RULE_SOURCE, Rows, StandardEntry, judge};
use inventory::differences;
use schemas::{
    ChangeKind, ComplianceKey, ComplianceState, Difference, Resource, ResourceChange, ResourceKey,
    ResourceState, topic,
};

use super::{Task, cache::Standings, tables::RESOURCE};
use crate::Step;

/// The rules' view of the world outside a document.
struct Known<'a>(&'a Standings);

impl rules::Context for Known<'_> {
    fn is_known_account(&self, account_id: &str) -> bool {
        self.0.get(account_id).is_some()
    }
}

impl Task<'_, '_> {
    /// Takes a resource as it was seen; nothing happens when it is as it was.
    pub(super) fn see(&mut self, seen: &Resource, scope_region: &str) -> Step {
        let key = seen.key();
        let before = self.view.get(&RESOURCE, &key)?;
        let (kind, changes) = match &before {
            None => (ChangeKind::Created, Vec::new()),
            Some(before) if before.scope_region == scope_region && same(&before.resource, seen) => {
                return Ok(());
            }
            Some(before) => (ChangeKind::Updated, differences(&before.resource, seen)),
        };
        let after = ResourceState {
            resource: seen.clone(),
            scope_region: scope_region.to_owned(),
            first_seen_ms: before.as_ref().map_or(seen.captured_ms, |row| row.first_seen_ms),
        };
        self.view.put(&RESOURCE, &key, after)?;
        let first_trusted = self.trust(seen)?;
        self.tell(&key, kind, changes, first_trusted)?;
        let before = before.as_ref().map(|row| Parsed::of(&row.resource));
        let seen = Parsed::of(seen);
        self.move_found(before.as_ref(), Some(&seen))?;
        self.judge_by_all(before.as_ref(), &seen)
    }

    /// Takes a resource out of the inventory.
    pub(super) fn forget(&mut self, key: &ResourceKey) -> Step {
        let Some(before) = self.view.get(&RESOURCE, key)? else {
            return Ok(());
        };
        self.view.delete(&RESOURCE, key)?;
        self.distrust(key)?;
        self.tell(key, ChangeKind::Deleted, Vec::new(), Vec::new())?;
        let parsed = Parsed::of(&before.resource);
        self.move_found(Some(&parsed), None)?;
        // What others say of it goes on, under the name that they know it by.
        let (id, arn) = (&before.resource.id, &before.resource.arn);
        let gone = Resource { name: id.clone(), arn: String::new(), ..before.resource.clone() };
        for entry in self.concerning(&gone.resource_type)? {
            self.move_looking(&entry, Some(&parsed), None)?;
            self.replace(&entry, &gone, arn, is_rule, (RULE_SOURCE, Rows::new()))?;
        }
        Ok(())
    }

    /// Judges a resource by one requirement.
    pub(super) fn judge_by(&mut self, entry: &StandardEntry, judged: &Parsed<'_>) -> Step {
        self.judge_anew(entry, judged, &judged.resource().arn)
    }

    /// Judges a resource that had another ARN perhaps by one requirement.
    fn judge_anew(&mut self, entry: &StandardEntry, judged: &Parsed<'_>, was: &str) -> Step {
        let now_ms = self.now_ms()?;
        let related = self.related(entry, judged)?;
        let rows = judge(entry, judged, &related, &Known(self.known()?), now_ms);
        self.replace(entry, judged.resource(), was, is_rule, (RULE_SOURCE, rows))
    }

    fn judge_by_all(&mut self, before: Option<&Parsed<'_>>, seen: &Parsed<'_>) -> Step {
        let was = before.map_or("", |before| &before.resource().arn);
        for entry in self.concerning(&seen.resource().resource_type)? {
            self.move_looking(&entry, before, Some(seen))?;
            self.judge_anew(&entry, seen, was)?;
        }
        Ok(())
    }

    fn concerning(&mut self, resource_type: &str) -> Step<Vec<Arc<StandardEntry>>> {
        Ok(self.standard()?.concerning(resource_type).cloned().collect())
    }

    fn tell(
        &mut self,
        key: &ResourceKey,
        kind: ChangeKind,
        differences: Vec<Difference>,
        first_trusted: Vec<String>,
    ) -> Step {
        let (at_ms, cause) = (self.view.at_ms(), self.view.cause().clone());
        let change = ResourceChange { kind, at_ms, differences, cause, first_trusted };
        self.view.emit(&topic::RESOURCE_CHANGE, key, &change)
    }
}

fn is_rule(_: &ComplianceKey, row: &ComplianceState) -> bool {
    row.source == RULE_SOURCE
}

/// Tells whether two documents are the same, whenever they were seen.
fn same(before: &Resource, after: &Resource) -> bool {
    let Resource { captured_ms, .. } = after;
    &Resource { captured_ms: *captured_ms, ..before.clone() } == after
}
