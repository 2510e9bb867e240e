//! How strong a sound is in each band of pitch, every 10 ms: what models with a Whisper encoder
//! hear.

use std::{fmt, sync::Arc};

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex32};

use super::{
    bands::{BANDS, Band, bands},
    window,
};

/// Samples that a frame looks at: 25 ms.
pub(super) const FRAME: usize = 400;
/// Samples from one frame to the next: 10 ms.
const HOP: usize = 160;
/// Frames of a whole window.
pub(super) const FRAMES: usize = window::SAMPLES / HOP;
/// Frequencies that a frame is taken apart into, from 0 Hz to half of the rate.
const BINS: usize = FRAME / 2 + 1;
/// What counts as no power: a logarithm needs some.
const LEAST_POWER: f32 = 1e-10;
/// Powers of ten below the loudest that are told apart.
const RANGE: f32 = 8.0;

/// Finds the features of one window after another in the same buffers.
pub(super) struct LogMel {
    fft: Arc<dyn RealToComplex<f32>>,
    /// Fades each frame in and out.
    fade: Vec<f32>,
    bands: Vec<Band>,
    frame: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
    powers: Vec<f32>,
    features: Vec<f32>,
}

impl fmt::Debug for LogMel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogMel").finish_non_exhaustive()
    }
}

impl LogMel {
    pub(super) fn new() -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(FRAME);
        Self {
            fade: fade(),
            bands: bands(BINS),
            frame: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            powers: vec![0.0; BINS],
            features: vec![0.0; BANDS * FRAMES],
            fft,
        }
    }

    /// The features of a window with its margins: [`FRAMES`] numbers of the lowest band, then
    /// those of the next. Most are between -1.0 and 2.0.
    pub(super) fn of(&mut self, window: &[f32]) -> &[f32] {
        for (number, frame) in window.windows(FRAME).step_by(HOP).take(FRAMES).enumerate() {
            self.take_apart(frame);
            for (band, features) in self.bands.iter().zip(self.features.chunks_exact_mut(FRAMES)) {
                features[number] = band.strength(&self.powers).max(LEAST_POWER).log10();
            }
        }
        let loudest = self.features.iter().copied().fold(f32::MIN, f32::max);
        for feature in &mut self.features {
            *feature = (feature.max(loudest - RANGE) + 4.0) / 4.0;
        }
        &self.features
    }

    /// Leaves the power of each of the frame's frequencies in `powers`.
    fn take_apart(&mut self, frame: &[f32]) {
        for ((faded, sample), fade) in self.frame.iter_mut().zip(frame).zip(&self.fade) {
            *faded = sample * fade;
        }
        self.fft
            .process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch)
            .expect("the buffers are the plan's own");
        for (power, value) in self.powers.iter_mut().zip(&self.spectrum) {
            *power = value.norm_sqr();
        }
    }
}

/// A Hann window, the first of many end to end: only its first number is zero.
#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn fade() -> Vec<f32> {
    let angle = |n| std::f32::consts::TAU * n as f32 / FRAME as f32;
    (0..FRAME).map(|n| 0.5 - 0.5 * angle(n).cos()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smart_turn::window::Window;

    /// White noise, the same in each run.
    fn noise(samples: usize) -> Vec<f32> {
        let mut seed = 1_u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(seed >> 16).expect("half of a number")) / 32_767.5 - 1.0
        };
        (0..samples).map(|_| next()).collect()
    }

    /// Compares with band, frame and feature as computed apart with `NumPy` in 64 bits.
    fn check(samples: &[f32], known: &[(usize, usize, f32)]) {
        let (mut window, mut mel) = (Window::new(), LogMel::new());
        let features = mel.of(window.over(samples));
        assert_eq!(features.len(), BANDS * FRAMES);
        for &(band, frame, known) in known {
            let feature = features[band * FRAMES + frame];
            assert!((feature - known).abs() < 1e-4, "{band} {frame}: {feature}, not {known}");
        }
    }

    #[test]
    fn a_second_of_noise_has_the_features_of_the_reference() {
        let in_noise =
            [(0, 720, 1.27479), (15, 750, 1.21563), (40, 799, 1.36058), (79, 705, 1.40411)];
        let in_silence = [(30, 10, -0.41858)];
        let at_the_start = [(60, 699, 0.58322), (30, 700, 1.17932)];
        check(&noise(16_000), &[&in_noise[..], &in_silence, &at_the_start].concat());
    }

    #[test]
    fn the_last_seconds_of_long_noise_have_the_features_of_the_reference() {
        let at_the_ends = [(0, 0, 1.31643), (15, 0, 1.29241), (79, 799, 1.15341)];
        let within = [(30, 10, 1.1431), (40, 400, 0.90458)];
        check(&noise(200_000), &[&at_the_ends[..], &within].concat());
    }

    #[test]
    fn nothing_is_left_of_the_sound_before() {
        let (mut window, mut mel) = (Window::new(), LogMel::new());
        let first = mel.of(window.over(&noise(16_000))).to_vec();
        mel.of(window.over(&noise(200_000)));
        assert_eq!(mel.of(window.over(&noise(16_000))), first);
    }

    #[test]
    fn silence_is_all_alike() {
        let (mut window, mut mel) = (Window::new(), LogMel::new());
        let features = mel.of(window.over(&[]));
        assert!(features.iter().all(|feature| (feature + 1.5).abs() < 1e-6), "{}", features[0]);
    }
}
