//! `repartee check-config`.

use anyhow::Result;

use crate::config::Config;

/// Prints the settings as they are after file, environment and flags.
#[expect(clippy::print_stdout, reason = "the command's result")]
pub(crate) fn run(config: &Config) -> Result<()> {
    config.session()?;
    println!("{config:#?}");
    Ok(())
}
