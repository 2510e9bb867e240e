//! How long the language model's steps take, through the product's engine and with its sampling.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use llm::{
    LanguageModel, Message, Options, Role,
    llama::{self, Llama},
};
use models::Store;
use planner::Steps;

use super::{RUNS, curve, real};
use crate::{commands::serve::runtime, config::Config, engines};

/// Responses at once.
const RESPONSES: [usize; 3] = [1, 4, 8];
/// Tokens of each.
const TOKENS: u32 = 48;
/// Times that the prompt's story is told: about 100 tokens, and 900.
const SHORT: usize = 4;
const LONG: usize = 48;

/// What so many conversations took.
#[derive(Clone, Copy)]
struct Took {
    /// Seconds for a chunk of a prompt.
    chunk: f64,
    /// Seconds for the next token of all.
    token: f64,
    /// Tokens of the prompt of each.
    prompt: f64,
}

/// Measures the model of the settings.
pub(super) fn measure(config: &Config, store: &Store) -> Result<Steps> {
    let mut settings = llama::Config { endless: true, ..engines::llama(config, store)? };
    settings.slots = settings.slots.max(RESPONSES[2]);
    let metrics = engine::Metrics::unregistered().engine("llm");
    let chunk = settings.prefill_chunk;
    let llama = Llama::start(settings, &metrics, &llama::Metrics::default())?;
    let runtime = runtime()?;
    let mut number = 0;
    let mut shortest = |responses: usize, stories: usize| -> Result<Took> {
        let mut best = Took { chunk: f64::INFINITY, token: f64::INFINITY, prompt: 0.0 };
        for _ in 0..RUNS {
            number += 1;
            let took = runtime.block_on(talk(&llama, responses, stories, number, chunk))?;
            best = Took {
                chunk: best.chunk.min(took.chunk),
                token: best.token.min(took.token),
                prompt: took.prompt,
            };
        }
        Ok(best)
    };
    let mut decode = Vec::new();
    for responses in RESPONSES {
        decode.push((responses, shortest(responses, SHORT)?));
    }
    let (alone, long) = (decode[0].1, shortest(1, LONG)?);
    let context = (long.token - alone.token) / (long.prompt - alone.prompt);
    // a step with one token is the same, whatever the token is for
    let prefill = vec![(1.0, alone.token), (real(chunk), alone.chunk)];
    Ok(Steps {
        model: name(&config.llm.model).to_owned(),
        decode: curve(decode.iter().map(|(n, took)| (real(*n), took.token)).collect())?,
        prefill: curve(prefill)?,
        context: context.max(0.0),
    })
}

/// The planner's name of the product's default model; of others, the name they have.
fn name(model: &str) -> &str {
    match model {
        "smollm2-135m-instruct-q4_1" => "smollm2-135m-q4",
        other => other,
    }
}

/// Lets conversations read a prompt that nobody has read before, and then respond at once.
async fn talk(
    llama: &Llama,
    responses: usize,
    stories: usize,
    number: usize,
    chunk: usize,
) -> Result<Took> {
    let mut conversations = Vec::new();
    for caller in 0..responses {
        conversations.push((llama.open()?, prompt(number, caller, stories)));
    }
    let mut times = Vec::new();
    for max_tokens in [1, TOKENS] {
        let options = Options { max_tokens, ..Options::default() };
        let (before, started) = (llama.stats(), Instant::now());
        let mut streams = Vec::new();
        for (conversation, prompt) in &mut conversations {
            streams.push(conversation.respond(prompt, &options)?);
        }
        for stream in &mut streams {
            while let Some(piece) = stream.next().await {
                piece?;
            }
        }
        let took = started.elapsed().as_secs_f64();
        let (now, generated) = (llama.stats(), u64::from(max_tokens) * responses as u64);
        ensure!(now.generated - before.generated == generated, "an answer is too short");
        let read =
            usize::try_from(now.prefilled - before.prefilled).context("too much was read")?;
        times.push((took, real(read)));
    }
    let [(reading, read), (generating, _)] = times[..] else { unreachable!("there are two") };
    Ok(Took {
        chunk: reading * real(chunk) / read,
        token: generating / f64::from(TOKENS),
        prompt: read / real(responses),
    })
}

/// A prompt that begins unlike all others.
fn prompt(number: usize, caller: usize, stories: usize) -> Vec<Message> {
    let story = "The keeper climbed the stairs each evening with a lamp and a small can of oil. ";
    let system = format!("{number} {caller}. {}", story.repeat(stories));
    let asked = "What did he see from up there?";
    vec![Message::new(Role::System, system), Message::new(Role::User, asked)]
}
