//! What sessions see of speech-to-text.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use engine::{Caller, CancelOnDrop, Cancelled, Certainty, Claim, Class, cancellation};
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
    /// The same, if the pause that has just begun becomes one:
    /// [`confirm`](Transcription::confirm) makes it a final.
    Guess,
    /// What the caller sees while still speaking.
    Partial,
}

impl Purpose {
    /// How long a request can wait without being noticed; a partial transcript that has waited so
    /// long is not worth beginning.
    fn patience(self) -> Duration {
        match self {
            Self::Final | Self::Guess => Duration::from_millis(150),
            Self::Partial => Duration::from_secs(1),
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
    /// Whose it is.
    pub caller: Caller,
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
    certainty: Certainty,
    _cancel: CancelOnDrop,
}

/// What an engine keeps of a [`Transcription`].
#[derive(Debug)]
pub struct Reply {
    /// Where the words go.
    pub result: oneshot::Sender<Result<Transcript, SttError>>,
    /// Whether nobody waits for them any more, or more urgent work does.
    pub cancelled: Cancelled,
    purpose: Purpose,
    caller: Caller,
    due: Instant,
    certainty: Certainty,
}

/// A [`Transcription`] of this request and the end that its engine keeps.
pub fn reply(request: &Request) -> (Reply, Transcription) {
    let (result_tx, result) = oneshot::channel();
    let (cancel, cancelled) = cancellation();
    let Request { purpose, caller, .. } = *request;
    let certainty = match purpose {
        Purpose::Guess => Certainty::guess(),
        Purpose::Final | Purpose::Partial => Certainty::certain(),
    };
    let transcription = Transcription { result, certainty: certainty.clone(), _cancel: cancel };
    let due = Instant::now() + purpose.patience();
    (Reply { result: result_tx, cancelled, purpose, caller, due, certainty }, transcription)
}

impl Reply {
    /// When the work for it runs, compared with that for others: finals, then guesses, then
    /// partials.
    pub fn claim(&self) -> Claim {
        let class = match self.purpose {
            Purpose::Partial => Class::Passing,
            Purpose::Final | Purpose::Guess if self.certainty.is_certain() => Class::Now,
            Purpose::Final | Purpose::Guess => Class::Guess,
        };
        Claim { caller: Some(self.caller), class, due: self.due }
    }
}

impl Transcription {
    /// The words are needed for certain.
    pub fn confirm(&self) {
        self.certainty.confirm();
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn class(purpose: Purpose) -> (Class, Class) {
        let request = Request { samples: Box::new([]), purpose, caller: Caller::new() };
        let (reply, transcription) = reply(&request);
        let before = reply.claim().class;
        transcription.confirm();
        (before, reply.claim().class)
    }

    #[test]
    fn finals_come_first_then_guesses_then_partials_and_a_guess_can_become_a_final() {
        assert_eq!(class(Purpose::Final), (Class::Now, Class::Now));
        assert_eq!(class(Purpose::Guess), (Class::Guess, Class::Now));
        assert_eq!(class(Purpose::Partial), (Class::Passing, Class::Passing));
    }
}
