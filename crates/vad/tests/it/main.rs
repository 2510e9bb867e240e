//! The voice activity engine as sessions see it, and Silero over recorded speech.

mod engine;
#[cfg(feature = "silero")]
mod models;
#[cfg(feature = "silero")]
mod resting;
#[cfg(feature = "silero")]
mod silero;
