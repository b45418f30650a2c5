//! Judges what a run left: the log and the stores against the pure steps, and against the oracle.

use std::hash::{DefaultHasher, Hash, Hasher};

use schemas::topic;
use stream::{Log, Outgoing, Position, local::LocalLog, store::Stores};

use crate::{
    agree::{agree, timeless},
    build::Event,
    judge::{Kind, Orders, Written, is_made_by_the_steps, outputs, records},
    oracle::Oracle,
    runner::Trace,
    site::{Tables, compacted},
};

/// What a run left.
pub(crate) struct End {
    pub(crate) log: LocalLog,
    pub(crate) partitions: i32,
    /// Whether the log was compacted, so that some records are gone.
    pub(crate) compacted: bool,
    /// What each task took, in the order of its commits.
    pub(crate) orders: Orders,
    /// Where each task's tables lie.
    pub(crate) stores: Vec<(Kind, i32, Stores)>,
    /// The scenario, where the oracle can tell what comes of it.
    pub(crate) events: Option<Vec<Event>>,
}

pub(crate) fn check(end: &End, trace: &Trace) {
    note_digest(end, trace);
    for kind in [Kind::Account, Kind::Rollup] {
        every_record_was_taken_once(end, kind);
    }
    is_made_by_the_steps(&Written {
        log: &end.log,
        prefix: "scorecard",
        partitions: end.partitions,
        orders: &end.orders,
        stores: &end.stores,
    });
    if let Some(events) = &end.events {
        let mut oracle = Oracle::run(events);
        // When something was first noticed depends on the order of topics; nothing else does.
        oracle.verdicts.values_mut().for_each(|row| row.since_ms = 0);
        agree(&timeless(tables(end)), &oracle);
    }
}

/// Each input was read from its start to its end without a gap, a repeat or a step back.
fn every_record_was_taken_once(end: &End, kind: Kind) {
    let committed = end.log.committed(kind.name(), &kind.inputs()).unwrap();
    let ends = end.log.ends(&kind.inputs()).unwrap();
    if !end.compacted {
        assert_eq!(committed, ends, "the {} stage commits the ends of its inputs", kind.name());
    }
    for Position { topic, partition, offset } in ends {
        let taken = end.orders.get(&(kind.name().to_owned(), partition)).into_iter().flatten();
        let taken = taken.filter(|record| record.topic.name == topic.name);
        let offsets: Vec<i64> = taken.map(|record| record.offset).collect();
        let place = format!("{} of {}/{partition}", kind.name(), topic.name);
        if end.compacted {
            assert!(offsets.is_sorted_by(|one, next| one < next), "{place}: {offsets:?}");
        } else {
            assert_eq!(offsets, (0..offset).collect::<Vec<_>>(), "{place}");
        }
    }
}

/// What readers of the tables see.
fn tables(end: &End) -> Tables {
    let topics = [Kind::Account, Kind::Rollup].into_iter().flat_map(|k| outputs(&*k.stage()));
    let written = topics.flat_map(|topic| records(&end.log, topic)).map(Outgoing::from);
    let written: Vec<_> = written.collect();
    let written: Vec<_> = written.iter().collect();
    Tables {
        accounts: compacted(&written, topic::ACCOUNT_STATE),
        resources: compacted(&written, topic::RESOURCE_STATE),
        trust: compacted(&written, topic::TRUST_STATE),
        verdicts: compacted(&written, topic::COMPLIANCE_STATE),
        scores: compacted(&written, topic::SCORE_STATE),
        shares: compacted(&written, topic::CONTRIBUTION),
        sums: compacted(&written, topic::ROLLUP_STATE),
    }
}

/// Notes what the whole log holds, for runs that must be the same.
fn note_digest(end: &End, trace: &Trace) {
    let mut digest = DefaultHasher::new();
    let mut count = 0;
    for topic in topic::ALL {
        for record in records(&end.log, topic) {
            count += 1;
            let place = (record.topic.name, record.partition, record.offset);
            (place, record.timestamp_ms, record.key, record.value).hash(&mut digest);
            record.headers.hash(&mut digest);
        }
    }
    trace.note(format!("the log holds {count} records, digest {:016x}", digest.finish()));
}
