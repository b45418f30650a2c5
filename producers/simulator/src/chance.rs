//! Chance without state: every decision is a hash of the seed and of what is decided.

/// Draws decisions of one seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    seed: u64,
}

impl Chance {
    /// Makes the chance of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Gives 64 random bits for what the parts name: always the same for the same parts.
    ///
    /// Source: SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators",
    /// 2014).
    pub(crate) fn bits(self, parts: &[u64]) -> u64 {
        parts.iter().fold(mix(self.seed), |state, part| mix(state ^ mix(*part)))
    }

    /// Gives a number below `end`.
    pub(crate) fn below(self, end: u64, parts: &[u64]) -> u64 {
        self.bits(parts) % end.max(1)
    }

    /// Decides with a probability in hundredths.
    pub(crate) fn happens(self, percent: u64, parts: &[u64]) -> bool {
        self.below(100, parts) < percent
    }
}

fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixes_as_splitmix64_does() {
        // The generator's first outputs for the state 1234567, as its reference prints them.
        let gamma = 0x9e37_79b9_7f4a_7c15_u64;
        let outputs: Vec<u64> =
            (0..2u64).map(|n| mix(1_234_567_u64.wrapping_add(gamma.wrapping_mul(n)))).collect();
        assert_eq!(outputs, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn parts_and_seeds_matter_and_nothing_else() {
        let chance = Chance::new(1);
        assert_eq!(chance.bits(&[1, 2]), chance.bits(&[1, 2]));
        assert_ne!(chance.bits(&[1, 2]), chance.bits(&[2, 1]));
        assert_ne!(chance.bits(&[1]), Chance::new(2).bits(&[1]));
        let hits = (0..10_000).filter(|n| chance.happens(30, &[*n])).count();
        assert!((2_800..3_200).contains(&hits), "{hits} of 10000 at 30 %");
    }
}
