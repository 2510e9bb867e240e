//! Callers who share a machine whose times are known.

use planner::{
    Curve, Engine, Hardware, Model, Outlook, Place, Resource, Simulation, Stage, Talk, bound,
};
use proptest::prelude::*;

fn stage(workers: usize, seconds: f64) -> Stage {
    let whole = Curve::flat(seconds);
    Stage { place: Place::Cores, workers, first: whole.clone(), whole, together: None }
}

/// Two cores on which a transcript takes 30 ms, the endpointing model 20, a token 5, and each token
/// of a prompt 2; the voice 10.
fn hardware() -> Hardware {
    Hardware {
        cores: 2,
        speed: vec![1.0, 1.0],
        session: 0.0,
        vad: Curve::flat(0.0),
        stt: stage(2, 0.030),
        endpointing: stage(1, 0.020),
        llm: Model {
            place: Place::Cores,
            threads: 1,
            chunk: 32,
            decode: Curve::line(0.0, 0.005),
            prefill: Curve::line(0.0, 0.002),
            context: 0.0,
        },
        tts: stage(2, 0.010),
        character: 0.06,
        lead: 0.015,
        gpu_memory: 0.0,
        sources: Vec::new(),
    }
}

/// Turns of two seconds, which nobody doubts, and answers of 8 and 12 tokens.
fn talk(speculation: bool) -> Talk {
    Talk {
        speech: vec![2.0],
        answers: vec![vec![8, 12]],
        pause: 2.0,
        late_share: 0.0,
        hesitations: 0.0,
        interruptions: 0.0,
        speculation,
        ..Talk::default()
    }
}

fn run(hardware: &Hardware, talk: &Talk, callers: usize, seed: u64) -> Outlook {
    Simulation { hardware, talk, callers, seconds: 300.0, seed }.run()
}

/// What of the waiting depends on where in the frames of microphone and detector speech ends.
const FRAMES: f64 = 0.020 + 0.032;
/// Both ways.
const RESAMPLING: f64 = 2.0 * 0.009;
/// The first token comes of the prompt's last one; the one after the fragment tells its end.
const FRAGMENT: f64 = 8.0 * 0.005;

fn check_between(outlook: &Outlook, least: f64) {
    assert!(outlook.turns > 20, "{outlook:?}");
    let within = least - 1e-6..least + FRAMES + 1e-6;
    assert!(within.contains(&outlook.p50), "{} of {within:?}", outlook.p50);
    assert!(within.contains(&outlook.p95), "{} of {within:?}", outlook.p95);
    assert_eq!((outlook.underruns, outlook.starved), (0, 0));
}

#[test]
fn a_caller_alone_waits_for_the_sum_of_the_parts() {
    // 7 frames of silence, the decision, the model and the voice. All words have been read since the
    // micro-pause but for one token, which is computed with the template's 8
    let outlook = run(&hardware(), &talk(false), 1, 1);
    let prompt = 9.0 * 0.002;
    let least = 7.0 * 0.032 + 0.020 + prompt + FRAGMENT + 0.010 + RESAMPLING + 0.015;
    check_between(&outlook, least - 0.002);
}

#[test]
fn what_is_begun_in_a_pause_is_waited_for_no_longer_than_the_decision() {
    // from the micro-pause on: transcript, what was not read while the caller spoke, fragment and
    // voice take less than the pause and the decision
    let outlook = run(&hardware(), &talk(true), 1, 1);
    check_between(&outlook, 7.0 * 0.032 + 0.020 + RESAMPLING + 0.015);
}

#[test]
fn a_slow_model_is_waited_for_from_the_micro_pause_on() {
    let mut hardware = hardware();
    hardware.llm.decode = Curve::line(0.0, 0.040);
    // 7 tokens were said; 3 of them are known since the second partial transcript, made at 1.5 s of
    // which 6 tokens had been said, less the last two words
    let outlook = run(&hardware, &talk(true), 1, 1);
    let prompt = (7.0 - 3.0 + 8.0) * 0.002;
    let voice = 0.010 + RESAMPLING + 0.015;
    check_between(&outlook, 3.0 * 0.032 + 0.030 + prompt + 8.0 * 0.040 + voice);
}

#[test]
fn the_same_seed_gives_the_same_and_another_one_does_not() {
    let (hardware, talk) = (hardware(), Talk::default());
    let outlook = |seed| run(&hardware, &talk, 6, seed);
    assert_eq!(outlook(1), outlook(1));
    assert_ne!(outlook(1), outlook(2));
}

#[test]
fn too_many_callers_wait_long_and_the_busiest_is_named() {
    let (mut hardware, talk) = (hardware(), Talk::default());
    hardware.llm.decode = Curve::line(0.0, 0.020);
    let few = run(&hardware, &talk, 2, 1);
    let many = run(&hardware, &talk, 60, 1);
    assert!(many.p95 > 2.0 * few.p95, "{many:?}");
    assert!(!many.is_good(1.5));
    assert_eq!(many.binding(), Some(Resource::Engine(Engine::Llm)));
}

#[test]
fn a_voice_slower_than_its_sound_falls_silent() {
    let (mut hardware, talk) = (hardware(), talk(true));
    assert_eq!(run(&hardware, &talk, 1, 1).underruns, 0);
    let character = hardware.character;
    hardware.tts.whole = Curve::line(0.0, 1.5 * character);
    let outlook = run(&hardware, &talk, 1, 1);
    assert!(outlook.underruns >= outlook.answers, "{outlook:?}");
}

#[test]
fn frames_are_stepped_one_by_one_until_they_have_to_share_steps() {
    // a step of 1 ms, and a tenth of that for each further frame; nobody says anything
    let vad = Curve::line(0.0009, 0.0001);
    let hardware = Hardware { vad, ..hardware() };
    let talk = Talk { pause: 1e9, ..talk(true) };
    let limit = |limit: f64| {
        let bounds = bound(&hardware, &talk, limit);
        let cores = bounds.iter().find(|it| it.resource == Resource::Cores);
        cores.expect("there are cores").callers
    };
    // of two cores a quarter is 16 steps in 32 ms, a half all of one core: 311 frames in a step
    assert_eq!((limit(0.2501), limit(0.5001)), (16, 311));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn nobody_starves_while_there_is_time_for_all(seed in any::<u64>(), callers in 1_usize..12) {
        let outlook = run(&hardware(), &Talk::default(), callers, seed);
        prop_assert_eq!(outlook.starved, 0);
        prop_assert!(outlook.fairness < 2.5, "{outlook:?}");
        prop_assert!(outlook.busy.iter().all(|(_, busy)| (0.0..=1.0 + 1e-9).contains(busy)));
    }
}
