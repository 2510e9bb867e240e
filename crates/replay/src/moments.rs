//! A conversation as people would tell it.

use std::{fmt, time::Duration};

use serde::Serialize;
use session::{Action, Command, Event, Failure, Input};

use crate::Replayed;

/// Something worth telling.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// The caller's audio until then, in milliseconds.
    pub audio_ms: u64,
    /// Time since the session began, in milliseconds.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    /// The caller begins to speak.
    Speech,
    /// So far this was heard.
    HeardSoFar {
        /// The words.
        text: String,
    },
    /// This was heard up to a pause.
    Heard {
        /// The pause.
        pause: u32,
        /// The words.
        text: String,
    },
    /// The caller is silent for long enough.
    Pause {
        /// The pause.
        pause: u32,
    },
    /// How complete the turn sounds.
    Completeness {
        /// The pause.
        pause: u32,
        /// The probability that it is complete.
        probability: f32,
    },
    /// The caller goes on.
    GoesOn,
    /// It was no turn.
    NoTurn,
    /// The turn is over.
    TurnEnd {
        /// Its words.
        text: String,
    },
    /// An answer is begun before it is certain that the turn is over.
    Speculation {
        /// The answer.
        response: u32,
    },
    /// It was right to.
    SpeculationUsed,
    /// It was in vain.
    SpeculationWasted {
        /// The answer.
        response: u32,
    },
    /// An answer is begun.
    Answer {
        /// The answer.
        response: u32,
    },
    /// Its first sound leaves.
    Sounds {
        /// The answer.
        response: u32,
        /// Milliseconds after the end of the caller's speech.
        after_ms: Option<u64>,
    },
    /// All of it has left.
    Said {
        /// The answer.
        response: u32,
        /// Its words.
        text: String,
    },
    /// It was heard to its end.
    HeardOut,
    /// It is held.
    Paused {
        /// The answer.
        response: u32,
    },
    /// It goes on.
    Resumed {
        /// The answer.
        response: u32,
    },
    /// It is cut off.
    Interrupted {
        /// The answer.
        response: u32,
        /// What was heard of it.
        heard: String,
    },
    /// The caller asked for something.
    Asked {
        /// What.
        command: String,
    },
    /// Something failed.
    Failed {
        /// The text for the caller.
        message: String,
    },
}

/// What happened in the conversation, in order.
pub fn moments(replayed: &[Replayed]) -> Vec<Moment> {
    let mut told = Told::default();
    let mut moments = Vec::new();
    for step in replayed {
        let learnt = learnt(&step.input).into_iter();
        let ends_turn = step.actions.iter().any(is_final_transcript);
        let decided = step.actions.iter().filter_map(|action| told.decided(action, ends_turn));
        moments.extend(learnt.chain(decided).map(|what| Moment {
            audio_ms: millis(step.audio),
            at_ms: millis(step.at),
            what,
        }));
    }
    moments
}

fn learnt(input: &Input) -> Option<What> {
    Some(match input {
        Input::Partial(text) => What::HeardSoFar { text: text.clone() },
        Input::Transcript { pause, text } => What::Heard { pause: *pause, text: text.clone() },
        Input::Completeness { pause, probability } => {
            What::Completeness { pause: *pause, probability: *probability }
        }
        Input::Command(command) if !matches!(command, Command::Heard { .. }) => {
            What::Asked { command: format!("{command:?}") }
        }
        Input::Command(_)
        | Input::Frame { .. }
        | Input::Unheard(_)
        | Input::Answer(_)
        | Input::Sentence(_)
        | Input::Words(_)
        | Input::Sound(_)
        | Input::Complete(_)
        | Input::Time => return None,
    })
}

fn is_final_transcript(action: &Action) -> bool {
    matches!(action, Action::Tell(Event::FinalTranscript(_)))
}

/// What has to be known of before.
#[derive(Default)]
struct Told {
    /// Whether the answer under way may be in vain.
    speculative: bool,
}

