//! What a session is given: the shared engines and read-only settings.

use std::{sync::Arc, time::Duration};

use llm::LanguageModel;
use stt::SpeechToText;
use tts::TextToSpeech;

/// The models, shared by all sessions.
#[derive(Clone)]
pub struct Engines {
    /// Probability of speech.
    pub vad: vad::Engine,
    /// Words of speech.
    pub stt: Arc<dyn SpeechToText>,
    /// Answers.
    pub llm: Arc<dyn LanguageModel>,
    /// Voices.
    pub tts: Arc<dyn TextToSpeech>,
}

/// How sessions behave; the same for all.
#[derive(Clone, Debug)]
pub struct Config {
    /// When a turn ends.
    pub turn: turn::Config,
    /// Where the speed slider stands at first.
    pub speed: turn::Speed,
    /// What the model is told before every conversation.
    pub system_prompt: Arc<str>,
    /// How answers are generated.
    pub generation: llm::Options,
    /// The voice; `None` is the engine's default.
    pub voice: Option<Arc<str>>,
    /// How fast the voice speaks; 1.0 is its own pace.
    pub speech_speed: f32,
    /// How often the caller sees what was understood so far, while speaking.
    pub partial_period: Duration,
    /// How much sound the client may hold that has not been heard yet. More survives worse
    /// networks, less is thrown away at an interruption.
    pub lead: Duration,
    /// How much speech over the answer interrupts it: less stops sooner, more ignores coughs.
    pub interrupt_after: Duration,
    /// Speech from before its detection that belongs to it: models lose the first word without.
    pub pre_roll: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            turn: turn::Config::default(),
            speed: turn::Speed::from_slider(0),
            system_prompt: Arc::from("You are a friendly voice assistant. Answer briefly."),
            generation: llm::Options::default(),
            voice: None,
            speech_speed: 1.0,
            partial_period: Duration::from_secs(1),
            lead: Duration::from_millis(1_500),
            interrupt_after: Duration::from_millis(128),
            pre_roll: Duration::from_millis(200),
        }
    }
}
