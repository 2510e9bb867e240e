//! Text to speech with real voices, as sessions use it.

#[cfg(feature = "flite")]
mod flite;
