//! The server over real sockets, with scripted models: no weights, no microphone.

mod bad_input;
mod capacity;
mod churn;
mod client;
mod commands;
mod conversation;
mod echo;
mod failure;
mod harness;
mod headroom;
mod interruption;
mod isolation;
mod line;
mod log;
mod memory;
mod pausing;
mod plain;
mod recording;
mod resume;
mod slow;
mod voice;
mod waiting;
