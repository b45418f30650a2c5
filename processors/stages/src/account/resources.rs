//! Resources: a document that came, changed or went, and everything that follows from it.

use std::sync::Arc;

use compliance::{RULE_SOURCE, Rows, StandardEntry, judge};
use inventory::differences;
use schemas::{
    ChangeKind, ComplianceState, Difference, Key, Resource, ResourceChange, ResourceKey,
    ResourceState, TrustKey, topic,
};

use super::{
    Task,
    tables::{RESOURCE, TRUST},
};
use crate::Step;

/// The rules' view of the world outside a document.
struct Known<'a>(&'a std::collections::BTreeSet<String>);

impl rules::Context for Known<'_> {
    fn is_known_account(&self, account_id: &str) -> bool {
        self.0.contains(account_id)
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
        self.tell(&key, kind, changes)?;
        self.retrust(before.as_ref().map(|row| &row.resource), Some(seen))?;
        self.judge_by_all(seen)
    }

    /// Takes a resource out of the inventory.
    pub(super) fn forget(&mut self, key: &ResourceKey) -> Step {
        let Some(before) = self.view.get(&RESOURCE, key)? else {
            return Ok(());
        };
        self.view.delete(&RESOURCE, key)?;
        self.tell(key, ChangeKind::Deleted, Vec::new())?;
        self.retrust(Some(&before.resource), None)?;
        for entry in self.judging(&before.resource.resource_type)? {
            self.replace(&entry, &before.resource, RULE_SOURCE, is_rule, Rows::new())?;
        }
        Ok(())
    }

    /// Judges a resource by one requirement.
    pub(super) fn judge_by(&mut self, entry: &StandardEntry, resource: &Resource) -> Step {
        let now_ms = self.now_ms()?;
        let judged = judge(entry, resource, &Known(self.known()?), now_ms);
        self.replace(entry, resource, RULE_SOURCE, is_rule, judged)
    }

    /// Writes anew whether each principal of an account is known.
    pub(super) fn recognise(&mut self, key: &TrustKey) -> Step {
        let Some(row) = self.view.get(&TRUST, key)? else {
            return Ok(());
        };
        let mut row = Arc::unwrap_or_clone(row);
        let known = self.known()?;
        row.known =
            trust::is_known(row.kind, row.principal_account.as_deref(), |a| known.contains(a));
        self.view.put(&TRUST, key, row)
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

    fn tell(&mut self, key: &ResourceKey, kind: ChangeKind, changes: Vec<Difference>) -> Step {
        let cause = self.view.cause().clone();
        let change = ResourceChange { kind, at_ms: self.view.at_ms(), differences: changes, cause };
        self.view.emit(&topic::RESOURCE_CHANGE, key, &change)
    }

    fn retrust(&mut self, before: Option<&Resource>, after: Option<&Resource>) -> Step {
        let of = |resource: Option<&Resource>| resource.map(trust::principals).unwrap_or_default();
        let (old, new) = (of(before), of(after));
        let Some(resource) = after.or(before) else {
            return Ok(());
        };
        let through = resource.key().encode();
        for principal in old.keys().filter(|name| !new.contains_key(*name)) {
            let key = TrustKey::new(&*resource.account, &**principal);
            let row = self.view.get(&TRUST, &key)?.map(Arc::unwrap_or_clone);
            match row.and_then(|row| trust::leave(row, &through)) {
                Some(row) => self.view.put(&TRUST, &key, row)?,
                None => self.view.delete(&TRUST, &key)?,
            }
        }
        for (principal, trusted) in &new {
            let key = TrustKey::new(&*resource.account, &**principal);
            let known = self.known()?;
            let account = trusted.account.as_deref();
            let known = trust::is_known(trusted.kind, account, |a| known.contains(a));
            let row = self.view.get(&TRUST, &key)?.map(Arc::unwrap_or_clone);
            self.view.put(&TRUST, &key, trust::enter(row, trusted, known, &through))?;
        }
        Ok(())
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
