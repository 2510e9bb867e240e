//! Text to speech: one trait, its backends, and the engine that runs them.
//!
//! A session asks with [`TextToSpeech::speak`] and receives frames as they are synthesised;
//! dropping the [`Speech`] cancels. Every text passes the sanitiser first: [`SpokenText`] is the
//! only thing a backend takes.

mod border;
#[cfg(feature = "flite")]
pub mod flite;
pub mod scripted;
mod spoken_text;

pub use border::{Info, Outlet, Request, Speech, TextToSpeech, TtsError, Urgency, speech};
pub use spoken_text::SpokenText;
