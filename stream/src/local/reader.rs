//! The reader without a group, and the writer of producers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Fault,
    compactor::Nudge,
    cursor::{self, Cursor},
    shared::{Shared, injected},
};
use crate::{LogError, Outgoing, Position, Reader, Record, Writer};

/// Reads a local log without a group.
pub(super) struct LocalReader {
    shared: Arc<Shared>,
    cursors: Vec<Cursor>,
    first: usize,
}

impl LocalReader {
    pub(super) fn new(shared: Arc<Shared>, from: &[Position]) -> Result<Self, LogError> {
        let cursors = {
            let state = shared.lock();
            let cursors = from.iter().map(|position| {
                Ok(Cursor {
                    topic: position.topic,
                    partition: position.partition,
                    place: shared.place(&state, position.topic, position.partition)?,
                    position: position.offset.max(0) as u64,
                    paused: false,
                })
            });
            cursors.collect::<Result<Vec<_>, LogError>>()?
        };
        Ok(Self { shared, cursors, first: 0 })
    }
}

impl Reader for LocalReader {
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Record>, LogError> {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.lock();
        if state.fault.strikes(Fault::poll) {
            return Err(injected("reading records"));
        }
        loop {
            let pages = cursor::pages(&state, &self.cursors, self.first);
            if pages.is_empty() {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(Vec::new());
                }
                state = self.shared.wait(state, left);
                continue;
            }
            drop(state);
            self.first = (self.first + 1) % self.cursors.len();
            let records = cursor::fetch(&self.shared, &mut self.cursors, &pages)?;
            if !records.is_empty() {
                return Ok(records);
            }
            state = self.shared.lock();
        }
    }

    fn positions(&mut self) -> Result<Vec<Position>, LogError> {
        Ok(self.cursors.iter().map(Cursor::position).collect())
    }
}

/// Appends source records to a local log.
pub(super) struct LocalWriter {
    pub(super) shared: Arc<Shared>,
    pub(super) nudge: Nudge,
}

impl Writer for LocalWriter {
    fn append(&mut self, records: Vec<Outgoing>) -> Result<(), LogError> {
        if records.is_empty() {
            return Ok(());
        }
        let encoded = self.shared.encode(&records)?;
        let state = self.shared.lock();
        self.shared.append(state, encoded, "", &[])?;
        self.nudge.appended(records.len());
        Ok(())
    }

    /// Nothing is left to wait for: an append returns when its records are with the system.
    fn flush(&mut self) -> Result<(), LogError> {
        Ok(())
    }
}
