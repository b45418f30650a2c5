//! Every list that the page shows, as a table: pure, from what a viewer sees.

mod accounts;
mod actions;
mod findings;
mod requirements;
mod risk;

pub(crate) use accounts::{accounts, days, days_of, executives, movers};
pub(crate) use actions::actions;
pub(crate) use findings::{changes, failing, rows, verdict_words};
pub(crate) use requirements::{heat, of_account, of_requirement, requirements, scored};
pub(crate) use risk::{exceptions, search, trust};
