//! Voices made of pulses, noise and resonances: like speech in what a correlation sees.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "small positive numbers of samples"
)]

use std::f32::consts::TAU;

use crate::scene::{Noise, RATE, levelled};

/// What makes one voice another.
#[derive(Clone, Copy)]
pub(crate) struct Voice {
    /// Hertz.
    pub(crate) pitch: f32,
    /// What its resonances are multiplied by: the smaller who speaks, the higher they are.
    pub(crate) size: f32,
    /// Which syllables it says.
    pub(crate) words: u32,
}

/// The resonances of vowels, in hertz.
const VOWELS: [[f32; 3]; 6] = [
    [730.0, 1_090.0, 2_440.0],
    [270.0, 2_290.0, 3_010.0],
    [300.0, 870.0, 2_240.0],
    [530.0, 1_840.0, 2_480.0],
    [570.0, 840.0, 2_410.0],
    [490.0, 1_350.0, 1_690.0],
];
/// Of a resonance, in hertz.
const BANDWIDTH: f32 = 90.0;
/// By how much a pulse comes early or late, as a share of the period: no voice is a clock.
const JITTER: f32 = 0.02;

impl Voice {
    /// So many syllables of 120 to 280 ms, each a hiss, a vowel and sometimes a gap.
    pub(crate) fn speak(self, syllables: usize) -> Vec<f32> {
        let mut noise = Noise(self.words);
        let mut chance = Noise(self.words.wrapping_mul(77));
        let mut sound = Vec::new();
        let mut until_pulse = 0.0;
        for _ in 0..syllables {
            let mut die = || f32::midpoint(chance.next() / 3_f32.sqrt(), 1.0); // from 0 to 1
            let vowel = VOWELS[(die() * 5.99) as usize];
            let (hiss, voiced) = ((die() * 1_000.0) as usize, 1_900 + (die() * 1_500.0) as usize);
            let (from, to) = (0.85 + 0.4 * die(), 0.85 + 0.4 * die());
            sound.extend((0..hiss).map(|_| 0.15 * noise.next()));
            let mut source = vec![0.0; voiced];
            for (n, sample) in source.iter_mut().enumerate() {
                let part = n as f32 / voiced as f32;
                until_pulse -= self.pitch * (from + (to - from) * part) / RATE.hz() as f32;
                if until_pulse <= 0.0 {
                    until_pulse += 1.0 + JITTER * noise.next();
                    *sample = (part * TAU / 2.0).sin();
                }
            }
            let shaped = vowel.iter().map(|hz| resonance(&source, *hz * self.size));
            let shaped = shaped.reduce(|a, b| a.iter().zip(b).map(|(a, b)| a + b).collect());
            sound.extend(shaped.expect("vowels have resonances"));
            sound.resize(sound.len() + (die() * 900.0) as usize, 0.0);
        }
        levelled(&sound)
    }
}

/// The sound through a resonator of two poles.
fn resonance(sound: &[f32], hz: f32) -> Vec<f32> {
    let radius = (-TAU / 2.0 * BANDWIDTH / RATE.hz() as f32).exp();
    let (a, b) = (2.0 * radius * (TAU * hz / RATE.hz() as f32).cos(), -radius * radius);
    let (mut last, mut before) = (0.0, 0.0);
    let ring = |sample: &f32| {
        let now = sample + a * last + b * before;
        (before, last) = (last, now);
        now
    };
    sound.iter().map(ring).collect()
}
