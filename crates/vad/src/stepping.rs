//! The thread that steps all streams' frames, and the handles to it.

use std::sync::Arc;

use engine::{EngineMetrics, Queue, StartError, Thread};

use crate::{Backend, Metrics, Rest, State, Stream, batch};

/// What an engine is, for logs and `/health`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The backend and model.
    pub name: String,
}

/// A voice activity engine: one thread that steps whatever frames wait, together. Clones are
/// handles to the same engine; with the last of them it stops, and its thread is joined.
#[derive(Clone, Debug)]
pub struct Engine {
    running: Arc<Running>,
    rest: Rest,
    metrics: Metrics,
}

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    info: Info,
    // joined after `Drop for Running` has closed the queue
    _thread: Thread,
}

/// What the handles and the streams know of the engine.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: Queue<batch::Request>,
    pub(crate) initial_state: State,
    pub(crate) metrics: EngineMetrics,
}

impl Engine {
    /// Starts the engine's thread. Its model hears every frame of every stream.
    ///
    /// At most `capacity` frames wait for a step. A stream has one frame here at a time (with those
    /// from before it over which the model has rested), so that as many as there may be sessions is
    /// never too few; when full, frames are refused with
    /// [`VadError::Overloaded`](crate::VadError::Overloaded), since a late probability is worth
    /// nothing.
    pub fn start(
        backend: Box<dyn Backend>,
        capacity: usize,
        metrics: &EngineMetrics,
    ) -> Result<Self, StartError> {
        let info = Info { name: backend.name().to_owned() };
        let shared = Arc::new(Shared {
            queue: Queue::new(capacity),
            initial_state: backend.initial_state(),
            metrics: metrics.clone(),
        });
        let for_thread = Arc::clone(&shared);
        let thread = Thread::start("vad", move || {
            batch::run(&for_thread.queue, backend, &for_thread.metrics);
        })?;
        let running = Arc::new(Running { shared, info, _thread: thread });
        Ok(Self { running, rest: Rest::NEVER, metrics: Metrics::default() })
    }

    /// The same engine, whose model may rest over lasting silence of the streams that this handle
    /// opens.
    #[must_use]
    pub fn resting(self, rest: Rest, metrics: &Metrics) -> Self {
        Self { rest, metrics: metrics.clone(), ..self }
    }

    /// A stream of frames of one caller. It does not keep the engine running.
    pub fn open(&self) -> Stream {
        Stream::new(Arc::clone(&self.running.shared), self.rest, self.metrics.clone())
    }

    /// What this engine is.
    pub fn info(&self) -> Info {
        self.running.info.clone()
    }

    /// How many frames wait for a step.
    pub fn waiting(&self) -> usize {
        self.running.shared.queue.len()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}
