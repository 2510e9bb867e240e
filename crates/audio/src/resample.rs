//! A stream at one rate becomes a stream at another.

use rubato::{
    Async, FixedAsync, Indexing, Resampler as _, SincInterpolationParameters,
    SincInterpolationType, WindowFunction, audioadapter_buffers::direct::SequentialSlice,
};

use crate::SampleRate;

/// Half the filter in samples of the lower of the two rates: 3 ms at 16 kHz. It decides how steep
/// the filter is, and is the delay it adds.
const HALF_FILTER: usize = 48;

/// Input is worked on in pieces of 2.5 ms, so that filter and pieces together add less than 10 ms.
const PIECES_PER_SECOND: u32 = 400;

/// Up to so many filters are made exactly, one for each position an output sample can have between
/// two input samples: enough for each pair of 8, 16, 24, 32 and 48 kHz. Other pairs (44.1 kHz with
/// 16 kHz has 160 positions) interpolate between [`INTERPOLATED_FILTERS`], since making the filters
/// takes longer than a session may block for.
const MAX_EXACT_FILTERS: u32 = 16;
const INTERPOLATED_FILTERS: usize = 32;

/// Converts one mono stream, piece by piece. One per stream: it remembers what it has heard.
///
/// Sound is neither delayed nor withheld: the first sample out belongs to the first sample in, and
/// after [`flush`](Self::flush) as many samples have come out as the input lasts. Up to 9 ms of
/// sound are held back between a [`push`](Self::push) and the next. However the input is cut
/// into pushes, the output is the same. Between equal rates samples pass unchanged and at once.
#[derive(Debug)]
pub struct Resampler(Option<Converter>);

#[derive(Debug)]
struct Converter {
    from: SampleRate,
    to: SampleRate,
    filter: Async<f32>,
    /// Input that does not fill a piece yet.
    held: Vec<f32>,
    /// The output of one piece.
    piece: Vec<f32>,
    /// Outputs that lie before the first sample of the input.
    lead: usize,
    /// Outputs of that kind still to come.
    skip: usize,
    pushed: u64,
    delivered: u64,
}

impl Resampler {
    /// A converter at the start of its stream.
    pub fn new(from: SampleRate, to: SampleRate) -> Self {
        Self((from != to).then(|| Converter::new(from, to)))
    }

    /// Takes more of the input and appends to `out` what can be told of the output by now.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        match &mut self.0 {
            None => out.extend_from_slice(samples),
            Some(converter) => converter.push(samples, out),
        }
    }

    /// Ends the stream: appends the rest of the output, and is ready for another stream.
    pub fn flush(&mut self, out: &mut Vec<f32>) {
        if let Some(converter) = &mut self.0 {
            converter.flush(out);
        }
    }
}

impl Converter {
    fn new(from: SampleRate, to: SampleRate) -> Self {
        let filter = filter(from, to);
        let piece = vec![0.0; filter.output_frames_max()];
        let held = Vec::with_capacity(filter.input_frames_next());
        let lead = lead(from, to);
        Self { from, to, filter, held, piece, lead, skip: lead, pushed: 0, delivered: 0 }
    }

    fn push(&mut self, mut samples: &[f32], out: &mut Vec<f32>) {
        self.pushed += samples.len() as u64;
        let wanted = self.filter.input_frames_next();
        while self.held.len() + samples.len() >= wanted {
            let (now, later) = samples.split_at(wanted - self.held.len());
            self.held.extend_from_slice(now);
            samples = later;
            self.convert_held(out);
        }
        self.held.extend_from_slice(samples);
    }

    fn flush(&mut self, out: &mut Vec<f32>) {
        let whole = self.pushed * u64::from(self.to.hz());
        let whole = whole.div_ceil(u64::from(self.from.hz()));
        while self.delivered < whole {
            let before = out.len();
            self.convert_held(out);
            let excess = self.delivered.saturating_sub(whole);
            let new = (out.len() - before) as u64;
            // it fits, being less than what was just appended
            out.truncate(before + usize::try_from(new.saturating_sub(excess)).unwrap_or(0));
        }
        self.filter.reset();
        self.held.clear();
        (self.skip, self.pushed, self.delivered) = (self.lead, 0, 0);
    }

    /// Converts what is held, as if silence followed where it does not fill a piece.
    fn convert_held(&mut self, out: &mut Vec<f32>) {
        let length = self.held.len();
        let indexing = Indexing::new().partial_len(length);
        let piece_length = self.piece.len();
        let input = SequentialSlice::new(&self.held, 1, length).expect("one channel of its length");
        let mut output = SequentialSlice::new_mut(&mut self.piece, 1, piece_length)
            .expect("one channel of its length");
        let (_, count) = self
            .filter
            .process_into_buffer(&input, &mut output, Some(&indexing))
            .expect("both buffers have the size the filter asked for");
        self.held.clear();
        let skipped = self.skip.min(count);
        self.skip -= skipped;
        self.delivered += (count - skipped) as u64;
        out.extend_from_slice(&self.piece[skipped..count]);
    }
}

