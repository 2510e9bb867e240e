//! Voice activity without a model, for tests: loud is speech.

use crate::{Backend, Row, State, VadError};

/// A frame with a peak above this is speech.
const LOUD: f32 = 0.02;

/// Probability 1.0 for frames whose peak is above 0.02, else 0.0. Remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loudness;

impl Backend for Loudness {
    fn name(&self) -> &'static str {
        "loudness"
    }

    fn initial_state(&self) -> State {
        State(Box::default())
    }

    fn step(&mut self, rows: &mut [Row]) -> Result<(), VadError> {
        for row in rows {
            let loud = row.samples.iter().any(|sample| sample.abs() > LOUD);
            row.probability = if loud { 1.0 } else { 0.0 };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FRAME_SAMPLES;

    #[test]
    fn loud_is_speech_and_quiet_is_not() {
        let mut rows = [0.0, 0.01, -0.03, 0.5].map(|peak| {
            let mut samples = vec![0.0; FRAME_SAMPLES];
            samples[7] = peak;
            Row { samples: samples.into(), state: Loudness.initial_state(), probability: 0.5 }
        });
        assert!(Loudness.step(&mut rows).is_ok());
        let probabilities = rows.map(|row| row.probability);
        assert_eq!(probabilities.map(f32::to_bits), [0.0, 0.0, 1.0, 1.0].map(f32::to_bits));
    }
}
