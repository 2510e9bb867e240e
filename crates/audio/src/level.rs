//! How loud sound is, and where it begins and ends.
//!
//! Latency is measured from the [end](trimmed_end) of one sound to the [onset] of another. Both
//! look at a window of 10 ms every millisecond; a sound is audible while the window's RMS is above
//! -40 dB of full scale, and counts once it is audible for 50 ms. The onset is the newest
//! millisecond of the first such window and the end the eldest of the last, so that what is
//! uncertain makes a latency look longer, never shorter.

use std::time::Duration;

use crate::Frame;

/// Above -40 dB of full scale, as an amplitude.
const AUDIBLE: f64 = 0.01;
const HOP: Duration = Duration::from_millis(1);
const HOPS_PER_WINDOW: u32 = 10;
/// Consecutive audible windows that make a sound.
const SUSTAINED_HOPS: usize = 50;

/// The root of the mean square of the samples; zero of none.
pub fn rms(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a level")]
    let rms = (energy / samples.len() as f64).sqrt() as f32;
    rms
}

/// The greatest distance from zero.
pub fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| sample.abs().max(peak))
}

/// An amplitude as decibels of full scale: 0 for 1.0, negative infinity for silence.
pub fn decibels(amplitude: f32) -> f32 {
    20.0 * amplitude.log10()
}

/// How much silence lies before the first sound; `None` where there is no sound.
pub fn onset(frame: &Frame) -> Option<Duration> {
    sounds(frame).next().map(|(first, _)| HOP * (first + HOPS_PER_WINDOW - 1))
}

/// Where the last sound ends; `None` where there is no sound.
pub fn trimmed_end(frame: &Frame) -> Option<Duration> {
    sounds(frame).last().map(|(_, last)| HOP * (last + 1))
}

/// The numbers of the first and last window of each sound, in order.
fn sounds(frame: &Frame) -> impl Iterator<Item = (u32, u32)> {
    let audible: Vec<(u32, bool)> = (0..).zip(audible_windows(frame)).collect();
    let sounds: Vec<_> = audible
        .chunk_by(|(_, before), (_, after)| before == after)
        .filter(|run| run[0].1 && run.len() >= SUSTAINED_HOPS)
        .map(|run| (run[0].0, run[run.len() - 1].0))
        .collect();
    sounds.into_iter()
}

/// Whether each window that fits into the frame is audible.
fn audible_windows(frame: &Frame) -> Vec<bool> {
    let energy_before: Vec<f64> = std::iter::once(0.0)
        .chain(frame.samples.iter().scan(0.0, |sum, &sample| {
            *sum += f64::from(sample).powi(2);
            Some(*sum)
        }))
        .collect();
    let sample_at =
        |hop: u32| usize::try_from(frame.rate.samples_in(HOP * hop)).unwrap_or(usize::MAX);
    (0..)
        .map(|hop| (sample_at(hop), sample_at(hop + HOPS_PER_WINDOW)))
        .map_while(|(start, end)| {
            let energy = energy_before.get(end)? - energy_before[start];
            #[expect(clippy::cast_precision_loss, reason = "10 ms of samples")]
            let mean = energy / (end - start) as f64;
            Some(mean > AUDIBLE.powi(2))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SampleRate;

    /// Runs of a square wave of so many milliseconds and such an amplitude.
    fn frame(rate: SampleRate, runs: &[(u64, f32)]) -> Frame {
        let samples: Vec<f32> = runs
            .iter()
            .flat_map(|&(millis, amplitude)| {
                let count = rate.samples_in(Duration::from_millis(millis));
                (0..count).map(move |n| if n % 40 < 20 { amplitude } else { -amplitude })
            })
            .collect();
        Frame::new(rate, samples)
    }

    #[track_caller]
    fn check(runs: &[(u64, f32)], sound: Option<(u64, u64)>) {
        for rate in [SampleRate::HZ_16000, SampleRate::HZ_44100, SampleRate::HZ_48000] {
            let frame = frame(rate, runs);
            let (start, end) = sound
                .map(|(start, end)| (Duration::from_millis(start), Duration::from_millis(end)))
                .unzip();
            assert_eq!(onset(&frame), start, "the onset at {rate}");
            assert_eq!(trimmed_end(&frame), end, "the end at {rate}");
        }
    }

    #[test]
    fn a_loud_sound_is_found_to_the_millisecond() {
        check(&[(200, 0.0), (300, 0.5), (150, 0.0)], Some((200, 500)));
    }

    #[test]
    fn noise_below_40_decibels_is_silence() {
        check(&[(200, 0.009), (300, 0.5), (150, 0.009)], Some((200, 500)));
        check(&[(300, 0.009)], None);
    }

    #[test]
    fn a_click_is_no_sound() {
        check(&[(100, 0.0), (20, 0.5), (100, 0.0)], None);
        check(
            &[(100, 0.0), (20, 0.5), (100, 0.0), (80, 0.5), (60, 0.0), (5, 0.5), (20, 0.0)],
            Some((220, 300)),
        );
    }

    #[test]
    fn pauses_do_not_end_a_sound() {
        check(&[(10, 0.0), (100, 0.5), (200, 0.0), (100, 0.5), (10, 0.0)], Some((10, 410)));
    }

    #[test]
    fn a_frame_shorter_than_a_window_is_silent() {
        check(&[], None);
        check(&[(9, 1.0)], None);
    }

    #[test]
    fn levels_are_those_of_the_samples() {
        assert!((rms(&[0.5, -0.5, 0.5, -0.5]) - 0.5).abs() < 1e-6);
        assert!((peak(&[0.1, -0.75, 0.5]) - 0.75).abs() < 1e-6);
        assert!((decibels(0.01) + 40.0).abs() < 1e-4);
        assert_eq!((rms(&[]), peak(&[]), decibels(0.0)), (0.0, 0.0, f32::NEG_INFINITY));
    }
}
