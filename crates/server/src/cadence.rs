//! Finds the sample rate of a client that does not tell it, from the clock in its frames.

use audio::SampleRate;

/// Rates that devices have.
const RATES: [SampleRate; 4] =
    [SampleRate::HZ_16000, SampleRate::HZ_24000, SampleRate::HZ_44100, SampleRate::HZ_48000];
/// The client's clock has a grain of a millisecond and a frame may be late by some: over so much
/// time the 8 % between 44.1 and 48 kHz stand out.
const WINDOW_MS: u32 = 1_800;
/// A gap of this length is a pause in sending: what was measured before it counts no more.
const GAP_MS: u32 = 500;
/// A measured rate further than this from any device's is nonsense.
const TOLERANCE: f64 = 0.04;

/// Measures samples over the time in which they were sent.
#[derive(Debug, Default)]
pub(crate) struct Cadence {
    first_ms: Option<u32>,
    last_ms: u32,
    /// Samples of all frames but the first: those recorded between the first and last stamp.
    samples: u32,
}

impl Cadence {
    /// Notes a frame and its time stamp; tells the rate whenever a window is full.
    pub(crate) fn note(&mut self, timestamp_ms: u32, samples: usize) -> Option<SampleRate> {
        let samples = u32::try_from(samples).ok()?;
        let Some(first_ms) = self.first_ms else {
            self.restart(timestamp_ms);
            return None;
        };
        // the stamp wraps every 49.7 days
        if timestamp_ms.wrapping_sub(self.last_ms) > GAP_MS {
            self.restart(timestamp_ms);
            return None;
        }
        self.last_ms = timestamp_ms;
        self.samples += samples;
        let elapsed = timestamp_ms.wrapping_sub(first_ms);
        if elapsed < WINDOW_MS {
            return None;
        }
        let measured = f64::from(self.samples) * 1_000.0 / f64::from(elapsed);
        self.restart(timestamp_ms);
        nearest(measured)
    }

    fn restart(&mut self, timestamp_ms: u32) {
        *self = Self { first_ms: Some(timestamp_ms), last_ms: timestamp_ms, samples: 0 };
    }
}

fn nearest(measured: f64) -> Option<SampleRate> {
    let off = |rate: &SampleRate| (measured / f64::from(rate.hz()) - 1.0).abs();
    RATES.into_iter().min_by(|a, b| off(a).total_cmp(&off(b))).filter(|rate| off(rate) < TOLERANCE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn detect(rate: u32, start_ms: u32, jitter_ms: impl Fn(u32) -> u32) -> Option<SampleRate> {
        let mut cadence = Cadence::default();
        (0..60).find_map(|frame: u32| {
            let at = frame * 2_048 * 1_000 / rate + jitter_ms(frame);
            cadence.note(start_ms.wrapping_add(at), 2_048)
        })
    }

    #[test]
    fn the_common_rates_are_told_apart() {
        for rate in RATES {
            assert_eq!(detect(rate.hz(), 5_000, |_| 0), Some(rate));
        }
    }

    #[test]
    fn the_clock_may_wrap() {
        assert_eq!(detect(44_100, u32::MAX - 300, |_| 0), Some(SampleRate::HZ_44100));
    }

    #[test]
    fn a_clock_that_stands_still_says_nothing() {
        let mut cadence = Cadence::default();
        assert!((0..500).all(|_| cadence.note(7, 2_048).is_none()));
    }

    proptest! {
        #[test]
        fn jitter_of_some_milliseconds_does_not_matter(
            jitter in proptest::collection::vec(0u32..20, 60),
            fast in any::<bool>(),
        ) {
            let rate = if fast { 48_000 } else { 44_100 };
            let jitter = |frame: u32| jitter[frame as usize];
            prop_assert_eq!(detect(rate, 0, jitter).map(SampleRate::hz), Some(rate));
        }
    }
}
