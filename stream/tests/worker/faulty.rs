//! A log whose commits end as a test wants, over a real one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use schemas::TopicSpec;
use stream::{
    Layer, Log, LogError, Member, Membership, Noted, Outcome, Outgoing, Polled, Position,
};

/// Outcomes of the next commits: `Committed` lets the real one happen, the others leave no trace.
pub(crate) type Plan = Arc<Mutex<VecDeque<Outcome>>>;

/// A log with planned outcomes.
pub(crate) struct Faulty {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) plan: Plan,
}

struct FaultyMember {
    member: Box<dyn Member>,
    plan: Plan,
}

impl Layer for Faulty {
    fn below(&self) -> &dyn Log {
        &*self.log
    }

    fn join(&self, membership: &Membership) -> Result<Box<dyn Member>, LogError> {
        Ok(Box::new(FaultyMember { member: self.log.join(membership)?, plan: self.plan.clone() }))
    }
}

impl Member for FaultyMember {
    fn poll(&mut self, timeout: Duration) -> Result<Polled, LogError> {
        self.member.poll(timeout)
    }

    fn committed(&self, partitions: &[i32]) -> Result<Vec<Noted>, LogError> {
        self.member.committed(partitions)
    }

    fn resume(&mut self, partitions: &[i32]) -> Result<Vec<Position>, LogError> {
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
        self.member.at_end(topic, partition)
    }

    fn commit_noted(
        &mut self,
        outputs: Vec<Outgoing>,
        positions: &[Noted],
    ) -> Result<Outcome, LogError> {
        let planned = self.plan.lock().unwrap().pop_front();
        match planned {
            None | Some(Outcome::Committed) => self.member.commit_noted(outputs, positions),
            Some(outcome) => Ok(outcome),
        }
    }
}
