//! Numbers that look random and follow from a seed, and Zipf's law over keys.

/// SplitMix64. Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators" (2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Gives a number below a bound that is far below 2^64.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Gives a number from 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Keys drawn by Zipf's law with exponent 1, the ranks scattered over the keys.
pub(crate) struct Zipf {
    /// Weight of each rank and all before it.
    sums: Vec<f64>,
    step: u64,
}

impl Zipf {
    pub(crate) fn new(keys: u64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=keys)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        Self { sums, step: coprime(keys) }
    }

    pub(crate) fn draw(&self, random: &mut Random) -> u64 {
        let keys = self.sums.len() as u64;
        let at = random.unit() * self.sums.last().copied().unwrap_or_default();
        let rank = self.sums.partition_point(|sum| *sum <= at) as u64;
        scatter(rank.min(keys - 1), self.step, keys)
    }
}

/// Gives the place of a number in a fixed order of all numbers below `count`.
pub(crate) fn scatter(number: u64, step: u64, count: u64) -> u64 {
    let place = u128::from(number) * u128::from(step) % u128::from(count);
    u64::try_from(place).expect("it is below the count")
}

/// Gives a large step that visits each of `count` numbers once.
pub(crate) fn coprime(count: u64) -> u64 {
    let is_coprime = |step: &u64| gcd(*step, count) == 1;
    (2_654_435_761..).find(is_coprime).expect("one of every few numbers is")
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_step_visits_every_number_once() {
        for count in [1, 2, 10, 1_000, 2_654_435_761 % 5_003] {
            let step = coprime(count);
            let places: BTreeSet<u64> = (0..count).map(|n| scatter(n, step, count)).collect();
            assert_eq!(places, (0..count).collect());
        }
    }

    #[test]
    fn ranks_are_drawn_by_their_weight() {
        let (zipf, mut random) = (Zipf::new(100), Random::new(7));
        let mut drawn = [0_u32; 100];
        for _ in 0..100_000 {
            drawn[usize::try_from(zipf.draw(&mut random)).unwrap()] += 1;
        }
        // The harmonic number of 100 is 5.1874.
        for (rank, share) in [(0_u64, 1.0 / 5.1874), (9, 0.1 / 5.1874)] {
            let key = usize::try_from(scatter(rank, coprime(100), 100)).unwrap();
            let found = f64::from(drawn[key]) / 100_000.0;
            assert!((found - share).abs() < 0.1 * share, "rank {rank}: {found} for {share}");
        }
    }
}
