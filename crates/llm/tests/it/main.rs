//! Language models as sessions see them.

#[cfg(feature = "llama")]
mod llama;
