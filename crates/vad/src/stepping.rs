//! The thread that steps all streams' frames, and the handles to it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use engine::{EngineMetrics, Job, Priority, Queue, Rejected, StartError, Taken, Thread};
use tokio::sync::oneshot;

use crate::{Backend, FRAME_SAMPLES, Row, State, VadError};

/// Rows in one step. Beyond this a larger batch costs no less for each row, and the first rows
/// would wait for the last.
pub const MAX_BATCH: usize = 64;

/// What an engine is, for logs and `/health`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The backend and model.
    pub name: String,
}

/// A voice activity engine: one thread that steps whatever frames wait, together. Clones are
/// handles to the same engine; with the last of them it stops, and its thread is joined.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Running>);

#[derive(Debug)]
struct Running {
    shared: Arc<Shared>,
    info: Info,
    // joined after `Drop for Running` has closed the queue
    _thread: Thread,
}

/// What the handles and the streams know of the engine.
#[derive(Debug)]
struct Shared {
    queue: Queue<Request>,
    initial_state: State,
    metrics: EngineMetrics,
}

impl Engine {
    /// Starts the engine's thread.
    ///
    /// At most `capacity` frames wait for a step. A stream has one frame here at a time, so that
    /// as many as there may be sessions is never too few; when full, frames are refused with
    /// [`VadError::Overloaded`], since a late probability is worth nothing.
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
        let thread = Thread::start("vad", move || run(&for_thread, backend))?;
        Ok(Self(Arc::new(Running { shared, info, _thread: thread })))
    }

    /// A stream of frames of one caller. It does not keep the engine running.
    pub fn open(&self) -> Stream {
        Stream { engine: Arc::clone(&self.0.shared), state: None }
    }

    /// What this engine is.
    pub fn info(&self) -> Info {
        self.0.info.clone()
    }

    /// How many frames wait for a step.
    pub fn waiting(&self) -> usize {
        self.0.shared.queue.len()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.queue.close();
    }
}

/// One caller's frames, in order. The model's memory of the caller lies here between two frames.
#[derive(Debug)]
pub struct Stream {
    engine: Arc<Shared>,
    // `None` before the first frame, while a frame is away, and after one that never came back
    state: Option<State>,
}

impl Stream {
    /// The probability that the next frame of this stream is speech: [`FRAME_SAMPLES`] samples at
    /// [`FRAME_RATE`](crate::FRAME_RATE) in, 0.0 ..= 1.0 out.
    ///
    /// A frame that an overloaded engine refuses is left out, and the stream goes on with the next
    /// one. After any other failure, and where this future is dropped before it is ready, it
    /// starts afresh.
    pub async fn probability(&mut self, samples: Box<[f32]>) -> Result<f32, VadError> {
        if samples.len() != FRAME_SAMPLES {
            return Err(VadError::FrameLength(samples.len()));
        }
        let state = self.state.take().unwrap_or_else(|| self.engine.initial_state.clone());
        let row = Row { samples, state, probability: 0.0 };
        let reply = self.submit(row)?;
        let row = reply.await.unwrap_or(Err(VadError::Stopped))?;
        if !(0.0..=1.0).contains(&row.probability) {
            // sound that is not a number stays in the recurrent state for ever
            return Err(VadError::Model(format!("a probability of {}", row.probability)));
        }
        self.state = Some(row.state);
        Ok(row.probability)
    }

    fn submit(&mut self, row: Row) -> Result<oneshot::Receiver<Reply>, VadError> {
        let (reply, receiver) = oneshot::channel();
        match self.engine.queue.push(Request { row, reply }) {
            Ok(()) => Ok(receiver),
            Err(Rejected::Full(request)) => {
                self.engine.metrics.count_refused();
                self.state = Some(request.row.state);
                Err(VadError::Overloaded)
            }
            Err(Rejected::Closed(_)) => Err(VadError::Stopped),
        }
    }
}

type Reply = Result<Row, VadError>;

/// A frame on its way through the engine.
#[derive(Debug)]
struct Request {
    row: Row,
    reply: oneshot::Sender<Reply>,
}

impl Job for Request {
    fn priority(&self) -> Priority {
        Priority(0)
    }

    fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }
}

fn run(shared: &Shared, mut backend: Box<dyn Backend>) {
    while let Some(first) = shared.queue.pop() {
        let waited = first.waited;
        let (rows, replies) = gather(&shared.queue, first);
        step(backend.as_mut(), rows, replies, waited, &shared.metrics);
    }
}

/// The first frame and those that wait behind it. Nothing is waited for: frames of streams that
/// are a moment late find the next step, which follows at once.
fn gather(
    queue: &Queue<Request>,
    first: Taken<Request>,
) -> (Vec<Row>, Vec<oneshot::Sender<Reply>>) {
    let behind = std::iter::from_fn(|| queue.try_pop());
    std::iter::once(first)
        .chain(behind)
        .take(MAX_BATCH)
        .map(|taken| (taken.job.row, taken.job.reply))
        .unzip()
}

/// Steps the rows and answers each. A failure or panic is answered to these rows only.
fn step(
    backend: &mut dyn Backend,
    mut rows: Vec<Row>,
    replies: Vec<oneshot::Sender<Reply>>,
    waited: Duration,
    metrics: &EngineMetrics,
) {
    let measured = metrics.step(waited, rows.len());
    let result = catch_unwind(AssertUnwindSafe(|| backend.step(&mut rows)));
    drop(measured);
    let failure = match result {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => {
            metrics.count_panic();
            Some("it panicked".to_owned())
        }
    };
    for (row, reply) in rows.into_iter().zip(replies) {
        let answer = match &failure {
            None => Ok(row),
            Some(reason) => Err(VadError::Model(reason.clone())),
        };
        // a stream that stopped waiting has started afresh already
        let _ = reply.send(answer);
    }
}
