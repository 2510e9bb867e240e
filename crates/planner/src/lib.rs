//! How many callers a machine carries, for hardware that is not at hand: what models and callers
//! take of its memory, how long steps take on it, and a simulation of callers who share it.
//!
//! Nothing here runs a model, opens a socket or looks at a clock: a plan is arithmetic, the same
//! each time. The simulation asks the product's own decisions what comes next: [`llm::step::plan`]
//! for the language model, [`engine::policy`] for everything that waits in a queue.

mod catalogue;
mod curve;
mod device;
mod hardware;
mod machine;
mod memory;
mod number;
mod simulation;
mod talk;
mod throughput;

pub use catalogue::{Catalogue, Encoder, LanguageModel, Recogniser, Speaking, Voice};
pub use curve::Curve;
pub use device::Device;
pub use hardware::{Basis, Choice, Engine, Hardware, Model, Place, Source, Stage};
pub use machine::{Machine, Sentences, Steps};
pub use memory::{KvBits, Memory};
pub use simulation::{Outlook, Simulation, largest};
pub use talk::Talk;
pub use throughput::{Resource, Throughput, bound};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A file is not what it should be.
    #[error("could not read {what}: {reason}")]
    File {
        /// Which.
        what: String,
        /// Why.
        reason: String,
    },
    /// Nothing is known of a model or a device.
    #[error("there is no {kind} `{name}`; there are {known}")]
    Unknown {
        /// What it should be.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
}
