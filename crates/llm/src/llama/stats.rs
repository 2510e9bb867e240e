//! What an engine has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

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
    /// Conversations that hold memory now.
    pub conversations: u64,
    /// Tokens in memory now, shared ones counted for each who holds them.
    pub held: u64,
}

/// The live form of [`Stats`]: written by the engine, read by anybody.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) steps: AtomicU64,
    pub(super) prefilled: AtomicU64,
    pub(super) reused: AtomicU64,
    pub(super) generated: AtomicU64,
    pub(super) speculated: AtomicU64,
    pub(super) evicted: AtomicU64,
    pub(super) conversations: AtomicU64,
    pub(super) held: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            steps: read(&self.steps),
            prefilled: read(&self.prefilled),
            reused: read(&self.reused),
            generated: read(&self.generated),
            speculated: read(&self.speculated),
            evicted: read(&self.evicted),
            conversations: read(&self.conversations),
            held: read(&self.held),
        }
    }
}

/// Adds to a counter.
pub(super) fn count(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

/// Sets a gauge.
pub(super) fn set(gauge: &AtomicU64, n: usize) {
    gauge.store(n as u64, Ordering::Relaxed);
}
