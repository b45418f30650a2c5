//! The local log as one worker sees it: records come late, and what its commits took is noted.

mod reader;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use schemas::TopicSpec;
use stream::{
    Layer, Log, LogError, Member, Membership, Noted, Outcome, Outgoing, Polled, Position, Reader,
    Record, Stage, local::LocalLog,
};

use crate::{judge, noting::Noting, random::Random};
use reader::{LateReader, next};

/// What each task took, shared by all workers.
pub(crate) type Orders = Arc<Mutex<judge::Orders>>;

/// Records whose steps are done, and not committed as far as is known.
type Taken = Arc<Mutex<Vec<Record>>>;

/// What a worker's member does with what it hears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// It hands over what it reads, though late.
    #[default]
    Normal,
    /// It reads, and hands nothing over yet.
    Hoards,
    /// It hands over what it has read, and hears of nothing else: a process that slept.
    Deaf,
}

/// A log for one worker.
pub(crate) struct Watched {
    log: LocalLog,
    orders: Orders,
    taken: Taken,
    delays: Mutex<u64>,
    hearing: Arc<Mutex<Hearing>>,
}

impl Watched {
    /// Wraps a log; `delays` seeds how late records come.
    pub(crate) fn new(log: LocalLog, orders: Orders, delays: u64) -> Self {
        let (taken, hearing) = (Taken::default(), Arc::default());
        Self { log, orders, taken, delays: Mutex::new(delays), hearing }
    }

    /// Gives what says how well the worker hears.
    pub(crate) fn hearing(&self) -> Arc<Mutex<Hearing>> {
        self.hearing.clone()
    }

    /// Wraps a stage, so that its steps are noted.
    pub(crate) fn watch(&self) -> impl Fn(Box<dyn Stage>) -> Box<dyn Stage> + Send + Sync + use<> {
        let taken = self.taken.clone();
        move |stage| {
            let taken = taken.clone();
            let note = Box::new(move |record: &Record| taken.lock().unwrap().push(record.clone()));
            Box::new(Noting { stage, note })
        }
    }
}

impl Layer for Watched {
    fn below(&self) -> &dyn Log {
        &self.log
    }

    fn reader(&self, from: &[Position]) -> Result<Box<dyn Reader>, LogError> {
        let reader = self.log.reader(from)?;
        Ok(Box::new(LateReader::new(reader, next(&self.delays))))
    }

    fn join(&self, membership: &Membership) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(WatchedMember {
            member: self.log.join(membership)?,
            log: self.log.clone(),
            group: membership.group.clone(),
            orders: self.orders.clone(),
            taken: self.taken.clone(),
            random: Random(next(&self.delays)),
            late: VecDeque::new(),
            hearing: self.hearing.clone(),
        }))
    }
}

struct WatchedMember {
    member: Box<dyn Member>,
    log: LocalLog,
    group: String,
    orders: Orders,
    taken: Taken,
    random: Random,
    /// Records that were read and not handed over.
    late: VecDeque<Record>,
    hearing: Arc<Mutex<Hearing>>,
}

impl WatchedMember {
    /// Hands over some of what was read: of each topic and partition the first ones, up to a draw.
    fn deliver(&mut self) -> Vec<Record> {
        let mut cut = BTreeMap::new();
        let (mut now, mut later) = (Vec::new(), VecDeque::new());
        for record in std::mem::take(&mut self.late) {
            let cut = cut.entry((record.topic.name, record.partition)).or_insert(false);
            *cut |= self.random.chance(20);
            if *cut { later.push_back(record) } else { now.push(record) }
        }
        self.late = later;
        now
    }

    fn is_late(&self, topic: &'static TopicSpec, partition: i32) -> bool {
        self.late.iter().any(|r| r.topic.name == topic.name && r.partition == partition)
    }

    fn is_committed(&self, positions: &[Position]) -> Result<bool, LogError> {
        for position in positions {
            let committed = self.log.committed(&self.group, &[position.topic])?;
            if committed[position.partition as usize].offset != position.offset {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn take(&self, positions: &[Position]) {
        let mut orders = self.orders.lock().unwrap();
        let mut taken = self.taken.lock().unwrap();
        let is_in = |record: &Record| {
            positions.iter().any(|position| {
                position.topic.name == record.topic.name
                    && position.partition == record.partition
                    && record.offset < position.offset
            })
        };
        for record in taken.extract_if(.., |record| is_in(record)) {
            let order = orders.entry((self.group.clone(), record.partition)).or_default();
            order.push(record);
        }
    }
}

impl Member for WatchedMember {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, LogError> {
        let hearing = *self.hearing.lock().unwrap();
        if hearing == Hearing::Deaf {
            return Ok(Polled::Records(self.deliver()));
        }
        Ok(match self.member.poll(timeout)? {
            Polled::Records(records) => {
                self.late.extend(records);
                let hoards = hearing == Hearing::Hoards;
                Polled::Records(if hoards { Vec::new() } else { self.deliver() })
            }
            Polled::Revoked { partitions, lost } => {
                self.late.retain(|record| !partitions.contains(&record.partition));
                Polled::Revoked { partitions, lost }
            }
            assigned => assigned,
        })
    }

    fn committed(&self, partitions: &[i32]) -> Result<Vec<Noted>, LogError> {
        self.member.committed(partitions)
    }

    fn resume(&mut self, partitions: &[i32]) -> Result<Vec<Position>, LogError> {
        let elsewhere = |record: &Record| !partitions.contains(&record.partition);
        self.late.retain(elsewhere);
        self.taken.lock().unwrap().retain(elsewhere);
        self.member.resume(partitions)
    }

    fn pause(
        &mut self,
        topic: &'static TopicSpec,
        partition: i32,
        on: bool,
    ) -> Result<(), LogError> {
        self.member.pause(topic, partition, on)
    }

    fn at_end(&self, topic: &'static TopicSpec, partition: i32) -> bool {
        !self.is_late(topic, partition) && self.member.at_end(topic, partition)
    }

    fn commit_noted(
        &mut self,
        outputs: Vec<Outgoing>,
        positions: &[Noted],
    ) -> Result<Outcome, LogError> {
        let outcome = self.member.commit_noted(outputs, positions);
        let positions: Vec<_> = positions.iter().map(|noted| noted.position).collect();
        let durable = match &outcome {
            Ok(outcome) => *outcome == Outcome::Committed,
            Err(_) => self.is_committed(&positions)?,
        };
        if durable {
            self.take(&positions);
        }
        outcome
    }
}
