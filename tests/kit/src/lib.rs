//! Starts and stops the real servers and foreign tools that the tests need.
//!
//! Every server listens on a free loopback port, is waited for until it answers, keeps its log in
//! a folder of its own, and is ended by its process id: on drop, or when the test process dies.
//! Nothing is skipped in silence: where a server cannot be started, the error says what is missing.
//!
//! **Invariant**: the kit knows none of the project's crates; what it says about Kafka, AWS or a
//! workbook comes from somebody else's code.

pub mod browser;
pub mod certificate;
pub mod clickhouse;
pub mod cluster;
pub mod elasticsearch;
pub mod gateway;
pub mod hook;
pub mod http;
pub mod java;
pub mod kafka;
pub mod libreoffice;
pub mod mailpit;
pub mod moto;
mod node;
pub mod organisation;
pub mod otlp;
pub mod ports;
pub mod process;
pub mod proxy;
mod python;
pub mod recorder;
pub mod registry;
pub mod schemathesis;
pub mod secured;
pub mod setup;
pub mod supervisor;
pub mod tls;
pub mod tokens;

pub use python::python;
