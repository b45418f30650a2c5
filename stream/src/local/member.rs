//! A group's member: assignment, reading, and the transaction, which is one batch of the store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use schemas::TopicSpec;

use super::{
    Fault,
    compactor::Nudge,
    cursor::{self, Cursor},
    group::Change,
    shared::{Shared, State, injected},
};
use crate::{
    LogError, Member, Membership, Noted, Outcome, Outgoing, Polled, Position, log::check_notes,
};

/// A member of a group in a local log.
pub(super) struct LocalMember {
    shared: Arc<Shared>,
    nudge: Nudge,
    membership: Membership,
    epoch: u64,
    cursors: Vec<Cursor>,
    first: usize,
    owned: Vec<i32>,
    /// Revoked partitions that the next poll gives up: until then the worker may commit.
    releasing: Vec<i32>,
    fenced: bool,
}

impl LocalMember {
    pub(super) fn new(
        shared: Arc<Shared>,
        nudge: Nudge,
        membership: &Membership,
    ) -> Result<Self, LogError> {
        let epoch = {
            let mut state = shared.lock();
            for topic in &membership.inputs {
                shared.place(&state, topic, 0)?;
            }
            let group = state.groups.entry(membership.group.clone()).or_default();
            group.join(&membership.slot)
        };
        shared.wake();
        Ok(Self {
            shared,
            nudge,
            membership: membership.clone(),
            epoch,
            cursors: Vec::new(),
            first: 0,
            owned: Vec::new(),
            releasing: Vec::new(),
            fenced: false,
        })
    }

    /// Gives up what was revoked, then tells what is new.
    fn change(&mut self, state: &mut State) -> Result<Option<Polled>, LogError> {
        let group = state.groups.entry(self.membership.group.clone());
        let group = group.or_default();
        let slot = &self.membership.slot;
        if !self.releasing.is_empty() {
            let released = std::mem::take(&mut self.releasing);
            group.release(slot, self.epoch, &released);
            self.owned.retain(|partition| !released.contains(partition));
            self.shared.wake();
        }
        match group.change(slot, self.epoch, self.shared.partitions) {
            Change::None => Ok(None),
            Change::Assign(partitions) => {
                self.owned.extend(&partitions);
                Ok(Some(Polled::Assigned(partitions)))
            }
            Change::Revoke(partitions) => {
                self.forget(&partitions);
                self.releasing.clone_from(&partitions);
                let lost = false;
                Ok(Some(Polled::Revoked { partitions, lost }))
            }
            Change::Fenced if self.fenced => {
                Err(LogError::Fenced { group: self.membership.group.clone(), slot: slot.clone() })
            }
            Change::Fenced => {
                self.fenced = true;
                let partitions = std::mem::take(&mut self.owned);
                self.forget(&partitions);
                let lost = true;
                Ok(Some(Polled::Revoked { partitions, lost }))
            }
        }
    }

    fn forget(&mut self, partitions: &[i32]) {
        self.cursors.retain(|cursor| !partitions.contains(&cursor.partition));
    }

    /// Whether a commit of these positions is the member's to make.
    fn may_commit(&self, state: &State, positions: &[Noted]) -> bool {
        let slot = &self.membership.slot;
        state.groups.get(&self.membership.group).is_some_and(|group| {
            let mut positions = positions.iter();
            group.is_live(slot, self.epoch)
                && positions.all(|noted| group.owns(slot, noted.position.partition))
        })
    }

    fn cursor(&self, topic: &'static TopicSpec, partition: i32) -> Option<usize> {
        let mut cursors = self.cursors.iter();
        cursors.position(|c| c.topic.name == topic.name && c.partition == partition)
    }
}

