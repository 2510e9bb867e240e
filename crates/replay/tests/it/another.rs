//! The same callers under other settings.

use replay::{Recording, What, moments, what_if};
use session::Config;

use crate::scene::parse;

const SPOKEN: &str = include_str!("../recordings/a-spoken-turn.jsonl");
const INTERRUPTION: &str = include_str!("../recordings/an-interruption.jsonl");

fn told(recording: &Recording, config: Config) -> Vec<(u64, What)> {
    let moments = moments(&what_if(recording, config));
    moments.into_iter().map(|moment| (moment.audio_ms, moment.what)).collect()
}

fn turn_ends(told: &[(u64, What)]) -> Vec<(u64, &str)> {
    let ends = told.iter().filter_map(|(at, what)| match what {
        What::TurnEnd { text } => Some((*at, text.as_str())),
        _ => None,
    });
    ends.collect()
}

#[test]
fn under_its_own_settings_the_turns_are_the_same() {
    for text in [SPOKEN, INTERRUPTION] {
        let recording = parse(text);
        let again = told(&recording, recording.config.clone());
        let before = moments(&replay::replay(&recording));
        let before: Vec<_> = before.into_iter().map(|it| (it.audio_ms, it.what)).collect();
        assert_eq!(turn_ends(&again), turn_ends(&before));
        let is_cut = |(_, what): &&(u64, What)| matches!(what, What::Interrupted { .. });
        assert_eq!(again.iter().filter(is_cut).count(), before.iter().filter(is_cut).count());
    }
}

#[test]
fn a_patient_assistant_waits_longer() {
    let recording = parse(SPOKEN);
    let quick = told(&recording, recording.config.clone());
    let speed = turn::Speed::from_slider(100);
    let patient = told(&recording, Config { speed, ..recording.config.clone() });
    let (quick, patient) = (turn_ends(&quick), turn_ends(&patient));
    assert_eq!(quick.len(), 1);
    assert!(patient.first().is_none_or(|(at, _)| *at > quick[0].0), "{quick:?}, {patient:?}");
}

#[test]
fn without_speculation_nothing_is_begun_in_vain() {
    let recording = parse(SPOKEN);
    let told = told(&recording, Config { speculation: false, ..recording.config.clone() });
    assert!(!told.iter().any(|(_, what)| matches!(what, What::Speculation { .. })));
    assert!(told.iter().any(|(_, what)| matches!(what, What::Sounds { .. })));
}
