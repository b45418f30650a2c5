//! Aborts, fencing, poison, panics and steps that wait.

use std::{
    sync::{Arc, atomic::Ordering, mpsc},
    time::Duration,
};

use schemas::{
    AccountKey,
    headers::text,
    topic::{ACCOUNT_STATE, DEADLETTER, SPEND},
};
use stream::{
    Outcome, Outgoing,
    worker::{
        DLQ_OFFSET, DLQ_PARTITION, DLQ_REASON, DLQ_STAGE, DLQ_TIME, DLQ_TOPIC, Failpoint, Phase,
        WorkerError,
    },
};

use crate::{
    faulty::{Faulty, Plan},
    harness::{Feed, Rig, START_MS, partition, wait_for},
    tally::{BAD, PANIC, POLICY, WAIT},
};

fn planned(rig: &mut Rig, outcomes: &[Outcome]) -> Plan {
    let plan: Plan = Arc::default();
    plan.lock().unwrap().extend(outcomes);
    rig.log = Arc::new(Faulty { log: rig.log.clone(), plan: plan.clone() });
    plan
}

pub(crate) fn aborted_transactions_leave_no_trace(rig: &mut Rig) {
    use Outcome::{Aborted, Committed};
    let mut feed = Feed::new(rig);
    feed.append(300);
    let plan = [Committed, Aborted, Committed, Committed, Aborted, Aborted, Committed, Aborted];
    let plan = planned(rig, &plan);
    let config = rig.config();
    let (stores, progress) = (config.stores.clone(), config.progress.clone());
    let slot = config.slot.clone();
    let report = rig.run(config).unwrap();
    assert!(plan.lock().unwrap().is_empty());
    assert_eq!(report.aborts, 4);
    // Metrics tell what the report tells.
    let metrics = progress.metrics();
    let worker = &metrics.workers[&slot];
    assert_eq!((worker.aborts.values().sum::<u64>(), worker.commits.count), (4, report.commits));
    let records: u64 = metrics.tasks.values().map(|task| task.records).sum();
    let dead: u64 = metrics.tasks.values().map(|task| task.dead).sum();
    let rows: u64 = metrics.tasks.values().map(|task| task.restored_rows).sum();
    assert_eq!((records, dead, rows), (report.records, report.dead, report.restored));
    feed.check(rig);
    rig.check(&stores);
}

pub(crate) fn a_fenced_worker_joins_again(rig: &mut Rig) {
    use Outcome::{Committed, Fenced};
    let mut feed = Feed::new(rig);
    feed.append(300);
    let _plan = planned(rig, &[Committed, Committed, Fenced, Committed, Fenced]);
    let config = rig.config();
    let (stores, progress) = (config.stores.clone(), config.progress.clone());
    let slot = config.slot.clone();
    let report = rig.run(config).unwrap();
    assert_eq!(report.fenced, 2);
    let worker = &progress.metrics().workers[&slot];
    assert_eq!((worker.fencings, worker.producers()), (2, 3), "each membership has a producer");
    feed.check(rig);
    rig.check(&stores);
}

pub(crate) fn a_worker_that_is_always_fenced_ends(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(20);
    let _plan = planned(rig, &[Outcome::Fenced; 10]);
    let ended = rig.run(rig.config());
    assert!(matches!(ended, Err(WorkerError::Fenced { times: 5, .. })), "{ended:?}");
    assert!(rig.records(ACCOUNT_STATE.spec).is_empty());
}

/// A worker that sleeps through its successor's work finds its transaction refused.
pub(crate) fn a_zombie_leaves_no_trace(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(100);
    let (asleep, sleeps) = mpsc::channel();
    let (wake, woken) = mpsc::channel::<()>();
    let mut config = rig.config();
    let slot = config.slot.clone();
    let woken = std::sync::Mutex::new(Some(woken));
    config.hook = Some(Arc::new(move |at| {
        if at == Failpoint::BeforeCommit
            && let Some(woken) = woken.lock().unwrap().take()
        {
            asleep.send(()).unwrap();
            woken.recv().unwrap();
        }
        false
    }));
    let stores = config.stores.clone();
    let zombie = rig.start(config);
    sleeps.recv_timeout(crate::harness::LIMIT).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let mut successor = rig.config_in(elsewhere.path());
    successor.slot = slot;
    let successor_stores = successor.stores.clone();
    rig.run(successor).unwrap();
    rig.check(&successor_stores);
    wake.send(()).unwrap();
    feed.append(50);
    wait_for("the zombie's return to life", || {
        zombie.thread.is_finished() || rig.is_done(&zombie.progress)
    });
    let report = zombie.end().unwrap();
    assert_eq!(report.fenced, 1);
    feed.check(rig);
    rig.check(&stores);
}

