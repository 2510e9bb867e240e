//! How much memory a language model takes, computed before it is loaded.
//!
//! It takes the file's weights; for each token of each conversation a key and a value in every
//! layer; and room to work in, which grows with the longest step:
//!
//! ```text
//! conversations = tokens × layers × KV heads × (key + value length) × bytes of a number
//! ```

mod available;

use std::{fmt, io, path::Path};

pub use self::available::available_bytes;
use crate::gguf::Metadata;

/// How conversations are kept in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KvType {
    /// 16-bit numbers.
    #[default]
    F16,
    /// About 8 bits: half the memory, hardly worse, needs flash attention.
    Q8,
}

/// What the memory of a model depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Bytes of all weights.
    pub weights: u64,
    /// Layers, each of which remembers every token.
    pub layers: u64,
    /// Heads that ask.
    pub heads: u64,
    /// Heads that remember.
    pub kv_heads: u64,
    /// Numbers of a key.
    pub key: u64,
    /// Numbers of a value.
    pub value: u64,
    /// Numbers of a token between layers.
    pub embedding: u64,
    /// Numbers of a token within a layer.
    pub feed_forward: u64,
    /// Tokens it knows.
    pub vocabulary: u64,
}

/// How a model is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Conversations that it holds and answers at once.
    pub slots: u64,
    /// Tokens of all of them together.
    pub tokens: u64,
    /// Tokens of the longest step.
    pub step: u64,
    /// How they are kept.
    pub kv_type: KvType,
    /// Whether attention is computed without laying out what every token thinks of every other.
    pub flash_attention: bool,
}

/// Bytes that a model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The file's weights.
    pub weights: u64,
    /// Keys and values of all tokens.
    pub conversations: u64,
    /// What a step needs besides, about.
    pub work: u64,
}

impl Dimensions {
    /// Reads the dimensions of the model in this GGUF file, without its weights.
    pub fn read(path: &Path) -> io::Result<Self> {
        let weights = path.metadata()?.len();
        let metadata = Metadata::read(path)?;
        let parts = metadata.number("split.count").unwrap_or(1).max(1);
        Self::of(&metadata, weights.saturating_mul(parts)).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the file does not say how large its model is",
            )
        })
    }

    /// The dimensions that a file's values tell.
    pub fn of(metadata: &Metadata, weights: u64) -> Option<Self> {
        let architecture = metadata.text("general.architecture")?;
        let number = |name: &str| metadata.number(&format!("{architecture}.{name}"));
        let (layers, embedding) = (number("block_count")?, number("embedding_length")?);
        let heads = number("attention.head_count").unwrap_or(0);
        let usual = embedding / heads.max(1);
        let listed = metadata.length("tokenizer.ggml.tokens");
        Some(Self {
            weights,
            layers,
            heads,
            kv_heads: number("attention.head_count_kv").unwrap_or(heads),
            key: number("attention.key_length").unwrap_or(usual),
            value: number("attention.value_length").unwrap_or(usual),
            embedding,
            feed_forward: number("feed_forward_length").unwrap_or(4 * embedding),
            vocabulary: listed.or_else(|| number("vocab_size")).unwrap_or(0),
        })
    }

    /// Bytes of one token of a conversation.
    pub fn bytes_per_token(&self, kv_type: KvType) -> u64 {
        let numbers =
            self.layers.saturating_mul(self.kv_heads).saturating_mul(self.key + self.value);
        match kv_type {
            KvType::F16 => numbers.saturating_mul(2),
            // 32 numbers in 34 bytes
            KvType::Q8 => numbers.saturating_mul(34) / 32,
        }
    }

    /// What the model takes when it is run so.
    pub fn memory(&self, layout: &Layout) -> Memory {
        let per_token = self.bytes_per_token(layout.kv_type);
        Memory {
            weights: self.weights,
            conversations: per_token.saturating_mul(layout.tokens),
            work: self.work(layout),
        }
    }

    /// What llama.cpp lays out for the longest step: how likely each token of the vocabulary is
    /// after each of the step's tokens, and for each slot once more; which tokens each may see; and
    /// what is passed on within and between layers. Measured with small models it is right to a
    /// tenth.
    fn work(&self, layout: &Layout) -> u64 {
        let Layout { slots, tokens, step, flash_attention, .. } = *layout;
        let likelihoods = (step + slots + 1).saturating_mul(self.vocabulary).saturating_mul(4);
        let seen = step.saturating_mul(tokens);
        let attention = if flash_attention {
            seen.saturating_mul(2)
        } else {
            // scores and their shares for each head, and the mask
            seen.saturating_mul(4).saturating_mul(2 * self.heads + 1)
        };
        let passed_on = step.saturating_mul(8).saturating_mul(self.feed_forward + self.embedding);
        likelihoods.saturating_add(attention).saturating_add(passed_on)
    }
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights.saturating_add(self.conversations).saturating_add(self.work)
    }

    /// How it is divided between the machine's memory and that of a GPU which runs so many of the
    /// model's layers.
    pub fn split(&self, gpu_layers: u64, layers: u64) -> (Self, Self) {
        let layers = layers.max(1);
        let on_gpu = |bytes: u64| {
            let share = u128::from(bytes) * u128::from(gpu_layers.min(layers)) / u128::from(layers);
            u64::try_from(share).unwrap_or(bytes)
        };
        let (weights, conversations) = (on_gpu(self.weights), on_gpu(self.conversations));
        let gpu = Self { weights, conversations, work: if gpu_layers > 0 { self.work } else { 0 } };
        let host = Self {
            weights: self.weights - weights,
            conversations: self.conversations - conversations,
            work: self.work,
        };
        (host, gpu)
    }

    /// Says what does not fit and what to lower, if it does not fit this many bytes of `place`.
    pub fn check(&self, available: u64, place: &str) -> Result<(), String> {
        if self.total() <= available {
            return Ok(());
        }
        let advice = if self.weights > available {
            "take a smaller model"
        } else {
            "lower slots, context_tokens or kv_tokens, keep conversations as \"q8_0\" (kv_type), or \
             take a smaller model"
        };
        Err(format!("it needs {self} of {place}, and {} are free: {advice}", Size(available)))
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { weights, conversations, work } = *self;
        let [weights, conversations, work] = [weights, conversations, work].map(Size);
        write!(f, "{weights} weights + {conversations} conversations + {work} work")
    }
}

