//! Bands of pitch, as Slaney's auditory toolbox has them: even below 1 kHz, then by ratio.

use super::RATE;

/// Bands from 0 Hz to half of the rate.
pub(super) const BANDS: usize = 80;
/// Where even steps end.
const EVEN_BELOW_HZ: f64 = 1_000.0;
/// An even step of pitch.
const STEP_HZ: f64 = 200.0 / 3.0;
/// Steps from 1 kHz to 6.4 kHz.
const STEPS_TO_6_4: f64 = 27.0;

/// How much each frequency counts in a band.
#[derive(Debug)]
pub(super) struct Band {
    /// The first frequency that counts.
    bin: usize,
    weights: Vec<f32>,
}

impl Band {
    /// How strong a sound is in this band, of whose frequencies these are the powers.
    pub(super) fn strength(&self, powers: &[f32]) -> f32 {
        self.weights.iter().zip(&powers[self.bin..]).map(|(weight, power)| weight * power).sum()
    }

    /// A triangle over these corners with an area of one.
    fn triangle(corners: &[f64], frequencies: &[f64]) -> Self {
        let &[start, middle, end] = corners else { unreachable!("a triangle has three corners") };
        let weight = |frequency: f64| {
            let rising = (frequency - start) / (middle - start);
            let falling = (end - frequency) / (end - middle);
            2.0 * rising.min(falling) / (end - start)
        };
        let within = |frequency: f64| start < frequency && frequency < end;
        let bin = frequencies.partition_point(|&frequency| frequency <= start);
        let counting = frequencies[bin..].iter().take_while(|&&frequency| within(frequency));
        #[expect(clippy::cast_possible_truncation, reason = "a weight needs no more digits")]
        let weights = counting.map(|&frequency| weight(frequency) as f32).collect();
        Self { bin, weights }
    }
}

/// All bands, from low to high, for a spectrum of so many frequencies. Each reaches from the
/// middle of the one before to the middle of the next.
pub(super) fn bands(bins: usize) -> Vec<Band> {
    let highest = f64::from(RATE.hz()) / 2.0;
    let frequencies: Vec<f64> = evenly(highest, bins).collect();
    let corners: Vec<f64> = evenly(pitch(highest), BANDS + 2).map(frequency).collect();
    corners.windows(3).map(|corners| Band::triangle(corners, &frequencies)).collect()
}

/// So many numbers from zero to `last`.
#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn evenly(last: f64, count: usize) -> impl Iterator<Item = f64> {
    (0..count).map(move |n| last * n as f64 / (count - 1) as f64)
}

/// Steps of pitch from 0 Hz to this frequency.
fn pitch(hz: f64) -> f64 {
    if hz < EVEN_BELOW_HZ {
        return hz / STEP_HZ;
    }
    EVEN_BELOW_HZ / STEP_HZ + (hz / EVEN_BELOW_HZ).log(6.4) * STEPS_TO_6_4
}

/// The frequency so many steps of pitch above 0 Hz.
fn frequency(pitch: f64) -> f64 {
    let beyond = pitch - EVEN_BELOW_HZ / STEP_HZ;
    if beyond < 0.0 {
        return pitch * STEP_HZ;
    }
    EVEN_BELOW_HZ * 6.4_f64.powf(beyond / STEPS_TO_6_4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Band, the first frequency that counts in it, how many do, and the first weights, computed
    /// apart with `NumPy` for 201 frequencies from 0 to 8 kHz.
    const KNOWN: &[(usize, usize, usize, &[f32])] = &[
        (0, 1, 1, &[0.024_862_594]),
        (1, 1, 2, &[0.001_990_822, 0.022_871_772]),
        (25, 24, 2, &[0.020_874_01, 0.004_040_425_5]),
        (40, 42, 3, &[0.005_411_105, 0.014_735_566, 0.006_518_19]),
        (79, 186, 14, &[0.000_366_741_68, 0.000_833_07, 0.001_299_398_4]),
    ];

    #[test]
    fn the_weights_are_those_of_the_reference() {
        let bands = bands(201);
        assert_eq!(bands.len(), BANDS);
        for &(number, bin, count, weights) in KNOWN {
            let band = &bands[number];
            assert_eq!((band.bin, band.weights.len()), (bin, count), "band {number}");
            for (weight, known) in band.weights.iter().zip(weights) {
                assert!((weight - known).abs() < 1e-8, "band {number}: {weight}, not {known}");
            }
        }
    }

    #[test]
    fn every_band_hears_something() {
        assert!(bands(201).iter().all(|band| !band.weights.is_empty()));
    }

    #[test]
    fn pitch_and_frequency_undo_each_other() {
        for hz in [0.0, 440.0, 999.0, 1_000.0, 6_400.0, 8_000.0] {
            assert!((frequency(pitch(hz)) - hz).abs() < 1e-9, "{hz} Hz");
        }
    }
}
