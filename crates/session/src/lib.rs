//! One caller's conversation: listening, answering, being interrupted, remembering what was heard.
//!
//! A session is a future. [`Session::run`] takes sound and commands in and gives events and sound
//! out until its inputs close; everything that belongs to the caller lives in it and goes with it.
//! This room knows no sockets, no wire format and no concrete backend.

mod config;
mod conversation;
mod event;
mod history;
mod ledger;
mod listening;
mod live;
mod metrics;
mod outlet;
mod response;
mod sentences;
mod timings;

pub use config::{Config, Engines};
pub use conversation::{Inputs, Session, Summary};
pub use event::{Command, Event, Failure, FailureCode, Output, ResponseId, Sound, State};
pub use history::History;
pub use ledger::Ledger;
pub use metrics::Metrics;
pub use outlet::{Outlet, Outputs, outlet};
pub use sentences::Splitter;
pub use timings::TurnTimings;
