//! All that a run of the load test saw, before any figure is made of it: what reports are written
//! from, and what is kept as JSON. Times are in seconds since the run began, durations in
//! milliseconds.

use std::collections::BTreeMap;

use protocol::TurnMetrics;
use serde::{Deserialize, Serialize};

/// A run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The scenario's name.
    pub name: String,
    /// The scenario as it was run, in TOML.
    pub scenario: String,
    /// Version of the program, processor and cores of the machine it ran on.
    pub made_by: String,
    /// How long it took, in seconds.
    pub duration: f64,
    /// From when to when turns count: after the ramp-up, before the first caller leaves for good.
    pub window: (f64, f64),
    /// Everybody who called, in the order in which they did.
    pub callers: Vec<CallerOutcome>,
    /// All turns, in the order in which they ended.
    pub turns: Vec<TurnOutcome>,
    /// What the server told of itself meanwhile; empty if it was not asked or did not answer.
    pub samples: Vec<Sample>,
    /// Sound that was heard by one caller and meant for another.
    pub crossed: usize,
    /// Answers in which that was looked for.
    pub crossings_checked: usize,
}

/// Somebody who called.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CallerOutcome {
    /// Their number, from 0 on.
    pub caller: usize,
    /// The dialect they spoke, `repartee` or `plain`; `silent` or `muted` of those who say nothing.
    pub dialect: String,
    /// When they called.
    pub called_at: f64,
    /// How long they waited in line before they were let in; `None` if they did not have to.
    pub waited_ms: Option<f64>,
    /// From the call to the welcome; `None` if they were refused or lost.
    pub ready_ms: Option<f64>,
    /// When they hung up, or were lost.
    pub left_at: Option<f64>,
    /// They were told that the server is at capacity.
    pub refused: bool,
    /// Why the connection failed, if it did.
    pub failure: Option<String>,
}

/// What a caller did in a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// They asked and heard the answer out.
    #[default]
    Asked,
    /// They spoke over the answer before.
    Interrupted,
}

/// A turn of a caller.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TurnOutcome {
    /// Whose it is.
    pub caller: usize,
    /// What they did.
    pub act: Act,
    /// The true end of their speech.
    pub at: f64,
    /// The name of the recording they spoke.
    pub clip: String,
    /// The duration of their speech.
    pub speech_ms: f64,
    /// From the true end of speech to the first audible sample; `None` if nothing was audible, or
    /// the answer began too early.
    pub voice_to_voice_ms: Option<f64>,
    /// An answer began before they had finished.
    pub answered_early: bool,
    /// How much silence the answer begins with.
    pub leading_silence_ms: Option<f64>,
    /// The parts of the latency as the server measured them.
    pub parts: TurnMetrics,
    /// Until the final transcript arrived at the caller, from the true end of speech.
    pub transcript_arrived_ms: Option<f64>,
    /// Until the first words of the answer arrived at the caller.
    pub first_words_arrived_ms: Option<f64>,
    /// Until its first sound arrived at the caller.
    pub first_sound_arrived_ms: Option<f64>,
    /// Until all of its sound had arrived.
    pub last_sound_arrived_ms: Option<f64>,
    /// The duration of the answer's sound.
    pub answer_ms: f64,
    /// Times that the answer fell silent for lack of sound.
    pub underruns: usize,
    /// How soon the answer before fell silent, for an interruption that stopped it.
    pub stop_ms: Option<f64>,
    /// What was understood.
    pub understood: String,
    /// Words of the recording that were misunderstood, and how many it has; `None` if its words
    /// are not known.
    pub word_errors: Option<(usize, usize)>,
    /// The answer as text.
    pub answer: String,
    /// What a speech recogniser heard in the answer's sound; `None` if it was not listened to.
    pub heard: Option<String>,
    /// Words of the answer that are not in its sound, and how many it has.
    pub answer_errors: Option<(usize, usize)>,
    /// Why there was no answer.
    pub failure: Option<String>,
}

/// What the server told of itself at a moment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sample {
    /// When it was asked.
    pub at: f64,
    /// Sessions at that moment.
    pub sessions: usize,
    /// CPU time per second since the sample before: 1.0 is one core.
    pub cpu: f64,
    /// Resident memory.
    pub resident_bytes: u64,
    /// Threads.
    pub threads: usize,
    /// Open file descriptors.
    pub descriptors: usize,
    /// How much of its threads' time each engine was busy since the sample before, by its name.
    pub busy: BTreeMap<String, f64>,
    /// The longest that jobs of each engine waited on average since the sample before, in
    /// milliseconds.
    pub queue_ms: BTreeMap<String, f64>,
}
