//! What a member of the collectors' group has taken in: units that wait, units at work, and the
//! position that may be committed. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use schemas::ScanUnit;

use crate::scope::UnitId;

/// The partitions of `scan.unit` that are assigned.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    flows: BTreeMap<i32, Flow>,
}

/// One partition.
#[derive(Debug)]
struct Flow {
    /// The next offset to be read.
    next: i64,
    waiting: VecDeque<(i64, ScanUnit)>,
    /// Offsets of units that wait or are at work.
    unfinished: BTreeSet<i64>,
    committed: i64,
}

impl Intake {
    /// Begins a partition at its committed position; a known one only goes back to be read again.
    pub(crate) fn open(&mut self, partition: i32, offset: i64) {
        let flow = Flow {
            next: offset,
            waiting: VecDeque::new(),
            unfinished: BTreeSet::new(),
            committed: offset,
        };
        self.flows.entry(partition).or_insert(flow);
    }

    /// Gives a partition up with all that it holds.
    pub(crate) fn close(&mut self, partition: i32) {
        self.flows.remove(&partition);
    }

    /// Tells whether a partition is assigned.
    pub(crate) fn has(&self, partition: i32) -> bool {
        self.flows.contains_key(&partition)
    }

    /// Gives the assigned partitions.
    pub(crate) fn partitions(&self) -> Vec<i32> {
        self.flows.keys().copied().collect()
    }

    /// Takes a record in order; `unit` is absent where it asks for no work. What was read before is
    /// ignored.
    pub(crate) fn take(&mut self, id: UnitId, unit: Option<ScanUnit>) {
        let Some(flow) = self.flows.get_mut(&id.partition) else { return };
        if id.offset < flow.next {
            return;
        }
        flow.next = id.offset + 1;
        if let Some(unit) = unit {
            flow.unfinished.insert(id.offset);
            flow.waiting.push_back((id.offset, unit));
        }
    }

    /// Gives a unit whose time has come, the one that may begin first; it is at work then.
    pub(crate) fn next_due(&mut self, now_ms: i64) -> Option<(UnitId, ScanUnit)> {
        let candidates = self.flows.iter().flat_map(|(partition, flow)| {
            flow.waiting.iter().enumerate().map(move |(at, (_, u))| (u.due_ms, *partition, at))
        });
        let (due_ms, partition, at) = candidates.min()?;
        if due_ms > now_ms {
            return None;
        }
        let (offset, unit) = self.flows.get_mut(&partition)?.waiting.remove(at)?;
        Some((UnitId { partition, offset }, unit))
    }

    /// Ends a unit that was at work.
    pub(crate) fn end(&mut self, id: UnitId) {
        if let Some(flow) = self.flows.get_mut(&id.partition) {
            flow.unfinished.remove(&id.offset);
        }
    }

    /// Gives, by partition, the positions that are further than those committed: before each, every
    /// unit has ended.
    pub(crate) fn positions(&self) -> Vec<(i32, i64)> {
        let position = |flow: &Flow| flow.unfinished.first().copied().unwrap_or(flow.next);
        let moved = self.flows.iter().map(|(partition, flow)| (*partition, flow, position(flow)));
        let moved = moved.filter(|(_, flow, position)| *position > flow.committed);
        moved.map(|(partition, _, position)| (partition, position)).collect()
    }

    /// Notes positions as committed.
    pub(crate) fn committed(&mut self, positions: &[(i32, i64)]) {
        for (partition, offset) in positions {
            if let Some(flow) = self.flows.get_mut(partition) {
                flow.committed = *offset;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::tests::unit;
    use schemas::UnitStatus::Planned;

    fn id(partition: i32, offset: i64) -> UnitId {
        UnitId { partition, offset }
    }

    fn planned(due_ms: i64) -> Option<ScanUnit> {
        Some(unit(due_ms, "1", Planned, true))
    }

    #[test]
    fn no_position_passes_a_unit_that_has_not_ended() {
        let mut intake = Intake::default();
        intake.open(0, 10);
        assert_eq!(intake.positions(), []);
        for offset in [10, 12, 13] {
            intake.take(id(0, offset), planned(5));
        }
        intake.take(id(0, 14), None);
        assert_eq!(intake.positions(), [], "the first one waits");
        let started: Vec<_> = (0..3).filter_map(|_| intake.next_due(5)).map(|(i, _)| i).collect();
        assert_eq!(started, [id(0, 10), id(0, 12), id(0, 13)]);
        intake.end(id(0, 12));
        assert_eq!(intake.positions(), [], "the first one is at work");
        intake.end(id(0, 10));
        assert_eq!(intake.positions(), [(0, 13)]);
        intake.committed(&[(0, 13)]);
        assert_eq!(intake.positions(), []);
        intake.end(id(0, 13));
        assert_eq!(intake.positions(), [(0, 15)]);
    }

    #[test]
    fn what_is_read_again_is_taken_once() {
        let mut intake = Intake::default();
        intake.open(3, 0);
        intake.take(id(3, 0), planned(1));
        intake.open(3, 0);
        intake.take(id(3, 0), planned(1));
        assert!(intake.next_due(1).is_some());
        assert!(intake.next_due(1).is_none());
        intake.take(id(4, 0), planned(1));
        assert!(intake.next_due(1).is_none(), "a partition that is not ours");
        intake.close(3);
        intake.end(id(3, 0));
        assert!(!intake.has(3) && intake.positions().is_empty());
    }

    #[test]
    fn the_unit_that_may_begin_first_is_first_and_none_begins_early() {
        let mut intake = Intake::default();
        intake.open(0, 0);
        intake.open(1, 0);
        for (partition, offset, due_ms) in [(0, 0, 30), (0, 1, 10), (1, 0, 20)] {
            intake.take(id(partition, offset), planned(due_ms));
        }
        assert!(intake.next_due(9).is_none());
        let order: Vec<_> = (0..2).filter_map(|_| intake.next_due(20)).map(|(i, _)| i).collect();
        assert_eq!(order, [id(0, 1), id(1, 0)]);
        assert!(intake.next_due(29).is_none());
    }
}
