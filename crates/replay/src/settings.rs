//! The settings that decide, as a recording holds them. How models generate and speak is not among
//! them: what came of it is recorded.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use session::{Config, Interruption};
use turn::Speed;

use crate::forms::nanos;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    #[serde(with = "TurnForm")]
    turn: turn::Config,
    /// Where the slider stands.
    speed: u8,
    system_prompt: Arc<str>,
    voice: Option<Arc<str>>,
    voices: Vec<Arc<str>>,
    instructions_allowed: bool,
    #[serde(with = "nanos")]
    partial_period: Duration,
    speculation: bool,
    #[serde(with = "nanos")]
    lead: Duration,
    #[serde(with = "nanos")]
    plain_lead: Duration,
    #[serde(with = "InterruptionForm")]
    interruption: Interruption,
    /// In nanoseconds, as all durations.
    ask_after: Option<u64>,
    ask_with: Arc<str>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "turn::Config", deny_unknown_fields)]
struct TurnForm {
    start_threshold: f32,
    stop_threshold: f32,
    hush: f32,
    #[serde(with = "nanos")]
    min_speech: Duration,
    #[serde(with = "nanos")]
    min_turn: Duration,
    #[serde(with = "nanos")]
    micro_pause: Duration,
    #[serde(with = "nanos")]
    pause: Duration,
    #[serde(with = "nanos")]
    min_wait: Duration,
    complete_threshold: f32,
    open_odds: f32,
    #[serde(with = "nanos")]
    incomplete_wait: Duration,
    #[serde(with = "nanos")]
    max_wait: Duration,
    #[serde(with = "nanos")]
    patience: Duration,
    #[serde(with = "nanos")]
    frame: Duration,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Interruption", deny_unknown_fields)]
struct InterruptionForm {
    enabled: bool,
    sensitivity: f32,
    #[serde(with = "nanos")]
    min_duration: Duration,
    min_words: usize,
    #[serde(with = "nanos")]
    patience: Duration,
    echo_guard: bool,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        // a new setting is to be recorded, or named here as one that decides nothing
        let Config {
            turn,
            speed,
            system_prompt,
            generation: _,
            voice,
            voices,
            instructions_allowed,
            speech_speed: _,
            partial_period,
            speculation,
            lead,
            plain_lead,
            interruption,
            pre_roll: _,
            ask_after,
            ask_with,
        } = config.clone();
        Self {
            turn,
            speed: slider(speed),
            system_prompt,
            voice,
            voices,
            instructions_allowed,
            partial_period,
            speculation,
            lead,
            plain_lead,
            interruption,
            ask_after: ask_after.map(crate::forms::as_nanos),
            ask_with,
        }
    }
}

impl From<Settings> for Config {
    fn from(settings: Settings) -> Self {
        Self {
            turn: settings.turn,
            speed: Speed::from_slider(settings.speed),
            system_prompt: settings.system_prompt,
            voice: settings.voice,
            voices: settings.voices,
            instructions_allowed: settings.instructions_allowed,
            partial_period: settings.partial_period,
            speculation: settings.speculation,
            lead: settings.lead,
            plain_lead: settings.plain_lead,
            interruption: settings.interruption,
            ask_after: settings.ask_after.map(Duration::from_nanos),
            ask_with: settings.ask_with,
            ..Self::default()
        }
    }
}

/// Where the slider stands at this speed: speeds come from nowhere else.
fn slider(speed: Speed) -> u8 {
    (0..=100).find(|position| Speed::from_slider(*position) >= speed).unwrap_or(100)
}
