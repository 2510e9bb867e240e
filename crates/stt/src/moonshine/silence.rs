//! Silence before speech, which changes the words a model hears behind it.

use std::time::Duration;

use super::RATE;

/// Sound is looked at in pieces of this length.
const PIECE: Duration = Duration::from_millis(10);
/// Silence that stays before the speech: a sudden start costs the first word.
const KEPT: Duration = Duration::from_millis(150);
/// Root of the mean square below which a piece is silent, -60 dBFS: below the noise of rooms and
/// microphones, above that of converters and codecs.
const SILENT: f32 = 0.001;

/// The samples without the silence they begin with, except for its end. Empty if all are silent.
pub(super) fn trimmed(samples: &[f32]) -> &[f32] {
    let piece = samples_in(PIECE);
    let silent = samples
        .chunks(piece)
        .take_while(|piece| mean_square(piece) < SILENT * SILENT)
        .map(<[f32]>::len)
        .sum::<usize>();
    if silent == samples.len() {
        return &[];
    }
    &samples[silent.saturating_sub(samples_in(KEPT))..]
}

fn mean_square(samples: &[f32]) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "a piece is short")]
    let count = samples.len() as f32;
    samples.iter().map(|sample| sample * sample).sum::<f32>() / count
}

fn samples_in(duration: Duration) -> usize {
    usize::try_from(RATE.samples_in(duration)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(silence: Duration, kept: Duration) {
        let speech = [0.1, -0.1].repeat(4_000);
        let samples = [vec![0.0; samples_in(silence)], speech.clone()].concat();
        let trimmed = trimmed(&samples);
        assert_eq!(trimmed.len(), samples_in(kept) + speech.len(), "{silence:?}");
        assert!(trimmed.ends_with(&speech));
    }

    #[test]
    fn long_silence_is_cut_and_short_silence_stays() {
        let millis = Duration::from_millis;
        check(millis(0), millis(0));
        check(millis(140), millis(140));
        check(millis(200), millis(150));
        check(millis(3_000), millis(150));
    }

    #[test]
    fn nothing_is_left_of_silence() {
        assert!(trimmed(&[]).is_empty());
        assert!(trimmed(&[0.000_5; 1_600]).is_empty());
    }
}
