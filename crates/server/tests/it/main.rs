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
mod interruption;
mod isolation;
mod log;
mod pausing;
mod plain;
mod recording;
mod resume;
mod voice;
mod waiting;
