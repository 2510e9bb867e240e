//! The same run in the terms in which others publish theirs, so that tables can be laid side by
//! side. Where ours can only come near to what they measure, it is said.

mod livekit;
mod nvidia;
mod pipecat;
mod unmute;

use std::fmt::Write;

use serde::Serialize;

use super::{
    server::mean,
    summary::{in_window, millis},
};
use crate::{Outcome, TurnOutcome};

/// What one project would publish of the run.
#[derive(Clone, Debug, Serialize)]
pub struct Project {
    /// Its name.
    pub name: &'static str,
    /// Its figures.
    pub figures: Vec<Figure>,
}

/// A figure in a project's terms.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What the project calls it.
    pub name: &'static str,
    /// What it is measured in: `s`, `x` for times real time, or nothing for counts and shares.
    pub unit: &'static str,
    /// What the project measures.
    pub definition: &'static str,
    /// Where ours can only come near to that; `None` if it is the same.
    pub approximation: Option<&'static str>,
    /// The figure; `None` if nothing was measured for it.
    pub value: Option<Measured>,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Measured {
    /// Over turns.
    Spread(Spread),
    /// A single number.
    Number(f64),
}

/// How values are spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// How many.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// The median, as the nearest rank.
    pub median: f64,
    /// 9 of 10 are no larger.
    pub p90: f64,
    /// 19 of 20 are no larger.
    pub p95: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

impl Spread {
    /// That of what are numbers of these; `None` of none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let rank = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100) - 1];
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let mean = mean(sorted.iter().copied())?;
        let (median, p90, p95) = (rank(50), rank(90), rank(95));
        Some(Self { count: sorted.len(), mean, median, p90, p95, min, max })
    }
}

/// The turns in the warm window in the terms of others.
pub fn terms(outcome: &Outcome) -> Vec<Project> {
    vec![
        Project { name: "unmute", figures: unmute::figures(outcome) },
        Project { name: "NVIDIA scaling test", figures: nvidia::figures(outcome) },
        Project { name: "pipecat", figures: pipecat::figures(outcome) },
        Project { name: "livekit", figures: livekit::figures(outcome) },
    ]
}

/// The same as text, with the definition of each figure.
pub fn field_terms(outcome: &Outcome) -> String {
    let mut text = String::new();
    for Project { name, figures } in terms(outcome) {
        let _ = writeln!(
            text,
            "{name:<33}{:>7}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
            "count", "mean", "median", "p90", "p95", "min", "max"
        );
        for figure in &figures {
            line(&mut text, figure);
        }
        text.push('\n');
        for figure in &figures {
            definition(&mut text, figure);
        }
        text.push('\n');
    }
    text
}

fn line(text: &mut String, figure: &Figure) {
    let _ = write!(text, "  {:<31}", figure.label());
    let _ = match figure.value {
        None => writeln!(text, "{:>7}", "-"),
        Some(Measured::Number(number)) => writeln!(text, "{:>16}", figure.number(number)),
        Some(Measured::Spread(spread)) => {
            let _ = write!(text, "{:>7}", spread.count);
            for number in spread.numbers() {
                let _ = write!(text, "{:>9}", figure.number(number));
            }
            writeln!(text)
        }
    };
}

fn definition(text: &mut String, figure: &Figure) {
    let _ = writeln!(text, "  {}: {}.", figure.name, figure.definition);
    if let Some(approximation) = figure.approximation {
        let _ = writeln!(text, "    Approximate here: {approximation}.");
    }
}

impl Spread {
    /// Mean, median, 90th and 95th percentile, least and most.
    pub(super) fn numbers(&self) -> [f64; 6] {
        [self.mean, self.median, self.p90, self.p95, self.min, self.max]
    }
}

impl Figure {
    /// With its unit.
    pub(super) fn label(&self) -> String {
        match self.unit {
            "" => self.name.to_owned(),
            unit => format!("{}, {unit}", self.name),
        }
    }

    /// As it is shown: times to the millisecond.
    pub(super) fn number(&self, number: f64) -> String {
        if self.unit.is_empty() && number.fract() == 0.0 {
            return format!("{number:.0}");
        }
        format!("{number:.3}")
    }

    fn exact(name: &'static str, definition: &'static str, value: Option<Measured>) -> Self {
        Self { name, unit: "s", definition, approximation: None, value }
    }

    fn near(
        name: &'static str,
        definition: &'static str,
        approximation: &'static str,
        value: Option<Measured>,
    ) -> Self {
        Self { approximation: Some(approximation), ..Self::exact(name, definition, value) }
    }

    fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }
}

/// How something that some turns have is spread over those in the window, from milliseconds to
/// seconds.
fn seconds(outcome: &Outcome, measured: fn(&TurnOutcome) -> Option<f64>) -> Option<Measured> {
    spread(in_window(outcome).filter_map(measured).map(|millis| millis / 1e3))
}

fn spread(values: impl IntoIterator<Item = f64>) -> Option<Measured> {
    Spread::of(values).map(Measured::Spread)
}

fn count(count: usize) -> Option<Measured> {
    u32::try_from(count).ok().map(|count| Measured::Number(f64::from(count)))
}

/// The moments of a turn in milliseconds from the end of speech, as the server measured them, and
/// the steps between them that others measure.
mod steps {
    use super::{TurnOutcome, millis};

    pub(super) fn transcript(turn: &TurnOutcome) -> Option<f64> {
        turn.parts.speech_end_to_transcript_ms.map(millis)
    }

    pub(super) fn turn_end(turn: &TurnOutcome) -> Option<f64> {
        turn.parts.speech_end_to_turn_end_ms.map(millis)
    }

    pub(super) fn first_sound_sent(turn: &TurnOutcome) -> Option<f64> {
        turn.parts.speech_end_to_first_audio_sent_ms.map(millis)
    }

    /// From the request to the model to its first token. The request is made when the words are
    /// there, and without speculation not before the turn is decided.
    pub(super) fn first_token(turn: &TurnOutcome) -> Option<f64> {
        let token = turn.parts.speech_end_to_first_token_ms.map(millis)?;
        Some((token - request(turn)?).max(0.0))
    }

    /// From the request to the model to its first sentence.
    pub(super) fn first_sentence(turn: &TurnOutcome) -> Option<f64> {
        let sentence = turn.parts.speech_end_to_first_sentence_ms.map(millis)?;
        Some((sentence - request(turn)?).max(0.0))
    }

    /// From the first token to the first sentence.
    pub(super) fn sentence(turn: &TurnOutcome) -> Option<f64> {
        let token = turn.parts.speech_end_to_first_token_ms.map(millis)?;
        let sentence = turn.parts.speech_end_to_first_sentence_ms.map(millis)?;
        Some((sentence - token).max(0.0))
    }

    /// From the first sentence to its first sound.
    pub(super) fn synthesis(turn: &TurnOutcome) -> Option<f64> {
        let sentence = turn.parts.speech_end_to_first_sentence_ms.map(millis)?;
        let sound = turn.parts.speech_end_to_first_audio_ms.map(millis)?;
        Some((sound - sentence).max(0.0))
    }

    fn request(turn: &TurnOutcome) -> Option<f64> {
        let transcript = transcript(turn)?;
        if turn.parts.speculative {
            return Some(transcript);
        }
        Some(transcript.max(turn_end(turn)?))
    }
}
