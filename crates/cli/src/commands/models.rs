//! `repartee models`.
#![expect(clippy::print_stdout, reason = "the commands' results")]

use std::collections::HashMap;

use anyhow::{Result, bail};
use models::{Entry, Installed, Store, Terminal};

use crate::{args::ModelsCommand, config::Config, engines, store};

/// Lists, fetches and checks model files.
pub(crate) fn run(
    config: &Config,
    command: ModelsCommand,
    environment: &HashMap<String, String>,
) -> Result<()> {
    let store = store::open(config, environment)?;
    match command {
        ModelsCommand::List => list(&store),
        ModelsCommand::Pull { names } => {
            pull(&store, if names.is_empty() { engines::needed(config) } else { names })?;
        }
        ModelsCommand::Verify { names } => verify(&store, names)?,
        ModelsCommand::Path { name } => {
            let Installed { folder, .. } = store.verify(&name)?;
            println!("{}", folder.display());
        }
    }
    Ok(())
}

fn list(store: &Store) {
    println!("models in {}\n", store.directory().display());
    for entry in store.list() {
        let here = match &entry {
            Entry { installed: true, .. } => "here",
            Entry { supported: false, .. } => "not for this machine",
            Entry { .. } => "-",
        };
        println!(
            "{:32} {:8} {:>7.1} MB  {:12} {here}",
            entry.name,
            entry.kind,
            megabytes(entry.size),
            entry.licence
        );
    }
}

fn pull(store: &Store, names: Vec<String>) -> Result<()> {
    let progress = Terminal::stderr();
    for name in names {
        let Installed { folder, pulled, .. } = store.pull(&name, &progress)?;
        let what = if pulled == 0 { "was here" } else { "pulled" };
        println!("{name}: {what}, in {}", folder.display());
    }
    Ok(())
}

/// Checks all, and fails at the end if any was wrong.
fn verify(store: &Store, names: Vec<String>) -> Result<()> {
    let installed = || store.list().into_iter().filter(|entry| entry.installed);
    let names =
        if names.is_empty() { installed().map(|entry| entry.name).collect() } else { names };
    let mut wrong = 0;
    for name in names {
        match store.verify(&name) {
            Ok(_) => println!("{name}: right"),
            Err(error) => {
                wrong += 1;
                println!("{name}: {error}");
            }
        }
    }
    if wrong > 0 {
        bail!("{wrong} models are wrong or missing; `repartee models pull NAME` fetches them");
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
