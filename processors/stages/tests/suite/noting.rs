//! A stage whose steps are noted.

use schemas::TopicSpec;
use stream::{Record, Stage, StepError, TableSpec, View};

/// Hears of each record whose step was done: taken, or found to be poison.
pub(crate) type Note = Box<dyn Fn(&Record) + Send>;

/// A stage whose steps are noted.
pub(crate) struct Noting {
    pub(crate) stage: Box<dyn Stage>,
    pub(crate) note: Note,
}

impl Stage for Noting {
    fn name(&self) -> &'static str {
        self.stage.name()
    }

    fn inputs(&self) -> Vec<&'static TopicSpec> {
        self.stage.inputs()
    }

    fn tables(&self) -> Vec<TableSpec> {
        self.stage.tables()
    }

    fn outputs(&self) -> Vec<&'static TopicSpec> {
        self.stage.outputs()
    }

    fn step(&mut self, view: &mut View<'_>, record: &Record) -> Result<(), StepError> {
        let stepped = self.stage.step(view, record);
        if !matches!(stepped, Err(StepError::Wait(_))) {
            (self.note)(record);
        }
        stepped
    }

    fn work(&mut self, view: &mut View<'_>) -> Result<bool, StepError> {
        self.stage.work(view)
    }
}
