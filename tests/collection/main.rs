//! Collection where it goes wrong: every kind of bad day at AWS, and 200 accounts
//! that several processes share, one of which dies.
//!
//! AWS is moto behind `kit::gateway`; the program is the real one. Nothing that fails on the side
//! of AWS may delete a resource or raise a score; the next good scan must heal all of it.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod advisor;
mod answers;
#[path = "../pipeline/compare.rs"]
mod compare;
mod day;
mod doctor;
mod large;
mod refusals;
mod silence;
mod site;
mod storms;
#[path = "../pipeline/tables.rs"]
mod tables;
mod world;