impl Told {
    fn decided(&mut self, action: &Action, ends_turn: bool) -> Option<What> {
        Some(match action {
            Action::BeginTurn => What::Speech,
            Action::Pause(pause) => What::Pause { pause: *pause },
            Action::ResumeTurn => What::GoesOn,
            Action::ForgetTurn if !ends_turn => What::NoTurn,
            Action::Respond { response, speculative, .. } => {
                self.speculative = *speculative;
                let response = response.0;
                match speculative {
                    true => What::Speculation { response },
                    false => What::Answer { response },
                }
            }
            Action::Confirm => {
                self.speculative = false;
                What::SpeculationUsed
            }
            Action::Drop(response) if std::mem::take(&mut self.speculative) => {
                What::SpeculationWasted { response: response.0 }
            }
            Action::Finish => What::HeardOut,
            Action::Tell(event) => return told(event),
            Action::ForgetTurn
            | Action::Drop(_)
            | Action::Transcribe(_)
            | Action::Assess(_)
            | Action::TranscribePartly
            | Action::ReadAhead(_)
            | Action::Play
            | Action::Forget(_)
            | Action::Rewind(_) => return None,
        })
    }
}

fn told(event: &Event) -> Option<What> {
    Some(match event {
        Event::FinalTranscript(text) => What::TurnEnd { text: text.to_string() },
        Event::Timings { response, timings } => {
            What::Sounds { response: response.0, after_ms: timings.first_audio_sent.map(millis) }
        }
        Event::FinalAnswer { response, text, interrupted: true } => {
            What::Interrupted { response: response.0, heard: text.clone() }
        }
        Event::FinalAnswer { response, text, interrupted: false } => {
            What::Said { response: response.0, text: text.clone() }
        }
        Event::Paused(response) => What::Paused { response: response.0 },
        Event::Resumed(response) => What::Resumed { response: response.0 },
        Event::Failed(Failure { message, .. }) => What::Failed { message: message.clone() },
        Event::PartialTranscript { .. }
        | Event::PartialAnswer { .. }
        | Event::AudioEnd { .. }
        | Event::Stop(_)
        | Event::Interrupted(_)
        | Event::State(_)
        | Event::Cleared
        | Event::Done(_)
        | Event::History(_) => return None,
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = Duration::from_millis(self.audio_ms).as_secs_f64();
        write!(f, "{seconds:9.3}  {}", self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Speech => f.write_str("the caller begins to speak"),
            Self::HeardSoFar { text } => write!(f, "  heard so far: {text}"),
            Self::Heard { pause, text } if text.trim().is_empty() => {
                write!(f, "  heard up to pause {pause}: no words")
            }
            Self::Heard { pause, text } => write!(f, "  heard up to pause {pause}: {text}"),
            Self::Pause { pause } => write!(f, "  pause {pause}"),
            Self::Completeness { pause, probability } => {
                write!(f, "  at pause {pause} complete with probability {probability:.2}")
            }
            Self::GoesOn => f.write_str("  the caller goes on"),
            Self::NoTurn => f.write_str("it was no turn"),
            Self::TurnEnd { text } => write!(f, "the caller said: {text}"),
            Self::Speculation { response } => {
                write!(f, "  answer {response} is begun, perhaps in vain")
            }
            Self::SpeculationUsed => f.write_str("the answer that was begun is meant"),
            Self::SpeculationWasted { response } => {
                write!(f, "  answer {response} was begun in vain")
            }
            Self::Answer { response } => write!(f, "answer {response} is begun"),
            Self::Sounds { response, after_ms: Some(after) } => {
                write!(f, "answer {response} sounds, {after} ms after the end of speech")
            }
            Self::Sounds { response, after_ms: None } => write!(f, "answer {response} sounds"),
            Self::Said { response, text } => write!(f, "answer {response}: {text}"),
            Self::HeardOut => f.write_str("it was heard to its end"),
            Self::Paused { response } => write!(f, "answer {response} is paused"),
            Self::Resumed { response } => write!(f, "answer {response} goes on"),
            Self::Interrupted { response, heard } if heard.is_empty() => {
                write!(f, "answer {response} is interrupted before anything was heard")
            }
            Self::Interrupted { response, heard } => {
                write!(f, "answer {response} is interrupted; heard: {heard}")
            }
            Self::Asked { command } => write!(f, "the client: {command}"),
            Self::Failed { message } => write!(f, "failed: {message}"),
        }
    }
}
