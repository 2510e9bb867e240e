//! Language models as sessions see them.
#![expect(clippy::unwrap_used, reason = "tests; clippy overlooks the functions they share")]

#[cfg(feature = "llama")]
mod llama;
