//! How fast the language model answers callers at once, beside llama.cpp alone with the same file,
//! settings and build, in turns.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use llm::{
    Conversation, LanguageModel, Message, Options, Role,
    llama::{self, Llama, Stats, bare},
};
use serde::Serialize;

use super::{Machine, json, print, table::Table};
use crate::{
    args::{Form, LlmArgs},
    commands::serve::runtime,
    config::Config,
    engines, logging, store,
};

/// Tokens of the prompt that llama.cpp alone reads; that of a conversation is about as long.
const PROMPT: usize = 128;

/// Measures and prints.
pub(super) fn run(
    mut config: Config,
    args: &LlmArgs,
    environment: &HashMap<String, String>,
) -> Result<()> {
    if let Some(model) = &args.model {
        config.llm.model.clone_from(model);
    }
    if let Some(threads) = args.threads {
        config.llm.threads = threads.get();
    }
    let most = args.sequences.iter().map(|sequences| sequences.get()).max().unwrap_or(1);
    config.llm.slots = config.llm.slots.max(most);
    logging::start(&config.log)?;
    let store = store::open(&config, environment)?;
    let settings = llama::Config { endless: true, ..engines::llama(&config, &store)? };
    let needed = PROMPT + args.tokens.get();
    ensure!(
        settings.context_tokens as usize >= 2 * needed,
        "[llm] context_tokens must be at least {}",
        2 * needed
    );
    let metrics = engine::Metrics::unregistered().engine("llm");
    let llama = Llama::start(settings.clone(), &metrics, &llama::Metrics::default())?;
    let bench = Bench { llama, settings, tokens: args.tokens.get() };
    let runtime = runtime()?;
    let mut rows = Vec::new();
    for sequences in &args.sequences {
        let mut pairs = Vec::new();
        for run in 0..args.runs.get() {
            let ours = runtime.block_on(bench.ours(sequences.get(), run))?;
            pairs.push((ours, bench.alone(sequences.get())?));
        }
        rows.push(Row::of(sequences.get(), &pairs));
    }
    let figures = Figures {
        machine: Machine::here(),
        model: bench.llama.info().name,
        threads: bench.settings.threads,
        prefill_chunk: bench.settings.prefill_chunk,
        runs: args.runs.get(),
        rows,
    };
    let text = if args.form.json { json(&figures)? } else { figures.text(args.form) };
    print(&text)
}

struct Bench {
    llama: Llama,
    settings: llama::Config,
    tokens: usize,
}

/// Tokens of all sequences in a second.
#[derive(Clone, Copy, Debug, Serialize)]
struct Rates {
    reading: f64,
    generating: f64,
}

impl Bench {
    /// Lets conversations read a prompt that nobody has read before, and then respond at once.
    async fn ours(&self, sequences: usize, run: usize) -> Result<Rates> {
        let mut conversations = Vec::new();
        for _ in 0..sequences {
            conversations.push(self.llama.open()?);
        }
        let prompts: Vec<_> =
            (0..sequences).map(|caller| prompt(&format!("{sequences} {run} {caller}"))).collect();
        let read = self.timed(&mut conversations, &prompts, 1).await?;
        // the prompts are known now, but for their last token
        let spoken = self.timed(&mut conversations, &prompts, self.tokens).await?;
        Ok(Rates {
            reading: rate(read.tokens.prefilled, read.took),
            generating: rate(spoken.tokens.generated, spoken.took),
        })
    }

    async fn timed(
        &self,
        conversations: &mut [Box<dyn Conversation>],
        prompts: &[Vec<Message>],
        tokens: usize,
    ) -> Result<Timed> {
        let max_tokens = u32::try_from(tokens).context("nobody waits for so many tokens")?;
        let (temperature, repeat_penalty) = (0.0, 1.0);
        let options = Options { max_tokens, temperature, repeat_penalty, ..Options::default() };
        let (before, started) = (self.llama.stats(), Instant::now());
        let mut streams = Vec::new();
        for (conversation, prompt) in conversations.iter_mut().zip(prompts) {
            streams.push(conversation.respond(prompt, &options)?);
        }
        for stream in &mut streams {
            while let Some(piece) = stream.next().await {
                piece?;
            }
        }
        let took = started.elapsed();
        let now = self.llama.stats();
        let generated = now.generated - before.generated;
        ensure!(
            generated == (tokens * streams.len()) as u64,
            "an answer is shorter than it should be: {generated} tokens in all"
        );
        let tokens = Stats { generated, prefilled: now.prefilled - before.prefilled, ..now };
        Ok(Timed { tokens, took })
    }

