//! How to run a model with llama.cpp.

use std::{path::PathBuf, time::Duration};

use crate::{
    LlmError,
    memory::{KvType, Layout},
};

/// llama.cpp counts at most 256 sequences, and one holds the system prompt.
const MOST_SLOTS: usize = 255;

/// How to run a model.
#[derive(Clone, Debug)]
pub struct Config {
    /// The GGUF file.
    pub model: PathBuf,
    /// Conversations that the model can hold and answer at once, at most 255. There may be more:
    /// those that rest longest are forgotten, and read again when they ask.
    pub slots: usize,
    /// Tokens one conversation may hold, response included. Older messages are dropped.
    pub context_tokens: u32,
    /// Tokens all conversations together may hold; `None` for what they can need at most. With
    /// fewer, conversations that rest are forgotten when memory is short, and read again later.
    pub kv_tokens: Option<u32>,
    /// Threads of a model step. They wait for each other by spinning: never more than cores that
    /// are free of other work.
    pub threads: usize,
    /// Tokens of prompts in one step: how long others' next tokens may be delayed.
    pub prefill_chunk: usize,
    /// Layers of the model on the GPU.
    pub gpu_layers: u32,
    /// A faster way to compute attention, which skips what other conversations hold.
    pub flash_attention: bool,
    /// How conversations are kept in memory.
    pub kv_type: KvType,
    /// How long an answer may wait for a slot while all of them answer others. A caller who has
    /// heard nothing for so long had better be told.
    pub patience: Duration,
    /// Seed of responses that bring none; `None` draws one each time.
    pub seed: Option<u32>,
    /// For measuring: responses go on past their end, to their greatest length.
    #[doc(hidden)]
    pub endless: bool,
}

impl Config {
    /// Eight conversations on one CPU core.
    pub fn new(model: impl Into<PathBuf>) -> Self {
        Self {
            model: model.into(),
            slots: 8,
            context_tokens: 2048,
            kv_tokens: None,
            threads: 1,
            prefill_chunk: 32,
            gpu_layers: 0,
            flash_attention: true,
            kv_type: KvType::F16,
            patience: Duration::from_secs(5),
            seed: None,
            endless: false,
        }
    }

    pub(super) fn kv_tokens(&self) -> u32 {
        // the shared system prompt is part of some conversation's
        let all = u32::try_from(self.slots).unwrap_or(u32::MAX).saturating_mul(self.context_tokens);
        self.kv_tokens.unwrap_or(all).max(self.context_tokens)
    }

    pub(super) fn check(&self) -> Result<(), LlmError> {
        let wrong = |what: &str| Err(LlmError::Load(what.to_owned()));
        if !(1..=MOST_SLOTS).contains(&self.slots) {
            return wrong("a model can have 1 to 255 slots");
        }
        if self.prefill_chunk == 0 {
            return wrong("a prefill chunk has at least one token");
        }
        if self.kv_type == KvType::Q8 && !self.flash_attention {
            return wrong("quantised conversations need flash attention");
        }
        Ok(())
    }

    /// Tokens of a step in which every slot has its next token and a prompt is read.
    pub(super) fn longest_step(&self) -> usize {
        self.prefill_chunk + self.slots
    }

    /// What its memory depends on.
    pub(super) fn layout(&self) -> Layout {
        Layout {
            slots: self.slots as u64,
            tokens: u64::from(self.kv_tokens()),
            step: self.longest_step() as u64,
            kv_type: self.kv_type,
            flash_attention: self.flash_attention,
        }
    }

    /// How many tokens of conversations are kept, in words.
    pub(super) fn capacity(&self) -> String {
        let Self { slots, context_tokens, .. } = self;
        match self.kv_tokens {
            None => format!("{slots} x {context_tokens} tokens"),
            Some(_) => format!("{} tokens for {slots} slots", self.kv_tokens()),
        }
    }
}