impl Member for LocalMember {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, LogError> {
        let deadline = Instant::now() + timeout;
        let shared = self.shared.clone();
        let mut state = shared.lock();
        if state.fault.strikes(Fault::poll) {
            return Err(injected("reading records"));
        }
        loop {
            if let Some(change) = self.change(&mut state)? {
                return Ok(change);
            }
            let pages = cursor::pages(&state, &self.cursors, self.first);
            if pages.is_empty() {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(Polled::Records(Vec::new()));
                }
                state = shared.wait(state, left);
                continue;
            }
            drop(state);
            self.first = (self.first + 1) % self.cursors.len();
            let records = cursor::fetch(&shared, &mut self.cursors, &pages)?;
            if !records.is_empty() {
                return Ok(Polled::Records(records));
            }
            state = shared.lock();
        }
    }

    fn committed(&self, partitions: &[i32]) -> Result<Vec<Noted>, LogError> {
        let mut committed = Vec::new();
        for &partition in partitions {
            for &topic in &self.membership.inputs {
                if !self.owned.contains(&partition) || self.releasing.contains(&partition) {
                    return Err(not_assigned(topic, partition));
                }
                let place = self.shared.place(&self.shared.lock(), topic, partition)?;
                let (offset, note) = self.shared.committed(&self.membership.group, place)?;
                committed.push(Noted { position: Position { topic, partition, offset }, note });
            }
        }
        Ok(committed)
    }

    fn resume(&mut self, partitions: &[i32]) -> Result<Vec<Position>, LogError> {
        self.forget(partitions);
        let mut positions = Vec::new();
        for Noted { position, .. } in self.committed(partitions)? {
            let Position { topic, partition, offset } = position;
            let place = self.shared.place(&self.shared.lock(), topic, partition)?;
            let cursor = Cursor { topic, partition, place, position: offset as u64, paused: false };
            positions.push(cursor.position());
            self.cursors.push(cursor);
        }
        Ok(positions)
    }

    fn pause(
        &mut self,
        topic: &'static TopicSpec,
        partition: i32,
        on: bool,
    ) -> Result<(), LogError> {
        let index = self.cursor(topic, partition);
        let index = index.ok_or_else(|| not_assigned(topic, partition))?;
        self.cursors[index].paused = on;
        Ok(())
    }

    fn at_end(&self, topic: &'static TopicSpec, partition: i32) -> bool {
        self.cursor(topic, partition).is_some_and(|index| {
            let cursor = &self.cursors[index];
            cursor.position >= self.shared.lock().partition(cursor.place).end
        })
    }

    fn commit_noted(
        &mut self,
        outputs: Vec<Outgoing>,
        positions: &[Noted],
    ) -> Result<Outcome, LogError> {
        check_notes(positions)?;
        let encoded = self.shared.encode(&outputs)?;
        let mut state = self.shared.lock();
        if !self.may_commit(&state, positions) {
            return Ok(Outcome::Fenced);
        }
        if state.fault.strikes(Fault::abort) {
            return Ok(Outcome::Aborted);
        }
        let lost = state.fault.strikes(Fault::lose);
        self.shared.append(state, encoded, &self.membership.group, positions)?;
        self.nudge.appended(outputs.len());
        if lost {
            return Err(injected("hearing how a transaction ended"));
        }
        Ok(Outcome::Committed)
    }

    fn position(&self, topic: &'static TopicSpec, partition: i32) -> Option<i64> {
        Some(self.cursors[self.cursor(topic, partition)?].position as i64)
    }
}

impl Drop for LocalMember {
    fn drop(&mut self) {
        // A poisoned log has no use for groups, and a panic here would end the process.
        let Some(mut state) = self.shared.lock_unless_poisoned() else {
            return;
        };
        if let Some(group) = state.groups.get_mut(&self.membership.group) {
            group.leave(&self.membership.slot, self.epoch);
        }
        drop(state);
        self.shared.wake();
    }
}

fn not_assigned(topic: &'static TopicSpec, partition: i32) -> LogError {
    LogError::NotAssigned { topic: topic.name, partition }
}
