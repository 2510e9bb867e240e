//! The server over real sockets, with scripted models: no weights, no microphone.

mod bad_input;
mod capacity;
mod churn;
mod client;
mod conversation;
mod failure;
mod harness;
mod interruption;
mod isolation;
mod plain;
