//! One caller's conversation: listening, answering, being interrupted, remembering what was heard.
//!
//! A session is a future. [`Session::run`] takes sound and commands in and gives events and sound
//! out until its inputs close; everything that belongs to the caller lives in it and goes with it.
//! This room knows no sockets, no wire format and no concrete backend.

mod agreement;
mod answer;
mod config;
mod dialogue;
mod event;
mod history;
mod ledger;
mod listening;
mod metrics;
mod outlet;
mod playout;
mod response;
mod sentences;
mod session;
mod step;
mod timings;

pub use config::{Config, Engines, Interruption};
pub use dialogue::Dialogue;
pub use engine::Pressure;
pub use event::{Command, Done, Event, Failure, FailureCode, Output, ResponseId, Sound, State};
pub use history::{History, Said};
pub use ledger::Ledger;
pub use metrics::Metrics;
pub use outlet::{Outlet, Outputs, outlet};
pub use sentences::Splitter;
pub use session::{Inputs, Session, Summary};
pub use step::{Action, Input, Tape};
pub use timings::TurnTimings;
