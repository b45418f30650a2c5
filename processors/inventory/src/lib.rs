//! The inventory's decisions: what a record of a scope means, and what changed in a document.
//!
//! Pure: rows and records in, decisions out. The account stage reads the rows and carries the
//! decisions out. **Invariant:** only a scope that was completed, with as many observations as it
//! announces, may delete.

mod coverage;
mod diff;
mod scope;

pub use coverage::{UNIT_REPORT, coverage_of};
pub use diff::differences;
pub use scope::{
    Attempt, Completion, Member, MemberKey, Order, ScopeKey, ScopeState, ScopeStatus, count_closes,
    order, start,
};
