//! Sound as data: frames, sample rates, positions in a stream, and what converts between them.
//!
//! This room knows no clock, no async, no model and no wire format. Everything is mono.

mod frame;
mod rate;

pub use frame::Frame;
pub use rate::{MediaTime, SampleRate};
