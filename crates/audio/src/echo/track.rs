//! What is remembered of a stream.

use super::RATE;
use crate::{Resampler, SampleRate};

/// How much of the sample before is taken from each. Voices have most of their strength in a few
/// low harmonics, by which they are all alike; evened out like this, they are not.
const EMPHASIS: f32 = 0.75;

/// The newest samples of a stream, at one rate whatever the stream's is, and their spectrum evened
/// out.
pub(super) struct Track {
    resampler: Option<(SampleRate, Resampler)>,
    /// The newest sample as it was.
    last: f32,
    /// At least what is kept, and half of that more at most: then what is older goes at once.
    samples: Vec<f32>,
    kept: usize,
}

impl Track {
    /// A track that remembers `kept` samples: silence at first.
    pub(super) fn new(kept: usize) -> Self {
        // what is kept, half as much that is older, and what is pushed next
        let mut samples = Vec::with_capacity(kept.saturating_mul(2));
        samples.resize(kept, 0.0);
        Self { resampler: None, last: 0.0, samples, kept }
    }

    /// Appends sound and tells how many samples were remembered of it.
    pub(super) fn push(&mut self, rate: SampleRate, sound: &[f32]) -> usize {
        let excess = self.samples.len() - self.kept;
        if excess >= self.kept / 2 {
            self.samples.drain(..excess);
        }
        let known = self.samples.len();
        if self.resampler.as_ref().is_none_or(|(before, _)| *before != rate) {
            self.resampler = Some((rate, Resampler::new(rate, RATE)));
        }
        if let Some((_, resampler)) = &mut self.resampler {
            resampler.push(sound, &mut self.samples);
        }
        for sample in &mut self.samples[known..] {
            let before = std::mem::replace(&mut self.last, *sample);
            *sample -= EMPHASIS * before;
        }
        self.samples.len() - known
    }

    /// As many samples as are kept.
    pub(super) fn newest(&self) -> &[f32] {
        &self.samples[self.samples.len() - self.kept..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_what_is_newest_in_the_memory_it_began_with() {
        let mut track = Track::new(1_000);
        let memory = track.samples.capacity();
        let mut pushed = 0;
        for length in (1..100).cycle().take(1_000) {
            pushed += length;
            assert_eq!(track.push(RATE, &vec![1.0; length]), length);
            let loud = track.newest().iter().filter(|sample| **sample > 0.0).count();
            assert_eq!((loud, track.newest().len()), (pushed.min(1_000), 1_000));
        }
        assert_eq!(track.samples.capacity(), memory);
    }
}
