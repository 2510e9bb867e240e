//! Callers without people: they speak recorded sound over `/ws` at the pace of a microphone, play
//! the answers as a page does, and measure what a caller would notice.
//!
//! This room knows the protocol and nothing of what is behind it: it measures any server.

mod caller;
mod clips;
mod load;
mod microphone;
mod percentiles;
mod playback;
mod report;
mod turn;

pub use caller::{Caller, Rates};
pub use clips::read_clips;
pub use load::{Exchange, Load};
pub use percentiles::Percentiles;
pub use protocol::TurnMetrics;
pub use report::{Part, Report};
pub use turn::Turn;
