//! What rules can compute beyond CEL's operators: plain functions over plain values.

pub(crate) mod glob;
pub(crate) mod network;
pub(crate) mod time;
