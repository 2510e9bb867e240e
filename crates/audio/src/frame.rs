//! The unit in which sound travels between rooms.

use std::time::Duration;

use crate::SampleRate;

/// A run of mono samples at one rate, each in -1.0 ..= 1.0. Moved, never cloned on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Samples per second.
    pub rate: SampleRate,
    /// The sound itself.
    pub samples: Box<[f32]>,
}

impl Frame {
    /// A frame of these samples.
    pub fn new(rate: SampleRate, samples: impl Into<Box<[f32]>>) -> Self {
        Self { rate, samples: samples.into() }
    }

    /// How long it sounds.
    pub fn duration(&self) -> Duration {
        self.rate.duration_of(self.samples.len() as u64)
    }
}
