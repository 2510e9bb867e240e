//! Samples as 16-bit little-endian integers, the way they travel and are stored.

/// 16-bit samples have an even number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes are no whole number of 16-bit samples")]
pub struct OddLength(
    /// How many bytes there were.
    pub usize,
);

/// One more than the greatest sample.
const FULL_SCALE: f32 = 32_768.0;

/// Appends the samples in `bytes` to `out`, each in -1.0 .. 1.0. An odd number of bytes is refused
/// and nothing appended: it is not known at which end a byte is missing.
pub fn decode_le(bytes: &[u8], out: &mut Vec<f32>) -> Result<(), OddLength> {
    let (samples, []) = bytes.as_chunks() else {
        return Err(OddLength(bytes.len()));
    };
    out.extend(samples.iter().map(|&sample| f32::from(i16::from_le_bytes(sample)) / FULL_SCALE));
    Ok(())
}

/// Appends samples that are integers already to `out`, each in -1.0 .. 1.0.
pub fn decode(samples: &[i16], out: &mut Vec<f32>) {
    out.extend(samples.iter().map(|&sample| f32::from(sample) / FULL_SCALE));
}

/// Appends `samples` as bytes to `out`, each rounded to the nearest step. What is beyond
/// -1.0 ..= 1.0 is cut off, what is not a number is silence.
pub fn encode_le(samples: &[f32], out: &mut Vec<u8>) {
    out.extend(samples.iter().flat_map(|&sample| to_integer(sample).to_le_bytes()));
}

/// One sample as an integer.
#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, which is what clips sound")]
pub(crate) fn to_integer(sample: f32) -> i16 {
    (sample * FULL_SCALE).round() as i16
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(samples: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_le(samples, &mut bytes);
        bytes
    }

    #[test]
    fn what_is_out_of_range_is_clipped() {
        let samples = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.5, -1.5, 1.0, -1.0, 0.0];
        let steps = [0, i16::MAX, i16::MIN, i16::MAX, i16::MIN, i16::MAX, i16::MIN, 0];
        assert_eq!(encoded(&samples), steps.map(i16::to_le_bytes).concat());
    }

    #[test]
    fn half_a_sample_is_refused() {
        let mut out = vec![0.25];
        assert_eq!(decode_le(&[1, 2, 3], &mut out), Err(OddLength(3)));
        assert_eq!(out, [0.25]);
        assert_eq!(decode_le(&[], &mut out), Ok(()));
    }

    proptest! {
        #[test]
        fn what_is_decoded_is_encoded_again_exactly(bytes in prop::collection::vec(any::<[u8; 2]>(), 0..200)) {
            let bytes = bytes.concat();
            let mut samples = Vec::new();
            prop_assert_eq!(decode_le(&bytes, &mut samples), Ok(()));
            prop_assert_eq!(encoded(&samples), bytes);
        }

        #[test]
        fn what_is_encoded_is_decoded_within_a_step(samples in prop::collection::vec(-1.0_f32..=1.0, 0..200)) {
            let mut decoded = Vec::new();
            prop_assert_eq!(decode_le(&encoded(&samples), &mut decoded), Ok(()));
            prop_assert_eq!(decoded.len(), samples.len());
            for (sample, decoded) in samples.iter().zip(decoded) {
                prop_assert!((sample - decoded).abs() <= 1.0 / FULL_SCALE);
            }
        }
    }
}
