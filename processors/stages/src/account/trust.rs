//! Trust: whom a resource lets in becomes the rows of its account, and shares of foreign accounts.

use std::sync::Arc;

use schemas::{
    Contribution, ContributionKey, Key, Resource, ResourceKey, TrustKey, TrustState, key, topic,
};
use trust::{Change, Grant};

use super::{
    Task,
    tables::{GRANTS, GrantsRow, SIGHT, Sight, THROUGH, TRUST, Through, ThroughKey},
};
use crate::{Step, rollup::FOREIGN};

impl Task<'_, '_> {
    /// Takes what a resource's document says of trust; gives the principals that its account never
    /// trusted before.
    pub(super) fn trust(&mut self, resource: &Resource) -> Step<Vec<String>> {
        let key = resource.key();
        let before = self.grants_of(&key)?;
        let after = trust::grants(resource, &before);
        let mut first = Vec::new();
        for (principal, change) in trust::merged(&before, &after) {
            let trusted = TrustKey::new(&*key.account, principal);
            if change.1.is_some() && self.sight(&trusted, resource.captured_ms)? {
                first.push(principal.to_owned());
            }
            self.retrust(&trusted, &change, &key, &resource.name)?;
        }
        self.keep_grants(&key, after)?;
        Ok(first)
    }

    /// Takes a resource that is gone: nobody comes in through it any more.
    pub(super) fn distrust(&mut self, key: &ResourceKey) -> Step {
        let before = self.grants_of(key)?;
        for (principal, change) in trust::merged(&before, &[]) {
            self.retrust(&TrustKey::new(&*key.account, principal), &change, key, "")?;
        }
        self.keep_grants(key, Vec::new())
    }

    /// Writes anew by what a principal is known.
    pub(super) fn recognise(&mut self, key: &TrustKey) -> Step {
        match self.view.get(&TRUST, key)? {
            Some(before) => self.write_trust(key, Some(&before), (*before).clone()),
            None => Ok(()),
        }
    }

    fn grants_of(&self, key: &ResourceKey) -> Step<Vec<Grant>> {
        Ok(self.view.get(&GRANTS, key)?.map_or(Vec::new(), |row| row.grants.clone()))
    }

    fn keep_grants(&mut self, key: &ResourceKey, grants: Vec<Grant>) -> Step {
        if grants.is_empty() {
            return self.view.delete(&GRANTS, key);
        }
        self.view.put(&GRANTS, key, GrantsRow { grants })
    }

    /// Notes when a principal was seen; true when it never was before.
    fn sight(&mut self, key: &TrustKey, captured_ms: i64) -> Step<bool> {
        let before = self.view.get(&SIGHT, key)?.map(|row| row.first_seen_ms);
        let first_seen_ms = before.map_or(captured_ms, |at_ms| at_ms.min(captured_ms));
        self.view.put(&SIGHT, key, Sight { first_seen_ms })?;
        Ok(before.is_none())
    }

    fn retrust(
        &mut self,
        key: &TrustKey,
        change: &Change<'_>,
        through: &ResourceKey,
        name: &str,
    ) -> Step {
        let at = through_key(&key.principal, through);
        match &change.1 {
            Some(_) => self.view.put(&THROUGH, &at, Through { name: name.to_owned() })?,
            None => self.view.delete(&THROUGH, &at)?,
        }
        let before = self.view.get(&TRUST, key)?;
        let mut row = before.as_deref().cloned().unwrap_or_default();
        trust::apply(&mut row, change, &through.encode(), name);
        self.refill(key, &mut row)?;
        row.first_seen_ms = self.view.get(&SIGHT, key)?.map_or(0, |row| row.first_seen_ms);
        self.write_trust(key, before.as_ref(), row)
    }

    /// Lists the next resource in the place of one that is gone from a list that was not whole.
    fn refill(&self, key: &TrustKey, row: &mut TrustState) -> Step {
        if trust::is_filled(row) {
            return Ok(());
        }
        let last = row.through.last().and_then(|last| ResourceKey::decode(last));
        let after = last.map(|last| through_key(&key.principal, &last).encode());
        let prefix = key::prefix(&[&key.account, &key.principal]);
        let next = self.view.scan(&THROUGH, &prefix, after.as_deref(), 1)?;
        for (next, way) in next {
            let ThroughKey { account, region, resource_type, id, .. } = next;
            row.through.push(ResourceKey { account, region, resource_type, id }.encode());
            row.names.push(way.name.clone());
        }
        Ok(())
    }

    /// Writes a principal's row and its share of the foreign account that it lies in.
    fn write_trust(
        &mut self,
        key: &TrustKey,
        before: Option<&Arc<TrustState>>,
        mut row: TrustState,
    ) -> Step {
        let standings = self.known()?;
        trust::recognise(&mut row, &key.account, &key.principal, |id| standings.get(id));
        let after = (row.resources > 0).then_some(row);
        let was = before.and_then(|row| share(key, row));
        let is = after.as_ref().and_then(|row| share(key, row));
        match after {
            Some(row) => self.view.put(&TRUST, key, row)?,
            None => self.view.delete(&TRUST, key)?,
        }
        match (was, is) {
            (was, is) if was == is => Ok(()),
            (_, Some((of, share))) => self.view.emit(&topic::CONTRIBUTION, &of, &share),
            // A name tells its account: a share has the same key as long as it lives.
            (Some((of, _)), None) => {
                self.view.retract(&topic::CONTRIBUTION, &of);
                Ok(())
            }
            (None, None) => Ok(()),
        }
    }
}

fn share(key: &TrustKey, row: &TrustState) -> Option<(ContributionKey, Contribution)> {
    let (foreign, share) = trust::foreign_share(row)?;
    Some((ContributionKey::new(FOREIGN, foreign, &*key.account, &*key.principal), share))
}

fn through_key(principal: &str, resource: &ResourceKey) -> ThroughKey {
    let ResourceKey { account, region, resource_type, id } = resource;
    ThroughKey::new(account, principal, region, resource_type, id)
}
