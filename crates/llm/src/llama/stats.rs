//! What an engine has done so far.

use std::sync::atomic::AtomicI64;

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::Registry,
};

/// What an engine has done since its start, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Model steps.
    pub steps: u64,
    /// Tokens of prompts computed.
    pub prefilled: u64,
    /// Tokens of prompts that were still known and not computed again.
    pub reused: u64,
    /// Tokens generated.
    pub generated: u64,
    /// Tokens of prompts and responses computed while it was not certain that anybody would hear
    /// the response.
    pub speculated: u64,
    /// Conversations whose memory was taken away for others.
    pub evicted: u64,
    /// Conversations that held memory and were found gone without a word.
    pub reclaimed: u64,
    /// Conversations that have one of the model's sequences now.
    pub sequences: u64,
    /// Conversations that are to be answered and wait for a sequence.
    pub waiting: u64,
    /// Conversations that hold memory now.
    pub conversations: u64,
    /// Tokens in memory now, shared ones counted for each who holds them.
    pub held: u64,
}

/// The live form of [`Stats`]: written by the engine, read by anybody.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    pub(super) steps: Counter,
    pub(super) prefilled: Counter,
    pub(super) reused: Counter,
    pub(super) generated: Counter,
    pub(super) speculated: Counter,
    pub(super) evicted: Counter,
    pub(super) reclaimed: Counter,
    pub(super) sequences: Gauge,
    pub(super) waiting: Gauge,
    pub(super) conversations: Gauge,
    pub(super) held: Gauge,
}

impl Metrics {
    /// Registers the measurements under `llm_*`.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let llm = registry.sub_registry_with_prefix("llm");
        let counters = [
            ("steps", "Model steps", &metrics.steps),
            ("prefilled", "Tokens of prompts computed", &metrics.prefilled),
            ("reused", "Tokens of prompts that were still known", &metrics.reused),
            ("speculated", "Tokens computed for what may never be heard", &metrics.speculated),
            ("evicted", "Conversations whose memory was given to others", &metrics.evicted),
            ("reclaimed", "Sequences of conversations gone without a word", &metrics.reclaimed),
        ];
        for (name, help, counter) in counters {
            llm.register(name, help, counter.clone());
        }
        let gauges = [
            ("sequences", "Sequences that conversations have now", &metrics.sequences),
            ("waiting", "Answers that wait for a sequence", &metrics.waiting),
            ("conversations", "Conversations that hold memory now", &metrics.conversations),
            ("held_tokens", "Tokens in memory now", &metrics.held),
        ];
        for (name, help, gauge) in gauges {
            llm.register(name, help, gauge.clone());
        }
        metrics
    }

    /// As they are now.
    pub fn read(&self) -> Stats {
        let now = |gauge: &Gauge<i64, AtomicI64>| gauge.get().unsigned_abs();
        Stats {
            steps: self.steps.get(),
            prefilled: self.prefilled.get(),
            reused: self.reused.get(),
            generated: self.generated.get(),
            speculated: self.speculated.get(),
            evicted: self.evicted.get(),
            reclaimed: self.reclaimed.get(),
            sequences: now(&self.sequences),
            waiting: now(&self.waiting),
            conversations: now(&self.conversations),
            held: now(&self.held),
        }
    }
}

/// Sets a gauge.
pub(super) fn set(gauge: &Gauge, n: usize) {
    gauge.set(i64::try_from(n).unwrap_or(i64::MAX));
}
