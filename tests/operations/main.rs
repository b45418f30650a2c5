//! Operating a site: metrics and health, `top`, `coverage`, `exceptions`, `explain`, `replay`,
//! `reshard`, alerts, the standard and the role to deploy, on the local log and on Kafka, with the
//! real program.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod alerts;
mod coverage;
mod credit;
mod exceptions;
mod explain;
mod metrics;
mod replay;
mod reshard;
mod rights;
mod site;
mod standard;
mod top;
