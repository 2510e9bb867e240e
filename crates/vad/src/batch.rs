//! Which frames are stepped together, and who is told.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use engine::{Claim, Class, EngineMetrics, Job, Limit, Queue};
use tokio::sync::oneshot;

use crate::{Backend, Row, VadError};

/// Rows in one step. Beyond this a larger batch costs no less for each row, and the first rows
/// would wait for the last.
pub const MAX_BATCH: usize = 64;
/// Streams that catch up leave at least so many rows to those that do not.
const NEW_ROWS: usize = MAX_BATCH / 2;

/// How long a frame can wait for its step without being noticed: until the next one comes.
pub(crate) const PATIENCE: Duration = Duration::from_millis(32);

/// What a stream gets back: its last frame's row.
pub(crate) type Reply = Result<Row, VadError>;

/// A stream's frames on their way through the engine.
#[derive(Debug)]
pub(crate) struct Request {
    /// The next frame.
    pub(crate) row: Row,
    /// Those after it: of a stream over which the model has rested.
    pub(crate) later: VecDeque<Box<[f32]>>,
    pub(crate) reply: oneshot::Sender<Reply>,
    /// When the step should begin.
    pub(crate) due: Instant,
}

impl Job for Request {
    /// All frames alike: a stream has one request at a time.
    fn claim(&self) -> Claim {
        Claim { caller: None, class: Class::Now, due: self.due }
    }

    fn is_cancelled(&self) -> bool {
        self.reply.is_closed()
    }
}

/// Steps what waits until the queue is closed.
pub(crate) fn run(queue: &Queue<Request>, mut backend: Box<dyn Backend>, metrics: &EngineMetrics) {
    // streams that have further frames here: one request each, as in the queue
    let mut behind = VecDeque::new();
    let serving = metrics.serving(Limit::Time);
    while let Some((batch, waited)) = gather(queue, &mut behind) {
        behind.extend(step(backend.as_mut(), batch, waited, metrics));
    }
    serving.finish();
}

/// The frames that are next, and how long the eldest new one has waited. Nothing is waited for
/// while there is any: frames of streams that are a moment late find the next step, which follows
/// at once.
fn gather(
    queue: &Queue<Request>,
    behind: &mut VecDeque<Request>,
) -> Option<(Vec<Request>, Option<Duration>)> {
    behind.retain(|request| !request.is_cancelled());
    let most = MAX_BATCH.saturating_sub(behind.len()).max(NEW_ROWS);
    let new = if behind.is_empty() { queue.pop_batch(most)? } else { queue.try_pop_batch(most) };
    let waited = new.first().map(|taken| taken.waited);
    let mut batch: Vec<Request> = new.into_iter().map(|taken| taken.job).collect();
    let room = behind.len().min(MAX_BATCH - batch.len());
    batch.extend(behind.drain(..room));
    Some((batch, waited))
}

/// Steps the rows and answers those whose last frame it was; the others are given back. A failure
/// or panic is answered to these rows only.
fn step(
    backend: &mut dyn Backend,
    batch: Vec<Request>,
    waited: Option<Duration>,
    metrics: &EngineMetrics,
) -> Vec<Request> {
    let (mut rows, replies): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|it| (it.row, (it.later, it.reply, it.due))).unzip();
    let measured = match waited {
        Some(waited) => metrics.step(waited, PATIENCE, rows.len()),
        None => metrics.batch_of(rows.len()),
    };
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
    let mut unfinished = Vec::new();
    for (mut row, (mut later, reply, due)) in rows.into_iter().zip(replies) {
        let answer = match &failure {
            None => match later.pop_front() {
                Some(samples) => {
                    row.samples = samples;
                    unfinished.push(Request { row, later, reply, due });
                    continue;
                }
                None => Ok(row),
            },
            Some(reason) => Err(VadError::Model(reason.clone())),
        };
        // a stream that stopped waiting has started afresh already
        let _ = reply.send(answer);
    }
    unfinished
}
