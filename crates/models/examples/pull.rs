//! Pulls the models named on the command line into a directory, and says where their files lie:
//! `cargo run -p models --example pull -- DIRECTORY [MODEL…]`. Without a model it lists them.
//! `PIP_INDEX_URL`, `PIP_CERT`, `HF_TOKEN` and `REPARTEE_OFFLINE` count.

#![expect(clippy::disallowed_methods, reason = "an example is its own binary")]
#![expect(clippy::print_stdout, reason = "it answers on standard output")]

use std::env;
use std::process::ExitCode;

use models::{Catalogue, Error, Settings, Store, Terminal};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(directory) = arguments.next() else {
        eprintln!("usage: pull DIRECTORY [MODEL…]");
        return ExitCode::FAILURE;
    };
    let mut settings = Settings::new(directory);
    settings.pip_index_url = env::var("PIP_INDEX_URL").ok().map(Into::into);
    settings.pip_cert = env::var("PIP_CERT").ok().map(Into::into);
    settings.hf_token = env::var("HF_TOKEN").ok().map(Into::into);
    settings.offline = env::var("REPARTEE_OFFLINE").is_ok();
    let store = Store::new(settings, Catalogue::builtin());
    match run(&store, &arguments.collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(store: &Store, names: &[String]) -> Result<(), Error> {
    if names.is_empty() {
        for entry in store.list() {
            let state = if entry.installed { "installed" } else { "" };
            println!("{:30} {:8} {:14} {state}", entry.name, entry.kind, entry.licence);
        }
    }
    for model in store.ensure(names, &Terminal::stderr())? {
        for file in model.files {
            println!("{}", file.display());
        }
    }
    Ok(())
}
