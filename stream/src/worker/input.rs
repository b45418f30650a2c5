//! One input of a task: what was read and not taken yet, and where it stands.

use std::collections::VecDeque;

use schemas::TopicSpec;

use crate::{Position, Record};

/// A bounded buffer over one input partition.
pub(super) struct Input {
    pub(super) topic: &'static TopicSpec,
    partition: i32,
    buffer: VecDeque<Record>,
    bytes: usize,
    /// The next offset to take.
    next: i64,
    /// The next offset to be read: what comes again below it was read before.
    read: i64,
    /// Whether `next` moved since the last commit.
    moved: bool,
    /// Whether the flow is stopped.
    paused: bool,
}

impl Input {
    pub(super) fn new(topic: &'static TopicSpec, partition: i32) -> Self {
        Self {
            topic,
            partition,
            buffer: VecDeque::new(),
            bytes: 0,
            next: 0,
            read: 0,
            moved: false,
            paused: false,
        }
    }

    /// Forgets everything and begins at an offset, with the flow on.
    pub(super) fn reset(&mut self, offset: i64) {
        *self = Self::new(self.topic, self.partition);
        self.next = offset;
        self.read = offset;
    }

    pub(super) fn push(&mut self, record: Record) {
        if record.offset < self.read {
            return;
        }
        self.read = record.offset + 1;
        self.bytes += size(&record);
        self.buffer.push_back(record);
    }

    /// Takes the next record; `settle` says that its step is done, `put_back` that it is not.
    pub(super) fn pop(&mut self) -> Option<Record> {
        let record = self.buffer.pop_front()?;
        self.bytes -= size(&record);
        Some(record)
    }

    pub(super) fn put_back(&mut self, record: Record) {
        self.bytes += size(&record);
        self.buffer.push_front(record);
    }

    pub(super) fn took(&mut self, offset: i64) {
        self.next = offset + 1;
        self.moved = true;
    }

    pub(super) fn head(&self) -> Option<&Record> {
        self.buffer.front()
    }

    pub(super) fn len(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn position(&self) -> Position {
        Position { topic: self.topic, partition: self.partition, offset: self.next }
    }

    pub(super) fn has_moved(&self) -> bool {
        self.moved
    }

    pub(super) fn committed(&mut self) {
        self.moved = false;
    }

    /// Tells whether to stop or restart the flow: it stops at the limits and restarts at half of
    /// them.
    pub(super) fn flow(&mut self, records_max: usize, bytes_max: usize) -> Option<bool> {
        let full = self.len() >= records_max || self.bytes >= bytes_max;
        let low = self.len() <= records_max / 2 && self.bytes <= bytes_max / 2;
        let wanted = if self.paused { !low } else { full };
        (wanted != self.paused).then(|| {
            self.paused = wanted;
            wanted
        })
    }
}

fn size(record: &Record) -> usize {
    record.key.len() + record.value.as_ref().map_or(0, Vec::len)
}
