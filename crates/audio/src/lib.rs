//! Sound as data: frames, sample rates, positions in a stream, and what converts between them.
//!
//! This room knows no clock, no async, no model and no wire format. Everything is mono.

mod echo;
mod frame;
pub mod level;
pub mod pcm16;
mod rate;
mod rechunk;
mod resample;
pub mod wav;

pub use echo::{ECHO_SHARE, EchoGuard};
pub use frame::Frame;
pub use rate::{MediaTime, SampleRate};
pub use rechunk::Rechunker;
pub use resample::Resampler;
