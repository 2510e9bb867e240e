//! How long the embedded engines' steps take on this machine, each alone.
//!
//! Of several runs the shortest counts: whatever else the machine does makes them longer.

mod model;
mod voice;

use std::{collections::HashMap, fs, path::Path, time::Instant};

use anyhow::{Context, Result};
use audio::{Resampler, SampleRate};
use endpointing::Endpointing;
use engine::Caller;
use futures_util::future::try_join_all;
use planner::{Curve, Machine};
use session::Engines;
use stt::{Purpose, Request, SpeechToText};

use crate::{
    commands::{bench, serve::runtime},
    config::Config,
    engines, logging, store,
};

/// How often each step is timed.
const RUNS: usize = 7;
/// Callers whose frames are stepped at once.
const CALLERS: [usize; 3] = [1, 8, 32];
/// Seconds of sound that are transcribed.
const HEARD: [usize; 3] = [1, 2, 4];
/// What engines hear.
const RATE: usize = 16_000;
/// Seconds of sound by which resampling is timed.
const RESAMPLED: usize = 10;

/// Measures, and writes the figures.
pub(super) fn run(
    config: &Config,
    file: &Path,
    environment: &HashMap<String, String>,
) -> Result<()> {
    logging::start(&config.log)?;
    let store = store::open(config, environment)?;
    let llm = model::measure(config, &store)?;
    let engines = engines::load(config, &store, &engines::Measurements::unregistered())?.engines;
    let machine = runtime()?.block_on(async {
        let (tts, speech) = voice::measure(&*engines.tts).await?;
        let (stt, speed) = recogniser(&*engines.stt, &speech).await?;
        anyhow::Ok(Machine {
            made_by: made_by(),
            cores: cores(),
            speed,
            session: resampling(&speech),
            vad: frames(&engines, &speech).await?,
            stt,
            endpointing: ending(engines.endpointing.as_deref(), &speech).await?,
            llm,
            tts,
        })
    })?;
    let text = machine.write()?;
    fs::write(file, &text).with_context(|| format!("could not write {}", file.display()))?;
    bench::print(&text)
}

fn made_by() -> String {
    let build = if cfg!(debug_assertions) { "a debug build" } else { "a release build" };
    format!("repartee {}, {build}, {}", env!("CARGO_PKG_VERSION"), bench::Machine::here())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Transcripts by their length, and how fast each of one, two, ... of them at once is made.
async fn recogniser(stt: &dyn SpeechToText, speech: &[f32]) -> Result<(Curve, Vec<f64>)> {
    let mut points = Vec::new();
    for seconds in HEARD {
        points.push((real(seconds), transcripts(stt, speech, seconds, 1).await?));
    }
    let alone = transcripts(stt, speech, HEARD[1], 1).await?;
    let mut speed = vec![1.0];
    for at_once in 2..=cores().min(stt.info().workers) {
        let together = transcripts(stt, speech, HEARD[1], at_once).await?;
        speed.push((alone / together).min(1.0));
    }
    Ok((curve(points)?, speed))
}

/// Seconds until the last of so many transcripts is there.
async fn transcripts(
    stt: &dyn SpeechToText,
    speech: &[f32],
    seconds: usize,
    at_once: usize,
) -> Result<f64> {
    let samples = &speech[..(seconds * RATE).min(speech.len())];
    let request =
        || Request { samples: samples.into(), purpose: Purpose::Final, caller: Caller::new() };
    shortest(async || {
        let mut all = Vec::new();
        for _ in 0..at_once {
            all.push(stt.transcribe(request())?);
        }
        try_join_all(all).await?;
        Ok(())
    })
    .await
}

/// A frame of so many callers in one step.
async fn frames(engines: &Engines, speech: &[f32]) -> Result<Curve> {
    let mut points = Vec::new();
    for callers in CALLERS {
        let mut streams: Vec<_> = (0..callers).map(|_| engines.vad.open()).collect();
        let mut frames = speech.chunks_exact(vad::FRAME_SAMPLES).cycle();
        let mut best = f64::INFINITY;
        for _ in 0..RUNS * RUNS {
            let frame = frames.next().context("there is no sound to hear")?;
            let started = Instant::now();
            let steps = streams.iter_mut().map(|stream| stream.probability(frame.into()));
            try_join_all(steps).await?;
            best = best.min(started.elapsed().as_secs_f64());
        }
        points.push((real(callers), best));
    }
    curve(points)
}

/// Whether a turn of four seconds is complete.
async fn ending(endpointing: Option<&dyn Endpointing>, speech: &[f32]) -> Result<f64> {
    let Some(endpointing) = endpointing else { return Ok(0.0) };
    let turn = &speech[..(HEARD[2] * RATE).min(speech.len())];
    shortest(async || {
        endpointing.assess(turn.into())?.await?;
        Ok(())
    })
    .await
}

/// The share of a core that it takes to bring a caller's sound to the models' rate and back.
/// Sockets and messages come on top.
fn resampling(speech: &[f32]) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let (mut up, mut wide) =
            (Resampler::new(SampleRate::HZ_16000, SampleRate::HZ_48000), vec![]);
        let (mut down, mut narrow) =
            (Resampler::new(SampleRate::HZ_48000, SampleRate::HZ_16000), vec![]);
        let started = Instant::now();
        for frame in speech.chunks(RATE / 50).cycle().take(RESAMPLED * 50) {
            wide.clear();
            narrow.clear();
            up.push(frame, &mut wide);
            down.push(&wide, &mut narrow);
        }
        best = best.min(started.elapsed().as_secs_f64() / real(RESAMPLED));
    }
    best
}

/// Seconds of the shortest of some runs.
async fn shortest(run: impl AsyncFn() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let started = Instant::now();
        run().await?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    Ok(best)
}

fn curve(points: Vec<(f64, f64)>) -> Result<Curve> {
    Curve::through(points).context("nothing was measured")
}

#[expect(clippy::cast_precision_loss, reason = "tokens, characters and seconds")]
fn real(count: usize) -> f64 {
    count as f64
}
