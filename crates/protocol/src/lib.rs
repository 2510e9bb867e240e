//! The wire of `/ws`: what a client and the server say to each other, as types, with encoding and
//! decoding in both directions (the load test and the tests are clients).
//!
//! `docs/protocol.md` is the contract; a test parses each of its examples. This room does no I/O and
//! knows neither sockets nor sessions. Whatever arrives from outside is data: no input makes it panic.

mod audio;
mod client;
mod error;
mod resume;
mod server;

pub use audio::{AudioHeader, AudioKind, BadAudio, PlainAudio, decode_audio};
pub use client::{BadMessage, ClientMessage, MAX_CLIENT_NAME_CHARS, RATES};
pub use error::ErrorCode;
pub use resume::{RESUME_PREFIX, resume_token};
pub use server::{
    AudioRates, BadServerMessage, Empty, EngineNames, HistoryTurn, InForce, Role, ServerMessage,
    SessionState, TurnMetrics, decode_tts_chunk, tts_chunk,
};

/// The version of the extended form that this room speaks.
pub const VERSION: u32 = 1;
/// The WebSocket sub-protocol of clients that want to be told why they are turned away.
pub const SUB_PROTOCOL: &str = "repartee.v1";
/// The largest binary frame taken, in bytes: a third of a second at the highest rate, ten times what
/// a client should send at once.
pub const MAX_BINARY: usize = 65_536;
/// The largest text frame taken, in bytes: the longest text in four-byte characters, with room for
/// escapes.
pub const MAX_TEXT_FRAME: usize = 65_536;
/// The longest typed turn, and the longest instructions, in characters: what fits into a small model's context beside the history.
pub const MAX_TEXT_CHARS: usize = 4_000;
