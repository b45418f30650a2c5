//! Reads many partitions as one sequence: always the record with the smallest time at a head.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use stream::{Log, Position, Reader, Record};

/// Wait of one poll.
const POLL: Duration = Duration::from_millis(20);

/// How long one partition may stand still.
const STALL_MAX: Duration = Duration::from_secs(60);

/// Partitions that are read as one sequence. Each has a reader of its own, so that a partition
/// whose times lie later is not read ahead: memory is bounded by a poll of each.
pub(super) struct Merge<'a> {
    feeds: Vec<Feed<'a>>,
    /// The time at each feed's head, and the feed: the earlier one goes first among equals.
    heads: BinaryHeap<Reverse<(i64, usize)>>,
    begun: bool,
}

struct Feed<'a> {
    log: &'a dyn Log,
    reader: Option<Box<dyn Reader>>,
    queue: VecDeque<Record>,
    /// The next offset to give.
    next: Position,
    end: i64,
}

impl<'a> Merge<'a> {
    /// Reads each partition from one position to the other; both lists are in the same order.
    pub(super) fn new(log: &'a dyn Log, from: &[Position], to: &[Position]) -> Self {
        let feeds = from.iter().zip(to).map(|(from, to)| Feed {
            log,
            reader: None,
            queue: VecDeque::new(),
            next: *from,
            end: to.offset,
        });
        Self { feeds: feeds.collect(), heads: BinaryHeap::new(), begun: false }
    }

    /// Gives the next record; none when all partitions are at their ends.
    pub(super) fn next(&mut self) -> Result<Option<Record>> {
        if !self.begun {
            self.begun = true;
            (0..self.feeds.len()).try_for_each(|index| self.head(index))?;
        }
        let Some(Reverse((_, index))) = self.heads.pop() else { return Ok(None) };
        let feed = &mut self.feeds[index];
        let record = feed.queue.pop_front();
        if let Some(record) = &record {
            feed.next.offset = record.offset + 1;
        }
        self.head(index)?;
        Ok(record)
    }

    /// Gives where each partition stands: below it everything was given.
    pub(super) fn positions(&self) -> Vec<Position> {
        self.feeds.iter().map(|feed| feed.next).collect()
    }

    fn head(&mut self, index: usize) -> Result<()> {
        let feed = &mut self.feeds[index];
        feed.fill()?;
        if let Some(head) = feed.queue.front() {
            self.heads.push(Reverse((head.timestamp_ms, index)));
        }
        Ok(())
    }
}

impl Feed<'_> {
    /// Reads until there is a record, or the end.
    fn fill(&mut self) -> Result<()> {
        if !self.queue.is_empty() || self.next.offset >= self.end {
            return Ok(());
        }
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(self.log.reader(&[self.next])?),
        };
        let mut moved = (Instant::now(), self.next.offset);
        loop {
            let records = reader.poll(POLL)?;
            self.queue.extend(records.into_iter().filter(|record| record.offset < self.end));
            if !self.queue.is_empty() {
                return Ok(());
            }
            let at = reader.positions()?.first().map_or(0, |at| at.offset);
            if at >= self.end {
                // What was left are markers and gaps.
                self.next.offset = self.end;
                self.reader = None;
                return Ok(());
            }
            if at != moved.1 {
                moved = (Instant::now(), at);
            }
            let Position { topic, partition, .. } = self.next;
            ensure!(
                moved.0.elapsed() < STALL_MAX,
                "{}/{partition} stands still at offset {at}, before its end {}",
                topic.name,
                self.end
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use schemas::topic::{OBSERVATION, TICK};
    use stream::{Outgoing, local::LocalLog};

    use super::*;

    #[test]
    fn the_smallest_time_goes_first_and_a_partition_keeps_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let log = LocalLog::open(folder.path(), 2, "p").unwrap();
        log.apply().unwrap();
        let put = |topic, partition, timestamp_ms| Outgoing {
            topic,
            partition,
            timestamp_ms,
            key: Vec::new(),
            value: None,
            headers: Vec::new(),
        };
        let (tick, seen) = (TICK.spec, OBSERVATION.spec);
        // A time that went back waits for those before it in its partition.
        let records = [(seen, 0, 30), (seen, 0, 10), (seen, 1, 20), (seen, 1, 40), (tick, 0, 20)];
        let records = records.map(|(topic, partition, ms)| put(topic, partition, ms));
        log.writer("test").unwrap().append(records.to_vec()).unwrap();
        let place = |topic, partition, offset| Position { topic, partition, offset };
        let from = [place(tick, 0, 0), place(seen, 0, 0), place(seen, 1, 0)];
        let to = [place(tick, 0, 1), place(seen, 0, 2), place(seen, 1, 1)];
        let mut merge = Merge::new(&log, &from, &to);
        let mut given = Vec::new();
        while let Some(record) = merge.next().unwrap() {
            given.push((record.topic.name, record.partition, record.timestamp_ms));
        }
        assert_eq!(
            given,
            [
                ("tick", 0, 20),
                ("observation", 1, 20),
                ("observation", 0, 30),
                ("observation", 0, 10)
            ]
        );
        assert_eq!(merge.positions(), to, "what lies behind the ends is not given");
    }
}
