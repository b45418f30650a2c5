//! The steps that verdicts may take: what is out of proportion is unknown, and the rule's fault.

use super::{Evaluated, Machine, unknown};
use crate::unknown::{Cause, Unknown};
use crate::value::{BYTES_A_STEP, Val};

/// How many steps one verdict may take. A rule over a group of 1,000 permissions takes some 20,000;
/// a million is some 20 ms.
pub(super) const STEPS_MAX: usize = 1_000_000;

/// How many steps all verdicts on one document may take: a list of a hundred thousand items, each
/// looked at beside all others, would take hours. It is less than a second.
pub(super) const DOCUMENT_STEPS_MAX: usize = 20_000_000;

impl<'a> Machine<'a> {
    pub(super) fn step(&mut self) -> Result<(), Unknown> {
        self.charge(1)
    }

    /// Takes steps from the budget; what walks through a list in one go costs as many.
    pub(super) fn charge(&mut self, steps: usize) -> Result<(), Unknown> {
        match self.steps_left.checked_sub(steps) {
            Some(left) => {
                self.steps_left = left;
                Ok(())
            }
            None => {
                self.steps_left = 0;
                unknown(0, Cause::OverBudget)
            }
        }
    }

    /// Takes the steps of looking through texts.
    pub(super) fn charge_bytes(&mut self, bytes: usize) -> Result<(), Unknown> {
        self.charge(bytes / BYTES_A_STEP)
    }

    /// Takes the steps of walking through all of a value.
    pub(super) fn priced(&mut self, value: Val<'a>) -> Evaluated<'a> {
        self.charge(value.weight())?;
        Ok(value)
    }
}
