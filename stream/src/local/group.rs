//! Consumer groups within one process: who owns which partitions. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// A group's live members.
#[derive(Debug, Default)]
pub(super) struct Group {
    members: BTreeMap<String, Slot>,
    epochs: u64,
}

#[derive(Debug)]
struct Slot {
    epoch: u64,
    owned: BTreeSet<i32>,
}

/// What a member has to hear next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing changed.
    None,
    /// Another member took the slot.
    Fenced,
    /// These partitions go to others; they stay owned until `release`.
    Revoke(Vec<i32>),
    /// These partitions are the member's from now on.
    Assign(Vec<i32>),
}

impl Group {
    /// Takes a member in; an older one of the same slot is fenced and loses what it owned.
    pub(super) fn join(&mut self, slot: &str) -> u64 {
        self.epochs += 1;
        let member = Slot { epoch: self.epochs, owned: BTreeSet::new() };
        self.members.insert(slot.to_owned(), member);
        self.epochs
    }

    /// Lets a member go, unless it was fenced.
    pub(super) fn leave(&mut self, slot: &str, epoch: u64) {
        if self.is_live(slot, epoch) {
            self.members.remove(slot);
        }
    }

    pub(super) fn is_live(&self, slot: &str, epoch: u64) -> bool {
        self.members.get(slot).is_some_and(|m| m.epoch == epoch)
    }

    pub(super) fn owns(&self, slot: &str, partition: i32) -> bool {
        let member = self.members.get(slot);
        member.is_some_and(|m| m.owned.contains(&partition))
    }

    /// Gives up partitions after a revocation.
    pub(super) fn release(&mut self, slot: &str, epoch: u64, partitions: &[i32]) {
        if let Some(member) = self.members.get_mut(slot).filter(|m| m.epoch == epoch) {
            for partition in partitions {
                member.owned.remove(partition);
            }
        }
    }

    /// Says what a member has to hear, and books an assignment as heard.
    pub(super) fn change(&mut self, slot: &str, epoch: u64, partitions: i32) -> Change {
        if !self.is_live(slot, epoch) {
            return Change::Fenced;
        }
        let target = self.target(slot, partitions);
        let taken: BTreeSet<i32> = self
            .members
            .iter()
            .filter(|(name, _)| *name != slot)
            .flat_map(|(_, member)| member.owned.iter().copied())
            .collect();
        let member = self.members.get_mut(slot).expect("it is live");
        let revoked: Vec<i32> = member.owned.difference(&target).copied().collect();
        if !revoked.is_empty() {
            return Change::Revoke(revoked);
        }
        let free = |partition: &&i32| !taken.contains(partition);
        let new = target.difference(&member.owned).filter(free);
        let assigned: Vec<i32> = new.copied().collect();
        if assigned.is_empty() {
            return Change::None;
        }
        member.owned.extend(&assigned);
        Change::Assign(assigned)
    }

    /// Gives a member's share: a run of numbers, as Kafka's range assignor gives it to members
    /// that are sorted by their static names.
    fn target(&self, slot: &str, partitions: i32) -> BTreeSet<i32> {
        let members = self.members.len() as i32;
        let Some(index) = self.members.keys().position(|name| name == slot) else {
            return BTreeSet::new();
        };
        let index = index as i32;
        let (each, more) = (partitions / members, partitions % members);
        let from = index * each + index.min(more);
        (from..from + each + i32::from(index < more)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_ranges_that_cover_everything_once() {
        let mut group = Group::default();
        for slot in ["c", "a", "b"] {
            group.join(slot);
        }
        let shares: Vec<Vec<i32>> =
            ["a", "b", "c"].map(|slot| group.target(slot, 8).into_iter().collect()).to_vec();
        // Kafka's javadoc of RangeAssignor: the first (partitions mod members) get one more.
        assert_eq!(shares, [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7]]);
    }

    #[test]
    fn a_partition_moves_only_after_its_release() {
        let mut group = Group::default();
        let a = group.join("a");
        assert_eq!(group.change("a", a, 4), Change::Assign(vec![0, 1, 2, 3]));
        assert_eq!(group.change("a", a, 4), Change::None);

        let b = group.join("b");
        assert_eq!(group.change("b", b, 4), Change::None);
        assert_eq!(group.change("a", a, 4), Change::Revoke(vec![2, 3]));
        assert_eq!(group.change("b", b, 4), Change::None);
        group.release("a", a, &[2, 3]);
        assert_eq!(group.change("b", b, 4), Change::Assign(vec![2, 3]));
        assert_eq!(group.change("a", a, 4), Change::None);

        group.leave("a", a);
        assert_eq!(group.change("b", b, 4), Change::Assign(vec![0, 1]));
    }

    #[test]
    fn a_second_member_of_a_slot_fences_the_first() {
        let mut group = Group::default();
        let old = group.join("a");
        group.change("a", old, 2);
        let new = group.join("a");
        assert_eq!(group.change("a", old, 2), Change::Fenced);
        assert_eq!(group.change("a", new, 2), Change::Assign(vec![0, 1]));
        group.leave("a", old);
        group.release("a", old, &[0]);
        assert!(group.owns("a", 0) && group.is_live("a", new));
    }

    #[test]
    fn more_members_than_partitions_leave_some_idle() {
        let mut group = Group::default();
        let epochs = ["a", "b", "c"].map(|slot| (slot, group.join(slot)));
        let changes = epochs.map(|(slot, epoch)| group.change(slot, epoch, 2));
        let expected = [Change::Assign(vec![0]), Change::Assign(vec![1]), Change::None];
        assert_eq!(changes, expected);
    }
}
