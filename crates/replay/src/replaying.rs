//! The same inputs for a fresh dialogue.

use std::{fmt, sync::Arc, time::Duration};

use serde_json::Value;
use session::{Action, Config, Dialogue, Input, Metrics};

use crate::{End, Recording, decisions};

/// Steps shown before one that differs.
const CONTEXT: usize = 3;
/// Differences told. The first leads to most others.
const TOLD: usize = 3;

/// A step of the conversation, had again.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// Time since the session began.
    pub at: Duration,
    /// The caller's audio until then.
    pub audio: Duration,
    /// What the dialogue learnt.
    pub input: Input,
    /// What it decided.
    pub actions: Vec<Action>,
}

/// How a replay compares with its recording.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What the dialogue learnt.
    pub inputs: usize,
    /// What it decided in the recording.
    pub decisions: usize,
    /// The steps at which it decided differently: the first few of `different`.
    pub differences: Vec<Difference>,
    /// At how many steps it decided differently.
    pub different: usize,
}

/// A step at which the dialogue decided differently.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The input's line in the file.
    pub line: usize,
    /// The caller's audio until then.
    pub audio: Duration,
    /// What was learnt shortly before, oldest first, and then here.
    pub inputs: Vec<String>,
    /// What it decided in the recording.
    pub recorded: Vec<Value>,
    /// What it decided in the replay.
    pub replayed: Vec<Value>,
}

/// A dialogue with a count of the caller's audio.
pub(crate) struct Counted {
    dialogue: Dialogue,
    frame: Duration,
    audio: Duration,
}

impl Counted {
    pub(crate) fn new(config: Config) -> Self {
        let frame = config.turn.frame;
        let dialogue = Dialogue::new(Arc::new(config), Metrics::unregistered());
        Self { dialogue, frame, audio: Duration::ZERO }
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.dialogue.deadline()
    }

    pub(crate) fn step(&mut self, at: Duration, input: Input) -> Replayed {
        if matches!(input, Input::Frame { .. }) {
            self.audio += self.frame;
        }
        let actions = self.dialogue.step(at, input.clone());
        Replayed { at, audio: self.audio, input, actions }
    }
}

/// Has the conversation again under its own settings.
pub fn replay(recording: &Recording) -> Vec<Replayed> {
    let mut dialogue = Counted::new(recording.config.clone());
    recording.steps.iter().map(|step| dialogue.step(step.at, step.input.clone())).collect()
}

/// Whether the same was decided.
pub fn compare(recording: &Recording, replayed: &[Replayed]) -> Comparison {
    let steps = &recording.steps;
    let mut comparison = Comparison {
        inputs: steps.len(),
        decisions: steps.iter().map(|step| step.decisions.len()).sum(),
        differences: Vec::new(),
        different: 0,
    };
    for (index, (step, again)) in steps.iter().zip(replayed).enumerate() {
        let mut decided: Vec<Value> = again.actions.iter().map(decisions::form).collect();
        if index + 1 == steps.len() && recording.end != End::Complete {
            // the recording broke off among the decisions of its last step
            decided.truncate(step.decisions.len());
        }
        if decided == step.decisions {
            continue;
        }
        comparison.different += 1;
        if comparison.differences.len() < TOLD {
            let shown = &steps[index.saturating_sub(CONTEXT)..=index];
            comparison.differences.push(Difference {
                line: step.line,
                audio: again.audio,
                inputs: shown.iter().map(|step| format!("{:?}", step.input)).collect(),
                recorded: step.decisions.clone(),
                replayed: decided,
            });
        }
    }
    comparison
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} inputs, {} decisions, ", self.inputs, self.decisions)?;
        if self.different == 0 {
            return f.write_str("all the same");
        }
        writeln!(f, "different at {} inputs; the first:", self.different)?;
        for difference in &self.differences {
            write!(f, "{difference}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "line {}, {:.3} s:", self.line, self.audio.as_secs_f64())?;
        for input in &self.inputs {
            writeln!(f, "    in {input}")?;
        }
        let (mut recorded, mut replayed) = (&self.recorded[..], &self.replayed[..]);
        while let ([first, rest @ ..], [other, others @ ..]) = (recorded, replayed)
            && first == other
        {
            writeln!(f, "    do {first}")?;
            (recorded, replayed) = (rest, others);
        }
        // what follows both alike says nothing
        while let ([rest @ .., last], [others @ .., other]) = (recorded, replayed)
            && last == other
        {
            (recorded, replayed) = (rest, others);
        }
        for decision in recorded {
            writeln!(f, "  - do {decision}")?;
        }
        for decision in replayed {
            writeln!(f, "  + do {decision}")?;
        }
        Ok(())
    }
}
