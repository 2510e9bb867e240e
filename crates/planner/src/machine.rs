//! A machine whose steps have been measured: what `repartee plan --measure` writes.

use serde::{Deserialize, Serialize};

use crate::{Curve, PlanError};

const BUILT_IN: &str = include_str!("../data/two-cores.toml");

/// How long the embedded engines' steps take on the cores of a machine, each alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Which machine, and when.
    pub made_by: String,
    /// Cores as the system counts them.
    pub cores: usize,
    /// How fast each of one, two, ... busy threads runs, compared with one alone: where two
    /// threads share a core's units or caches, less than 1.
    pub speed: Vec<f64>,
    /// Share of a core that a session takes for its frames, without the models.
    pub session: f64,
    /// A frame of each of so many callers.
    pub vad: Curve,
    /// A transcript of so many seconds of sound.
    pub stt: Curve,
    /// Whether a turn is complete.
    pub endpointing: f64,
    /// The language model's steps.
    pub llm: Steps,
    /// The voice.
    pub tts: Sentences,
}

/// Steps of a language model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// Which: a name of the catalogue, with how its weights are kept.
    pub model: String,
    /// The next token of so many responses.
    pub decode: Curve,
    /// So many tokens of a prompt.
    pub prefill: Curve,
    /// What every token that a response looks back on adds to its next one.
    pub context: f64,
}

/// Sentences of a voice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sentences {
    /// Until the first sound of a sentence of so many characters.
    pub first: Curve,
    /// All of it.
    pub whole: Curve,
    /// How long a character sounds.
    pub character: f64,
    /// Silence that the sound begins with.
    pub lead: f64,
}

impl Machine {
    /// Two cores of an AMD EPYC virtual machine with the embedded engines.
    pub fn built_in() -> Result<Self, PlanError> {
        Self::read("the planner's machine", BUILT_IN)
    }

    /// The machine that this text describes; `what` names it in an error.
    pub fn read(what: &str, text: &str) -> Result<Self, PlanError> {
        let file = |reason: String| PlanError::File { what: what.to_owned(), reason };
        let machine: Self = toml::from_str(text).map_err(|error| file(error.to_string()))?;
        let speeds_are_fine = machine.speed.iter().all(|speed| *speed > 0.0 && *speed <= 1.0);
        if machine.cores == 0 || machine.speed.is_empty() || !speeds_are_fine {
            return Err(file(
                "it has no cores, or a speed that is not above 0 and at most 1".into(),
            ));
        }
        Ok(machine)
    }

    /// As a file.
    pub fn write(&self) -> Result<String, PlanError> {
        toml::to_string(self).map_err(|error| PlanError::File {
            what: "the machine's figures".to_owned(),
            reason: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_read_as_it_was_written() {
        let machine = Machine::built_in().expect("it is part of this crate");
        let again = Machine::read("a copy", &machine.write().expect("it can be written"));
        assert_eq!(again.expect("it can be read"), machine);
    }

    #[test]
    fn a_machine_without_cores_is_none() {
        let machine = Machine { cores: 0, ..Machine::built_in().expect("it is there") };
        let text = machine.write().expect("it can be written");
        assert!(Machine::read("a copy", &text).is_err());
    }
}
