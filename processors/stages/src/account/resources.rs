//! Resources: a document that came, changed or went, and everything that follows from it.

use std::{collections::BTreeMap, sync::Arc};

use compliance::{RULE_SOURCE, Rows, StandardEntry, judge};
use inventory::differences;
use schemas::{
    ChangeKind, ComplianceState, Difference, Resource, ResourceChange, ResourceKey, ResourceState,
    topic,
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
        self.judge_by_all(seen)?;
        let tags = before.as_ref().map(|before| &before.resource.tags);
        // Findings of outside scanners about it have no tags of their own.
        if tags.unwrap_or(&BTreeMap::new()) == &seen.tags {
            return Ok(());
        }
        self.recredit_tagged(seen)
    }

    /// Takes a resource out of the inventory.
    pub(super) fn forget(&mut self, key: &ResourceKey) -> Step {
        let Some(before) = self.view.get(&RESOURCE, key)? else {
            return Ok(());
        };
        self.view.delete(&RESOURCE, key)?;
        self.distrust(key)?;
        self.tell(key, ChangeKind::Deleted, Vec::new(), Vec::new())?;
        for entry in self.judging(&before.resource.resource_type)? {
            self.replace(&entry, &before.resource, RULE_SOURCE, is_rule, Rows::new())?;
        }
        self.recredit_tagged(&before.resource)
    }

    /// Judges a resource by one requirement.
    pub(super) fn judge_by(&mut self, entry: &StandardEntry, resource: &Resource) -> Step {
        let now_ms = self.now_ms()?;
        let judged = judge(entry, resource, &Known(self.known()?), now_ms);
        self.replace(entry, resource, RULE_SOURCE, is_rule, judged)
    }

    fn judge_by_all(&mut self, resource: &Resource) -> Step {
        for entry in self.judging(&resource.resource_type)? {
            self.judge_by(&entry, resource)?;
        }
        Ok(())
    }

    fn judging(&mut self, resource_type: &str) -> Step<Vec<Arc<StandardEntry>>> {
        Ok(self.standard()?.judging(resource_type).cloned().collect())
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

fn is_rule(_: &str, row: &ComplianceState) -> bool {
    row.source == RULE_SOURCE
}

/// Tells whether two documents are the same, whenever they were seen.
fn same(before: &Resource, after: &Resource) -> bool {
    let Resource { captured_ms, .. } = after;
    &Resource { captured_ms: *captured_ms, ..before.clone() } == after
}
