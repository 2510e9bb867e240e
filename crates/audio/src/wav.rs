//! Sound in WAV files.

use std::io::{Read, Seek, Write};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use crate::{Frame, SampleRate, pcm16};

/// Why a WAV file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// Reading or writing failed, or it is not WAV.
    #[error("not a readable or writable WAV file: {0}")]
    File(#[from] hound::Error),
    /// No caller's device has such a rate.
    #[error("a sample rate of {0} Hz is outside of 8000 to 192000 Hz")]
    Rate(u32),
    /// Neither mono nor stereo.
    #[error("{0} channels, where 1 or 2 are understood")]
    Channels(u16),
    /// The file ends within a stereo pair.
    #[error("the last sample has a left side only")]
    HalfPair,
}

/// Reads a whole file: integers of any width or 32-bit floats, mono, or stereo, which is mixed
/// down.
pub fn read(file: impl Read) -> Result<Frame, WavError> {
    let reader = WavReader::new(file)?;
    let WavSpec { channels, sample_rate, bits_per_sample, sample_format } = reader.spec();
    let rate = SampleRate::new(sample_rate).ok_or(WavError::Rate(sample_rate))?;
    let samples: Vec<f32> = match sample_format {
        SampleFormat::Float => reader.into_samples().collect::<Result<_, _>>()?,
        SampleFormat::Int => {
            let full_scale = 2_f32.powi(i32::from(bits_per_sample) - 1);
            #[expect(clippy::cast_precision_loss, reason = "24 bits of a sample are plenty")]
            let scaled = reader.into_samples::<i32>().map(|sample| Ok(sample? as f32 / full_scale));
            scaled.collect::<Result<_, hound::Error>>()?
        }
    };
    match channels {
        1 => Ok(Frame::new(rate, samples)),
        2 => Ok(Frame::new(rate, mixed_down(&samples)?)),
        other => Err(WavError::Channels(other)),
    }
}

/// Writes a whole file of 16-bit integers, mono.
pub fn write(file: impl Write + Seek, frame: &Frame) -> Result<(), WavError> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: frame.rate.hz(),
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::new(file, spec)?;
    for &sample in &frame.samples {
        writer.write_sample(pcm16::to_integer(sample))?;
    }
    Ok(writer.finalize()?)
}

fn mixed_down(samples: &[f32]) -> Result<Vec<f32>, WavError> {
    let (pairs, []) = samples.as_chunks() else {
        return Err(WavError::HalfPair);
    };
    Ok(pairs.iter().map(|[left, right]| f32::midpoint(*left, *right)).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn file<S: hound::Sample + Copy>(spec: WavSpec, samples: &[S]) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, spec).expect("a valid header");
        for sample in samples {
            writer.write_sample(*sample).expect("memory is writable");
        }
        writer.finalize().expect("memory is writable");
        file.into_inner()
    }

    fn spec(channels: u16, sample_rate: u32, bits: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec { channels, sample_rate, bits_per_sample: bits, sample_format }
    }

    fn samples(bytes: &[u8]) -> Vec<f32> {
        read(bytes).expect("a readable file").samples.into_vec()
    }

    #[test]
    fn what_is_written_is_read() {
        let frame = Frame::new(SampleRate::HZ_16000, [0.0, 0.5, -1.0, 0.25]);
        let mut file = Cursor::new(Vec::new());
        write(&mut file, &frame).expect("memory is writable");
        assert_eq!(read(file.get_ref().as_slice()).expect("a readable file"), frame);
    }

    #[test]
    fn all_usual_formats_are_read() {
        let float = file(spec(1, 48_000, 32, SampleFormat::Float), &[0.5_f32, -0.25]);
        assert_eq!(samples(&float), [0.5, -0.25]);
        let stereo =
            file(spec(2, 44_100, 16, SampleFormat::Int), &[16_384_i16, 0, -16_384, 16_384]);
        assert_eq!(samples(&stereo), [0.25, 0.0]);
        let wide = file(spec(1, 8_000, 24, SampleFormat::Int), &[4_194_304_i32]);
        assert_eq!(samples(&wide), [0.5]);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let three = file(spec(3, 16_000, 16, SampleFormat::Int), &[0_i16, 0, 0]);
        let slow = file(spec(1, 4_000, 16, SampleFormat::Int), &[0_i16]);
        let short = &file(spec(1, 16_000, 16, SampleFormat::Int), &[0_i16; 100])[..100];
        for (bytes, message) in [
            (three.as_slice(), "3 channels, where 1 or 2 are understood"),
            (&slow, "a sample rate of 4000 Hz is outside of 8000 to 192000 Hz"),
            (short, "not a readable or writable WAV file: Failed to read enough bytes."),
            (
                b"hello",
                "not a readable or writable WAV file: Ill-formed WAVE file: no RIFF tag found",
            ),
        ] {
            assert_eq!(read(bytes).expect_err("not readable").to_string(), message);
        }
    }
}
