//! What sessions see of text-to-speech.

use std::sync::Arc;

use audio::{Frame, SampleRate};
use engine::{CancelOnDrop, Cancelled, Priority, cancellation};
use tokio::sync::mpsc;

use crate::SpokenText;

/// What the audio is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// The first sound of a response: the caller waits in silence.
    First,
    /// A later sentence: the caller is still hearing the one before.
    Later,
}

impl Urgency {
    /// First sounds run before later sentences.
    pub fn priority(self) -> Priority {
        match self {
            Self::First => Priority(0),
            Self::Later => Priority(1),
        }
    }
}

/// A sentence to speak.
#[derive(Clone, Debug)]
pub struct Request {
    /// The words.
    pub text: SpokenText,
    /// A voice's name; `None` takes the engine's default.
    pub voice: Option<Arc<str>>,
    /// 1.0 is the voice's own pace, 2.0 twice as fast; engines clamp it to 0.5 ..= 2.0.
    pub speed: f32,
    /// How urgent it is.
    pub urgency: Urgency,
}

/// What an engine is, for logs and `/health`.
#[derive(Clone, Debug)]
pub struct Info {
    /// The backend and model.
    pub name: String,
    /// The rate of the frames it speaks.
    pub rate: SampleRate,
    /// The voices it has; the first is the default.
    pub voices: Vec<String>,
    /// Sentences spoken at once.
    pub workers: usize,
}

/// A text-to-speech engine, shared by all sessions.
pub trait TextToSpeech: Send + Sync {
    /// Queues the sentence without waiting.
    fn speak(&self, request: Request) -> Result<Speech, TtsError>;
    /// What this engine is.
    fn info(&self) -> Info;
}

/// A sentence's sound as it is synthesised. Dropping it cancels within one model step.
#[derive(Debug)]
pub struct Speech {
    frames: mpsc::Receiver<Result<Frame, TtsError>>,
    _cancel: CancelOnDrop,
}

/// The engine's end of a [`Speech`].
#[derive(Debug)]
pub struct Outlet {
    /// Sound in order; closing it ends the sentence.
    pub frames: mpsc::Sender<Result<Frame, TtsError>>,
    /// Whether the sentence is no longer wanted.
    pub cancelled: Cancelled,
}

/// A connected pair that holds `capacity` frames. An engine never waits for one listener: it
/// makes the capacity large enough for the longest sentence, and gives up one that overflows.
pub fn speech(capacity: usize) -> (Outlet, Speech) {
    let (frames_tx, frames) = mpsc::channel(capacity);
    let (cancel, cancelled) = cancellation();
    (Outlet { frames: frames_tx, cancelled }, Speech { frames, _cancel: cancel })
}

impl Speech {
    /// The next frame; `None` at the end of the sentence. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Frame, TtsError>> {
        self.frames.recv().await
    }
}

/// Why there is no sound, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum TtsError {
    /// The voice could not be loaded.
    #[error("could not load the voice: {0}")]
    Load(String),
    /// As many sentences wait as may wait.
    #[error("the text-to-speech engine is overloaded")]
    Overloaded,
    /// The engine has stopped.
    #[error("the text-to-speech engine has stopped")]
    Stopped,
    /// There is no such voice.
    #[error("there is no voice `{0}`")]
    UnknownVoice(String),
    /// The synthesiser failed on this sentence.
    #[error("the text-to-speech model failed: {0}")]
    Model(String),
}
