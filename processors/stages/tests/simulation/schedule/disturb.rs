//! What disturbs a run: faults of the log, deaths of workers, processes and the whole machine.

use super::{Failpoint, Fault, Hearing, Home, Run};

impl Run<'_> {
    pub(super) fn fault(&mut self) {
        let faults = [
            ("aborted commit", Fault::AbortCommits(1)),
            ("aborted commit", Fault::AbortCommits(1)),
            ("aborted commit", Fault::AbortCommits(1)),
            ("lost answer", Fault::LoseAnswers(1)),
            ("refused write", Fault::RefuseWrites(1)),
            ("poll failed", Fault::FailPolls(1)),
        ];
        let (what, fault) = self.random.pick(&faults);
        self.trace.count(what, 1);
        // So that there is something to commit, and time to come to it.
        self.append();
        self.append();
        for _ in 0..=self.random.below(4) {
            self.someones_turn(fault);
        }
    }

    /// Lets a worker die at a certain point, when it comes to it.
    pub(super) fn arm(&mut self) {
        use Failpoint::{AfterCommit, BeforeCommit, BetweenStores};
        let Some(at) = self.someone() else { return };
        let point = self.random.pick(&[BeforeCommit, AfterCommit, BetweenStores]);
        let actor = &self.actors[at];
        *actor.running.as_ref().expect("it is live").armed.lock().unwrap() = Some(point);
        self.trace.note(format!("arm: {} at {point:?}", actor.slot));
    }

    pub(super) fn crash(&mut self) {
        let Some(at) = self.someone() else { return };
        self.happens("crash", self.actors[at].slot.clone());
        self.drop_worker(at);
    }

    pub(super) fn stop(&mut self) {
        let Some(at) = self.someone() else { return };
        self.happens("clean stop", self.actors[at].slot.clone());
        self.actors[at].running.as_ref().expect("it is live").stop.stop();
    }

    /// Starts another worker of a live one's slot, in another process or in the same.
    pub(super) fn twin(&mut self) {
        let Some(at) = self.someone() else { return };
        if self.random.chance(70) {
            self.falls_asleep(at);
        }
        let actor = &mut self.actors[at];
        let Some(old) = actor.running.take() else { return };
        let slot = actor.slot.clone();
        if !self.shared {
            actor.home = self.homes.len();
            let folder = self.folder.path().join(actor.home.to_string());
            self.homes.push(Home::new(folder));
        }
        self.happens("twin", slot.clone());
        self.twins.push((slot, old));
        self.run_worker(at);
    }

    /// Lets a worker read, and then hear of nothing that others do.
    fn falls_asleep(&mut self, at: usize) {
        let running = self.actors[at].running.as_ref().expect("it is live");
        let hearing = running.hearing.clone();
        self.append();
        *hearing.lock().unwrap() = Hearing::Hoards;
        self.turn(at, Fault::None);
        *hearing.lock().unwrap() = Hearing::Deaf;
        self.happens("sleep", self.actors[at].slot.clone());
    }

    pub(super) fn process_dies(&mut self) {
        let Some(at) = self.someone() else { return };
        let home = self.actors[at].home;
        let wipe = self.random.chance(40);
        let what = if wipe { "process wiped" } else { "process died" };
        self.happens(what, format!("home {home}"));
        self.end_home(home, wipe);
    }

    /// Ends everything, the log's process too; it is opened again, workers are started one by one.
    pub(super) fn all_down(&mut self, wipe: bool) {
        self.happens("whole machine", format!("wiped: {wipe}"));
        for home in 0..self.homes.len() {
            self.end_home(home, wipe);
        }
        (self.writer, self.log) = (None, None);
        self.open();
    }

    fn end_home(&mut self, home: usize, wipe: bool) {
        for at in 0..self.actors.len() {
            if self.actors[at].home == home {
                self.drop_worker(at);
            }
        }
        for (_, twin) in self.twins.extract_if(.., |(_, twin)| twin.home() == home) {
            twin.end(self.trace);
        }
        self.homes[home].end(wipe);
    }

    pub(super) fn drop_worker(&mut self, at: usize) {
        if let Some(running) = self.actors[at].running.take() {
            running.end(self.trace);
        }
    }
}
