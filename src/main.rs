//! The `scorecard` binary: one file a subcommand, wiring only.

fn main() {}
