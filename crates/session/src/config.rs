//! What a session is given: the shared engines and read-only settings.

use std::{sync::Arc, time::Duration};

use endpointing::Endpointing;
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
    /// Whether a turn sounds complete; without it the punctuation of its words decides alone.
    pub endpointing: Option<Arc<dyn Endpointing>>,
    /// Answers.
    pub llm: Arc<dyn LanguageModel>,
    /// Voices.
    pub tts: Arc<dyn TextToSpeech>,
    /// How near all of them are to their limits.
    pub watch: engine::Watch,
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
    /// The voice at first; `None` is the engine's default.
    pub voice: Option<Arc<str>>,
    /// The voices that a caller may choose.
    pub voices: Vec<Arc<str>>,
    /// Whether a caller may replace the system prompt of their conversation.
    pub instructions_allowed: bool,
    /// How fast the voice speaks; 1.0 is its own pace.
    pub speech_speed: f32,
    /// How often the caller sees what was understood so far, while speaking. Rarer when the
    /// recogniser is busy, and not at all when it is very busy.
    pub partial_period: Duration,
    /// Whether an answer may be begun before it is certain that the caller has finished.
    pub speculation: bool,
    /// How much sound the client may hold that has not been heard yet. More survives worse
    /// networks, less is thrown away at an interruption.
    pub lead: Duration,
    /// The same for clients that cannot pause what they hold: it sounds on while the caller may be
    /// interrupting.
    pub plain_lead: Duration,
    /// When speech over the answer interrupts it.
    pub interruption: Interruption,
    /// Speech from before its detection that belongs to it: models lose the first word without.
    pub pre_roll: Duration,
    /// A caller who says nothing for so long is asked whether they are still there, once; `None`:
    /// never.
    pub ask_after: Option<Duration>,
    /// What the model is told then, in the caller's place.
    pub ask_with: Arc<str>,
}

/// When speech over the answer interrupts it. All speech pauses the answer first, but where its echo
/// has just been heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Interruption {
    /// Whether it can be interrupted by speech at all.
    pub enabled: bool,
    /// How readily sound counts as speech while the answer sounds, from 0.0 to 1.0: a frame is
    /// speech from a probability of `1.0 - sensitivity` on.
    pub sensitivity: f32,
    /// Words in less speech than this do not interrupt.
    pub min_duration: Duration,
    /// Fewer words than this do not interrupt.
    pub min_words: usize,
    /// A paused answer goes on after so long without words.
    pub patience: Duration,
    /// Whether sound that is the answer itself, come back through the caller's microphone, is
    /// left out.
    pub echo_guard: bool,
}

impl Default for Interruption {
    /// As ready as the turn detector; any word; and long enough for a recogniser to hear one.
    fn default() -> Self {
        Self {
            enabled: true,
            sensitivity: 0.5,
            min_duration: Duration::from_millis(200),
            min_words: 1,
            patience: Duration::from_secs(1),
            echo_guard: true,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            turn: turn::Config::default(),
            speed: turn::Speed::from_slider(0),
            system_prompt: Arc::from("You are a friendly voice assistant. Answer briefly."),
            generation: llm::Options::default(),
            voice: None,
            voices: Vec::new(),
            instructions_allowed: false,
            speech_speed: 1.0,
            partial_period: Duration::from_secs(1),
            speculation: true,
            lead: Duration::from_millis(1_500),
            plain_lead: Duration::from_millis(300),
            interruption: Interruption::default(),
            pre_roll: Duration::from_millis(200),
            ask_after: None,
            ask_with: Arc::from(
                "(The caller has said nothing for a while. Ask in one short sentence whether they \
                 are still there.)",
            ),
        }
    }
}
