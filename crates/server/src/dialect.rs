//! The `/ws` dialect: wire messages to a session's inputs, a session's outputs to wire messages.
//! `docs/protocol.md` is the contract.

mod inbound;
mod outbound;

use audio::SampleRate;

pub(crate) use inbound::{Inbound, Ways};
pub(crate) use outbound::Outbound;

/// Which form of the protocol the client speaks, and at which rate it plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// The client has said hello.
    pub(crate) extended: bool,
    /// The rate of the sound it is sent.
    pub(crate) output_rate: SampleRate,
}

impl Default for Form {
    /// A client is plain and plays at 48 kHz until it says or shows otherwise.
    fn default() -> Self {
        Self { extended: false, output_rate: SampleRate::HZ_48000 }
    }
}
