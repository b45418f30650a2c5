//! Deaths at each point of a transaction and of a restore.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use stream::worker::{Failpoint, WorkerError};

use crate::harness::{Feed, Rig};

/// A worker that dies at each point several times, each time a bit later, leaves exact tables.
pub(crate) fn a_death_anywhere_leaves_exact_tables(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    let points = [
        Failpoint::BeforeCommit,
        Failpoint::AfterCommit,
        Failpoint::BetweenStores,
        Failpoint::AfterCommit,
    ];
    for (round, point) in points.into_iter().enumerate() {
        for nth in 1..=3 {
            feed.append(60);
            let mut config = rig.config();
            let passed = Arc::new(AtomicU32::new(0));
            config.hook = Some(Arc::new(move |at| {
                at == point && passed.fetch_add(1, Ordering::SeqCst) + 1 == nth
            }));
            // Without records of where changelogs stood, and with them at each commit.
            if round == 3 {
                config.checkpoint_interval = std::time::Duration::ZERO;
            }
            match rig.run(config) {
                Err(WorkerError::Died(at)) => assert_eq!(at, point),
                other => panic!("{point:?}, {nth}: {other:?}"),
            }
        }
    }
    let config = rig.config();
    let stores = config.stores.clone();
    rig.run(config).unwrap();
    feed.check(rig);
    rig.check(&stores);
}
