//! Which package index to use: the configured one, else the one that this machine's pip uses.

use std::process::{Command, Stdio};

use crate::address::Address;
use crate::error::Cause;
use crate::settings::Settings;

/// Where pip's configuration may name an index, the most special first.
const KEYS: &[&str] = &["download.index-url", "install.index-url", "global.index-url"];
/// Prints the index that pip uses when nothing is configured.
const BUILT_IN: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";

/// The package index, with its credentials.
pub(crate) fn index(settings: &Settings) -> Result<Address, Cause> {
    if let Some(configured) = &settings.pip_index_url {
        return parse("PIP_INDEX_URL", configured.reveal());
    }
    let configured = KEYS.iter().find_map(|key| {
        let url = python(settings, &["-m", "pip", "config", "get", key]).ok()?;
        Some((key, url))
    });
    if let Some((key, url)) = configured {
        return parse(&format!("pip's {key}"), &url);
    }
    let built_in = python(settings, &["-c", BUILT_IN])
        .map_err(|problem| Cause::NoIndex { problem: format!("could not ask pip ({problem})") })?;
    parse("pip's own index", &built_in)
}

fn parse(what: &str, url: &str) -> Result<Address, Cause> {
    Address::parse(url).map_err(|problem| Cause::Address { what: what.to_owned(), problem })
}

/// What Python prints, if it succeeds and prints something.
fn python(settings: &Settings, arguments: &[&str]) -> Result<String, String> {
    let name = settings.python.display();
    let output = Command::new(&settings.python)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || text.is_empty() {
        return Err(format!("{name} ended with {}", output.status));
    }
    Ok(text)
}
