//! Callers without people: they speak recorded sound over `/ws` at the pace of a microphone, play
//! the answers as a page does, and measure what a caller would notice.
//!
//! This room knows the protocol and nothing of what is behind it: it measures any server.

mod bottleneck;
mod call;
mod caller;
mod capacity;
mod clips;
mod coming;
mod conduct;
mod conversation;
mod crossing;
mod joined;
mod load;
mod log;
mod microphone;
mod noise;
mod outcome;
mod percentiles;
mod playback;
mod random;
pub mod report;
mod run;
mod samples;
mod scenario;
mod silent;
mod talker;
mod talking_over;
mod turn;
mod wire;

pub use bottleneck::{Bottleneck, EngineLoad};
pub use call::{Admitted, Call, Rejected};
pub use caller::{Caller, Rates};
pub use capacity::{Search, Shortfall, Target};
pub use clips::{Recording, read_clips, read_recordings};
pub use coming::{ComingAndGoing, Process, come_and_go};
pub use conduct::Conduct;
pub use conversation::Conversation;
pub use crossing::WordErrors as CountErrors;
pub use joined::{JoinedTurn, Joining, joined_turns};
pub use load::{Exchange, Load};
pub use log::{Kept, Now};
pub use noise::cough;
pub use outcome::{Act, CallerOutcome, Outcome, Sample, TurnOutcome};
pub use percentiles::Percentiles;
pub use protocol::TurnMetrics;
pub use report::{Part, Report};
pub use run::{Finished, Run};
pub use scenario::{Dialects, Scenario, Thinking};
pub use talking_over::{Cough, Coughed, Interruption, Stop};
pub use turn::{Arrivals, Turn};
pub use wire::Dialect;
