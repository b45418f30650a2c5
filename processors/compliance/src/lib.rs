//! Compliance: verdicts on resources, credit from the risk register, and scores.
//!
//! Pure: values in, values out. **Invariants:** unknown is never pass; an exception never changes a
//! verdict; a verdict that new data can't tell stays until it is replaced; counts are integers and
//! the score is derived from them in one place.

mod evaluate;
mod except;
pub mod explain;
mod findings;
mod parsed;
mod related;
mod score;
#[cfg(test)]
mod score_tests;
mod standard;
#[cfg(test)]
mod testing;

pub use evaluate::{RULE_SOURCE, Row, Rows, judge, settle};
pub use except::{ExceptionIndex, Place, credit, matches, miss, without_credit};
pub use findings::{FRESH_MS, finding_row, part_of, worse};
pub use parsed::{Parsed, document};
pub use related::{Found, Relatives, found_by, incomplete, looked_for};
pub use score::{
    Counts, Weighted, account_score, count_rows, coverage_for, mean, needs, requirement_score,
};
pub use standard::{Standard, StandardEntry, compile};
