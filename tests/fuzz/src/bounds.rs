//! What no input may take: time and memory out of proportion to its length.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::{Target, memory};

/// Time on a processor that any input may take, in a build without optimisation on a slow machine.
const TIME_MIN: Duration = Duration::from_secs(2);

/// Time that a byte may take: parsers take some 0.2 us of it, and what is quadratic far more.
const TIME_PER_BYTE: Duration = Duration::from_micros(20);

/// What an input took.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    /// Time on a processor.
    pub time: Duration,
    /// The most bytes of memory at a time.
    pub bytes: usize,
}

/// Runs a target on an input; gives what that took.
///
/// # Panics
/// When the target does, or when the input took more time or memory than its length allows.
pub fn check(target: &Target, input: &[u8]) -> Spent {
    let begun = processor_time();
    let bytes = memory::peak_of(|| (target.run)(input));
    let time = processor_time().saturating_sub(begun);
    let (length, bytes_max) = (input.len(), target.bytes_min + target.bytes_per_byte * input.len());
    assert!(bytes <= bytes_max, "{length} bytes took {bytes} bytes of memory, over {bytes_max}");
    let time_max = TIME_MIN + TIME_PER_BYTE * u32::try_from(length).unwrap_or(u32::MAX);
    assert!(time <= time_max, "{length} bytes took {time:?} on a processor, over {time_max:?}");
    Spent { time, bytes }
}

/// Gives how long this thread has run on a processor: another load of the machine is not counted.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES_MIN: usize = 1 << 20;

    fn target(run: fn(&[u8])) -> Target {
        let (bytes_min, bytes_per_byte) = (BYTES_MIN, 10);
        Target { name: "t", run, seeds: &[], words: &[], runs: 0, bytes_min, bytes_per_byte }
    }

    #[test]
    fn an_input_takes_its_share() {
        check(&target(|_| drop(std::hint::black_box(vec![0u8; BYTES_MIN]))), b"");
        check(&target(|input| drop(std::hint::black_box(input.repeat(10)))), &[1; 1 << 20]);
    }

    #[test]
    #[should_panic(expected = "of memory")]
    fn one_that_takes_more_memory_fails() {
        check(&target(|_| drop(std::hint::black_box(vec![0u8; BYTES_MIN + 1_000]))), b"1");
    }

    #[test]
    #[should_panic(expected = "on a processor")]
    fn one_that_takes_more_time_fails() {
        let busy = |_: &[u8]| {
            let begun = processor_time();
            while processor_time() - begun < TIME_MIN + Duration::from_millis(100) {}
        };
        check(&target(busy), b"1");
    }
}
