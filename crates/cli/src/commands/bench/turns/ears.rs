//! The models, and what they have heard.

use std::{collections::HashMap, ops::Range, time::Duration};

use anyhow::{Context, Result};
use audio::{Frame, Resampler, level};
use engine::Caller;
use session::Engines;
use stt::{MAX_SEGMENT, Purpose, Request};
use tokio::time::Instant;

/// The models of a server.
pub(super) struct Ears(Engines);

/// The sound of a turn, and what has been found out about it. Whatever is asked again is answered
/// as before, so that policies differ in what they do with the same answers.
pub(super) struct Heard {
    /// At the rate of the voice activity model, a whole number of its frames.
    samples: Vec<f32>,
    /// The probability of speech of each frame.
    pub(super) probabilities: Vec<f32>,
    transcripts: HashMap<Range<usize>, Timed<String>>,
    completeness: HashMap<Range<usize>, Timed<f32>>,
}

/// An answer, and how long it took.
#[derive(Clone, Debug)]
pub(super) struct Timed<T> {
    pub(super) answer: T,
    pub(super) took: Duration,
}

impl Heard {
    /// How loud the frame of this index is, in dBFS.
    pub(super) fn level(&self, index: usize) -> f32 {
        let begin = index * vad::FRAME_SAMPLES;
        level::decibels(level::rms(&self.samples[begin..begin + vad::FRAME_SAMPLES]))
    }
}

impl Ears {
    pub(super) fn new(engines: Engines) -> Self {
        Self(engines)
    }

    /// Hears a turn frame by frame.
    pub(super) async fn listen(&self, sound: &Frame) -> Result<Heard> {
        let mut samples = Vec::new();
        let mut resampler = Resampler::new(sound.rate, vad::FRAME_RATE);
        resampler.push(&sound.samples, &mut samples);
        resampler.flush(&mut samples);
        samples.truncate(samples.len() / vad::FRAME_SAMPLES * vad::FRAME_SAMPLES);
        let mut stream = self.0.vad.open();
        let mut probabilities = Vec::with_capacity(samples.len() / vad::FRAME_SAMPLES);
        for frame in samples.chunks_exact(vad::FRAME_SAMPLES) {
            probabilities.push(stream.probability(frame.into()).await?);
        }
        let (transcripts, completeness) = (HashMap::new(), HashMap::new());
        Ok(Heard { samples, probabilities, transcripts, completeness })
    }

    /// The words of a part of a turn: of its end, where it is longer than a model takes.
    pub(super) async fn transcript(
        &self,
        heard: &mut Heard,
        part: Range<usize>,
    ) -> Result<Timed<String>> {
        if let Some(known) = heard.transcripts.get(&part) {
            return Ok(known.clone());
        }
        let longest = usize::try_from(vad::FRAME_RATE.samples_in(MAX_SEGMENT))?;
        let begin = part.start.max(part.end.saturating_sub(longest));
        let samples = heard.samples[begin..part.end].into();
        let asked = Instant::now();
        let answer = self
            .0
            .stt
            .transcribe(Request { samples, purpose: Purpose::Final, caller: Caller::new() })?
            .await?;
        let timed = Timed { answer: answer.text, took: asked.elapsed() };
        heard.transcripts.insert(part, timed.clone());
        Ok(timed)
    }

    /// How probably a part of a turn is all of it.
    pub(super) async fn completeness(
        &self,
        heard: &mut Heard,
        part: Range<usize>,
    ) -> Result<Timed<f32>> {
        if let Some(known) = heard.completeness.get(&part) {
            return Ok(known.clone());
        }
        let model = self.0.endpointing.as_ref().context("there is no endpointing model")?;
        let samples = heard.samples[part.clone()].into();
        let asked = Instant::now();
        let answer = model.assess(samples)?.await?;
        let timed = Timed { answer, took: asked.elapsed() };
        heard.completeness.insert(part, timed.clone());
        Ok(timed)
    }
}
