//! Writes a GGUF model with weights of another kind, to compare how fast and how well it answers:
//! `cargo run --release -p llm --features llama --example requantise -- from.gguf to.gguf q4_0`.

use std::{env::args, path::PathBuf, process::ExitCode};

use llm::llama::{Weights, requantise};

fn main() -> ExitCode {
    let mut args = args().skip(1);
    let kind = |name: &str| match name {
        "q4_0" => Some(Weights::Q4_0),
        "q4_1" => Some(Weights::Q4_1),
        "q8_0" => Some(Weights::Q8_0),
        _ => None,
    };
    let mut path = || args.next().map(PathBuf::from);
    let (from, to) = (path(), path());
    let (Some(from), Some(to), Some(kind)) = (from, to, args.next().as_deref().and_then(kind))
    else {
        eprintln!("usage: requantise FROM TO q4_0|q4_1|q8_0");
        return ExitCode::FAILURE;
    };
    if let Err(error) = requantise(&from, &to, kind, 1) {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
