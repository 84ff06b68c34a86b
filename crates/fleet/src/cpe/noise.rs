//! Chance that a seed decides: the same seed has the same devices do the same.

use std::time::Duration;

/// A number that only these parts decide (splitmix64 over each of them).
pub(crate) fn noise(parts: &[u64]) -> u64 {
    parts.iter().fold(0x5eed, |state, part| mixed(state ^ part.wrapping_mul(GOLDEN)))
}

/// Throws, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(parts: &[u64]) -> Self {
        Self(noise(parts))
    }

    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mixed(self.0)
    }

    /// Less than `end`; 0 if that is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.throw().checked_rem(end).unwrap_or(0)
    }

    /// From 0 up to less than 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.throw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Up to `span`.
    pub(crate) fn within(&mut self, span: Duration) -> Duration {
        span.mul_f64(self.unit())
    }

    /// Sixteen bytes that nobody else throws.
    pub(crate) fn bytes(&mut self) -> [u8; 16] {
        (u128::from(self.throw()) << 64 | u128::from(self.throw())).to_be_bytes()
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_and_another_something_else() {
        let throws = |seed| {
            let mut dice = Dice::new(&[seed, 1]);
            [dice.throw(), dice.throw(), dice.below(10)]
        };
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
        assert_ne!(noise(&[1, 2]), noise(&[2, 1]));
    }

    #[test]
    fn throws_stay_within_their_bounds() {
        let mut dice = Dice::new(&[3]);
        for _ in 0..1_000 {
            assert!(dice.below(3) < 3 && (0.0..1.0).contains(&dice.unit()));
            assert!(dice.within(Duration::from_secs(2)) <= Duration::from_secs(2));
        }
        assert_eq!(dice.below(0), 0);
    }
}
