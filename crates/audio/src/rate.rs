//! Sample rates and positions, as types.

use std::{
    fmt,
    num::NonZeroU32,
    ops::{Add, Sub},
    time::Duration,
};

/// Samples per second of one mono stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleRate(NonZeroU32);

impl SampleRate {
    /// 8 kHz: telephones, and enough to tell voices apart.
    pub const HZ_8000: Self = Self::constant(8_000);
    /// 16 kHz: what the speech models hear, and what flite speaks.
    pub const HZ_16000: Self = Self::constant(16_000);
    /// 24 kHz: what most neural voices speak.
    pub const HZ_24000: Self = Self::constant(24_000);
    /// 44.1 kHz: sound cards of consumer devices.
    pub const HZ_44100: Self = Self::constant(44_100);
    /// 48 kHz: browsers on most devices.
    pub const HZ_48000: Self = Self::constant(48_000);

    const fn constant(hz: u32) -> Self {
        match NonZeroU32::new(hz) {
            Some(hz) => Self(hz),
            None => panic!("a sample rate is not zero"),
        }
    }

    /// The rate of `hz` samples a second; `None` outside 8 to 192 kHz, where no caller's device is.
    pub fn new(hz: u32) -> Option<Self> {
        (8_000..=192_000).contains(&hz).then(|| NonZeroU32::new(hz).map(Self))?
    }

    /// Samples per second.
    pub const fn hz(self) -> u32 {
        self.0.get()
    }

    /// How long `samples` samples last.
    pub fn duration_of(self, samples: u64) -> Duration {
        let nanos = u128::from(samples) * 1_000_000_000 / u128::from(self.hz());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many whole samples fit into `duration`.
    pub fn samples_in(self, duration: Duration) -> u64 {
        let samples = duration.as_nanos() * u128::from(self.hz()) / 1_000_000_000;
        u64::try_from(samples).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for SampleRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz", self.hz())
    }
}

/// A position in one caller's audio: how much sound has arrived before it. Not wall-clock time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaTime(Duration);

impl MediaTime {
    /// The first sample.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The position this many milliseconds into the audio.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// The position before which `duration` of sound lies.
    pub const fn after(duration: Duration) -> Self {
        Self(duration)
    }

    /// How much sound lies between `earlier` and here; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for MediaTime {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

impl Sub<Duration> for MediaTime {
    type Output = Self;
    /// Never before the first sample.
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holds_as_many_samples_as_the_rate_says() {
        for rate in [SampleRate::HZ_16000, SampleRate::HZ_44100] {
            assert_eq!(rate.samples_in(Duration::from_secs(1)), u64::from(rate.hz()));
            assert_eq!(rate.duration_of(u64::from(rate.hz())), Duration::from_secs(1));
        }
    }

    #[test]
    fn rates_outside_of_audio_devices_are_refused() {
        assert_eq!(SampleRate::new(0), None);
        assert_eq!(SampleRate::new(7_999), None);
        assert_eq!(SampleRate::new(16_000), Some(SampleRate::HZ_16000));
    }
}
