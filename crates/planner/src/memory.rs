//! What models and callers take of a device's memory.

use crate::{LanguageModel, number::count};

/// What the driver and the runtimes keep for themselves on a GPU.
const RUNTIME: f64 = 0.6e9;
/// Largest batch whose intermediate results are kept: a chunk and a token of each caller.
const WORKSPACE_TOKENS: f64 = 512.0;

/// How what a conversation has read is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KvBits {
    /// 16-bit numbers.
    #[default]
    F16,
    /// 32 numbers of 8 bits with a 16-bit scale.
    Q8,
}

/// Bytes by what takes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// The device's.
    pub device: f64,
    /// The weights of the language model.
    pub weights: f64,
    /// The other models, with their buffers.
    pub others: f64,
    /// Intermediate results, driver and runtimes.
    pub workspace: f64,
    /// A token that a conversation has read.
    pub token: f64,
    /// A caller's conversation.
    pub caller: f64,
}

impl KvBits {
    /// Bytes of a number.
    pub fn bytes(self) -> f64 {
        match self {
            Self::F16 => 2.0,
            Self::Q8 => 34.0 / 32.0,
        }
    }
}

/// Bytes that one token takes which a conversation has read: keys and values of all layers.
pub(crate) fn token_bytes(model: &LanguageModel, kv: KvBits) -> f64 {
    let LanguageModel { layers, kv_heads, head_size, .. } = model;
    2.0 * f64::from(*layers) * f64::from(*kv_heads) * f64::from(*head_size) * kv.bytes()
}

impl Memory {
    /// What callers of so many tokens each take of a device with this much.
    pub fn of(
        device: f64,
        (model, weights): (&LanguageModel, f64),
        others: f64,
        (kv, context_tokens): (KvBits, u32),
    ) -> Self {
        let token = token_bytes(model, kv);
        // a layer's results are a few vectors as wide as the model for each token of a step
        let width = (model.params / f64::from(model.layers) / 12.0).sqrt();
        let workspace = RUNTIME + WORKSPACE_TOKENS * width * 4.0 * 16.0;
        Self {
            device,
            weights,
            others,
            workspace,
            token,
            caller: token * f64::from(context_tokens),
        }
    }

    /// Bytes with so many callers.
    pub fn with(&self, callers: f64) -> f64 {
        self.weights + self.others + self.workspace + callers * self.caller
    }

    /// How many callers fit.
    pub fn callers(&self) -> usize {
        count((self.device - self.with(0.0)) / self.caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    const KIB: f64 = 1024.0;

    fn memory(name: &str, kv: KvBits) -> Memory {
        let catalogue = Catalogue::built_in().expect("it is part of this crate");
        Memory::of(24e9, catalogue.llm(name).expect("it is there"), 0.0, (kv, 2048))
    }

    #[test]
    fn a_token_of_llama_3_2_takes_112_kib_of_the_larger_and_32_of_the_smaller_one() {
        for (name, kib) in [("llama3.2-3b-q4", 112.0), ("llama3.2-1b-q4", 32.0)] {
            assert!((memory(name, KvBits::F16).token - kib * KIB).abs() < 1.0, "{name}");
        }
        let quantised = memory("llama3.2-3b-q4", KvBits::Q8).token;
        assert!((quantised / KIB - 59.5).abs() < 0.01, "{quantised}");
    }

    #[test]
    fn thirty_two_callers_of_2048_tokens_take_seven_gib() {
        let memory = memory("llama3.2-3b-q4", KvBits::F16);
        let conversations = memory.with(32.0) - memory.with(0.0);
        assert!((conversations - 7.0 * KIB * KIB * KIB).abs() < 1.0, "{conversations}");
        // 24 GB less 2.02 of weights and 0.6 and a bit of workspace, at 0.235 GB each
        assert_eq!(memory.callers(), 90);
        assert!(memory.with(90.0) <= 24e9 && memory.with(91.0) > 24e9);
    }
}
