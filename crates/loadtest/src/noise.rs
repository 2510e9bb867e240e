//! Sounds that are no words.

use std::time::Duration;

use audio::{Frame, SampleRate, level};

use crate::random::Random;

/// How long a cough is: longer than what is certainly a click, shorter than a word or two.
const COUGH: Duration = Duration::from_millis(300);
/// The peak of a cough: about as loud as speech.
const COUGH_PEAK: f32 = 0.4;
/// After this long it is softer by a factor of e.
const COUGH_FADES: Duration = Duration::from_millis(90);
/// How much of a sample goes over into the next: breath and rooms sound dull.
const DULLNESS: f32 = 0.7;

/// A burst of dull noise that fades, like a cough. Another seed gives other noise, equally loud.
pub fn cough(rate: SampleRate, seed: u64) -> Frame {
    let count = samples_in(rate, COUGH);
    let mut samples = dull_noise(count, &mut Random::new(seed));
    #[expect(clippy::cast_precision_loss, reason = "a few thousand samples")]
    let fades = samples_in(rate, COUGH_FADES) as f32;
    let mut loudness = 1.0;
    for sample in &mut samples {
        *sample *= loudness;
        loudness -= loudness / fades;
    }
    scale(&mut samples, level::peak, COUGH_PEAK);
    Frame::new(rate, samples)
}

/// So many samples of a quiet room whose RMS is `rms`.
pub(crate) fn room(count: usize, rms: f32, random: &mut Random) -> Vec<f32> {
    let mut samples = dull_noise(count, random);
    scale(&mut samples, level::rms, rms);
    samples
}

pub(crate) fn samples_in(rate: SampleRate, duration: Duration) -> usize {
    usize::try_from(rate.samples_in(duration)).unwrap_or(usize::MAX)
}

fn dull_noise(count: usize, random: &mut Random) -> Vec<f32> {
    let mut before = 0.0;
    let next = || {
        before = DULLNESS * before + (1.0 - DULLNESS) * random.sample();
        before
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Makes the samples as loud as wanted, as `measure` sees it.
fn scale(samples: &mut [f32], measure: fn(&[f32]) -> f32, wanted: f32) {
    let present = measure(samples);
    if present > 0.0 {
        let factor = wanted / present;
        for sample in samples {
            *sample *= factor;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cough_is_loud_at_once_and_fades_and_is_the_same_each_time() {
        let rate = SampleRate::HZ_16000;
        let sound = cough(rate, 3);
        assert_eq!(sound, cough(rate, 3));
        assert_ne!(sound, cough(rate, 4));
        assert_eq!(sound.duration(), COUGH);
        assert!((level::peak(&sound.samples) - COUGH_PEAK).abs() < 1e-3);
        let (first, last) =
            (level::rms(&sound.samples[..800]), level::rms(&sound.samples[4_000..]));
        assert!(first > 5.0 * last, "{first} {last}");
    }

    #[test]
    fn a_room_is_as_loud_as_it_should_be_and_not_digital_silence() {
        let samples = room(16_000, 0.001, &mut Random::new(1));
        assert!((level::rms(&samples) - 0.001).abs() < 1e-6);
        assert!(samples.windows(2).any(|pair| pair[0] > 0.0 && pair[1] < 0.0));
        assert!(room(0, 0.1, &mut Random::new(1)).is_empty());
    }
}
