//! A reader that hands over a few records at a time, so that a restore takes many turns.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use stream::{LogError, Position, Reader, Record};

use crate::random::Random;

pub(super) struct LateReader {
    reader: Box<dyn Reader>,
    random: Random,
    /// Records that were read and not handed over.
    late: VecDeque<Record>,
}

impl LateReader {
    pub(super) fn new(reader: Box<dyn Reader>, seed: u64) -> Self {
        Self { reader, random: Random(seed), late: VecDeque::new() }
    }
}

impl Reader for LateReader {
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Record>, LogError> {
        if self.late.is_empty() {
            self.late.extend(self.reader.poll(timeout)?);
        }
        let all = self.late.len();
        let count = if self.random.chance(50) { all } else { self.random.below(all + 1) };
        Ok(self.late.drain(..count).collect())
    }

    fn positions(&mut self) -> Result<Vec<Position>, LogError> {
        let mut positions = self.reader.positions()?;
        for position in &mut positions {
            let late = self.late.iter().find(|record| {
                record.topic.name == position.topic.name && record.partition == position.partition
            });
            position.offset = late.map_or(position.offset, |record| record.offset);
        }
        Ok(positions)
    }
}

/// Gives another seed at each call.
pub(super) fn next(seeds: &Mutex<u64>) -> u64 {
    let mut seed = seeds.lock().unwrap();
    *seed = seed.wrapping_add(1);
    *seed
}
