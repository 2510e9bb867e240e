//! A room with a loudspeaker, a microphone and someone who speaks, and who listens to it.

use std::time::Duration;

use audio::{EchoGuard, Frame, SampleRate, level};

pub(crate) const RATE: SampleRate = SampleRate::HZ_16000;
const FRAME: usize = 512;
/// The level that recordings are brought to, -24 dB of full scale.
const LEVEL: f32 = 0.063;
/// The microphone's own noise, -72 dB of full scale.
const NOISE: f32 = 0.000_25;
/// The way from the loudspeaker to the microphone: samples later, and how much arrives. What is
/// reflected is half as strong as what is direct.
const PATHS: [(usize, f32); 7] =
    [(0, 1.0), (1, 0.3), (37, 0.45), (83, -0.35), (151, 0.28), (262, 0.2), (401, 0.15)];
/// What was made of one frame of the microphone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heard {
    /// Frames of loud sound up to here without a gap, itself included.
    pub(crate) loud_for: usize,
    pub(crate) share: f32,
}

/// The sound, as loud as every other.
pub(crate) fn levelled(sound: &[f32]) -> Vec<f32> {
    let gain = LEVEL / level::rms(sound);
    sound.iter().map(|sample| sample * gain).collect()
}

/// The sound so many decibels louder.
pub(crate) fn louder(sound: &[f32], decibels: f32) -> Vec<f32> {
    sound.iter().map(|sample| sample * 10_f32.powf(decibels / 20.0)).collect()
}

/// Both sounds at once, as long as the longer.
pub(crate) fn mixed(a: &[f32], b: &[f32]) -> Vec<f32> {
    let at = |sound: &[f32], n: usize| sound.get(n).copied().unwrap_or_default();
    (0..a.len().max(b.len())).map(|n| at(a, n) + at(b, n)).collect()
}

/// The sound that much later.
pub(crate) fn delayed(sound: &[f32], delay: Duration) -> Vec<f32> {
    let mut later = vec![0.0; samples(delay)];
    later.extend_from_slice(sound);
    later
}

/// The sound as it comes from the loudspeaker to the microphone, as loud as it went in.
pub(crate) fn through_room(sound: &[f32]) -> Vec<f32> {
    let mut arriving = vec![0.0; sound.len()];
    for (later, gain) in PATHS {
        for (arriving, sample) in arriving[later..].iter_mut().zip(sound) {
            *arriving += gain * sample;
        }
    }
    let gain = level::rms(sound) / level::rms(&arriving);
    arriving.iter().map(|sample| sample * gain).collect()
}

/// Whether each frame of the sound is loud enough to be taken for speech: no less than 12 dB below
/// the whole.
pub(crate) fn loud(sound: &[f32]) -> Vec<bool> {
    let limit = level::rms(sound) / 4.0;
    sound.chunks_exact(FRAME).map(|frame| level::rms(frame) > limit).collect()
}

/// Hands out `sent` as a session does, so much ahead of real time, and listens to `microphone`.
pub(crate) fn listen(sent: &[f32], microphone: &[f32], lead: Duration) -> Vec<Heard> {
    let mut guard = EchoGuard::new(RATE, Duration::from_millis(2_500));
    let (loud, mut noise) = (loud(microphone), Noise(1));
    let mut sent = sent.chunks(320);
    let ahead = samples(lead).div_ceil(320);
    let mut loud_for = 0;
    let mut handed_out = 0;
    let hear = |(number, (frame, loud)): (usize, (&[f32], bool))| {
        while handed_out < ahead + ((number + 1) * FRAME).div_ceil(320) {
            handed_out += 1;
            if let Some(piece) = sent.next() {
                guard.sent(&Frame::new(RATE, piece));
            }
        }
        let frame: Vec<f32> = frame.iter().map(|sample| sample + NOISE * noise.next()).collect();
        loud_for = if loud { loud_for + 1 } else { 0 };
        Heard { loud_for, share: guard.heard(&frame) }
    };
    microphone.chunks_exact(FRAME).zip(loud).enumerate().map(hear).collect()
}

fn samples(duration: Duration) -> usize {
    usize::try_from(RATE.samples_in(duration)).expect("a short time")
}

/// White noise of RMS 1 that is the same each time.
pub(crate) struct Noise(pub(crate) u32);

impl Noise {
    pub(crate) fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        #[expect(clippy::cast_precision_loss, reason = "16 bits")]
        let uniform = (self.0 >> 16) as f32 / 32_768.0 - 1.0;
        uniform * 3_f32.sqrt()
    }
}
