//! Voice activity: the probability that a frame of sound is speech.
//!
//! One engine thread steps the frames of all sessions together in batches; each session's
//! recurrent state travels with its frame and back, so that nothing of a caller stays here. Over
//! lasting silence the model may [rest](Rest).

mod batch;
mod metrics;
mod rest;
pub mod scripted;
#[cfg(feature = "silero")]
pub mod silero;
mod stepping;
mod stream;

use audio::SampleRate;

pub use batch::MAX_BATCH;
pub use metrics::Metrics;
pub use rest::Rest;
pub use stepping::{Engine, Info};
pub use stream::Stream;

/// Samples in the frames this room takes: 32 ms at 16 kHz.
pub const FRAME_SAMPLES: usize = 512;
/// The rate of the frames this room takes.
pub const FRAME_RATE: SampleRate = SampleRate::HZ_16000;

/// What of the past a model needs for the next frame of the same stream.
#[derive(Clone, Debug, PartialEq)]
pub struct State(pub Box<[f32]>);

/// One stream's part in a batch.
#[derive(Debug)]
pub struct Row {
    /// [`FRAME_SAMPLES`] samples at [`FRAME_RATE`], in -1.0 ..= 1.0.
    pub samples: Box<[f32]>,
    /// In: the state before this frame. Out: the state after it.
    pub state: State,
    /// Out: the probability that this frame is speech, 0.0 ..= 1.0.
    pub probability: f32,
}

/// A model of voice activity. Runs on the engine's thread.
pub trait Backend: Send + 'static {
    /// The name and version, for logs and `/health`.
    fn name(&self) -> &str;
    /// The state of a stream before its first frame.
    fn initial_state(&self) -> State;
    /// Steps every row by one frame. Rows do not influence one another.
    fn step(&mut self, rows: &mut [Row]) -> Result<(), VadError>;
}

/// Why there is no probability.
#[derive(Debug, thiserror::Error)]
pub enum VadError {
    /// The model's files could not be loaded.
    #[error("could not load the voice activity model: {0}")]
    Load(String),
    /// The model failed on this batch.
    #[error("the voice activity model failed: {0}")]
    Model(String),
    /// The queue is full.
    #[error("the voice activity engine is overloaded")]
    Overloaded,
    /// The engine has stopped.
    #[error("the voice activity engine has stopped")]
    Stopped,
    /// The frame has another length than [`FRAME_SAMPLES`].
    #[error("a frame of {0} samples instead of {FRAME_SAMPLES}")]
    FrameLength(usize),
}
