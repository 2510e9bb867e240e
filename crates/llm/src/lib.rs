//! Language models: one trait, its backends, and the engine that runs them.
//!
//! A session opens one [`Conversation`] and asks it to respond; tokens stream back; dropping the
//! [`TokenStream`] cancels within one model step, dropping the conversation frees its slot.

mod border;
pub mod gguf;
#[cfg(feature = "llama")]
pub mod llama;
pub mod memory;
pub mod scripted;
pub mod step;
mod think;
mod trim;

pub use border::{
    Conversation, Info, LanguageModel, LlmError, Message, Options, Outlet, Role, Standing,
    TokenStream, token_stream,
};
pub use think::ThinkFilter;
pub use trim::trim;
