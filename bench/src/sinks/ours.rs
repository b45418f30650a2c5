//! A lap of one of our sinks: what production runs, with a clock around its target.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sink_frame::{
    Counts, Courier, Delivery, Encoded, Entry, Failure, Frame, Limits, Part, Progress, Role, Target,
};
use stream::worker::Stop;
use stream::{Position, Record};

use crate::site::Site;

/// How long a server that gets nothing done is waited for: here nothing fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a lap took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lap {
    /// From the first poll until everything is committed.
    pub(crate) seconds: f64,
    /// Parts of these seconds in which records are encoded, and in which the server is called.
    pub(crate) encoding: f64,
    pub(crate) delivering: f64,
    pub(crate) counts: Counts,
    pub(crate) commits: u64,
}

/// A target that tells when it took its partitions over and how long it was at work.
struct Timed<'a, T> {
    target: &'a mut T,
    began: Option<Instant>,
    encoding: Duration,
    delivering: Arc<Mutex<Duration>>,
}

/// A courier that tells how long it was at work.
struct TimedCourier<C> {
    courier: C,
    delivering: Arc<Mutex<Duration>>,
}

/// Carries everything that the log holds as this role, which has committed nothing before.
pub(crate) fn carry<T: Target>(
    role: &'static Role,
    limits: Limits,
    site: &Site,
    target: &mut T,
) -> Result<Lap> {
    let delivering = Arc::new(Mutex::new(Duration::ZERO));
    let mut timed = Timed {
        target,
        began: None,
        encoding: Duration::ZERO,
        delivering: Arc::clone(&delivering),
    };
    let last = Cell::new((0, Instant::now()));
    let tell = |progress: &Progress| {
        if progress.commits > last.get().0 {
            last.set((progress.commits, Instant::now()));
        }
    };
    let frame = Frame {
        role,
        log: &*site.log,
        slot: "bench",
        limits,
        once: true,
        patience: Some(PATIENCE),
        tell: &tell,
    };
    let progress = frame.run(&mut timed, &Stop::new())?;
    let (commits, ended) = last.get();
    let began = timed.began.context("the sink got no partition")?;
    Ok(Lap {
        seconds: (ended - began).as_secs_f64(),
        encoding: timed.encoding.as_secs_f64(),
        delivering: total(&delivering).as_secs_f64(),
        counts: progress.counts,
        commits,
    })
}

impl<T: Target> Target for Timed<'_, T> {
    type Item = T::Item;
    type Courier = TimedCourier<T::Courier>;

    fn courier(&self) -> Self::Courier {
        TimedCourier { courier: self.target.courier(), delivering: Arc::clone(&self.delivering) }
    }

    fn assigned(&mut self, positions: &[Position]) -> Result<(), Failure> {
        // The next poll is the first that brings records.
        self.began.get_or_insert_with(Instant::now);
        self.target.assigned(positions)
    }

    fn revoked(&mut self, partitions: &[i32]) {
        self.target.revoked(partitions);
    }

    fn encode(&mut self, records: &[Record]) -> Result<Encoded<T::Item>, Failure> {
        let began = Instant::now();
        let encoded = self.target.encode(records);
        self.encoding += began.elapsed();
        encoded
    }

    fn follow_up(&mut self) -> Result<Option<Vec<T::Item>>, Failure> {
        self.target.follow_up()
    }

    fn chores(&mut self, _owned: &BTreeSet<i32>) -> Result<Option<Vec<T::Item>>, Failure> {
        // They come after the last commit, and are none of the batches.
        Ok(None)
    }
}

impl<C: Courier> Courier for TimedCourier<C> {
    type Item = C::Item;

    fn deliver(&mut self, entries: Vec<Entry<C::Item>>, parts: &[Part]) -> Delivery<C::Item> {
        let began = Instant::now();
        let delivery = self.courier.deliver(entries, parts);
        *total(&self.delivering) += began.elapsed();
        delivery
    }
}

fn total(sum: &Mutex<Duration>) -> MutexGuard<'_, Duration> {
    sum.lock().unwrap_or_else(PoisonError::into_inner)
}
