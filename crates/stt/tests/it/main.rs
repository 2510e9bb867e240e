//! Moonshine over recorded speech, as sessions use it.

#[cfg(feature = "moonshine")]
mod models;
#[cfg(feature = "moonshine")]
mod moonshine;
#[cfg(feature = "moonshine")]
mod silence;
