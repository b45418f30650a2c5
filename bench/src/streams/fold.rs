//! What the counts must be: the events folded in the plainest way, by none of the contenders' code.

use std::collections::{HashMap, HashSet};

use super::workload::{Event, Shape, Subject, What};

/// Counts of a requirement in an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Resources that were judged.
    pub(crate) total: i64,
    /// Those of them that fail.
    pub(crate) noncompliant: i64,
    /// Those of the failing whose risk is accepted.
    pub(crate) excepted: i64,
}

/// What is known of every subject.
#[derive(Default)]
pub(crate) struct Known {
    fails: HashMap<Subject, bool>,
    excepted: HashSet<Subject>,
}

impl Known {
    pub(crate) fn take(&mut self, event: &Event) {
        match event.what {
            What::Found { subject, fails } => {
                self.fails.insert(subject, fails);
            }
            What::Excepted { subject, .. } => {
                self.excepted.insert(subject);
            }
            What::Withdrawn { subject, .. } | What::Expired { subject } => {
                self.excepted.remove(&subject);
            }
            What::Loaded { .. } | What::Tick { .. } => {}
        }
    }

    /// Counts everything anew.
    pub(crate) fn counts(&self, shape: &Shape) -> Vec<Counts> {
        let mut all = vec![Counts::default(); shape.pairs()];
        for (subject, &fails) in &self.fails {
            let counts = &mut all[shape.pair(subject.account, subject.check)];
            counts.total += 1;
            counts.noncompliant += i64::from(fails);
            counts.excepted += i64::from(fails && self.excepted.contains(subject));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::workload::{MINUTE_MS, Workload};

    const SHAPE: Shape = Shape { accounts: 3, checks: 4, resources: 500 };

    fn run(seed: u64) -> (Vec<Event>, Known) {
        let (mut events, mut known) = (Vec::new(), Known::default());
        let mut workload = Workload::new(SHAPE, seed);
        let mut sink = |event: &Event| {
            known.take(event);
            events.push(*event);
            Ok(())
        };
        workload.load(MINUTE_MS, &mut sink).unwrap();
        workload.flips(20_000, (MINUTE_MS, 11 * MINUTE_MS), &mut sink).unwrap();
        (events, known)
    }

    #[test]
    fn a_workload_follows_from_its_seed() {
        let (one, again, other) = (run(1).0, run(1).0, run(2).0);
        assert_eq!(one, again);
        assert_ne!(one, other);
        assert!(one.is_sorted_by_key(|event| event.at_ms));
    }

    #[test]
    fn exceptions_come_expire_and_go() {
        let (events, known) = run(3);
        let number = |wanted: fn(&What) -> bool| events.iter().filter(|e| wanted(&e.what)).count();
        assert!(number(|what| matches!(what, What::Excepted { .. })) > 40);
        assert!(number(|what| matches!(what, What::Expired { .. })) > 10);
        assert!(number(|what| matches!(what, What::Withdrawn { .. })) > 10);
        let counts = known.counts(&SHAPE);
        assert!(counts.iter().all(|row| row.total == 500 && row.noncompliant >= row.excepted));
        assert!(counts.iter().any(|row| row.excepted > 0));
    }

    #[test]
    fn counts_are_what_the_last_events_say() {
        let subject = |resource| Subject { account: 0, check: 1, resource };
        let mut known = Known::default();
        for what in [
            What::Found { subject: subject(1), fails: true },
            What::Found { subject: subject(2), fails: true },
            What::Found { subject: subject(3), fails: false },
            What::Excepted { id: 1, subject: subject(1), expires_ms: None },
            What::Excepted { id: 2, subject: subject(2), expires_ms: None },
            What::Excepted { id: 3, subject: subject(3), expires_ms: None },
            What::Expired { subject: subject(2) },
        ] {
            known.take(&Event { at_ms: 0, what });
        }
        let shape = Shape { accounts: 1, checks: 2, resources: 3 };
        let expected = Counts { total: 3, noncompliant: 2, excepted: 1 };
        assert_eq!(known.counts(&shape), [Counts::default(), expected]);
    }
}
