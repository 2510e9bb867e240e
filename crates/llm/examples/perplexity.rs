//! How well a GGUF model foretells a text: the perplexity, lower is better. For comparing files of
//! the same model with weights of other kinds:
//! `cargo run --release -p llm --features llama --example perplexity -- text.txt a.gguf b.gguf`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a tool for the terminal")]

use std::{env::args, fs, num::NonZeroU32};

use llama_cpp_2::{
    context::params::LlamaContextParams,
    llama_backend::LlamaBackend,
    llama_batch::LlamaBatch,
    model::{LlamaModel, params::LlamaModelParams},
};

/// Tokens that are foretold in one go; the first half of them only prepares for the others.
const WINDOW: usize = 256;

fn main() {
    let mut args = args().skip(1);
    let text = fs::read_to_string(args.next().expect("the path of a text")).unwrap();
    let mut backend = LlamaBackend::init().unwrap();
    backend.void_logs();
    for path in args {
        let model =
            LlamaModel::load_from_file(&backend, &path, &LlamaModelParams::default()).unwrap();
        println!("{path}: {:.3}", perplexity(&backend, &model, &text));
    }
}

fn perplexity(backend: &LlamaBackend, model: &LlamaModel, text: &str) -> f64 {
    let window = u32::try_from(WINDOW).unwrap();
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(window))
        .with_n_batch(window)
        .with_n_ubatch(window)
        .with_n_threads(1)
        .with_n_threads_batch(1);
    let mut context = model.new_context(backend, params).unwrap();
    let mut batch = LlamaBatch::new(WINDOW, 1);
    let tokens = model.vocab().tokenize(text.as_bytes(), true, false);
    let (mut surprise, mut count) = (0.0, 0_u32);
    for tokens in tokens.chunks_exact(WINDOW) {
        batch.clear();
        for (place, token) in (0..).zip(tokens) {
            batch.add(*token, place, &[0], true).unwrap();
        }
        context.clear_kv_cache();
        context.decode(&mut batch).unwrap();
        for place in WINDOW / 2..WINDOW - 1 {
            let row = context.get_logits_ith(i32::try_from(place).unwrap());
            let next = usize::try_from(tokens[place + 1].0).unwrap();
            surprise += log_of_sum(row) - f64::from(row[next]);
            count += 1;
        }
    }
    (surprise / f64::from(count)).exp()
}

/// The logarithm of the sum of these, each the logarithm of its part.
fn log_of_sum(row: &[f32]) -> f64 {
    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = row.iter().map(|part| f64::from(part - most).exp()).sum();
    f64::from(most) + sum.ln()
}
