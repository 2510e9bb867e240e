//! One caller's frames.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use engine::Rejected;
use tokio::sync::oneshot;

use crate::{
    FRAME_SAMPLES, Metrics, Row, State, VadError,
    batch::{PATIENCE, Reply, Request},
    rest::{Rest, Stillness},
    stepping::Shared,
};

/// When the model has rested it hears so many frames from before the one that wakes it, a quarter
/// of a second: its memory is of silence long ago, and an onset lies in the frame before as well.
const CATCH_UP: usize = 8;

/// One caller's frames, in order. The model's memory of the caller lies here between two frames.
#[derive(Debug)]
pub struct Stream {
    engine: Arc<Shared>,
    metrics: Metrics,
    // `None` before the first frame, while a frame is away, and after one that never came back
    state: Option<State>,
    stillness: Stillness,
    /// The newest frames that the model has not heard.
    unheard: VecDeque<Box<[f32]>>,
}

impl Stream {
    pub(crate) fn new(engine: Arc<Shared>, rest: Rest, metrics: Metrics) -> Self {
        let stillness = Stillness::new(rest);
        Self { engine, metrics, state: None, stillness, unheard: VecDeque::new() }
    }

    /// The probability that the next frame of this stream is speech: [`FRAME_SAMPLES`] samples at
    /// [`FRAME_RATE`](crate::FRAME_RATE) in, 0.0 ..= 1.0 out. While the model [rests](Rest) it is
    /// 0.0, at once.
    ///
    /// A frame that an overloaded engine refuses is left out, and the stream goes on with the next
    /// one. After any other failure, and where this future is dropped before it is ready, it
    /// starts afresh.
    pub async fn probability(&mut self, samples: Box<[f32]>) -> Result<f32, VadError> {
        if samples.len() != FRAME_SAMPLES {
            return Err(VadError::FrameLength(samples.len()));
        }
        if self.state.is_none() {
            self.stillness.restart();
        }
        if self.stillness.takes(&samples) {
            self.rest_over(samples);
            return Ok(0.0);
        }
        let reply = self.submit(samples)?;
        let row = reply.await.unwrap_or(Err(VadError::Stopped))?;
        if !(0.0..=1.0).contains(&row.probability) {
            // sound that is not a number stays in the recurrent state for ever
            return Err(VadError::Model(format!("a probability of {}", row.probability)));
        }
        self.state = Some(row.state);
        self.stillness.found(row.probability);
        Ok(row.probability)
    }

    fn rest_over(&mut self, samples: Box<[f32]>) {
        self.metrics.count_rested();
        if self.unheard.len() == CATCH_UP {
            self.unheard.pop_front();
        }
        self.unheard.push_back(samples);
    }

    fn submit(&mut self, samples: Box<[f32]>) -> Result<oneshot::Receiver<Reply>, VadError> {
        let state = self.state.take().unwrap_or_else(|| self.engine.initial_state.clone());
        let mut later = std::mem::take(&mut self.unheard);
        later.push_back(samples);
        let samples = later.pop_front().unwrap_or_default();
        let row = Row { samples, state, probability: 0.0 };
        let (reply, receiver) = oneshot::channel();
        let due = Instant::now() + PATIENCE;
        match self.engine.queue.push(Request { row, later, reply, due }) {
            Ok(()) => Ok(receiver),
            Err(Rejected::Full(Request { row, later, .. })) => {
                self.engine.metrics.count_refused();
                self.state = Some(row.state);
                self.unheard = later;
                self.unheard.push_front(row.samples);
                self.unheard.pop_back();
                Err(VadError::Overloaded)
            }
            Err(Rejected::Closed(_)) => Err(VadError::Stopped),
        }
    }
}
