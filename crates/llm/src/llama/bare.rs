//! llama.cpp without any of this: what the engine's speed is measured against.
//!
//! It does what llama.cpp's own batched benchmark does: every sequence has a prompt, then each step
//! computes the next token of all of them.

use std::time::{Duration, Instant};

use llama_cpp_2::{context::LlamaContext, llama_batch::LlamaBatch, token::LlamaToken};

use super::{Config, weights};
use crate::LlmError;

/// What is to be computed: so many sequences with a prompt of so many tokens, which each go on for
/// so many tokens.
#[derive(Clone, Copy, Debug)]
pub struct Task {
    /// At most the slots of the configuration.
    pub sequences: usize,
    /// At least one.
    pub prompt: usize,
    /// Of each sequence.
    pub generated: usize,
}

/// What it took.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// To read all prompts.
    pub reading: Duration,
    /// To generate all tokens.
    pub generating: Duration,
}

/// Loads the model and measures it.
pub fn measure(config: &Config, task: Task) -> Result<Took, LlmError> {
    config.check()?;
    let model = weights::load(config)?.model;
    let context = weights::open(&model, config)?;
    let vocabulary = model.n_vocab();
    let mut bare = Bare {
        context,
        batch: LlamaBatch::new(config.longest_step(), 1),
        chunk: config.prefill_chunk,
        vocabulary,
    };
    // the weights come into memory, and are not measured
    bare.run(Task { sequences: 1, prompt: config.prefill_chunk, generated: 1 })?;
    bare.context.clear_kv_cache();
    bare.run(task)
}

struct Bare<'m> {
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    chunk: usize,
    vocabulary: i32,
}

impl Bare<'_> {
    fn run(&mut self, task: Task) -> Result<Took, LlmError> {
        let started = Instant::now();
        self.read(task)?;
        let reading = started.elapsed();
        let started = Instant::now();
        let mut next = vec![self.word(1); task.sequences];
        for step in 0..task.generated {
            self.batch.clear();
            for (sequence, token) in next.iter().enumerate() {
                self.add(*token, task.prompt + step, sequence, true)?;
            }
            self.decode()?;
            for (row, token) in (0..).zip(&mut next) {
                *token = likeliest(self.context.get_logits_ith(row));
            }
        }
        Ok(Took { reading, generating: started.elapsed() })
    }

    /// Reads all prompts, a chunk in each step.
    fn read(&mut self, task: Task) -> Result<(), LlmError> {
        self.batch.clear();
        for sequence in 0..task.sequences {
            for place in 0..task.prompt {
                let last = place + 1 == task.prompt;
                self.add(self.word(sequence + 7 * place), place, sequence, last)?;
                let full = usize::try_from(self.batch.n_tokens()).is_ok_and(|n| n == self.chunk);
                if full || last && sequence + 1 == task.sequences {
                    self.decode()?;
                    self.batch.clear();
                }
            }
        }
        Ok(())
    }

    fn add(
        &mut self,
        token: LlamaToken,
        place: usize,
        sequence: usize,
        output: bool,
    ) -> Result<(), LlmError> {
        let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        let added = self.batch.add(token, number(place), &[number(sequence)], output);
        added.map_err(|error| LlmError::Model(error.to_string()))
    }

    fn decode(&mut self) -> Result<(), LlmError> {
        let decoded = self.context.decode(&mut self.batch);
        decoded.map_err(|error| LlmError::Model(error.to_string()))
    }

    /// Some token; which one does not matter.
    fn word(&self, n: usize) -> LlamaToken {
        let n = i32::try_from(n).unwrap_or(0);
        LlamaToken((1000 + n) % self.vocabulary)
    }
}

fn likeliest(likelihoods: &[f32]) -> LlamaToken {
    let best = (0..).zip(likelihoods).max_by(|(_, left), (_, right)| left.total_cmp(right));
    LlamaToken(best.map_or(0, |(token, _)| token))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::starter_model, *};

    #[test]
    fn it_runs_as_long_as_it_says() {
        let Some(path) = starter_model() else { return };
        let config = Config { slots: 3, context_tokens: 128, ..Config::new(path) };
        let short = measure(&config, Task { sequences: 3, prompt: 33, generated: 4 }).unwrap();
        assert!(!short.reading.is_zero() && !short.generating.is_zero());
        let full = measure(&config, Task { sequences: 3, prompt: 500, generated: 4 });
        assert!(matches!(full, Err(LlmError::Model(_))), "{full:?}");
    }
}