fn filter(from: SampleRate, to: SampleRate) -> Async<f32> {
    // 90 dB of attenuation, which 16-bit sound with its noise cannot tell from more
    let parameters =
        SincInterpolationParameters::new(length(from, to), WindowFunction::BlackmanHarris)
            .oversampling_factor(filters(from, to))
            .interpolation(if is_exact(from, to) {
                SincInterpolationType::Nearest
            } else {
                SincInterpolationType::Cubic
            });
    let ratio = f64::from(to.hz()) / f64::from(from.hz());
    let piece = from.hz().div_ceil(PIECES_PER_SECOND) as usize;
    Async::new_sinc(ratio, 1.0, &parameters, piece, 1, FixedAsync::Input)
        .expect("the ratio of two sample rates is positive and finite")
}

/// The filter's length in input samples, a multiple of 8 as the filter wants it.
fn length(from: SampleRate, to: SampleRate) -> usize {
    let per_output = (from.hz().div_ceil(to.hz())).max(1) as usize;
    2 * HALF_FILTER * per_output
}

fn is_exact(from: SampleRate, to: SampleRate) -> bool {
    positions(from, to) <= MAX_EXACT_FILTERS
}

fn filters(from: SampleRate, to: SampleRate) -> usize {
    if is_exact(from, to) { positions(from, to) as usize } else { INTERPOLATED_FILTERS }
}

/// How many different positions between two input samples an output sample can have.
fn positions(from: SampleRate, to: SampleRate) -> u32 {
    to.hz() / greatest_common_divisor(from.hz(), to.hz())
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// How many outputs come before the one that is nearest to the first input sample. The filter's
/// first output lies half a filter before it, less one output and one position of its filters.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive number"
)]
fn lead(from: SampleRate, to: SampleRate) -> usize {
    let ahead = length(from, to) as f64 / 2.0 - 1.0 / filters(from, to) as f64;
    let outputs = ahead * f64::from(to.hz()) / f64::from(from.hz());
    (outputs.round() as usize).saturating_sub(1)
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "tones are short, rates small")]
mod tests {
    use std::f32::consts::TAU;

    use proptest::prelude::*;

    use super::*;

