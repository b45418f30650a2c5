//! Scopes: attempts start, resources are seen, and only a whole completed attempt sweeps.

use inventory::{
    Attempt, Completion, Member, MemberKey, Order, ScopeKey, ScopeState, ScopeStatus, count_closes,
    order, start,
};
use schemas::{Observation, ObservationEvent, Resource, ResourceKey, key, topic};
use stream::Record;

use super::{
    PIECE, Task,
    accounts::last_key,
    jobs::{ScopeSweep, Work},
    poison, same_entity,
    tables::{MEMBER, SCOPE},
};
use crate::Step;

impl Task<'_, '_> {
    /// Takes one record of a scope.
    pub(super) fn observation(&mut self, record: &Record) -> Step {
        let (of, value) = self.view.read(&topic::OBSERVATION, record)?;
        let observation = value.ok_or_else(|| poison("an observation can't be a tombstone"))?;
        same_entity(&of.account, Some(&observation.account))?;
        let Observation { account, resource_type, region, scan, attempt, event, .. } = observation;
        let key = ScopeKey::new(account, resource_type, region);
        let scope = self.view.get(&SCOPE, &key)?;
        let attempt = Attempt { scan: &scan, attempt };
        match (order(scope.as_deref(), attempt), scope, event) {
            (Order::Newer, scope, ObservationEvent::Started {}) => {
                self.view.put(&SCOPE, &key, start(scope.as_deref(), attempt))?;
                self.cover(&key.account, &key.resource_type)
            }
            (Order::Newer, ..) => {
                Err(poison(format!("{key:?}: attempt {attempt:?} never started")))
            }
            (Order::Current, Some(scope), event) => self.scope_event(&key, &scope, event),
            _ => Ok(()), // Void or delivered again: it says nothing new.
        }
    }

    fn scope_event(&mut self, key: &ScopeKey, scope: &ScopeState, event: ObservationEvent) -> Step {
        match event {
            ObservationEvent::Started {} => Ok(()),
            ObservationEvent::Observed { resource } => self.observed(key, scope, &resource),
            ObservationEvent::Completed { count } => self.push(Work::Sweep {
                sweep: ScopeSweep {
                    account: key.account.clone(),
                    resource_type: key.resource_type.clone(),
                    region: key.region.clone(),
                    generation: scope.generation,
                    announced: count,
                    arrived: 0,
                    counted: false,
                    cursor: None,
                },
            }),
            ObservationEvent::Failed { error } => self.fail_scope(key, scope, error),
        }
    }

    fn observed(&mut self, key: &ScopeKey, scope: &ScopeState, resource: &Resource) -> Step {
        if resource.account != key.account || resource.resource_type != key.resource_type {
            return Err(poison(format!("{:?} does not belong to {key:?}", resource.key())));
        }
        let member = MemberKey::new(
            &*key.account,
            &*key.resource_type,
            &*key.region,
            &*resource.region,
            &*resource.id,
        );
        self.view.put(&MEMBER, &member, Member { generation: scope.generation })?;
        self.see(resource, &key.region)
    }

    /// Marks a scope failed: what it had stays, and the error is data.
    pub(super) fn fail_scope(&mut self, key: &ScopeKey, scope: &ScopeState, error: String) -> Step {
        let (status, error) = (ScopeStatus::Failed, Some(error));
        self.view.put(&SCOPE, key, ScopeState { status, error, ..scope.clone() })?;
        self.cover(&key.account, &key.resource_type)
    }

    /// Does a piece of a sweep: first counts what arrived, then deletes what was not seen.
    pub(super) fn sweep(&mut self, mut sweep: ScopeSweep) -> Step<Option<Work>> {
        let parts = [&*sweep.account, &*sweep.resource_type, &*sweep.region];
        let prefix = key::prefix(&parts);
        let rows = self.view.scan(&MEMBER, &prefix, sweep.cursor.as_deref(), PIECE)?;
        let seen = |member: &Member| member.generation == sweep.generation;
        if sweep.counted {
            for (key, _) in rows.iter().filter(|(_, member)| !seen(member)) {
                self.view.delete(&MEMBER, key)?;
                if !self.is_elsewhere(key)? {
                    let MemberKey { account, resource_type, region, id, .. } = key;
                    self.forget(&ResourceKey::new(account, region, resource_type, id))?;
                }
            }
        } else {
            let arrived = rows.iter().filter(|(_, member)| seen(member)).count();
            sweep.arrived += i64::try_from(arrived).unwrap_or(i64::MAX);
        }
        if rows.len() == PIECE {
            let cursor = last_key(&rows);
            return Ok(Some(Work::Sweep { sweep: ScopeSweep { cursor, ..sweep } }));
        }
        let key = ScopeKey::new(&*sweep.account, &*sweep.resource_type, &*sweep.region);
        if sweep.counted {
            return self.complete_scope(&key, sweep.arrived);
        }
        // Only once all members were counted it is known whether absence counts.
        match count_closes(sweep.announced, sweep.arrived) {
            Completion::Sweep => {
                Ok(Some(Work::Sweep { sweep: ScopeSweep { counted: true, cursor: None, ..sweep } }))
            }
            Completion::Short { error } => self.fall_short(&key, error),
        }
    }

    /// Tells whether another scope of the same type still has a member: a global resource may be
    /// listed in several regions.
    fn is_elsewhere(&self, member: &MemberKey) -> Step<bool> {
        let prefix = key::prefix(&[&member.account, &member.resource_type]);
        for (scope, _) in self.view.scan(&SCOPE, &prefix, None, usize::MAX)? {
            let there = MemberKey { scope_region: scope.region, ..member.clone() };
            if self.view.get(&MEMBER, &there)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends an attempt that told everything, and notes how many resources it saw.
    pub(super) fn complete_scope(&mut self, key: &ScopeKey, resources: i64) -> Step<Option<Work>> {
        if let Some(scope) = self.view.get(&SCOPE, key)? {
            let (status, completed_ms) = (ScopeStatus::Completed, Some(self.view.at_ms()));
            let error = None;
            let done = ScopeState { status, completed_ms, error, resources, ..(*scope).clone() };
            self.view.put(&SCOPE, key, done)?;
            self.cover(&key.account, &key.resource_type)?;
        }
        Ok(None)
    }

    /// Ends an attempt of which less arrived than it announced.
    pub(super) fn fall_short(&mut self, key: &ScopeKey, error: String) -> Step<Option<Work>> {
        if let Some(scope) = self.view.get(&SCOPE, key)? {
            self.fail_scope(key, &scope, error)?;
        }
        Ok(None)
    }
}
