//! The edge: sockets, admission, health, metrics and the page.
//!
//! The only room that knows HTTP and WebSocket. One file a dialect turns wire messages into a
//! session's inputs and its outputs into wire messages.

mod admission;
mod app;
mod cadence;
mod comeback;
mod connection;
mod dialect;
mod entrance;
mod health;
mod limits;
mod metrics;
mod process;
mod serve;
mod waiting_room;
mod watchman;
mod web;

pub use app::{EngineReport, Ready, Recorder, Settings};
pub use metrics::Metrics;
pub use serve::{Server, serve};