    const RATES: [u32; 7] = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000];

    fn rate(hz: u32) -> SampleRate {
        SampleRate::new(hz).expect("a rate of a device")
    }

    fn tone(hz: f32, rate: SampleRate, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| 0.5 * (TAU * hz * n as f32 / rate.hz() as f32).sin()).collect()
    }

    fn convert(from: SampleRate, to: SampleRate, pieces: &[&[f32]]) -> Vec<f32> {
        let (mut resampler, mut out) = (Resampler::new(from, to), Vec::new());
        for piece in pieces {
            resampler.push(piece, &mut out);
        }
        resampler.flush(&mut out);
        out
    }

    fn pairs() -> impl Iterator<Item = (SampleRate, SampleRate)> {
        RATES.into_iter().flat_map(|from| RATES.into_iter().map(move |to| (rate(from), rate(to))))
    }

    fn difference(a: &[f32], b: &[f32]) -> f32 {
        assert_eq!(a.len(), b.len());
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    /// The strongest part of `sound` at a frequency, as an amplitude.
    fn strength(sound: &[f32], hz: f32, rate: SampleRate) -> f32 {
        let (mut re, mut im, mut weight) = (0.0_f64, 0.0, 0.0);
        for (n, sample) in sound.iter().enumerate() {
            let window = 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / sound.len() as f64).cos();
            let angle = std::f64::consts::TAU * f64::from(hz) * n as f64 / f64::from(rate.hz());
            re += window * f64::from(*sample) * angle.cos();
            im += window * f64::from(*sample) * angle.sin();
            weight += window;
        }
        #[expect(clippy::cast_possible_truncation, reason = "an amplitude")]
        let amplitude = (2.0 * re.hypot(im) / weight) as f32;
        amplitude
    }

    #[test]
    fn a_tone_stays_what_and_where_it_was() {
        for (from, to) in pairs() {
            for hz in [200.0, 1_000.0, 3_000.0] {
                let (input, expected) =
                    (tone(hz, from, from.hz() as usize / 5), tone(hz, to, to.hz() as usize / 5));
                let out = convert(from, to, &[&input]);
                assert_eq!(out.len(), expected.len(), "{from} to {to}");
                // within one output or input sample of its place
                let shift = TAU * hz / from.hz().min(to.hz()) as f32 * 0.5;
                let middle = out.len() / 4..out.len() * 3 / 4;
                let error = difference(&out[middle.clone()], &expected[middle]);
                assert!(error <= 0.5 * shift + 0.001, "{from} to {to}, {hz} Hz: off by {error}");
            }
        }
    }

    #[test]
    fn neither_aliases_nor_images_are_heard() {
        // what is not below half of the lower rate must vanish; what mirrors it must not appear
        for (from, to) in pairs().filter(|(from, to)| from != to) {
            let low = from.min(to).hz() as f32;
            for share in [0.05, 0.2, 0.35] {
                let hz = low * share;
                let out = convert(from, to, &[&tone(hz, from, from.hz() as usize / 2)]);
                for false_hz in [low - hz, low + hz, 2.0 * low - hz] {
                    if false_hz < to.hz() as f32 / 2.0 {
                        let heard = strength(&out, false_hz, to);
                        assert!(
                            heard < 0.0005,
                            "{from} to {to}: {hz} is heard at {false_hz}: {heard}"
                        );
                    }
                }
            }
            for share in [0.65, 0.8, 0.95] {
                let hz = low * share;
                if hz < from.hz() as f32 / 2.0 {
                    let out = convert(from, to, &[&tone(hz, from, from.hz() as usize / 2)]);
                    let heard = strength(&out, low - hz, to);
                    assert!(
                        heard < 0.0005,
                        "{from} to {to}: {hz} is heard as {}: {heard}",
                        low - hz
                    );
                }
            }
        }
    }

    #[test]
    fn little_is_held_back() {
        for (from, to) in pairs() {
            let (mut resampler, mut out) = (Resampler::new(from, to), Vec::new());
            resampler.push(&tone(440.0, from, from.hz() as usize), &mut out);
            let held = to.hz() as usize - out.len();
            let limit = if from.min(to).hz() < 16_000 { 10 } else { 7 };
            assert!(held * 1000 <= to.hz() as usize * limit, "{from} to {to}: {held} samples");
        }
    }

    #[test]
    fn two_streams_do_not_hear_each_other() {
        for (from, to) in [(48_000, 16_000), (24_000, 48_000), (44_100, 16_000)] {
            let (from, to) = (rate(from), rate(to));
            let (a, b) = (tone(300.0, from, 20_000), tone(1_700.0, from, 20_000));
            let alone = (convert(from, to, &[&a]), convert(from, to, &[&b]));
            let mut one = (Resampler::new(from, to), Vec::new());
            let mut other = (Resampler::new(from, to), Vec::new());
            for (a, b) in a.chunks(331).zip(b.chunks(331)) {
                one.0.push(a, &mut one.1);
                other.0.push(b, &mut other.1);
            }
            one.0.flush(&mut one.1);
            other.0.flush(&mut other.1);
            assert_eq!((one.1, other.1), alone);
        }
    }

    #[test]
    fn nothing_of_a_stream_is_heard_in_the_next() {
        let (from, to) = (SampleRate::HZ_48000, SampleRate::HZ_16000);
        let (loud, quiet) = (tone(500.0, from, 5_001), vec![0.0; 5_000]);
        let (mut resampler, mut out) = (Resampler::new(from, to), Vec::new());
        resampler.push(&loud, &mut out);
        resampler.flush(&mut out);
        assert_eq!(out, convert(from, to, &[&loud]));
        out.clear();
        resampler.push(&quiet, &mut out);
        resampler.flush(&mut out);
        assert_eq!(out, vec![0.0; 1_667]);
    }

    #[test]
    fn nothing_in_is_nothing_out() {
        assert!(convert(SampleRate::HZ_44100, SampleRate::HZ_16000, &[&[]]).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn how_the_input_is_cut_does_not_matter(
            from in prop::sample::select(RATES.to_vec()),
            to in prop::sample::select(RATES.to_vec()),
            samples in prop::collection::vec(-1.0_f32..1.0, 0..3_000),
            cuts in prop::collection::vec(0_usize..3_000, 0..12),
        ) {
            let (from, to) = (rate(from), rate(to));
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(samples.len())).collect();
            cuts.extend([0, samples.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|cut| &samples[cut[0]..cut[1]]).collect();
            let (whole, cut) = (convert(from, to, &[&samples]), convert(from, to, &pieces));
            let expected = (samples.len() * to.hz() as usize).div_ceil(from.hz() as usize);
            prop_assert_eq!(whole.len(), expected);
            prop_assert!(difference(&whole, &cut) < 1e-6);
        }
    }
}
