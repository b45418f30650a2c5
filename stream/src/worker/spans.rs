//! The span of a transaction: of which stage, how much of what, and how it ended.

use tracing::{field::Empty, info_span};

use super::{WorkerError, role::Role};
use crate::{
    LogError, Outcome,
    span::{FAILED, TARGET, Traced, number},
};

/// Begins a transaction's span: a trace of its own.
pub(super) fn transaction(role: &Role) -> Traced {
    Traced::begin(info_span!(
        target: TARGET,
        parent: None,
        "stage transaction",
        stage = role.stage,
        slot = role.config.slot,
        tasks = Empty,
        records_in = Empty,
        records_out = Empty,
        outcome = Empty,
    ))
}

/// Says what a transaction holds that is about to be committed.
pub(super) fn holds(traced: &Traced, records_in: usize, tasks: usize, records_out: usize) {
    traced.span().record("records_in", number(records_in));
    traced.span().record("tasks", number(tasks));
    traced.span().record("records_out", number(records_out));
}

/// Says how a transaction ended.
pub(super) fn outcome(committed: &Result<Outcome, WorkerError>) -> &'static str {
    match committed {
        Ok(Outcome::Committed) => "committed",
        Ok(Outcome::Aborted) => "aborted",
        Ok(Outcome::Fenced) => "fenced",
        Err(WorkerError::Log { source: LogError::Fenced { .. }, .. }) => "fenced",
        Err(_) => FAILED,
    }
}
