//! A voice that remembers what it was asked to say.

use std::sync::Mutex;

use audio::SampleRate;
use tts::{Info, Request, Speech, TextToSpeech, TtsError, Urgency, scripted::Scripted};

pub(crate) struct Voice {
    scripted: Scripted,
    asked: Mutex<Vec<(String, Urgency)>>,
}

impl Voice {
    pub(crate) fn new() -> Self {
        Self { scripted: Scripted::new(SampleRate::HZ_16000), asked: Mutex::default() }
    }

    /// What it was asked to say, and how urgently.
    pub(crate) fn asked(&self) -> Vec<(String, Urgency)> {
        self.asked.lock().expect("nobody has panicked").clone()
    }
}

impl TextToSpeech for Voice {
    fn speak(&self, request: Request) -> Result<Speech, TtsError> {
        let asked = (request.text.as_str().to_owned(), request.urgency);
        self.asked.lock().expect("nobody has panicked").push(asked);
        self.scripted.speak(request)
    }

    fn info(&self) -> Info {
        self.scripted.info()
    }
}
