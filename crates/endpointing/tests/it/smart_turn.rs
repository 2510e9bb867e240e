//! What Smart Turn hears in recorded speech, and how it serves several callers.

use std::{path::Path, time::Duration};

use audio::SampleRate;
use endpointing::{
    Assessment, Endpointing, EndpointingError, LONGEST,
    smart_turn::{Config, SmartTurn},
};

use crate::models;

/// Above this a turn is more likely complete than not.
const COMPLETE: f32 = 0.5;
/// As long as a pause is before the model is asked.
const PAUSE: Duration = Duration::from_millis(200);
/// Where a second of silence begins behind "ask not" in `jfk.wav`.
const ASK_NOT: Duration = Duration::from_millis(4_420);
/// How far two machines may be apart where the model is sure.
const ROUNDING: f32 = 0.03;

/// Recordings with a pause behind them, and what comes of the same model with features computed in
/// Python as its makers do. The second ends in a comma.
const KNOWN: &[(&str, f32)] = &[
    ("lj001-0002.wav", 0.990),
    ("lj001-0004.wav", 0.021),
    ("lj001-0013.wav", 0.989),
    ("ls-6930-75918-0000.wav", 0.989),
    ("rtstt-01.wav", 0.987),
    ("turn-weather-paris.wav", 0.990),
];

fn ask(engine: &SmartTurn, samples: &[f32]) -> Assessment {
    engine.assess(samples.into()).expect("there is room in the queue")
}

async fn probability(engine: &SmartTurn, samples: &[f32]) -> f32 {
    ask(engine, samples).await.expect("the model runs")
}

fn samples_in(duration: Duration) -> usize {
    let samples = SampleRate::HZ_16000.samples_in(duration);
    usize::try_from(samples).expect("a short duration")
}

/// The samples of the recording of this name.
fn recording(speech: &[(String, Vec<f32>)], name: &str) -> Vec<f32> {
    let found = speech.iter().find(|(file, _)| file == name);
    found.unwrap_or_else(|| panic!("no {name} among the recordings")).1.clone()
}

/// A turn for tests of the queue, whatever is heard in it.
fn a_second() -> Vec<f32> {
    vec![0.0; samples_in(Duration::from_secs(1))]
}

fn with_pause(mut samples: Vec<f32>) -> Vec<f32> {
    samples.extend(vec![0.0; samples_in(PAUSE)]);
    samples
}

#[tokio::test]
async fn sentences_are_told_from_their_beginnings() {
    let (Some(engine), Some(speech)) = (models::smart_turn(1, 1), models::speech()) else {
        return;
    };
    let jfk = recording(&speech, "jfk.wav");
    // less sure than most: rounded otherwise in their sixth digit, the same features give 0.63 to 0.88
    let whole = probability(&engine, &jfk).await;
    assert!(whole > COMPLETE, "{whole}");
    let ask_not = probability(&engine, &jfk[..samples_in(ASK_NOT + PAUSE)]).await;
    assert!(ask_not < COMPLETE, "{ask_not}");
}

#[tokio::test]
async fn where_the_model_is_sure_it_is_as_sure_as_with_its_makers() {
    let (Some(engine), Some(speech)) = (models::smart_turn(1, 1), models::speech()) else {
        return;
    };
    for &(name, known) in KNOWN {
        let heard = probability(&engine, &with_pause(recording(&speech, name))).await;
        assert!((heard - known).abs() < ROUNDING, "{name}: {heard}, not {known}");
    }
}

#[tokio::test]
async fn what_is_longer_ago_than_the_longest_does_not_count() {
    let (Some(engine), Some(speech)) = (models::smart_turn(1, 1), models::speech()) else {
        return;
    };
    let jfk = recording(&speech, "jfk.wav");
    let end = &jfk[jfk.len() - samples_in(LONGEST)..];
    let (whole, end) = (probability(&engine, &jfk).await, probability(&engine, end).await);
    assert_eq!(whole.to_bits(), end.to_bits(), "{whole} {end}");
}

#[tokio::test]
async fn sound_of_any_length_has_a_probability() {
    let Some(engine) = models::smart_turn(1, 1) else {
        return;
    };
    for samples in [0, 1, 159, 127_999, 128_001] {
        let heard = probability(&engine, &vec![0.1; samples]).await;
        assert!((0.0..=1.0).contains(&heard), "{heard} for {samples} samples");
    }
}

#[tokio::test]
async fn callers_at_once_are_heard_as_each_alone() {
    let (Some(engine), Some(speech)) = (models::smart_turn(2, 16), models::speech()) else {
        return;
    };
    let turns: Vec<_> = speech.iter().take(8).map(|(_, samples)| samples).collect();
    let mut alone = vec![];
    for turn in &turns {
        alone.push(probability(&engine, turn).await.to_bits());
    }
    let asked: Vec<_> = turns.iter().map(|turn| ask(&engine, turn)).collect();
    let mut together = vec![];
    for assessment in asked {
        together.push(assessment.await.expect("the model runs").to_bits());
    }
    assert_eq!(together, alone);
    let first = alone[0];
    assert!(alone.iter().any(|&other| other != first), "turns that differ are heard alike");
}

#[tokio::test]
async fn a_full_queue_refuses_and_what_nobody_waits_for_makes_room() {
    let Some(engine) = models::smart_turn(1, 2) else {
        return;
    };
    // asking takes microseconds and hearing milliseconds: the queue must become full
    let mut asked = vec![];
    let refused = loop {
        match engine.assess(a_second().into()) {
            Ok(assessment) => asked.push(assessment),
            Err(error) => break error,
        }
        assert!(asked.len() < 1_000, "1,000 turns wait in a queue of 2");
    };
    assert!(matches!(refused, EndpointingError::Overloaded), "{refused:?}");
    // one of them is half-way through the model
    drop(asked);
    let last = probability(&engine, &a_second()).await;
    assert!((0.0..=1.0).contains(&last), "{last}");
    assert_eq!(engine.waiting(), 0);
}

#[tokio::test]
async fn a_stopped_engine_loses_what_waits_and_finishes_what_it_has() {
    let Some(engine) = models::smart_turn(1, 8) else {
        return;
    };
    let asked: Vec<_> = (0..8).map(|_| ask(&engine, &a_second())).collect();
    drop(engine);
    for assessment in asked {
        let answer = assessment.await;
        assert!(matches!(answer, Ok(_) | Err(EndpointingError::Lost)), "{answer:?}");
    }
}

#[test]
fn a_file_that_is_not_the_model_is_an_error_that_names_it() {
    let (Some(runtime), Some(another)) = (models::runtime(), models::file_of_another()) else {
        return;
    };
    for file in [Path::new("no/such/smart-turn.onnx"), Path::new("Cargo.toml"), &another] {
        let started = SmartTurn::start(&runtime, file, &Config::default(), &models::metrics());
        let error = started.expect_err("this file is not the model").to_string();
        let name = file.file_name().and_then(|name| name.to_str()).expect("it has a name");
        assert!(error.contains(name), "{error}");
    }
}
