//! The `repartee` binary: reads the settings, chooses the backends, runs the commands.

mod args;
mod commands;
mod config;
mod descriptors;
mod engines;
mod logging;
mod recorder;
mod store;

use std::{collections::HashMap, process::ExitCode};

use clap::Parser;

use crate::{
    args::{Args, Command},
    config::Config,
};

/// Many threads allocate small things at once (frames, tokens, messages); mimalloc keeps them from
/// waiting for each other and gives memory back after a burst.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a command line program")]
            {
                eprintln!("repartee: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    let environment: HashMap<String, String> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let Args { config: file, common, command } = args;
    let settings = |over: toml::Table| -> anyhow::Result<Config> {
        let mut config = Config::load_with(file.as_deref(), &environment, over)?;
        common.apply(&mut config);
        Ok(config)
    };
    let config = || settings(toml::Table::new());
    match command.unwrap_or_default() {
        Command::Serve(serve) => commands::serve::run(config()?, serve, &environment),
        Command::Models { command } => commands::models::run(&config()?, command, &environment),
        Command::Bench(bench) => {
            commands::bench::run(config()?, file.as_deref(), &bench, &environment)
        }
        // its scenario may have settings
        Command::Loadtest(loadtest) => commands::loadtest::run(settings, &loadtest, &environment),
        Command::Replay(replay) => commands::replay::run(&config()?, &replay),
        Command::Plan(plan) => commands::plan::run(config, &plan, &environment),
        Command::CheckConfig => commands::check_config::run(&config()?),
    }
}
