//! The probability that a caller's turn is complete, heard from its sound: one trait, its
//! backends, and the engine that runs them.
//!
//! A session asks with [`Endpointing::assess`] in a pause and awaits the [`Assessment`]; dropping
//! it cancels the work. What to do with the probability is not decided here: nobody here knows
//! turns, sessions or sockets.

mod border;
pub mod scripted;
#[cfg(feature = "smart-turn")]
pub mod smart_turn;

pub use border::{Assessment, Endpointing, EndpointingError, Info, LONGEST, reply};
