//! Which package index to use: the configured one, else the one that this machine's pip uses.

use std::process::{Command, Stdio};

use crate::address::Address;
use crate::error::Cause;
use crate::settings::{Secret, Settings};

/// Where pip's configuration may name an index, the most special first.
const KEYS: &[&str] = &["download.index-url", "install.index-url", "global.index-url"];
/// Prints the index that pip uses when nothing is configured.
const BUILT_IN: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";

/// The package index, with its credentials.
pub(crate) fn index(settings: &Settings) -> Result<Address, Cause> {
    choose(settings.pip_index_url.as_ref(), |arguments| python(settings, arguments))
}

/// The configured index, else what `python` answers.
fn choose(
    configured: Option<&Secret>,
    python: impl Fn(&[&str]) -> Result<String, String>,
) -> Result<Address, Cause> {
    if let Some(configured) = configured {
        return parse("PIP_INDEX_URL", configured.reveal());
    }
    for key in KEYS {
        if let Ok(url) = python(&["-m", "pip", "config", "get", key]) {
            return parse(&format!("pip's {key}"), &url);
        }
    }
    let built_in = python(&["-c", BUILT_IN])
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

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT_IN_URL: &str = "https://built-in.example/simple";

    /// A pip in whose configuration `keys` are set, each to an address made of its name.
    fn pip_with(keys: &[&str]) -> impl Fn(&[&str]) -> Result<String, String> {
        |arguments| match arguments {
            ["-c", _] => Ok(BUILT_IN_URL.to_owned()),
            [.., key] if keys.contains(key) => Ok(format!("https://{key}.example/simple")),
            _ => Err("ended with status 1".to_owned()),
        }
    }

    fn check(configured: Option<&str>, keys: &[&str], expected: &str) {
        let configured = configured.map(Secret::from);
        let index = choose(configured.as_ref(), pip_with(keys)).unwrap();
        assert_eq!(index.url(), expected);
    }

    #[test]
    fn our_setting_comes_before_pips_and_pips_before_its_default() {
        check(Some("https://mine.example/"), KEYS, "https://mine.example/");
        check(None, KEYS, "https://download.index-url.example/simple");
        check(None, &["global.index-url"], "https://global.index-url.example/simple");
        check(None, &[], BUILT_IN_URL);
    }

    #[test]
    fn without_pip_the_error_says_what_to_set() {
        let cause = choose(None, |_| Err("python3: not found".to_owned())).unwrap_err();
        let text = cause.to_string();
        assert!(text.contains("PIP_INDEX_URL") && text.contains("python3"), "{text}");
    }

    #[test]
    fn a_setting_that_is_no_address_is_named_without_its_password() {
        let configured = Secret::from("ftp://me:secret@host");
        let text = choose(Some(&configured), pip_with(KEYS)).unwrap_err().to_string();
        assert!(text.contains("PIP_INDEX_URL") && !text.contains("secret"), "{text}");
    }
}
