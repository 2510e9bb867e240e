//! What goes into a session and what comes out of it.

use std::{fmt, sync::Arc, time::Duration};

use audio::Frame;
use tokio::time::Instant;

use crate::{Said, TurnTimings};

/// Numbers the responses of one session, from 1, in the order of their turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResponseId(pub u32);

impl fmt::Display for ResponseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A frame of the caller's speech.
#[derive(Debug)]
pub struct Sound {
    /// [`vad::FRAME_SAMPLES`] samples at [`vad::FRAME_RATE`].
    pub samples: Box<[f32]>,
    /// When its last sample arrived.
    pub arrived: Instant,
}

/// What a caller asks for other than by speaking.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The client reports positions of its playback, and stops it when told to pause.
    Hello,
    /// A typed turn.
    Text(String),
    /// Stop speaking now.
    StopSpeaking,
    /// Forget the conversation.
    Clear,
    /// Move the speed slider: 0 (fast) to 100 (slow).
    SetSpeed(u8),
    /// Speak with this voice from the next answer on.
    SetVoice(String),
    /// Tell the model this before the conversation, in place of the system prompt.
    SetInstructions(String),
    /// The client reports how much of a response has been heard.
    Heard {
        /// The response it speaks of.
        response: ResponseId,
        /// Sound heard since the response's first sample.
        until: Duration,
        /// Whether it still sounds.
        playing: bool,
    },
    /// The playback of a client that reports no positions began to sound.
    PlaybackStarted,
    /// The playback of a client that reports no positions fell silent.
    PlaybackStopped,
    /// The connection is lost; the caller may come back.
    Away,
    /// The caller is back, on another connection.
    Back,
}

/// A command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing is said any more.
    StopSpeaking,
    /// The conversation is forgotten.
    Clear,
    /// The speed slider stands here.
    SetSpeed(u8),
    /// The next answer has this voice.
    SetVoice(Arc<str>),
    /// The model is told something else.
    SetInstructions,
}

/// What a session does at the moment, as a caller would say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for the caller to speak.
    Listening,
    /// The caller speaks.
    Hearing,
    /// The turn has ended and nothing is to be heard yet.
    Thinking,
    /// The answer sounds.
    Speaking,
    /// The answer is held, because the caller may be interrupting.
    Paused,
}

/// Something that goes to the caller.
#[derive(Debug)]
pub enum Output {
    /// Sound of a response.
    Audio {
        /// Whose sound it is.
        response: ResponseId,
        /// How much of the response's sound comes before it.
        position: Duration,
        /// The sound, at the voice's rate.
        frame: Frame,
    },
    /// Anything else.
    Event(Event),
}

/// Something that happened in the conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// What was understood of the turn so far.
    PartialTranscript {
        /// All of it; empty if it was nothing after all.
        text: String,
        /// How many bytes of it, from the beginning, will hardly change any more.
        settled: usize,
    },
    /// What the caller said or typed, once a turn.
    FinalTranscript(Arc<str>),
    /// The answer so far.
    PartialAnswer {
        /// The response.
        response: ResponseId,
        /// The whole answer so far.
        text: String,
    },
    /// The answer, once a response: all of it, or what was heard of it.
    FinalAnswer {
        /// The response.
        response: ResponseId,
        /// The words.
        text: String,
        /// Whether it was cut off.
        interrupted: bool,
    },
    /// The last sound of a response has been handed out.
    AudioEnd {
        /// The response.
        response: ResponseId,
        /// How long it sounds in all.
        duration: Duration,
    },
    /// The caller may be interrupting: the response is held, and should fall silent where it is.
    Paused(ResponseId),
    /// It was no interruption: the response goes on from where it stopped.
    Resumed(ResponseId),
    /// The response is dropped: silence it at once.
    Stop(ResponseId),
    /// The interruption is complete.
    Interrupted(ResponseId),
    /// What the session does has changed.
    State(State),
    /// How long the parts of a turn took.
    Timings {
        /// The response of the turn.
        response: ResponseId,
        /// The parts.
        timings: TurnTimings,
    },
    /// The conversation is forgotten.
    Cleared,
    /// A command was carried out.
    Done(Done),
    /// The conversation so far, for a caller who has come back.
    History(Vec<Said>),
    /// Something failed; the conversation goes on.
    Failed(Failure),
}

/// What failed, in a form that is fit for the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which part.
    pub code: FailureCode,
    /// A short text.
    pub message: String,
}

/// Which part failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureCode {
    /// Speech was not understood because the engine failed.
    Stt,
    /// No answer came.
    Llm,
    /// No voice came.
    Tts,
    /// An engine had no room.
    Overloaded,
    /// The settings do not allow what was asked for.
    NotAllowed,
}

impl Failure {
    pub(crate) fn of_stt(error: &stt::SttError) -> Self {
        match error {
            stt::SttError::Overloaded => Self::overloaded(),
            _ => Self::new(FailureCode::Stt, "The speech could not be transcribed."),
        }
    }

    pub(crate) fn of_llm(error: &llm::LlmError) -> Self {
        match error {
            llm::LlmError::Overloaded => Self::overloaded(),
            llm::LlmError::TooLong { .. } => {
                Self::new(FailureCode::Llm, "The message is too long for the language model.")
            }
            _ => Self::new(FailureCode::Llm, "The language model failed."),
        }
    }

    pub(crate) fn of_tts(error: &tts::TtsError) -> Self {
        match error {
            tts::TtsError::Overloaded => Self::overloaded(),
            tts::TtsError::UnknownVoice(voice) => {
                Self { code: FailureCode::Tts, message: format!("There is no voice `{voice}`.") }
            }
            _ => Self::new(FailureCode::Tts, "The answer could not be spoken."),
        }
    }

    pub(crate) fn silence() -> Self {
        Self::new(FailureCode::Llm, "The language model had nothing to say.")
    }

    pub(crate) fn not_allowed(message: impl Into<String>) -> Self {
        Self { code: FailureCode::NotAllowed, message: message.into() }
    }

    pub(crate) fn lost() -> Self {
        Self::new(FailureCode::Llm, "The answer was lost.")
    }

    fn overloaded() -> Self {
        Self::new(FailureCode::Overloaded, "The server is busy. Please say it again in a moment.")
    }

    fn new(code: FailureCode, message: &str) -> Self {
        Self { code, message: message.to_owned() }
    }
}
