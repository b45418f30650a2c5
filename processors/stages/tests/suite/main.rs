//! The account stage and the roll-up stage over records in memory: behaviours, an oracle, and laws.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

mod accounts;
mod agree;
mod build;
mod credit;
mod findings;
mod inventory;
mod laws;
mod oracle;
mod random;
mod related;
mod restarts;
mod scores;
mod site;
mod sources;
mod time;
mod verdicts;
mod world;
