//! The stretch of sound that the model looks at: the end of a turn, always as long and as loud.

use super::{RATE, mel};
use crate::LONGEST;

/// What the model looks at. A shorter turn has silence before it.
#[expect(clippy::cast_possible_truncation, reason = "a few seconds")]
pub(super) const SAMPLES: usize = LONGEST.as_secs() as usize * RATE.hz() as usize;
/// Samples beyond either end that the frames around it look at.
const MARGIN: usize = mel::FRAME / 2;
/// Keeps the noise of converters quiet, and silence from being divided by zero.
const LEAST_VARIANCE: f64 = 1e-7;

/// A buffer for what the model looks at, used for one turn after another.
#[derive(Debug)]
pub(super) struct Window(Box<[f32]>);

impl Window {
    pub(super) fn new() -> Self {
        Self(vec![0.0; MARGIN + SAMPLES + MARGIN].into())
    }

    /// The end of these samples with a mean of zero and a variance of one, silence included, and
    /// beyond either end its mirror image.
    pub(super) fn over(&mut self, samples: &[f32]) -> &[f32] {
        let heard = &samples[samples.len().saturating_sub(SAMPLES)..];
        let window = &mut self.0[MARGIN..MARGIN + SAMPLES];
        let (silence, sound) = window.split_at_mut(SAMPLES - heard.len());
        silence.fill(0.0);
        sound.copy_from_slice(heard);
        standardise(window);
        self.mirror();
        &self.0
    }

    fn mirror(&mut self) {
        let (first, last) = (MARGIN, MARGIN + SAMPLES - 1);
        for distance in 1..=MARGIN {
            self.0[first - distance] = self.0[first + distance];
            self.0[last + distance] = self.0[last - distance];
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few seconds")]
#[expect(clippy::cast_possible_truncation, reason = "samples need no more digits")]
fn standardise(samples: &mut [f32]) {
    let count = samples.len() as f64;
    let mean = samples.iter().map(|&sample| f64::from(sample)).sum::<f64>() / count;
    let squares = samples.iter().map(|&sample| (f64::from(sample) - mean).powi(2));
    let scale = (squares.sum::<f64>() / count + LEAST_VARIANCE).sqrt().recip();
    for sample in samples {
        *sample = ((f64::from(*sample) - mean) * scale) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Samples that all differ from their neighbours.
    fn sound(length: usize) -> Vec<f32> {
        (0..length).map(|n| [0.5, -0.25, 0.125, 0.0, -0.5][n % 5]).collect()
    }

    #[test]
    fn the_end_of_a_long_turn_is_heard() {
        let turn = sound(SAMPLES + 1_234);
        let (mut whole, mut end) = (Window::new(), Window::new());
        assert_eq!(whole.over(&turn), end.over(&turn[1_234..]));
    }

    #[test]
    fn before_a_short_turn_is_silence_whatever_was_heard_before() {
        let mut window = Window::new();
        window.over(&sound(SAMPLES));
        let short = window.over(&sound(1_000)).to_vec();
        let (silence, turn) = short[MARGIN..MARGIN + SAMPLES].split_at(SAMPLES - 1_000);
        assert!(silence.iter().all(|&sample| sample.to_bits() == silence[0].to_bits()));
        assert!(turn[0] > 5.0 && turn[1] < -2.0, "{:?}", &turn[..2]);
    }

    #[test]
    fn mean_and_variance_are_those_the_model_knows() {
        for loudness in [0.01, 1.0] {
            let turn: Vec<f32> = sound(20_000).iter().map(|it| it * loudness + 0.2).collect();
            let mut window = Window::new();
            let window = &window.over(&turn)[MARGIN..MARGIN + SAMPLES];
            let of = |power| {
                let sum: f64 = window.iter().map(|&it| f64::from(it).powi(power)).sum();
                sum / f64::from(u32::try_from(SAMPLES).expect("a few seconds"))
            };
            assert!(of(1).abs() < 1e-6 && (of(2) - 1.0).abs() < 1e-4, "{} {}", of(1), of(2));
        }
    }

    #[test]
    fn the_ends_are_mirrored_without_the_outermost_sample() {
        let mut window = Window::new();
        let window = window.over(&sound(SAMPLES));
        assert_eq!(window[MARGIN - 2..MARGIN], [window[MARGIN + 2], window[MARGIN + 1]]);
        let last = MARGIN + SAMPLES - 1;
        assert_eq!(window[last + 1..=last + 2], [window[last - 1], window[last - 2]]);
    }

    #[test]
    fn silence_stays_silent() {
        let mut window = Window::new();
        assert!(window.over(&[]).iter().all(|&sample| sample == 0.0));
    }
}
