//! Speech to text: one trait, its backends, and the engine that runs them.
//!
//! A session asks with [`SpeechToText::transcribe`] and awaits the [`Transcription`]; dropping
//! it cancels the work. Nobody here knows turns, sessions or sockets.

mod border;
#[cfg(feature = "moonshine")]
pub mod moonshine;
pub mod scripted;
pub mod wer;

pub use border::{
    Info, MAX_SEGMENT, MIN_SPEECH, Purpose, Reply, Request, SpeechToText, SttError, Transcript,
    Transcription, reply,
};