pub(crate) fn poison_goes_to_the_dead_letters_once(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(30);
    let at = partition("acc3");
    rig.append_raw(Outgoing {
        topic: SPEND.spec,
        partition: at,
        timestamp_ms: START_MS + 5,
        key: b"acc3".to_vec(),
        value: Some(b"no avro".to_vec()),
        headers: vec![("ce_id".into(), b"broken/1".into())],
    });
    feed.spend("acc5", 1_000_000, BAD);
    feed.append(100);
    let spends = rig.records(SPEND.spec);
    let mut spends = spends.iter();
    let broken = spends.find(|record| record.value.as_deref() == Some(b"no avro"));
    let offset = broken.unwrap().offset;
    // A death after the commit and an abort: still one letter each.
    let deaths = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let mut config = rig.config();
    config.hook = Some(Arc::new(move |at| {
        at == Failpoint::AfterCommit && deaths.fetch_add(1, Ordering::SeqCst) == 1
    }));
    assert!(matches!(rig.run(config), Err(WorkerError::Died(_))));
    let _plan = planned(rig, &[Outcome::Aborted, Outcome::Committed, Outcome::Aborted]);
    let config = rig.config();
    let stores = config.stores.clone();
    rig.run(config).unwrap();
    let letters = rig.records(DEADLETTER);
    assert_eq!(letters.len(), 2, "{letters:?}");
    let letter = letters.iter().find(|r| r.key == b"acc3").unwrap();
    assert_eq!(letter.value.as_deref(), Some(&b"no avro"[..]));
    assert_eq!((letter.partition, letter.timestamp_ms), (at, START_MS + 5));
    let header = |name| text(&letter.headers, name);
    assert_eq!(header("ce_id"), Some("broken/1"));
    assert_eq!(header(DLQ_TOPIC), Some("spend"));
    assert_eq!(header(DLQ_PARTITION), Some(at.to_string().as_str()));
    assert_eq!(header(DLQ_OFFSET), Some(offset.to_string().as_str()));
    assert_eq!(header(DLQ_STAGE), Some("tally"));
    assert_eq!(header(DLQ_TIME), Some("2023-11-14T22:14:00.005Z"));
    assert!(header(DLQ_REASON).is_some_and(|reason| !reason.is_empty()));
    let letter = letters.iter().find(|r| r.key == b"acc5").unwrap();
    assert_eq!(text(&letter.headers, DLQ_REASON), Some("a bad currency"));
    feed.check(rig);
    rig.check(&stores);
}

pub(crate) fn a_panic_ends_the_worker_and_names_the_record(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(30);
    feed.spend("acc2", 7, PANIC);
    feed.append(30);
    rig.switches.panic.store(true, Ordering::SeqCst);
    let bad = rig.records(SPEND.spec);
    let bad = bad.iter().find(|record| {
        let codec = schemas::Codec::default();
        let spend: schemas::Spend = codec.decode(record.value.as_deref().unwrap()).unwrap();
        spend.currency == PANIC
    });
    let wanted = (bad.unwrap().partition, bad.unwrap().offset);
    for _ in 0..2 {
        match rig.run(rig.config()) {
            Err(WorkerError::StepPanicked { topic, partition, offset, message, .. }) => {
                assert_eq!((topic, message.as_str()), ("spend", "asked to"));
                assert_eq!((partition, offset), wanted);
            }
            other => panic!("{other:?}"),
        }
    }
    rig.switches.panic.store(false, Ordering::SeqCst);
    let config = rig.config();
    let stores = config.stores.clone();
    rig.run(config).unwrap();
    feed.check(rig);
    rig.check(&stores);
}

pub(crate) fn panicking_work_ends_the_worker(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.register(POLICY);
    feed.flush();
    rig.switches.work_panics.store(true, Ordering::SeqCst);
    let ended = rig.run(rig.config());
    let Err(WorkerError::Work { message, .. }) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!(message, "asked to in work");
}

pub(crate) fn a_step_that_waits_holds_up_only_its_task(rig: &mut Rig) {
    let mut feed = Feed::new(rig);
    feed.append(40);
    feed.spend("acc1", 9, WAIT);
    feed.append(40);
    rig.switches.wait.store(true, Ordering::SeqCst);
    let config = rig.config();
    let stores = config.stores.clone();
    let running = rig.start(config);
    let held = partition("acc1");
    wait_for("a waiting task and the end of the others", || {
        let tasks = running.progress.tasks();
        tasks.len() == 3
            && tasks.iter().all(|(partition, task)| {
                if *partition == held {
                    task.phase == Phase::Waiting && task.buffered > 0
                } else {
                    task.phase == Phase::Running
                        && task.buffered == 0
                        && !task.pending
                        && task.records > 0
                }
            })
    });
    // What came before the record that waits is committed, up to that very record.
    let mut spends = rig.records(SPEND.spec);
    spends.retain(|record| record.partition == held);
    let codec = schemas::Codec::default();
    let waiting = spends.iter().find(|record| {
        let spend: schemas::Spend = codec.decode(record.value.as_deref().unwrap()).unwrap();
        spend.currency == WAIT
    });
    let waiting = waiting.unwrap().offset;
    wait_for("the commit of what came before", || {
        let committed = rig.log.committed(&rig.group(), &[SPEND.spec]).unwrap();
        committed.iter().any(|p| p.partition == held && p.offset == waiting)
    });
    std::thread::sleep(Duration::from_millis(200));
    assert!(!running.thread.is_finished());
    rig.switches.wait.store(false, Ordering::SeqCst);
    wait_for("the end of the input", || rig.is_done(&running.progress));
    assert_eq!(running.end().unwrap().dead, 0);
    assert!(rig.table(&ACCOUNT_STATE).contains_key(&AccountKey::new("acc1")));
    feed.check(rig);
    rig.check(&stores);
}
