//! How long steps take on a device of which only the data sheet is known.

use serde::Deserialize;

use crate::{Curve, Encoder, LanguageModel, Recogniser, number::real};

/// What each layer of a step costs whatever it computes: its kernels are started one after the
/// other. Fitted with the shares of the catalogue.
const LAYER: f64 = 80e-6;
/// Sizes at which a step is computed; in between it is nearly straight.
const SIZES: [usize; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// A GPU.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub memory: f64,
    /// Bytes a second.
    pub bandwidth: f64,
    /// Operations a second.
    pub compute: f64,
    /// What of the bandwidth is reached.
    pub bandwidth_share: f64,
    /// What of the operations is reached.
    pub compute_share: f64,
}

impl Device {
    /// Seconds to read so many bytes.
    pub fn reading(&self, bytes: f64) -> f64 {
        bytes / (self.bandwidth * self.bandwidth_share)
    }

    /// Seconds for so many operations.
    pub fn computing(&self, flops: f64) -> f64 {
        flops / (self.compute * self.compute_share)
    }

    /// Seconds of a step by the number of its tokens: all weights are read once, two operations are
    /// made with each weight for each token, and the slower of the two counts.
    pub fn step(&self, model: &LanguageModel, weights: f64) -> Curve {
        let fixed = LAYER * f64::from(model.layers);
        let seconds = |tokens: usize| {
            let operations = 2.0 * model.params * real(tokens);
            fixed + self.reading(weights).max(self.computing(operations))
        };
        let points = SIZES.map(|tokens| (real(tokens), seconds(tokens)));
        Curve::through(points).unwrap_or_else(|| Curve::flat(fixed))
    }

    /// Seconds of a transcription by the seconds of its sound: every window is encoded whole, then
    /// the decoder's weights are read for each token.
    pub fn transcription(&self, model: &Recogniser, tokens_per_second: f64) -> Curve {
        let Encoder { window, flops, layers } = model.encoder;
        let encode = LAYER * layers + self.computing(flops);
        let token = LAYER * model.decoder_layers + self.reading(model.decoder_weights);
        // two tokens begin every transcript and one ends it
        let seconds = |sound: f64| {
            encode * (sound / window).ceil().max(1.0) + token * (3.0 + tokens_per_second * sound)
        };
        let points = [0.0, 1.0, 5.0, 10.0, 20.0].map(|sound| (sound, seconds(sound)));
        Curve::through(points).unwrap_or_else(|| Curve::flat(encode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    fn step(device: &str, tokens: f64) -> f64 {
        let catalogue = Catalogue::built_in().expect("it is part of this crate");
        let (model, weights) = catalogue.llm("llama3.2-3b-q4").expect("it is there");
        catalogue.device(device).expect("it is there").step(model, weights).at(tokens)
    }

    #[test]
    fn one_token_takes_as_long_as_reading_all_weights() {
        // 28 layers at 80 us, 2.02 GB at three quarters of 600 GB/s
        let by_hand = 28.0 * 80e-6 + 2.02e9 / (0.75 * 600e9);
        assert!((step("a10g", 1.0) - by_hand).abs() < 1e-9);
        assert!((step("a10g", 8.0) - by_hand).abs() < 1e-9);
    }

    #[test]
    fn many_tokens_take_as_long_as_their_operations() {
        // 512 tokens, two operations with each of 3.21 billion weights, 45 % of 70 TFLOP/s
        let by_hand = 28.0 * 80e-6 + 512.0 * 2.0 * 3.21e9 / (0.45 * 70e12);
        assert!((step("a10g", 512.0) - by_hand).abs() < 1e-9);
    }

    /// Tokens a second of Llama 2 7B by llama.cpp, one response at a time, as published in 2023 (see
    /// the catalogue): bandwidth, bytes of weights, tokens a second.
    const PUBLISHED: [(&str, f64, f64, f64); 6] = [
        ("rtx-4090", 1008e9, 3.82e9, 149.37),
        ("rtx-4090", 1008e9, 13.5e9, 60.78),
        ("a100-40gb", 1935e9, 3.82e9, 136.24),
        ("a100-40gb", 1935e9, 13.5e9, 73.83),
        ("h100", 2000e9, 3.82e9, 133.77),
        ("h100", 2000e9, 13.5e9, 83.32),
    ];

    #[test]
    fn estimates_are_within_a_half_of_what_was_published() {
        let catalogue = Catalogue::built_in().expect("it is part of this crate");
        let (model, _) = catalogue.llm("llama3.2-3b-q4").expect("it is there");
        let model = LanguageModel { params: 6.74e9, layers: 32, ..model.clone() };
        for (name, bandwidth, weights, published) in PUBLISHED {
            // the table has the A100 with 80 GB and the H100 on PCIe, whose memory differs
            let device = catalogue.device(name).expect("it is there").clone();
            let device = Device { bandwidth, ..device };
            let estimated = 1.0 / device.step(&model, weights).at(1.0);
            let error = estimated / published - 1.0;
            assert!(error.abs() < 0.5, "{name}: {estimated:.1} for {published}");
        }
    }
}
