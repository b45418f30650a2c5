//! Counts the memory of each thread, and refuses what no input is worth.

// An allocator can't be written otherwise; it does nothing but count, and hand on to the system's.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// Bytes that a thread may hold: what asks for more is ended by the process's abort, which names
/// the input, before the machine has none left.
const THREAD_BYTES_MAX: isize = 2 << 30;

thread_local! {
    /// Bytes that the thread holds; below zero when it frees what others took.
    static HELD: Cell<isize> = const { Cell::new(0) };
    /// The most that it held since it was asked last.
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

/// Notes a change, and tells whether the thread holds no more than it may.
fn note(change: isize) -> bool {
    HELD.with(|held| {
        let now = held.get() + change;
        if change > 0 && now > THREAD_BYTES_MAX {
            return false;
        }
        held.set(now);
        PEAK.with(|peak| peak.set(peak.get().max(now)));
        true
    })
}

// SAFETY: every call is the system allocator's own, with the same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !note(layout.size() as isize) {
            return std::ptr::null_mut();
        }
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !note(layout.size() as isize) {
            return std::ptr::null_mut();
        }
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !note(size as isize - layout.size() as isize) {
            return std::ptr::null_mut();
        }
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Runs something on this thread; gives the most bytes that it held more than before.
pub(crate) fn peak_of(run: impl FnOnce()) -> usize {
    let before = HELD.get();
    PEAK.set(before);
    run();
    usize::try_from(PEAK.get() - before).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_that_was_held_is_counted() {
        let peak = peak_of(|| {
            drop(std::hint::black_box(vec![1u8; 3_000_000]));
            drop(std::hint::black_box(vec![1u8; 1_000_000]));
        });
        assert!((3_000_000..3_100_000).contains(&peak), "{peak}");
        let mut list = Vec::new();
        let peak = peak_of(|| (0..1_000_000u32).for_each(|one| list.push(one)));
        // A list that grows is copied from half its size to twice that.
        assert!((4_000_000..14_000_000).contains(&peak), "{peak}");
        assert!(peak_of(|| drop(list)) < 1_000, "what is freed is not held");
    }
}
