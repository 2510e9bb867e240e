//! Silero over recorded speech, silence and noise.

use std::{path::Path, time::Instant};

use engine::{
    Metrics,
    onnx::{OnnxError, Runtime},
};
use vad::{Backend, Engine, FRAME_SAMPLES, Row, silero::Silero};

use crate::models;

/// Above this a frame counts as speech, as in the turn detector.
const SPEECH: f32 = 0.5;
/// Frames in the shortest speech that is worth transcribing.
const QUARTER_SECOND: usize = 8;

fn rows(backend: &impl Backend, frames: &[&[f32]]) -> Vec<Row> {
    frames
        .iter()
        .map(|frame| Row {
            samples: (*frame).into(),
            state: backend.initial_state(),
            probability: 0.0,
        })
        .collect()
}

/// The probabilities of each recording's frames, all recordings in one batch.
fn batched(silero: &mut Silero, recordings: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let frames: Vec<Vec<&[f32]>> = recordings
        .iter()
        .map(|recording| recording.chunks_exact(FRAME_SAMPLES).collect())
        .collect();
    let longest = frames.iter().map(Vec::len).max().unwrap_or(0);
    let silence = [0.0; FRAME_SAMPLES];
    let mut rows = rows(silero, &vec![&silence[..]; recordings.len()]);
    let mut probabilities = vec![vec![]; recordings.len()];
    for index in 0..longest {
        for (row, frames) in rows.iter_mut().zip(&frames) {
            row.samples = (*frames.get(index).unwrap_or(&&silence[..])).into();
        }
        silero.step(&mut rows).expect("the model runs");
        for ((row, frames), probabilities) in rows.iter().zip(&frames).zip(&mut probabilities) {
            if index < frames.len() {
                probabilities.push(row.probability);
            }
        }
    }
    probabilities
}

fn alone(silero: &mut Silero, recording: &[f32]) -> Vec<f32> {
    let recording = [recording.to_vec()];
    batched(silero, &recording).remove(0)
}

/// White noise of this peak, the same in each run.
fn noise(seconds: usize, peak: f32) -> Vec<f32> {
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(seed >> 16).expect("half of a number")) / 32_767.5 - 1.0
    };
    (0..seconds * 16_000).map(|_| next() * peak).collect()
}

#[test]
fn a_batch_hears_what_each_stream_alone_would() {
    let (Some(mut silero), Some(speech)) = (models::silero(), models::speech()) else {
        return;
    };
    let recordings: Vec<_> = speech.into_iter().map(|(_, samples)| samples).take(8).collect();
    let together = batched(&mut silero, &recordings);
    for (recording, together) in recordings.iter().zip(together) {
        let alone = alone(&mut silero, recording);
        assert_eq!(alone.len(), together.len());
        for (alone, together) in alone.iter().zip(together) {
            assert!((alone - together).abs() < 1e-4, "{alone} and {together}");
        }
    }
}

#[test]
fn speech_is_found_in_every_recording() {
    let (Some(mut silero), Some(speech)) = (models::silero(), models::speech()) else {
        return;
    };
    for (name, samples) in speech {
        let probabilities = alone(&mut silero, &samples);
        let spoken = probabilities.iter().filter(|p| **p > SPEECH).count();
        assert!(spoken > QUARTER_SECOND, "{name}: {spoken} frames");
    }
}

#[test]
fn silence_and_noise_are_not_speech() {
    let Some(mut silero) = models::silero() else {
        return;
    };
    for peak in [0.0, 0.001, 0.01, 0.1] {
        let probabilities = alone(&mut silero, &noise(5, peak));
        let highest = probabilities.iter().copied().fold(0.0, f32::max);
        assert!(highest < SPEECH, "noise of {peak}: {highest}");
    }
}

#[tokio::test]
async fn the_engine_hears_two_callers_apart() {
    let (Some(mut silero), Some(speech)) = (models::silero(), models::speech()) else {
        return;
    };
    let speaking = &speech[0].1;
    let expected = alone(&mut silero, speaking);
    let metrics = Metrics::unregistered().engine("vad");
    let engine = Engine::start(Box::new(silero), 4, &metrics).unwrap();
    let (mut speaker, mut listener) = (engine.open(), engine.open());
    for (frame, expected) in speaking.chunks_exact(FRAME_SAMPLES).zip(expected) {
        let silence = vec![0.0; FRAME_SAMPLES].into();
        let (heard, silent) =
            tokio::join!(speaker.probability(frame.into()), listener.probability(silence));
        assert!((heard.unwrap() - expected).abs() < 1e-4);
        assert!(silent.unwrap() < SPEECH);
    }
}

#[test]
fn sound_that_is_not_a_number_poisons_one_row_only() {
    let (Some(mut silero), Some(speech)) = (models::silero(), models::speech()) else {
        return;
    };
    let frames: Vec<_> = speech[0].1.chunks_exact(FRAME_SAMPLES).take(20).collect();
    let expected = alone(&mut silero, &frames.concat());
    let poison = [f32::NAN; FRAME_SAMPLES];
    let mut rows = rows(&silero, &[frames[0], &poison]);
    for (frame, expected) in frames.into_iter().zip(expected) {
        rows[0].samples = frame.into();
        silero.step(&mut rows).expect("the model runs");
        assert!((rows[0].probability - expected).abs() < 1e-4);
    }
}

#[test]
fn a_second_library_and_a_missing_model_are_errors() {
    let Some(runtime) = models::runtime() else {
        return;
    };
    let another = Runtime::open(Path::new("Cargo.toml"));
    assert!(matches!(another, Err(OnnxError::AnotherLibrary { .. })), "{another:?}");
    let missing = Silero::open(&runtime, Path::new("no/such/silero.onnx"));
    let error = missing.map(drop).expect_err("there is no such file").to_string();
    assert!(error.contains("no/such/silero.onnx"), "{error}");
}

#[test]
#[expect(clippy::print_stdout, reason = "a measurement for whoever runs it")]
fn a_frame_costs_far_less_than_it_lasts() {
    let Some(mut silero) = models::silero() else {
        return;
    };
    let frame = noise(1, 0.1);
    for batch in [1, 4, 16, 64] {
        let mut rows = rows(&silero, &vec![&frame[..FRAME_SAMPLES]; batch]);
        let started = Instant::now();
        for _ in 0..100 {
            silero.step(&mut rows).expect("the model runs");
        }
        let each = started.elapsed() / 100 / u32::try_from(batch).expect("a small number");
        println!("silero, {batch} rows: {each:?} for a frame of one stream");
        assert!(rows.iter().all(|row| row.probability.is_finite()));
    }
}
