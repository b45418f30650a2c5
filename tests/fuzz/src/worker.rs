//! Runs inputs in a process of its own, and notes before each which one it is: whatever ends the
//! process, the input is known.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path, thread};

use crate::{Spent, Target, check, corpus::Corpus};

/// The stack of the program's own threads, which parse: what Rust gives a thread by itself.
const STACK_BYTES: usize = 2 << 20;

/// Runs places of the short run from `first` on, and notes each in a file before it is run.
///
/// Gives false when an input failed; when the process is ended by it, the file tells which.
///
/// # Errors
/// When the file can't be written.
pub fn work(target: &'static Target, first: u64, end: u64, notes: &Path) -> io::Result<bool> {
    let notes = File::create(notes)?;
    let run = move || -> io::Result<()> {
        let corpus = Corpus::of(target);
        warm_up(target);
        for place in first..end {
            notes.write_all_at(&place.to_le_bytes(), 0)?;
            check(target, &corpus.input(place));
        }
        Ok(())
    };
    match on_a_stack(run) {
        Some(done) => done.map(|()| true),
        None => Ok(false),
    }
}

/// Runs one input; gives what it took, or none when it failed.
pub fn replay(target: &'static Target, input: Vec<u8>) -> Option<Spent> {
    let run = move || {
        warm_up(target);
        check(target, &input)
    };
    on_a_stack(run)
}

/// Runs a target once on nothing, so that tables which are made once count for no input.
fn warm_up(target: &Target) {
    (target.run)(b"");
}

/// Runs something on a thread with the program's stack; none when it panics.
fn on_a_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let thread = thread::Builder::new().name("input".to_owned()).stack_size(STACK_BYTES);
    thread.spawn(run).expect("a thread starts").join().ok()
}
