//! What producers still have to write: a scenario by topic and partition, each in its own order.

use std::collections::{BTreeMap, VecDeque};

use stream::Outgoing;

use crate::{
    build::{Event, Tape},
    random::Random,
};

/// The records of a scenario that are not appended yet.
pub(crate) struct Feed {
    tape: Tape,
    lanes: BTreeMap<(&'static str, i32), Lane>,
    made: usize,
    /// In how many of a hundred cases a record is appended twice, or said again.
    pub(crate) repeats: usize,
}

#[derive(Default)]
struct Lane {
    /// Records with their places in the scenario.
    coming: VecDeque<(usize, Outgoing)>,
    last: Option<Outgoing>,
}

impl Feed {
    pub(crate) fn new(partitions: i32, events: &[Event]) -> Self {
        let mut feed =
            Self { tape: Tape::new(partitions), lanes: BTreeMap::new(), made: 0, repeats: 9 };
        events.iter().for_each(|event| feed.add(event));
        feed
    }

    /// Adds an event behind all others.
    pub(crate) fn add(&mut self, event: &Event) {
        self.made += 1;
        for record in self.tape.records(event) {
            let lane = self.lanes.entry((record.topic.name, record.partition)).or_default();
            lane.coming.push_back((self.made, record.into()));
        }
    }

    /// How many records are not appended yet.
    pub(crate) fn len(&self) -> usize {
        self.lanes.values().map(|lane| lane.coming.len()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.values().all(|lane| lane.coming.is_empty())
    }

    /// Draws what is appended next: some records of one lane, some twice, some of before again.
    ///
    /// A record is said again only while it is the last one of its topic and partition, as by a
    /// producer that does not know whether it was heard. `again` counts the ways in which it is.
    pub(crate) fn draw(
        &mut self,
        random: &mut Random,
        again: &dyn Fn(&'static str),
    ) -> Vec<Outgoing> {
        let mut drawn = Vec::new();
        if random.chance(self.repeats) {
            let said: Vec<_> = self.lanes.values().filter_map(|lane| lane.last.as_ref()).collect();
            if !said.is_empty() {
                drawn.push(random.pick(&said).clone());
                again("said again");
            }
        }
        let Some(lane) = self.choose(random).and_then(|key| self.lanes.get_mut(&key)) else {
            return drawn;
        };
        for _ in 0..=random.below(6) {
            let Some((_, record)) = lane.coming.pop_front() else { break };
            if random.chance(self.repeats) {
                drawn.push(record.clone());
                again("appended twice");
            }
            lane.last = Some(record.clone());
            drawn.push(record);
        }
        drawn
    }

    /// Chooses a lane: that of the oldest record, or any.
    fn choose(&self, random: &mut Random) -> Option<(&'static str, i32)> {
        let heads = self.lanes.iter();
        let heads = heads.filter_map(|(key, lane)| Some((lane.coming.front()?.0, *key)));
        let heads: Vec<_> = heads.collect();
        if random.chance(60) {
            return heads.iter().min().map(|(_, key)| *key);
        }
        (!heads.is_empty()).then(|| random.pick(&heads).1)
    }
}