/// A number of bytes to be read by people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl fmt::Display for Size {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1 << 20;
        let bytes = self.0;
        if bytes >= 10 * 1024 * MIB {
            write!(f, "{:.1} GiB", bytes as f64 / (1024 * MIB) as f64)
        } else if bytes >= MIB {
            write!(f, "{} MiB", bytes.div_ceil(MIB))
        } else {
            write!(f, "{:.1} KiB", bytes as f64 / 1024.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::gguf::tests::file;

    const MIB: u64 = 1 << 20;

    /// Llama 3.2 3B with weights of about four bits.
    fn llama_3b() -> Dimensions {
        let numbers = [
            ("llama.block_count", 28),
            ("llama.embedding_length", 3072),
            ("llama.attention.head_count", 24),
            ("llama.attention.head_count_kv", 8),
            ("llama.attention.key_length", 128),
            ("llama.attention.value_length", 128),
            ("llama.feed_forward_length", 8192),
            ("llama.vocab_size", 128_256),
        ];
        let metadata = Metadata::parse(Cursor::new(file(&numbers, "llama", 128_256))).unwrap();
        Dimensions::of(&metadata, 2000 * MIB).unwrap()
    }

    fn layout(slots: u64, context: u64) -> Layout {
        let (kv_type, flash_attention) = (KvType::F16, true);
        Layout { slots, tokens: slots * context, step: 32 + slots, kv_type, flash_attention }
    }

    #[test]
    fn a_token_takes_a_key_and_a_value_in_every_layer() {
        assert_eq!(llama_3b().bytes_per_token(KvType::F16), 112 * 1024);
        assert_eq!(llama_3b().bytes_per_token(KvType::Q8), 112 * 1024 * 34 / 64);
        let memory = llama_3b().memory(&layout(1, 4096));
        assert_eq!(memory.conversations, 448 * MIB);
        assert_eq!(memory.weights, 2000 * MIB);
        let small = Dimensions { layers: 16, key: 64, value: 64, ..llama_3b() };
        assert_eq!(small.bytes_per_token(KvType::F16), 32 * 1024);
    }

    #[test]
    fn without_lengths_of_its_own_a_key_is_the_share_of_a_head() {
        let numbers = [
            ("tiny.block_count", 30),
            ("tiny.embedding_length", 576),
            ("tiny.attention.head_count", 9),
            ("tiny.attention.head_count_kv", 3),
        ];
        let metadata = Metadata::parse(Cursor::new(file(&numbers, "tiny", 10))).unwrap();
        let dimensions = Dimensions::of(&metadata, 1).unwrap();
        assert_eq!((dimensions.key, dimensions.value), (64, 64));
        assert_eq!(dimensions.bytes_per_token(KvType::F16), 23_040);
    }

    #[test]
    fn work_grows_with_the_step_and_without_flash_attention() {
        let few = llama_3b().memory(&layout(8, 2048)).work;
        let many = llama_3b().memory(&Layout { step: 512, ..layout(8, 2048) }).work;
        let slow = llama_3b().memory(&Layout { flash_attention: false, ..layout(8, 2048) }).work;
        assert!(few < many && few < slow, "{few} {many} {slow}");
    }

    #[test]
    fn what_fits_is_loaded_and_what_does_not_is_explained() {
        let memory = llama_3b().memory(&layout(32, 2048));
        assert!(memory.check(24 << 30, "the GPU's memory").is_ok());
        let reason = memory.check(8 << 30, "memory").unwrap_err();
        assert!(reason.contains("7168 MiB conversations") && reason.contains("slots"), "{reason}");
        let reason = memory.check(1 << 30, "memory").unwrap_err();
        assert!(reason.contains("smaller model") && !reason.contains("slots"), "{reason}");
    }

    #[test]
    fn what_the_gpu_does_not_hold_the_machine_does() {
        let memory = llama_3b().memory(&layout(8, 2048));
        for gpu_layers in [0, 7, 28, 99] {
            let (host, gpu) = memory.split(gpu_layers, 28);
            assert_eq!(host.weights + gpu.weights, memory.weights);
            assert_eq!(host.conversations + gpu.conversations, memory.conversations);
            assert_eq!(gpu.total() == 0, gpu_layers == 0);
            assert_eq!(host.weights == 0, gpu_layers >= 28);
        }
    }

    #[test]
    fn sizes_are_said_in_few_digits() {
        let said = [23_040, 94 * MIB, 12 << 30].map(|bytes| Size(bytes).to_string());
        assert_eq!(said, ["22.5 KiB", "94 MiB", "12.0 GiB"]);
    }
}
