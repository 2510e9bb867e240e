//! Endpointing without a model, for tests: turns are as complete as the script says.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use crate::{Assessment, Endpointing, EndpointingError, Info, reply};

/// Answers with the lines of a script, in order, whatever it hears. After the last line every turn
/// is as complete as the default says.
#[derive(Debug)]
pub struct Scripted {
    lines: Mutex<VecDeque<Line>>,
    default: f32,
}

/// A line of the script.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Line {
    /// The turn is complete with this probability.
    Probability(f32),
    /// The model fails.
    Error,
}

impl From<f32> for Line {
    fn from(probability: f32) -> Self {
        Self::Probability(probability)
    }
}

impl Scripted {
    /// An engine that answers with these lines, one for each question, and then with `default`.
    pub fn new<L: Into<Line>>(lines: impl IntoIterator<Item = L>, default: f32) -> Self {
        Self { lines: Mutex::new(lines.into_iter().map(Into::into).collect()), default }
    }

    fn hear(&self) -> Result<f32, EndpointingError> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.pop_front().unwrap_or(Line::Probability(self.default)) {
            Line::Probability(probability) => Ok(probability),
            Line::Error => Err(EndpointingError::Model("as the script says".to_owned())),
        }
    }
}

impl Endpointing for Scripted {
    fn assess(&self, _samples: Box<[f32]>) -> Result<Assessment, EndpointingError> {
        let (result, _cancelled, assessment) = reply();
        // the receiver is `assessment`, alive here
        let _ = result.send(self.hear());
        Ok(assessment)
    }

    fn info(&self) -> Info {
        Info { name: "scripted".to_owned(), workers: 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(engine: &Scripted) -> Option<f32> {
        engine.assess([0.0; 16].into()).expect("nothing is queued").await.ok()
    }

    #[tokio::test]
    async fn the_script_is_followed_and_then_the_default() {
        let engine = Scripted::new([0.25.into(), Line::Error, 0.75.into()], 1.0);
        let mut answers = vec![];
        for _ in 0..5 {
            answers.push(answer(&engine).await);
        }
        assert_eq!(answers, [Some(0.25), None, Some(0.75), Some(1.0), Some(1.0)]);
    }

    #[tokio::test]
    async fn an_empty_script_is_the_default_alone() {
        let engine = Scripted::new([0.0; 0], 0.5);
        assert_eq!(answer(&engine).await, Some(0.5));
    }
}
