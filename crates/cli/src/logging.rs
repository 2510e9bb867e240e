//! The log: for people by default, JSON by a setting.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogConfig, LogFormat};

/// At lower levels the library of the sockets writes whole messages: callers' sound, and the tokens
/// with which they come back.
const SOCKETS: &str = "tungstenite=info";

/// Starts logging to standard error.
pub(crate) fn start(config: &LogConfig) -> Result<()> {
    let filter = EnvFilter::try_new(&config.level)
        .with_context(|| format!("[log] level: `{}` is not a level or filter", config.level))?
        .add_directive(SOCKETS.parse().context("the built-in filter is broken")?);
    let color = std::io::stderr().is_terminal();
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(color);
    let started = match config.format {
        LogFormat::Human => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("could not start logging: {error}"))
}
