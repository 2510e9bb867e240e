//! Speech-to-text without a model, for tests: hears what the script says.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use crate::{Info, Purpose, Request, SpeechToText, SttError, Transcript, Transcription, reply};

/// Answers final requests with the lines of a script, in order, and partial requests with the
/// first words of the next line. A line `!error` fails. After the last line it hears nothing.
#[derive(Debug, Default)]
pub struct Scripted {
    lines: Mutex<VecDeque<String>>,
}

impl Scripted {
    /// An engine that hears these lines, one for each final request.
    pub fn new<L: Into<String>>(lines: impl IntoIterator<Item = L>) -> Self {
        Self { lines: Mutex::new(lines.into_iter().map(Into::into).collect()) }
    }

    fn hear(&self, purpose: Purpose) -> Result<Transcript, SttError> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let text = match purpose {
            Purpose::Final | Purpose::Guess => lines.pop_front().unwrap_or_default(),
            Purpose::Partial => {
                let next = lines.front().map(String::as_str).unwrap_or_default();
                next.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
            }
        };
        if text == "!error" {
            return Err(SttError::Model("as the script says".to_owned()));
        }
        Ok(Transcript { text })
    }
}

impl SpeechToText for Scripted {
    fn transcribe(&self, request: Request) -> Result<Transcription, SttError> {
        let (reply, transcription) = reply(&request);
        // the receiver is `transcription`, alive here
        let _ = reply.result.send(self.hear(request.purpose));
        Ok(transcription)
    }

    fn info(&self) -> Info {
        Info { name: "scripted".to_owned(), workers: 1 }
    }
}
