//! What all model engines are made of: named threads that are joined, bounded queues ordered by
//! priority, cancelling by dropping, and the measurements of an engine.
//!
//! Only this room starts threads. It knows no model, no audio and no session.

mod cancel;
mod metrics;
#[cfg(feature = "onnx")]
pub mod onnx;
mod pool;
mod queue;
mod thread;

pub use cancel::{CancelOnDrop, Cancelled, cancellation};
pub use metrics::{EngineMetrics, Metrics};
pub use pool::Pool;
pub use queue::{Job, Priority, Queue, Rejected, Taken};
pub use thread::{StartError, Thread};
