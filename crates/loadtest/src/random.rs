//! Chance that is the same each time, so that a measurement can be repeated, on any machine and
//! with any version of any library.

use std::time::Duration;

/// The splitmix64 generator: small, and good enough to choose recordings and to make noise.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 up to 1, which it never is.
    pub(crate) fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
        let fraction = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }

    /// Below `count`; 0 of none.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are small, and a fraction is neither negative nor 1"
    )]
    pub(crate) fn below(&mut self, count: usize) -> usize {
        (self.fraction() * count as f64) as usize
    }

    /// Between these.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        least + most.saturating_sub(least).mul_f64(self.fraction())
    }

    /// From -1 up to 1.
    #[expect(clippy::cast_possible_truncation, reason = "a sample")]
    pub(crate) fn sample(&mut self) -> f32 {
        (self.fraction() * 2.0 - 1.0) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_each_time_and_spread_evenly() {
        let draw = || {
            let mut random = Random::new(7);
            (0..3_000).map(|_| random.below(3)).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
        for number in 0..3 {
            let count = draw().into_iter().filter(|drawn| *drawn == number).count();
            assert!((900..1_100).contains(&count), "{number}: {count}");
        }
        assert_eq!(Random::new(7).below(0), 0);
    }

    #[test]
    fn the_sequence_is_that_of_splitmix64() {
        // the first number of the reference implementation for the seed 0 is e220a8397b1dcdaf
        let wanted = f64::from(0xe220_a839_u32) / 2.0_f64.powi(32);
        let drawn = Random::new(0).fraction();
        assert!((drawn - wanted).abs() < 1e-9, "{drawn} {wanted}");
    }
}
