//! What sessions see of a language model.

use std::sync::Arc;

use engine::{CancelOnDrop, Cancelled, cancellation};
use tokio::sync::{mpsc, watch};

/// Who said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The operator's instructions. First, and never trimmed away.
    System,
    /// The caller.
    User,
    /// The model: what the caller has heard of it.
    Assistant,
}

impl Role {
    /// The name chat templates know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// Something said in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// The words. Shared, so that a history is cheap to hand over.
    pub text: Arc<str>,
}

impl Message {
    /// These words by this speaker.
    pub fn new(role: Role, text: impl Into<Arc<str>>) -> Self {
        Self { role, text: text.into() }
    }
}

/// How to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The longest response, in tokens.
    pub max_tokens: u32,
    /// 0.0 always takes the likeliest token.
    pub temperature: f32,
    /// Tokens are drawn from the likeliest that together have this probability.
    pub top_p: f32,
    /// Likelihood of tokens seen recently is divided by this; 1.0 changes nothing.
    pub repeat_penalty: f32,
    /// The same seed gives the same tokens; `None` draws anew each time.
    pub seed: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_tokens: 256, temperature: 0.7, top_p: 0.95, repeat_penalty: 1.1, seed: None }
    }
}

/// What an engine is, for logs and `/health`.
#[derive(Clone, Debug)]
pub struct Info {
    /// The backend and model.
    pub name: String,
    /// Tokens one conversation may hold.
    pub context_tokens: u32,
    /// Conversations at once; `None` if the backend does not limit them.
    pub slots: Option<usize>,
    /// About how much memory it takes in this process: weights and conversations.
    pub memory_bytes: u64,
}

/// A language model, shared by all sessions.
pub trait LanguageModel: Send + Sync {
    /// A conversation of its own, in which the model remembers what it has read so far.
    fn open(&self) -> Result<Box<dyn Conversation>, LlmError>;
    /// What this engine is.
    fn info(&self) -> Info;
}

/// One caller's conversation with the model. Dropping it frees all that the engine kept for it.
pub trait Conversation: Send {
    /// Continues `messages` as the assistant. The engine drops the oldest messages after the
    /// system prompt, whole ones only, until the rest and the response fit its context.
    fn respond(&mut self, messages: &[Message], options: &Options)
    -> Result<TokenStream, LlmError>;

    /// As [`respond`](Self::respond), but from the first step on as
    /// [`speculate`](TokenStream::speculate) has it.
    fn speculate(
        &mut self,
        messages: &[Message],
        options: &Options,
    ) -> Result<TokenStream, LlmError> {
        let stream = self.respond(messages, options)?;
        stream.speculate();
        Ok(stream)
    }

    /// Reads the beginning of what [`respond`](Self::respond) will be asked, as far as it is
    /// known: the caller still speaks, the last message may grow. It costs nobody else's response
    /// time, and takes effect if there is time for it. While a response of this conversation is
    /// under way, a speculative one as well, it has no effect: drop the stream first. Backends
    /// that cannot do so ignore it.
    fn read_ahead(&mut self, messages: &[Message]) -> Result<(), LlmError> {
        let _ = messages;
        Ok(())
    }
}

/// Whether somebody will hear a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The caller waits for it.
    Live,
    /// The caller may not have finished, and then nobody will hear it.
    Speculative,
    /// It was speculative, and the caller waits for it now.
    Confirmed,
}

/// The words of a response as they are generated. Dropping it cancels within one model step.
#[derive(Debug)]
pub struct TokenStream {
    pieces: mpsc::Receiver<Result<String, LlmError>>,
    standing: watch::Sender<Standing>,
    _cancel: CancelOnDrop,
}

/// The engine's end of a [`TokenStream`].
#[derive(Debug)]
pub struct Outlet {
    /// Pieces of text, whole characters each; closing it ends the response.
    pub pieces: mpsc::Sender<Result<String, LlmError>>,
    /// Whether the response is no longer wanted.
    pub cancelled: Cancelled,
    /// Whether somebody will hear it. Its reader changes that at any time.
    pub standing: watch::Receiver<Standing>,
}

/// A connected pair that holds `capacity` pieces. When it is full the engine leaves this response
/// out of its steps until there is room: no caller's slowness delays another.
pub fn token_stream(capacity: usize) -> (Outlet, TokenStream) {
    let (pieces_tx, pieces) = mpsc::channel(capacity);
    let (cancel, cancelled) = cancellation();
    let (standing_tx, standing) = watch::channel(Standing::Live);
    let outlet = Outlet { pieces: pieces_tx, cancelled, standing };
    (outlet, TokenStream { pieces, standing: standing_tx, _cancel: cancel })
}

impl TokenStream {
    /// The next piece of text; `None` at the end of the response. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<String, LlmError>> {
        self.pieces.recv().await
    }

    /// Lets it be computed only while no live response needs the engine, and no further than its
    /// first words: a response that may never be heard costs no other anything. It begins as a live
    /// one if the engine is faster than this call, unless [`Conversation::speculate`] asks for it.
    pub fn speculate(&self) {
        self.standing.send_replace(Standing::Speculative);
    }

    /// Somebody will hear it: from the engine's next step on it counts as any other.
    pub fn confirm(&self) {
        self.standing.send_if_modified(|standing| {
            let is_speculative = *standing == Standing::Speculative;
            if is_speculative {
                *standing = Standing::Confirmed;
            }
            is_speculative
        });
    }
}

impl Outlet {
    /// How it stands now.
    pub fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// Waits while it is speculative and somebody holds its stream.
    pub async fn settled(&self) {
        let mut standing = self.standing.clone();
        // if nobody holds it, that is not speculative any more either
        let _ = standing.wait_for(|standing| *standing != Standing::Speculative).await;
    }
}

/// Why there is no response, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum LlmError {
    /// The model's file could not be loaded.
    #[error("could not load the language model: {0}")]
    Load(String),
    /// As many conversations or requests are open as can be.
    #[error("the language model is overloaded")]
    Overloaded,
    /// The engine has stopped.
    #[error("the language model has stopped")]
    Stopped,
    /// The system prompt and the last message alone do not fit the context.
    #[error("{tokens} tokens do not fit a context of {context}")]
    TooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// Tokens that fit.
        context: usize,
    },
    /// The model failed on this request.
    #[error("the language model failed: {0}")]
    Model(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_live_unless_it_was_said_to_be_speculative() {
        let (outlet, stream) = token_stream(1);
        assert_eq!(outlet.standing(), Standing::Live);
        stream.confirm();
        assert_eq!(outlet.standing(), Standing::Live);
        stream.speculate();
        assert_eq!(outlet.standing(), Standing::Speculative);
        stream.confirm();
        assert_eq!(outlet.standing(), Standing::Confirmed);
        drop(stream);
        assert_eq!(outlet.standing(), Standing::Confirmed);
    }

    #[tokio::test]
    async fn whoever_waits_for_certainty_learns_of_both_ends() {
        let ends: [fn(TokenStream); 2] = [drop, |stream| stream.confirm()];
        for end in ends {
            let (outlet, stream) = token_stream(1);
            stream.speculate();
            tokio::join!(outlet.settled(), async { end(stream) });
        }
    }
}
