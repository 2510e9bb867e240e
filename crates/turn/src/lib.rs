//! When a caller's turn begins, pauses and ends.
//!
//! A pure state machine: probabilities of speech, transcripts and positions in the caller's audio
//! go in, events come out. It knows no clock, no async and no model; time is an argument. Who
//! makes the transcripts, and what happens with a turn that has ended, is not its concern.

mod backchannel;
mod config;
mod detector;
mod echo;
mod loudness;
mod punctuation;
mod similarity;
mod words;

pub use backchannel::{is_backchannel, is_filler};
pub use config::{Config, Speed};
pub use detector::{Event, TurnDetector};
pub use echo::is_echo;
pub use punctuation::{Ending, wait};
pub use similarity::similarity;
