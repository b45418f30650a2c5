//! Pauses between tries: they grow, differ between members, and heed what the target asked. Pure.

use std::time::Duration;

/// The first and the longest pause of our own.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// The longest pause that a target may ask for: an answer must not put a sink to sleep for good.
const ASKED_MAX: Duration = Duration::from_secs(300);

/// Pauses of one thing that is tried again and again.
#[derive(Debug)]
pub struct Backoff {
    pause: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

impl Backoff {
    /// Begins with the shortest pause.
    pub fn new() -> Self {
        Self { pause: PAUSES.0 }
    }

    /// Gives the next pause: half of it is fixed, and `chance` (0 to 1) says how much of the other
    /// half comes to it, so that members that failed together do not come back together.
    pub fn next(&mut self, asked: Option<Duration>, chance: f64) -> Duration {
        let half = self.pause / 2;
        let pause = half + half.mul_f64(chance.clamp(0.0, 1.0));
        self.pause = PAUSES.1.min(self.pause * 2);
        pause.max(asked.unwrap_or_default().min(ASKED_MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let (mut shortest, mut longest) = (Backoff::new(), Backoff::new());
        let short: Vec<_> = (0..8).map(|_| shortest.next(None, 0.0)).collect();
        let long: Vec<_> = (0..8).map(|_| longest.next(None, 1.0)).collect();
        let expected = [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000].map(ms);
        assert_eq!(short, expected);
        assert_eq!(long, expected.map(|pause| pause * 2));
    }

    #[test]
    fn what_the_target_asks_for_is_heeded_within_reason() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.next(Some(ms(7_000)), 0.0), ms(7_000));
        assert_eq!(backoff.next(Some(ms(1)), 0.0), ms(500), "our own pause is the longer one");
        assert_eq!(backoff.next(Some(Duration::MAX), 0.5), ms(300_000));
    }

    proptest! {
        #[test]
        fn a_pause_is_between_half_and_the_whole(tries in 0_u32..12, chance in 0.0..=1.0) {
            let mut backoff = Backoff::new();
            (0..tries).for_each(|_| _ = backoff.next(None, chance));
            let whole = ms(500 * 2_u64.pow(tries)).min(ms(30_000));
            let pause = backoff.next(None, chance);
            prop_assert!(pause >= whole / 2 && pause <= whole, "{pause:?} of {whole:?}");
        }
    }
}
