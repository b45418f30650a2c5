//! The long run of one target: libFuzzer, which `tests/fuzz/run` builds and starts.

#![no_main]

use std::{path::Path, sync::LazyLock};

use fuzz::{Target, check, corpus::Corpus, targets};
use libfuzzer_sys::fuzz_target;

/// The target that the environment names.
static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names the target");
    let found = targets::ALL.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("there is no target {name}"))
});

/// Writes the corpus to where libFuzzer looks for it next, and makes what is made once.
fn prepare() {
    let folder = std::env::var("FUZZ_SEEDS").expect("FUZZ_SEEDS names a folder");
    Corpus::of(*TARGET).write(Path::new(&folder)).expect("the seeds can be written");
    (TARGET.run)(b"");
}

fuzz_target!(
    init: prepare(),
    |input: &[u8]| {
        check(&TARGET, input);
    }
);
