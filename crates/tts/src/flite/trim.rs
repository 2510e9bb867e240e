//! Silence before and after the words is not worth waiting for.

use std::mem;

use audio::{Rechunker, SampleRate, level};

/// Loudness is judged 5 ms at a time.
const BLOCKS_PER_SECOND: u32 = 200;

/// -40 dB of full scale, which is where sound becomes audible wherever latency is measured. The
/// voices' silence is below -54 dB.
const AUDIBLE: f32 = 0.01;

/// 15 ms are kept before the words, so that soft consonants are not cut.
const LEAD_BLOCKS: usize = 3;

/// 120 ms are kept after them, of the 200 ms that the voices have.
const TAIL_BLOCKS: usize = 24;

/// Passes on a sentence's sound as it comes, but not the silence around it. Flite starts with more
/// than 200 ms of silence: to pass that on would be the largest delay of an answer.
#[derive(Debug)]
pub(super) struct Trimmer {
    blocks: Rechunker,
    samples_per_block: usize,
    has_begun: bool,
    /// Samples left out before the words.
    cut: usize,
    /// Before the words, the last of the silence; later, a pause that may turn out to be the end.
    silence: Vec<f32>,
}

impl Trimmer {
    pub(super) fn new(rate: SampleRate) -> Self {
        let samples_per_block = (rate.hz() / BLOCKS_PER_SECOND) as usize;
        let blocks = Rechunker::new(samples_per_block);
        Self { blocks, samples_per_block, has_begun: false, cut: 0, silence: Vec::new() }
    }

    /// Takes more sound and appends to `out` what is to be heard.
    pub(super) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let blocks: Vec<_> = self.blocks.push(samples).collect();
        for block in blocks {
            self.take(&block, out);
        }
    }

    /// Samples left out before the words, once some sound has been passed on.
    pub(super) fn cut(&self) -> usize {
        self.cut
    }

    /// Ends the sentence.
    pub(super) fn finish(&mut self, out: &mut Vec<f32>) {
        let rest = self.blocks.remainder();
        self.take(&rest, out);
        if self.has_begun {
            self.silence.truncate(TAIL_BLOCKS * self.samples_per_block);
            out.append(&mut self.silence);
        }
    }

    fn take(&mut self, block: &[f32], out: &mut Vec<f32>) {
        if level::rms(block) <= AUDIBLE {
            self.silence.extend_from_slice(block);
            let excess = self.silence.len().saturating_sub(LEAD_BLOCKS * self.samples_per_block);
            if !self.has_begun {
                self.silence.drain(..excess);
                self.cut += excess;
            }
            return;
        }
        let mut silence = mem::take(&mut self.silence);
        if !mem::replace(&mut self.has_begun, true) {
            fade_in(&mut silence, self.samples_per_block);
        }
        out.append(&mut silence);
        out.extend_from_slice(block);
    }
}

/// Starts from zero, so that the cut does not click.
#[expect(clippy::cast_precision_loss, reason = "a few samples")]
fn fade_in(samples: &mut [f32], over: usize) {
    for (number, sample) in samples.iter_mut().take(over).enumerate() {
        *sample *= number as f32 / over as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: SampleRate = SampleRate::HZ_16000;

    /// Runs of so many milliseconds at such a level.
    fn sound(runs: &[(usize, f32)]) -> Vec<f32> {
        runs.iter().flat_map(|&(millis, level)| vec![level; millis * 16]).collect()
    }

    fn trimmed(runs: &[(usize, f32)]) -> Vec<f32> {
        let (mut trimmer, mut out) = (Trimmer::new(RATE), Vec::new());
        for piece in sound(runs).chunks(256) {
            trimmer.push(piece, &mut out);
        }
        trimmer.finish(&mut out);
        out
    }

    #[test]
    fn words_keep_their_pauses_but_not_the_silence_around() {
        let out = trimmed(&[(230, 0.001), (300, 0.5), (400, 0.001), (50, 0.5), (200, 0.001)]);
        let kept = sound(&[(15, 0.001), (300, 0.5), (400, 0.001), (50, 0.5), (120, 0.001)]);
        assert_eq!(out.len(), kept.len());
        // but for the fade
        assert_eq!(out[80..], kept[80..]);
        assert!(out[0] == 0.0 && out[..80].is_sorted());
    }

    #[test]
    fn words_without_silence_around_stay_whole() {
        assert_eq!(trimmed(&[(303, 0.5)]), sound(&[(303, 0.5)]));
    }

    #[test]
    fn silence_alone_is_nothing() {
        assert!(trimmed(&[(500, 0.009)]).is_empty());
        assert!(trimmed(&[]).is_empty());
    }

    #[test]
    fn words_are_passed_on_as_they_come() {
        let (mut trimmer, mut out) = (Trimmer::new(RATE), Vec::new());
        trimmer.push(&sound(&[(200, 0.0), (50, 0.5)]), &mut out);
        assert_eq!(out.len(), sound(&[(15, 0.0), (50, 0.5)]).len());
        assert_eq!(trimmer.cut(), 185 * 16);
    }
}
