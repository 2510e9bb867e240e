//! Where sound that was heard lies in sound that was sent.

use std::sync::{Arc, LazyLock};

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex, num_complex::Complex32};

use super::{WINDOW, dot};

/// Samples that are transformed at once: long enough that most of the places in it are whole.
const BLOCK: usize = 4_096;
/// Places that a block has for a window.
const PLACES: usize = BLOCK - WINDOW + 1;
/// Where less was sent than this share of the mean, that little is as like to anything as noise.
const FAINT: f32 = 0.02;

/// A place of the window among the sound sent.
pub(super) struct Place {
    /// Samples sent after it.
    pub(super) behind: usize,
    /// The squared correlation there, from 0 to 1.
    pub(super) likeness: f32,
}

/// How a block is transformed, there and back: tables that only depend on its length, 130 KB.
static TRANSFORMS: LazyLock<Transforms> = LazyLock::new(|| {
    let mut planner = RealFftPlanner::new();
    (planner.plan_fft_forward(BLOCK), planner.plan_fft_inverse(BLOCK))
});

type Transforms = (Arc<dyn RealToComplex<f32>>, Arc<dyn ComplexToReal<f32>>);

/// Looks for a window at every place, by Fourier's transform.
pub(super) struct Search {
    forward: Arc<dyn RealToComplex<f32>>,
    backward: Arc<dyn ComplexToReal<f32>>,
    /// A block of sound, then what each of its places has in common with the window.
    block: Vec<f32>,
    window_spectrum: Vec<Complex32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
}

impl Search {
    pub(super) fn new() -> Self {
        let (forward, backward) = TRANSFORMS.clone();
        let scratch = forward.get_scratch_len().max(backward.get_scratch_len());
        Self {
            block: forward.make_input_vec(),
            window_spectrum: forward.make_output_vec(),
            spectrum: forward.make_output_vec(),
            scratch: vec![Complex32::ZERO; scratch],
            forward,
            backward,
        }
    }

    /// The place that is most alike, among sound no shorter than a window.
    pub(super) fn best(&mut self, window: &[f32; WINDOW], sent: &[f32]) -> Place {
        let last = sent.len() - WINDOW;
        let energy = dot(window, window);
        #[expect(clippy::cast_precision_loss, reason = "a mean of thousands")]
        let faint = FAINT * dot(sent, sent) * WINDOW as f32 / sent.len() as f32;
        self.load(window);
        self.transform_window();
        let mut best = Place { behind: 0, likeness: 0.0 };
        for start in (0..=last).step_by(PLACES) {
            let block = &sent[start..sent.len().min(start + BLOCK)];
            self.load(block);
            self.correlate();
            for (place, (common, own)) in self.block.iter().zip(energies(block)).enumerate() {
                let likeness = common * common / (energy * own.max(faint));
                if likeness > best.likeness {
                    best = Place { behind: last - start - place, likeness };
                }
            }
        }
        best
    }

    fn load(&mut self, sound: &[f32]) {
        let (start, rest) = self.block.split_at_mut(sound.len());
        start.copy_from_slice(sound);
        rest.fill(0.0);
    }

    fn transform_window(&mut self) {
        let Self { forward, block, window_spectrum, scratch, .. } = self;
        forward
            .process_with_scratch(block, window_spectrum, scratch)
            .expect("the lengths are those that were planned");
        #[expect(clippy::cast_precision_loss, reason = "a small power of two")]
        let scale = 1.0 / BLOCK as f32; // there and back multiplies by the length
        for bin in window_spectrum {
            *bin = bin.conj() * scale;
        }
    }

    /// Replaces the block by what the window and the sound at each place have in common.
    fn correlate(&mut self) {
        let Self { forward, backward, block, window_spectrum, spectrum, scratch } = self;
        forward
            .process_with_scratch(block, spectrum, scratch)
            .expect("the lengths are those that were planned");
        for (bin, window) in spectrum.iter_mut().zip(window_spectrum) {
            *bin *= *window;
        }
        // real in a real signal, but for a zero's sign
        spectrum[0].im = 0.0;
        spectrum[BLOCK / 2].im = 0.0;
        backward
            .process_with_scratch(spectrum, block, scratch)
            .expect("the lengths are those that were planned");
    }
}

/// The energy of each window in the block.
fn energies(block: &[f32]) -> impl Iterator<Item = f32> {
    let leaving = block.iter().map(|sample| f64::from(*sample));
    let entering = block[WINDOW..].iter().map(|sample| f64::from(*sample)).chain([0.0]);
    let mut energy = f64::from(dot(&block[..WINDOW], &block[..WINDOW]));
    entering.zip(leaving).map(move |(entering, leaving)| {
        #[expect(clippy::cast_possible_truncation, reason = "a level")]
        let now = energy as f32;
        energy += entering * entering - leaving * leaving;
        now
    })
}
