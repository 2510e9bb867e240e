//! Runs of any length become frames of one length.

use std::collections::VecDeque;

/// Cuts a stream into frames of the same number of samples, which is what models take.
#[derive(Clone, Debug)]
pub struct Rechunker {
    samples_per_frame: usize,
    held: VecDeque<f32>,
}

impl Rechunker {
    /// Cuts frames of `samples_per_frame` samples.
    ///
    /// # Panics
    ///
    /// Where that is zero: no stream has such frames.
    pub fn new(samples_per_frame: usize) -> Self {
        assert_ne!(samples_per_frame, 0, "a frame has samples");
        Self { samples_per_frame, held: VecDeque::new() }
    }

    /// Takes more of the stream and gives the frames that are full by now. Frames that are not
    /// taken from the iterator come with the next push.
    pub fn push(&mut self, samples: &[f32]) -> impl Iterator<Item = Box<[f32]>> + use<'_> {
        self.held.extend(samples);
        std::iter::from_fn(|| {
            (self.held.len() >= self.samples_per_frame)
                .then(|| self.held.drain(..self.samples_per_frame).collect())
        })
    }

    /// Ends the stream: what is left, shorter than a frame.
    pub fn remainder(&mut self) -> Box<[f32]> {
        self.held.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_not_taken_come_later() {
        let mut rechunker = Rechunker::new(2);
        assert_eq!(
            rechunker.push(&[1.0, 2.0, 3.0, 4.0, 5.0]).next().as_deref(),
            Some(&[1.0, 2.0][..])
        );
        let rest: Vec<_> = rechunker.push(&[6.0]).collect();
        assert_eq!(rest, [Box::from([3.0, 4.0]), Box::from([5.0, 6.0])]);
        assert!(rechunker.remainder().is_empty());
    }

    proptest! {
        #[test]
        fn no_sample_is_lost_or_moved(
            length in 1_usize..40,
            pushes in prop::collection::vec(prop::collection::vec(-1.0_f32..1.0, 0..100), 0..20),
        ) {
            let mut rechunker = Rechunker::new(length);
            let mut out = Vec::new();
            for push in &pushes {
                for frame in rechunker.push(push) {
                    prop_assert_eq!(frame.len(), length);
                    out.extend(frame);
                }
            }
            let remainder = rechunker.remainder();
            prop_assert!(remainder.len() < length);
            out.extend(remainder);
            prop_assert_eq!(out, pushes.concat());
        }
    }
}
