//! The board: which units of which scans are open, as `scan.unit` tells. Pure.

use std::collections::BTreeMap;

use schemas::{ScanUnit, UnitStatus};

use crate::plan::start_of;

/// The units of each scan that has open ones, and of the latest scan of everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board {
    scans: BTreeMap<String, BTreeMap<String, ScanUnit>>,
}

impl Board {
    /// Takes a record of `scan.unit`.
    pub(crate) fn take(&mut self, mut unit: ScanUnit) {
        // Two dozen words a unit that nobody asks the board for.
        unit.collectors = Vec::new();
        let units = self.scans.entry(unit.scan.clone()).or_default();
        let known = units.get(&unit.account);
        // An end stays, whatever is told again.
        if known.is_none_or(|known| !has_ended(known)) {
            units.insert(unit.account.clone(), unit);
        }
    }

    /// Goes through the units of a scan by account.
    pub(crate) fn units(&self, scan: &str) -> impl Iterator<Item = &ScanUnit> {
        self.scans.get(scan).into_iter().flat_map(BTreeMap::values)
    }

    /// Gives a scan's units by account.
    pub(crate) fn all(&self, scan: &str) -> BTreeMap<String, ScanUnit> {
        self.scans.get(scan).cloned().unwrap_or_default()
    }

    /// Gives the unit of an account in a scan.
    pub(crate) fn unit(&self, scan: &str, account: &str) -> Option<&ScanUnit> {
        self.scans.get(scan)?.get(account)
    }

    /// Tells whether every unit of a scan has ended; not for a scan that is not known.
    pub(crate) fn has_ended(&self, scan: &str) -> bool {
        self.scans.get(scan).is_some_and(|units| units.values().all(has_ended))
    }

    /// Gives the latest scan with open units that began no earlier than a time in UTC milliseconds.
    pub(crate) fn open_since(&self, since_ms: i64) -> Option<&str> {
        let mut scans = self.scans.keys().rev();
        let scan = scans.find(|scan| {
            start_of(scan).is_some_and(|start| start >= since_ms) && !self.has_ended(scan)
        });
        scan.map(String::as_str)
    }

    /// Gives when the latest scheduled scan began, in UTC milliseconds, and whether it has ended.
    pub(crate) fn last_scheduled(&self) -> Option<(i64, bool)> {
        let is_scheduled = |units: &BTreeMap<_, ScanUnit>| units.values().any(|u| u.scheduled);
        let mut scans = self.scans.iter().rev();
        let (scan, units) = scans.find(|(_, units)| is_scheduled(units))?;
        Some((start_of(scan)?, units.values().all(has_ended)))
    }

    /// Forgets scans that have ended and began before a time in UTC milliseconds.
    pub(crate) fn forget_before(&mut self, at_ms: i64) {
        self.scans.retain(|scan, units| {
            start_of(scan).is_some_and(|start| start >= at_ms) || !units.values().all(has_ended)
        });
    }
}

/// Tells whether the next scheduled scan shall begin: its time has come, and the last one is over.
///
/// A scan that was abandoned does not hold up the next ones for ever: after `patience_ms` it counts
/// as over.
pub(crate) fn is_due(board: &Board, now_ms: i64, interval_ms: i64, patience_ms: i64) -> bool {
    board.last_scheduled().is_none_or(|(start_ms, ended)| {
        let age_ms = now_ms - start_ms;
        age_ms >= interval_ms && (ended || age_ms >= patience_ms)
    })
}

/// Tells whether a unit's record is that of its end.
pub(crate) fn has_ended(unit: &ScanUnit) -> bool {
    unit.status != UnitStatus::Planned
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::plan::{ALL_REGIONS, scan_id};

    pub(crate) fn unit(
        start_ms: i64,
        account: &str,
        status: UnitStatus,
        scheduled: bool,
    ) -> ScanUnit {
        ScanUnit {
            scan: scan_id(start_ms),
            attempt: 1,
            account: account.into(),
            region: ALL_REGIONS.into(),
            payer: "9".into(),
            status,
            scheduled,
            due_ms: start_ms,
            ..ScanUnit::default()
        }
    }

    use UnitStatus::{Completed, Failed, Planned, TimedOut};

    #[test]
    fn a_scan_is_open_until_each_of_its_units_has_ended() {
        let mut board = Board::default();
        assert!(!board.has_ended(&scan_id(5)), "what nobody planned has not ended");
        for account in ["1", "2", "3"] {
            board.take(unit(5, account, Planned, true));
        }
        assert_eq!(board.open_since(5), Some(&*scan_id(5)));
        assert_eq!(board.open_since(6), None, "too old to join");
        for (account, end) in [("1", Completed), ("2", Failed)] {
            board.take(unit(5, account, end, true));
            assert!(!board.has_ended(&scan_id(5)));
        }
        board.take(unit(5, "3", TimedOut, true));
        assert!(board.has_ended(&scan_id(5)));
        board.take(unit(5, "3", Planned, true));
        assert!(board.has_ended(&scan_id(5)), "an end stays");
        assert_eq!(board.open_since(0), None);
        board.forget_before(6);
        assert_eq!(board.units(&scan_id(5)).count(), 0);
    }

    #[test]
    fn the_schedule_waits_for_its_own_last_scan_only() {
        let mut board = Board::default();
        assert!(is_due(&board, 0, 1_000, 5_000), "the first one begins at once");
        board.take(unit(100, "1", Planned, true));
        board.take(unit(900, "1", Completed, false));
        assert!(!is_due(&board, 1_099, 1_000, 5_000), "its time has not come");
        assert!(!is_due(&board, 1_100, 1_000, 5_000), "the last one runs over");
        assert!(is_due(&board, 5_100, 1_000, 5_000), "an abandoned one is given up");
        board.take(unit(100, "1", Completed, true));
        assert!(is_due(&board, 1_100, 1_000, 5_000));
    }
}
