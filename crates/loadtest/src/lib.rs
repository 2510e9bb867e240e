//! Callers without people: they speak recorded sound over `/ws` at the pace of a microphone, play
//! the answers as a page does, and measure what a caller would notice.
//!
//! This room knows the protocol and nothing of what is behind it: it measures any server.

mod caller;
mod clips;
mod conduct;
mod conversation;
mod joined;
mod load;
mod microphone;
mod noise;
mod outcome;
mod percentiles;
mod playback;
mod random;
pub mod report;
mod talking_over;
mod turn;

pub use caller::{Caller, Rates};
pub use clips::{Recording, read_clips, read_recordings};
pub use conduct::Conduct;
pub use conversation::Conversation;
pub use joined::{JoinedTurn, Joining, joined_turns};
pub use load::{Exchange, Load};
pub use noise::cough;
pub use outcome::{Act, CallerOutcome, Outcome, Sample, TurnOutcome};
pub use percentiles::Percentiles;
pub use protocol::TurnMetrics;
pub use report::{Part, Report};
pub use talking_over::{Cough, Coughed, Interruption, Stop};
pub use turn::Turn;
