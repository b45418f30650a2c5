//! The end of a run: everyone gets turns until nothing is left to do.

use super::{Actor, Duration, End, Event, Fault, Kind, Log, Phase, ROUNDS_MAX, Run, caught_up};

impl Run<'_> {
    /// Appends what is left and gives everyone turns, undisturbed, until all is settled.
    pub(super) fn drain(&mut self) {
        for (_, twin) in std::mem::take(&mut self.twins) {
            twin.end(self.trace);
        }
        while !self.feed.is_empty() {
            self.append();
        }
        for _ in 0..ROUNDS_MAX {
            for at in 0..self.actors.len() {
                match &self.actors[at].running {
                    Some(running) => *running.armed.lock().unwrap() = None,
                    None => self.run_worker(at),
                }
                self.turn(at, Fault::None);
            }
            self.clock.advance(Duration::from_millis(60));
            if self.is_settled(Kind::Account) && self.is_settled(Kind::Rollup) {
                return;
            }
        }
        panic!("not settled after {ROUNDS_MAX} rounds: {}", self.progress());
    }

    fn is_settled(&self, kind: Kind) -> bool {
        let runs = |partition| self.owner(kind, partition).is_some();
        (0..self.partitions).all(runs)
            && caught_up(self.log(), kind.name(), &kind.inputs(), None).unwrap()
    }

    /// Finds who runs a partition and has nothing left to do in it.
    fn owner(&self, kind: Kind, partition: i32) -> Option<&Actor> {
        self.actors.iter().filter(|actor| actor.kind == kind).find(|actor| {
            let tasks = actor.running.as_ref().map(|running| running.progress.tasks());
            let task = tasks.and_then(|mut tasks| tasks.remove(&partition));
            task.is_some_and(|task| task.phase == Phase::Running && !task.pending)
        })
    }

    fn progress(&self) -> String {
        let running = self.actors.iter().filter_map(|actor| Some((actor, actor.running.as_ref()?)));
        let said = running
            .map(|(actor, running)| format!("{}: {:?}", actor.slot, running.progress.tasks()));
        said.collect::<Vec<_>>().join("; ")
    }

    /// Ends all workers and gives what there is to judge.
    pub(super) fn end(&mut self, events: Option<Vec<Event>>) -> End {
        let mut homes = Vec::new();
        for kind in [Kind::Account, Kind::Rollup] {
            for partition in 0..self.partitions {
                let owner = self.owner(kind, partition).expect("all is settled");
                homes.push((kind, partition, owner.home));
            }
        }
        (0..self.actors.len()).for_each(|at| self.drop_worker(at));
        let stores = homes
            .into_iter()
            .map(|(kind, partition, home)| (kind, partition, self.homes[home].stores()));
        End {
            stores: stores.collect(),
            log: self.log().clone(),
            partitions: self.log().partitions(),
            compacted: self.compacts,
            orders: std::mem::take(&mut *self.orders.lock().unwrap()),
            events,
        }
    }
}
