//! Fuzz targets: every parser of outside input, what must hold of it, and a corpus.
//!
//! [`targets::ALL`] is the one list. [`check`] runs a target on an input and holds it to its laws
//! and to bounds of time and memory. Two things run it: [`short`], a part of the tests, replays the
//! corpus and a fixed number of mutated inputs, each made from a seed; `tests/fuzz/run` searches on
//! by coverage. An input that fails is a file, and `fuzz replay TARGET FILE` runs it again.

mod bounds;
pub mod corpus;
mod memory;
mod mutate;
pub mod short;
mod shrink;
mod structure;
pub mod targets;
mod ugly;
pub mod worker;

pub use bounds::{Spent, check};
pub use mutate::mutated;

/// A parser of outside input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// Parses an input and panics where what comes out breaks a law.
    pub run: fn(&[u8]),
    /// Files, and folders with files, of the repository that are seeds besides those in `corpus/`.
    pub seeds: &'static [&'static str],
    /// What inputs of this format are made of.
    pub words: &'static [&'static str],
    /// Mutated inputs of the short run.
    pub runs: u64,
    /// Bytes of memory that any input may take, however short it is: tables that are made once,
    /// compiled patterns, buffers.
    pub bytes_min: usize,
    /// Bytes of memory that a byte of input may take, besides.
    pub bytes_per_byte: usize,
}
