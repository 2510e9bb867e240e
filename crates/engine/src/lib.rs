//! What all model engines are made of: named threads that are joined, bounded queues in the
//! order of a policy, a monitor, cancelling by dropping, and the measurements of an engine.
//!
//! Only this room starts threads. It knows no model, no audio and no session.

mod cancel;
mod certainty;
mod meter;
mod metrics;
mod monitor;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod policy;
mod pool;
mod pressure;
mod queue;
mod thread;

pub use cancel::{CancelOnDrop, Cancelled, cancellation};
pub use certainty::Certainty;
pub use meter::{Limit, Serving};
pub use metrics::{EngineMetrics, Metrics};
pub use monitor::{Monitor, Trouble, View, Viewer, Watch, Wrong};
pub use policy::{Caller, Claim, Class};
pub use pool::Pool;
pub use pressure::{Limits, Load, Pressure};
pub use queue::{Job, Queue, Rejected, Taken};
pub use thread::{StartError, Thread};
