//! The lines of a recording, without the file around them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use session::{Action, Config, Input};

use crate::{
    decisions,
    forms::{FrameForm, InputForm, as_nanos},
    recording::End,
    settings::Settings,
};

/// The version of the form that recordings have. A change that an older reader would not
/// understand, or whose decisions read differently, makes it another.
pub(crate) const VERSION: u32 = 1;

/// The first line.
#[derive(Serialize, Deserialize)]
pub(crate) struct Header {
    /// The version: the word tells what the file is.
    pub(crate) repartee_recording: u32,
    /// The connection's name in the log.
    pub(crate) connection: String,
    /// The wall clock's time at the beginning, as RFC 3339 has it.
    pub(crate) started: String,
    pub(crate) settings: Settings,
}

/// Every other line.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    /// Nanoseconds since the session began; without it, the same as in the line before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<u64>,
    /// The position in the caller's audio, for people: it follows from the frames before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audio_ms: Option<u64>,
    #[serde(flatten)]
    pub(crate) entry: Entry,
}

/// What happened.
#[derive(Serialize, Deserialize)]
pub(crate) enum Entry {
    /// A frame was heard.
    #[serde(rename = "f")]
    Frame(FrameForm),
    /// The answer grew: so many bytes of it stay, and this follows.
    #[serde(rename = "answer")]
    Answer((usize, String)),
    /// The dialogue learnt something else.
    #[serde(rename = "in")]
    Input(#[serde(with = "InputForm")] Input),
    /// It decided something.
    #[serde(rename = "do")]
    Decision(Value),
    /// The recording ends.
    #[serde(rename = "end")]
    End(End),
}

/// Writes lines into memory.
#[derive(Debug)]
pub(crate) struct Lines {
    text: Vec<u8>,
    at: Option<Duration>,
    /// How long a frame is.
    frame: Duration,
    /// The caller's audio so far.
    heard: Duration,
    /// The answer under way, as far as it is written.
    answer: String,
}

impl Lines {
    /// Begins with the first line.
    pub(crate) fn new(connection: &str, started: String, config: &Config) -> Self {
        let header = Header {
            repartee_recording: VERSION,
            connection: connection.to_owned(),
            started,
            settings: Settings::from(config),
        };
        let mut lines = Self {
            text: Vec::new(),
            at: None,
            frame: config.turn.frame,
            heard: Duration::ZERO,
            answer: String::new(),
        };
        lines.write(&header);
        lines
    }

    pub(crate) fn input(&mut self, at: Duration, input: &Input) {
        let entry = match input {
            Input::Frame { arrived, probability, level, echo, backlog, pressure } => {
                self.heard += self.frame;
                Entry::Frame(FrameForm(*probability, *level, *echo, *backlog, *arrived, *pressure))
            }
            Input::Answer(text) => Entry::Answer(self.growth(text)),
            other => Entry::Input(other.clone()),
        };
        let is_frequent =
            matches!(input, Input::Frame { .. } | Input::Answer(_) | Input::Sound(_) | Input::Time);
        let audio_ms = (!is_frequent).then(|| as_nanos(self.heard) / 1_000_000);
        let at = self.moved_to(at);
        self.write(&Line { at, audio_ms, entry });
    }

    pub(crate) fn action(&mut self, at: Duration, action: &Action) {
        let entry = Entry::Decision(decisions::form(action));
        let at = self.moved_to(at);
        self.write(&Line { at, audio_ms: None, entry });
    }

    pub(crate) fn end(&mut self, end: End) {
        self.write(&Line { at: None, audio_ms: None, entry: Entry::End(end) });
    }

    /// How many bytes have not been taken.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Hands over what was written since the last time: whole lines.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    /// The time, if it is not that of the line before.
    fn moved_to(&mut self, at: Duration) -> Option<u64> {
        let moved = self.at.replace(at) != Some(at);
        moved.then(|| as_nanos(at))
    }

    /// What of the answer stays, in bytes, and what follows it. Written anew each time, a long
    /// answer would take a hundred times its length.
    fn growth(&mut self, text: &str) -> (usize, String) {
        let pairs = self.answer.chars().zip(text.chars());
        let kept = pairs.take_while(|(old, new)| old == new).map(|(old, _)| old.len_utf8()).sum();
        text.clone_into(&mut self.answer);
        (kept, text[kept..].to_owned())
    }

    fn write(&mut self, line: &impl Serialize) {
        // neither memory nor these types refuse to be written
        match serde_json::to_writer(&mut self.text, line) {
            Ok(()) => self.text.push(b'\n'),
            Err(error) => tracing::error!(%error, "a line of the recording is missing"),
        }
    }
}
