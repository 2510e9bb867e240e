//! What sessions see of speech-to-text.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use engine::{CancelOnDrop, Cancelled, Priority, cancellation};
use tokio::sync::oneshot;

/// The longest audio of one request. Models loop or run out of memory on longer ones, so callers
/// cut long speech at pauses.
pub const MAX_SEGMENT: Duration = Duration::from_secs(20);
/// Less speech than this is not worth asking about: models invent words for it.
pub const MIN_SPEECH: Duration = Duration::from_millis(250);

/// What a transcript is for, which decides how urgent it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The words of a turn, or of a part of it that will not change.
    Final,
    /// What the caller sees while still speaking.
    Partial,
}

impl Purpose {
    /// Finals run before partials.
    pub fn priority(self) -> Priority {
        match self {
            Self::Final => Priority(0),
            Self::Partial => Priority(1),
        }
    }
}

/// A stretch of speech to transcribe.
#[derive(Debug)]
pub struct Request {
    /// Mono samples at 16 kHz in -1.0 ..= 1.0; at most [`MAX_SEGMENT`].
    pub samples: Box<[f32]>,
    /// How urgent it is.
    pub purpose: Purpose,
}

/// The words of a stretch of speech.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The words, trimmed; empty if there were none.
    pub text: String,
}

/// What an engine is, for logs and `/health`.
#[derive(Clone, Debug)]
pub struct Info {
    /// The backend and model.
    pub name: String,
    /// Jobs run at once.
    pub workers: usize,
}

/// A speech-to-text engine, shared by all sessions.
pub trait SpeechToText: Send + Sync {
    /// Queues the request without waiting.
    fn transcribe(&self, request: Request) -> Result<Transcription, SttError>;
    /// What this engine is.
    fn info(&self) -> Info;
    /// How many requests wait for a worker: whoever asks for partials asks for fewer as it grows.
    fn waiting(&self) -> usize {
        0
    }
}

/// A transcript being made. Dropping it cancels the work within one model step.
#[derive(Debug)]
pub struct Transcription {
    result: oneshot::Receiver<Result<Transcript, SttError>>,
    _cancel: CancelOnDrop,
}

/// A [`Transcription`] and the ends that its engine keeps.
pub fn reply() -> (oneshot::Sender<Result<Transcript, SttError>>, Cancelled, Transcription) {
    let (result_tx, result) = oneshot::channel();
    let (cancel, cancelled) = cancellation();
    (result_tx, cancelled, Transcription { result, _cancel: cancel })
}

impl Future for Transcription {
    type Output = Result<Transcript, SttError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.result).poll(context).map(|result| result.unwrap_or(Err(SttError::Lost)))
    }
}

/// Why there is no transcript.
#[derive(Debug, thiserror::Error)]
pub enum SttError {
    /// The model's files could not be loaded.
    #[error("could not load the speech-to-text model: {0}")]
    Load(String),
    /// As many requests wait as may wait.
    #[error("the speech-to-text engine is overloaded")]
    Overloaded,
    /// The engine has stopped.
    #[error("the speech-to-text engine has stopped")]
    Stopped,
    /// The worker panicked over this request.
    #[error("the speech-to-text engine lost this request")]
    Lost,
    /// The audio is longer than [`MAX_SEGMENT`].
    #[error("{0:.1?} of audio in one request, more than {MAX_SEGMENT:?}")]
    TooLong(Duration),
    /// The model failed on this audio.
    #[error("the speech-to-text model failed: {0}")]
    Model(String),
}
