//! Traces: what the real program tells a collector of its work, that its log has the same ids, and
//! that nothing waits for a collector that does not answer.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod doctor;
mod logs;
mod mail;
mod page;
mod scans;
mod site;
mod spans;
mod stages;
mod trouble;
