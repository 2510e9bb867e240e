//! A recording that is read back.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use session::{Config, Input};

use crate::{
    forms::FrameForm,
    lines::{Entry, Header, Line, VERSION},
};

/// A conversation as a file holds it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The connection's name in the server's log.
    pub connection: String,
    /// The wall clock's time at the beginning, as RFC 3339 has it.
    pub started: String,
    /// The settings that it was had under, as far as they decide anything.
    pub config: Config,
    /// What the dialogue learnt, in order.
    pub steps: Vec<Step>,
    /// How the file ends.
    pub end: End,
}

/// Something that the dialogue learnt, and what it decided.
#[derive(Clone, Debug)]
pub struct Step {
    /// The line in the file, from 1.
    pub line: usize,
    /// Time since the session began.
    pub at: Duration,
    /// What it learnt.
    pub input: Input,
    /// What it decided, in the file's form.
    pub decisions: Vec<Value>,
}

/// How a recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With the conversation.
    Complete,
    /// Before it: the disk was too slow.
    Incomplete,
    /// Without a word, as when the server is killed.
    #[serde(skip)]
    Missing,
}

/// Why a file cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is none of ours, or broken there.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// It is of another version.
    #[error("line 1: a recording of version {0}, and this program reads version {VERSION}")]
    Version(u64),
    /// There is nothing in it.
    #[error("line 1: not a recording: the first line is missing")]
    Empty,
}

impl Recording {
    /// Reads the text of a file.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        // a last line without an end was being written when the server was killed
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = whole.lines().enumerate().map(|(index, line)| (index + 1, line));
        let header = header(lines.next().ok_or(ReadError::Empty)?.1)?;
        let mut reading = Reading::default();
        for (number, line) in lines {
            let problem = |problem| ReadError::Line { line: number, problem };
            reading.line(number, line).map_err(problem)?;
        }
        let Header { connection, started, settings, .. } = header;
        let Reading { steps, end, .. } = reading;
        let (config, end) = (settings.into(), end.unwrap_or(End::Missing));
        Ok(Self { connection, started, config, steps, end })
    }
}

fn header(line: &str) -> Result<Header, ReadError> {
    let problem = |problem: String| ReadError::Line { line: 1, problem };
    let value: Value = serde_json::from_str(line)
        .map_err(|error| problem(format!("not a recording: {}", reason(&error))))?;
    match value.get("repartee_recording").and_then(Value::as_u64) {
        None => Err(problem("not a recording: it has no `repartee_recording`".to_owned())),
        Some(version) if version != u64::from(VERSION) => Err(ReadError::Version(version)),
        Some(_) => serde_json::from_value(value).map_err(|error| problem(error.to_string())),
    }
}

/// What has been read.
#[derive(Default)]
struct Reading {
    steps: Vec<Step>,
    end: Option<End>,
    at: Duration,
    answer: String,
}

impl Reading {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if self.end.is_some() {
            return Err("the recording has ended before".to_owned());
        }
        let Line { at, entry, .. } = serde_json::from_str(line).map_err(|error| reason(&error))?;
        self.at = at.map_or(self.at, Duration::from_nanos);
        match entry {
            Entry::Frame(FrameForm(probability, level, echo, backlog, arrived, pressure)) => {
                let frame = Input::Frame { arrived, probability, level, echo, backlog, pressure };
                self.step(number, frame);
            }
            Entry::Answer((kept, rest)) => {
                let kept = self.answer.get(..kept).ok_or("more of the answer than there was")?;
                self.answer = format!("{kept}{rest}");
                self.step(number, Input::Answer(self.answer.clone()));
            }
            Entry::Input(input) => self.step(number, input),
            Entry::Decision(decision) => {
                let step = self.steps.last_mut().ok_or("a decision before anything was learnt")?;
                step.decisions.push(decision);
            }
            Entry::End(end) => self.end = Some(end),
        }
        Ok(())
    }

    fn step(&mut self, line: usize, input: Input) {
        self.steps.push(Step { line, at: self.at, input, decisions: Vec::new() });
    }
}

/// The reason without a place: it counts lines of a line.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line 1 ").map_or_else(|| text.clone(), |(reason, _)| reason.to_owned())
}

#[cfg(test)]
mod tests;
