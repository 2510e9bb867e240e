//! What sessions see of text-to-speech.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use audio::{Frame, SampleRate};
use engine::{Caller, CancelOnDrop, Cancelled, Certainty, Claim, Class, cancellation};
use tokio::sync::{mpsc, oneshot};

use crate::SpokenText;

/// What the audio is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// The first sound of a response: the caller waits in silence.
    First,
    /// A later sentence: the caller is still hearing the one before.
    Later {
        /// When that is over, and silence would follow.
        due: Instant,
    },
    /// A sentence of an answer that may never be heard: [`confirm`](Speech::confirm) makes it the
    /// first sound of one that is.
    Speculative,
}

/// How long a first sound can wait without being noticed.
const PATIENCE: Duration = Duration::from_millis(150);

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
    /// Whose it is.
    pub caller: Caller,
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
    word_ends: oneshot::Receiver<Vec<Duration>>,
    certainty: Certainty,
    _cancel: CancelOnDrop,
}

/// The engine's end of a [`Speech`].
#[derive(Debug)]
pub struct Outlet {
    /// Sound in order; closing it ends the sentence.
    pub frames: mpsc::Sender<Result<Frame, TtsError>>,
    /// Whether the sentence is no longer wanted.
    pub cancelled: Cancelled,
    word_ends: Option<oneshot::Sender<Vec<Duration>>>,
    caller: Caller,
    class: Class,
    due: Instant,
    certainty: Certainty,
}

/// A connected pair for this request that holds `capacity` frames. An engine never waits for one
/// listener: it makes the capacity large enough for the longest sentence, and gives up one that
/// overflows.
pub fn speech(request: &Request, capacity: usize) -> (Outlet, Speech) {
    let (frames_tx, frames) = mpsc::channel(capacity);
    let (cancel, cancelled) = cancellation();
    let (word_ends_tx, word_ends) = oneshot::channel();
    let soon = Instant::now() + PATIENCE;
    let (class, due, certainty) = match request.urgency {
        Urgency::First => (Class::Now, soon, Certainty::certain()),
        Urgency::Later { due } => (Class::Ahead, due, Certainty::certain()),
        Urgency::Speculative => (Class::Now, soon, Certainty::guess()),
    };
    let outlet = Outlet {
        frames: frames_tx,
        cancelled,
        word_ends: Some(word_ends_tx),
        caller: request.caller,
        class,
        due,
        certainty: certainty.clone(),
    };
    (outlet, Speech { frames, word_ends, certainty, _cancel: cancel })
}

impl Speech {
    /// The next frame; `None` at the end of the sentence. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Frame, TtsError>> {
        self.frames.recv().await
    }

    /// The sentence will be heard for certain.
    pub fn confirm(&self) {
        self.certainty.confirm();
    }

    /// When each word of the [`SpokenText`] ends, in order, from the first sample on; it is there
    /// with the first frame, and taken once. `None` if the engine does not know.
    pub fn words(&mut self) -> Option<Vec<Duration>> {
        self.word_ends.try_recv().ok()
    }
}

impl Outlet {
    /// When the sentence is spoken, compared with others: first sounds, then later sentences by
    /// the time to the next underrun, then what may never be heard.
    pub fn claim(&self) -> Claim {
        let class = if self.certainty.is_certain() { self.class } else { Class::Guess };
        Claim { caller: Some(self.caller), class, due: self.due }
    }

    /// Tells when each word ends, before the first frame is sent.
    pub fn tell_words(&mut self, ends: Vec<Duration>) {
        if let Some(word_ends) = self.word_ends.take() {
            // nobody may listen any more
            let _ = word_ends.send(ends);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_never_be_heard_comes_last_until_it_is_certain() {
        let due = Instant::now() + Duration::from_secs(2);
        let pair = |urgency| speech(&request(urgency), 1);
        let (first, _first) = pair(Urgency::First);
        let (later, _later) = pair(Urgency::Later { due });
        let (guess, speech) = pair(Urgency::Speculative);
        let class = |outlet: &Outlet| outlet.claim().class;
        assert!(class(&first) < class(&later) && class(&later) < class(&guess));
        assert_eq!(later.claim().due, due);
        speech.confirm();
        assert_eq!(class(&guess), class(&first));
    }

    fn request(urgency: Urgency) -> Request {
        let text = SpokenText::new("Hello.").unwrap();
        Request { text, voice: None, speed: 1.0, urgency, caller: Caller::new() }
    }

    #[test]
    fn word_ends_are_taken_once() {
        let (mut outlet, mut speech) = speech(&request(Urgency::First), 1);
        assert_eq!(speech.words(), None);
        let ends = vec![Duration::from_millis(5)];
        outlet.tell_words(ends.clone());
        outlet.tell_words(Vec::new());
        drop(outlet);
        assert_eq!(speech.words(), Some(ends));
        assert_eq!(speech.words(), None);
    }
}
