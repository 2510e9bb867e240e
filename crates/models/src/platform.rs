use std::env::consts::{ARCH, OS};
use std::fmt;

use serde::Deserialize;

const SYSTEMS: &[&str] = &["linux", "macos", "windows"];
const ARCHITECTURES: &[&str] = &["x86_64", "aarch64"];

/// An operating system and a processor, as in `linux-x86_64`; the names are Rust's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Platform {
    system: String,
    architecture: String,
}

impl Platform {
    /// The platform this program was built for.
    pub fn current() -> Self {
        Self { system: OS.to_owned(), architecture: ARCH.to_owned() }
    }
}

impl TryFrom<String> for Platform {
    type Error = String;

    /// Only names that can match are taken: `linux-amd64` would otherwise never match, silently.
    fn try_from(text: String) -> Result<Self, String> {
        let current = Self::current();
        if text == current.to_string() {
            return Ok(current);
        }
        let known = text.split_once('-').filter(|(system, architecture)| {
            SYSTEMS.contains(system) && ARCHITECTURES.contains(architecture)
        });
        let Some((system, architecture)) = known else {
            return Err(format!(
                "`{text}` is not a platform: expected {{{}}}-{{{}}}, as in `linux-x86_64`",
                SYSTEMS.join(","),
                ARCHITECTURES.join(","),
            ));
        };
        Ok(Self { system: system.to_owned(), architecture: architecture.to_owned() })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.system, self.architecture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_reads_as_it_is_written() {
        for text in ["linux-x86_64", "macos-aarch64", &Platform::current().to_string()] {
            assert_eq!(Platform::try_from(text.to_owned()).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_name_that_would_never_match_is_refused() {
        for text in ["linux", "linux-amd64", "x86_64-linux", "linux-", ""] {
            let problem = Platform::try_from(text.to_owned()).unwrap_err();
            assert!(problem.contains("linux-x86_64"), "{problem}");
        }
    }
}
