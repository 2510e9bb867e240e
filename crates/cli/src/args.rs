//! The command line.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf};

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::config::Config;

/// Self-hosted real-time voice chat for many callers at once.
#[derive(Debug, Parser)]
#[command(name = "repartee", version, propagate_version = true)]
pub(crate) struct Args {
    /// A file with settings; what it names overrides the defaults.
    #[arg(long, global = true, env = "REPARTEE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Flags that override settings of every command.
#[derive(Debug, ClapArgs)]
pub(crate) struct Common {
    /// Where model files are kept.
    #[arg(long, global = true, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Never fetch anything.
    #[arg(long, global = true)]
    offline: bool,
}

impl Common {
    pub(crate) fn apply(&self, config: &mut Config) {
        if let Some(dir) = &self.models_dir {
            config.models.dir.clone_from(dir);
        }
        config.models.offline |= self.offline;
    }
}

/// What to do; serving if nothing is said.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the page and the callers.
    Serve(ServeArgs),
    /// List, fetch and check model files.
    Models {
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// Measure how soon spoken turns are answered, and what sessions cost.
    Bench(BenchArgs),
    /// Check the settings and print what they amount to.
    CheckConfig,
}

impl Default for Command {
    fn default() -> Self {
        Self::Serve(ServeArgs::default())
    }
}

#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub(crate) struct ServeArgs {
    /// Where to listen, for example 0.0.0.0:8000.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) address: Option<SocketAddr>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BenchArgs {
    /// Recordings for the callers to speak: WAV files, or folders of them. Short questions without
    /// long pauses measure best.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) speech: Vec<PathBuf>,
    /// Turns that each caller takes.
    #[arg(long, default_value = "10")]
    pub(crate) turns: NonZeroUsize,
    /// Callers at once.
    #[arg(long, default_value = "1")]
    pub(crate) callers: NonZeroUsize,
    /// A server that runs already, for example `ws://localhost:8000/ws`; without it one is started
    /// in this process for as long as it takes.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// What there is, and what is here.
    List,
    /// Fetch models; those that the settings need if none are named.
    Pull { names: Vec<String> },
    /// Check the files of models against their digests; of all that are here if none are named.
    Verify { names: Vec<String> },
    /// Print where a model's files are.
    Path { name: String },
}