    /// The same without the engine.
    fn alone(&self, sequences: usize) -> Result<Rates> {
        let task = bare::Task { sequences, prompt: PROMPT, generated: self.tokens };
        let took = bare::measure(&self.settings, task)?;
        Ok(Rates {
            reading: rate((sequences * PROMPT) as u64, took.reading),
            generating: rate((sequences * self.tokens) as u64, took.generating),
        })
    }
}

struct Timed {
    tokens: Stats,
    took: Duration,
}

/// About as many tokens as [`PROMPT`], which begin unlike all others.
fn prompt(unlike: &str) -> Vec<Message> {
    let story = "The keeper climbed the stairs each evening with a lamp and a small can of oil. ";
    let system = format!("{unlike}. {}", story.repeat(5));
    let asked = "What did he see from up there, and what did he do when he came down again?";
    vec![Message::new(Role::System, system), Message::new(Role::User, asked)]
}

fn rate(tokens: u64, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let tokens = tokens as f64;
    tokens / took.as_secs_f64()
}

/// One number of sequences, medians of all runs.
#[derive(Debug, Serialize)]
struct Row {
    sequences: usize,
    ours: Rates,
    alone: Rates,
    /// Ours over llama.cpp's alone, run by run.
    generating_ratio: f64,
    reading_ratio: f64,
}

impl Row {
    fn of(sequences: usize, pairs: &[(Rates, Rates)]) -> Self {
        let of = |pick: &dyn Fn(&(Rates, Rates)) -> f64| median(pairs.iter().map(pick).collect());
        Self {
            sequences,
            ours: Rates {
                reading: of(&|(ours, _)| ours.reading),
                generating: of(&|(ours, _)| ours.generating),
            },
            alone: Rates {
                reading: of(&|(_, alone)| alone.reading),
                generating: of(&|(_, alone)| alone.generating),
            },
            generating_ratio: of(&|(ours, alone)| ours.generating / alone.generating),
            reading_ratio: of(&|(ours, alone)| ours.reading / alone.reading),
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[derive(Debug, Serialize)]
struct Figures {
    machine: Machine,
    model: String,
    threads: usize,
    prefill_chunk: usize,
    runs: usize,
    rows: Vec<Row>,
}

impl Figures {
    fn text(&self, form: Form) -> String {
        let Self { machine, model, threads, prefill_chunk, runs, .. } = self;
        let mut table = Table::new([
            "tokens/s of all together",
            "answering",
            "llama.cpp alone",
            "ratio",
            "reading",
            "llama.cpp alone",
            "ratio",
        ]);
        for row in &self.rows {
            let rate = |rate: f64| format!("{rate:.0}");
            let ratio = |ratio: f64| format!("{ratio:.2}");
            table.row(
                format!("{} at once", row.sequences),
                [
                    rate(row.ours.generating),
                    rate(row.alone.generating),
                    ratio(row.generating_ratio),
                    rate(row.ours.reading),
                    rate(row.alone.reading),
                    ratio(row.reading_ratio),
                ],
            );
        }
        format!(
            "{model}, {threads} threads, {prefill_chunk} tokens of prompts in a step; medians of \
             {runs} runs on {machine}\n\n{}",
            table.text(form)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_each_run_so_that_a_busy_moment_counts_once() {
        let rates = |generating| Rates { reading: 2.0 * generating, generating };
        let pairs =
            [(rates(90.0), rates(100.0)), (rates(45.0), rates(50.0)), (rates(99.0), rates(100.0))];
        let row = Row::of(4, &pairs);
        assert!((row.ours.generating - 90.0).abs() < 1e-9, "{row:?}");
        assert!((row.alone.reading - 200.0).abs() < 1e-9, "{row:?}");
        assert!((row.generating_ratio - 0.9).abs() < 1e-9, "{row:?}");
    }
}
