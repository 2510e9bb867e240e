//! `repartee bench`.

mod child;
mod conversation;
mod cost;
mod idle;
mod latency;
mod llm;
pub(super) mod own;
mod pipelines;
pub(super) mod table;
mod turns;

use std::{
    collections::HashMap,
    fmt,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use loadtest::{Recording, read_recordings};
use procfs::{CpuInfo, Current};
use serde::Serialize;

use crate::{
    args::{BenchArgs, BenchCommand},
    config::Config,
};

/// Measures and prints.
pub(crate) fn run(
    config: Config,
    file: Option<&Path>,
    args: &BenchArgs,
    environment: &HashMap<String, String>,
) -> Result<()> {
    match &args.command {
        None => latency::run(config, &args.latency, environment),
        Some(BenchCommand::Conversation(args)) => conversation::run(&config, args, environment),
        Some(BenchCommand::Pipelines(args)) => pipelines::run(file, args),
        Some(BenchCommand::Idle(args)) => idle::run(&config, file, args),
        Some(BenchCommand::Turns(args)) => turns::run(&config, args, environment),
        Some(BenchCommand::Llm(args)) => llm::run(config, args, environment),
    }
}

/// What figures depend on.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    processor: String,
    cores: usize,
}

impl Machine {
    pub(super) fn here() -> Self {
        let processor = CpuInfo::current().ok();
        let processor = processor.and_then(|cpu| cpu.model_name(0).map(str::to_owned));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { processor: processor.unwrap_or_else(|| "unknown processor".to_owned()), cores }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cores of {}", self.cores, self.processor)
    }
}

/// The recordings that `--speech` names.
fn recordings(speech: &[PathBuf]) -> Result<Vec<Recording>> {
    ensure!(
        !speech.is_empty(),
        "the callers have nothing to say: name recordings (WAV files, or folders of them) with \
         --speech PATH"
    );
    let recordings = read_recordings(speech)?;
    ensure!(!recordings.is_empty(), "there are no WAV files in the folders named with --speech");
    Ok(recordings)
}

pub(super) fn json(figures: &impl Serialize) -> Result<String> {
    let json = serde_json::to_string_pretty(figures).context("could not write JSON")?;
    Ok(json + "\n")
}

pub(super) fn print(text: &str) -> Result<()> {
    // `print!` would panic when whoever reads has seen enough
    std::io::stdout().write_all(text.as_bytes()).context("could not print the figures")
}
