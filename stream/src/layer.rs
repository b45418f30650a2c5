//! A log over another one: what it does not do itself, the other does. Tests watch and disturb logs
//! so.

use schemas::TopicSpec;

use crate::{Log, LogError, Member, Membership, Position, Reader, TopicPlan, Writer};

/// What a log over another one may do itself.
pub trait Layer: Send + Sync {
    /// Gives the log below.
    fn below(&self) -> &dyn Log;

    /// As [`Log::incarnation`].
    ///
    /// # Errors
    /// As there.
    fn incarnation(&self, topic: &'static TopicSpec) -> Result<String, LogError> {
        self.below().incarnation(topic)
    }

    /// As [`Log::writer`].
    ///
    /// # Errors
    /// As there.
    fn writer(&self, role: &str) -> Result<Box<dyn Writer>, LogError> {
        self.below().writer(role)
    }

    /// As [`Log::reader`].
    ///
    /// # Errors
    /// As there.
    fn reader(&self, from: &[Position]) -> Result<Box<dyn Reader>, LogError> {
        self.below().reader(from)
    }

    /// As [`Log::join`].
    ///
    /// # Errors
    /// As there.
    fn join(&self, membership: &Membership) -> Result<Box<dyn Member>, LogError> {
        self.below().join(membership)
    }

    /// As [`Log::ends`].
    ///
    /// # Errors
    /// As there.
    fn ends(&self, of: &[&'static TopicSpec]) -> Result<Vec<Position>, LogError> {
        self.below().ends(of)
    }
}

impl<L: Layer> Log for L {
    fn partitions(&self) -> i32 {
        self.below().partitions()
    }

    fn identity(&self) -> Result<String, LogError> {
        self.below().identity()
    }

    fn incarnation(&self, topic: &'static TopicSpec) -> Result<String, LogError> {
        Layer::incarnation(self, topic)
    }

    fn ages_by_records(&self) -> bool {
        self.below().ages_by_records()
    }

    fn plan(&self) -> Result<Vec<TopicPlan>, LogError> {
        self.below().plan()
    }

    fn apply(&self) -> Result<Vec<TopicPlan>, LogError> {
        self.below().apply()
    }

    fn check(&self) -> Result<(), LogError> {
        self.below().check()
    }

    fn writer(&self, role: &str) -> Result<Box<dyn Writer>, LogError> {
        Layer::writer(self, role)
    }

    fn reader(&self, from: &[Position]) -> Result<Box<dyn Reader>, LogError> {
        Layer::reader(self, from)
    }

    fn join(&self, membership: &Membership) -> Result<Box<dyn Member>, LogError> {
        Layer::join(self, membership)
    }

    fn committed(&self, group: &str, of: &[&'static TopicSpec]) -> Result<Vec<Position>, LogError> {
        self.below().committed(group, of)
    }

    fn ends(&self, of: &[&'static TopicSpec]) -> Result<Vec<Position>, LogError> {
        Layer::ends(self, of)
    }

    fn begins(&self, of: &[&'static TopicSpec], time_ms: i64) -> Result<Vec<Position>, LogError> {
        // A layer may hide what is behind its ends.
        let ends = Layer::ends(self, of)?;
        let begins = self.below().begins(of, time_ms)?.into_iter().map(|begin| {
            let end = crate::snapshot::end_of(&ends, &begin);
            Position { offset: begin.offset.min(end), ..begin }
        });
        Ok(begins.collect())
    }
}
