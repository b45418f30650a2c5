//! The contract of topics: schemas, values and both framings, checked from outside.

mod compatibility;
mod evolution;
mod golden;
mod schema;
mod values;
mod wire;
