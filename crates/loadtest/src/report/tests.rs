//! Figures of runs whose answers are known, and of runs that are not.

use std::time::Duration;

use proptest::prelude::*;

use super::{synthetic::synthetic, *};
use crate::{Act, CallerOutcome, Outcome, Sample, TurnMetrics, TurnOutcome};

fn turn(caller: usize, at: f64, latency: f64) -> TurnOutcome {
    TurnOutcome {
        caller,
        at,
        voice_to_voice_ms: Some(latency),
        answer_ms: 30_000.0,
        ..TurnOutcome::default()
    }
}

fn run(turns: Vec<TurnOutcome>) -> Outcome {
    Outcome { duration: 100.0, window: (10.0, 90.0), turns, ..Outcome::default() }
}

#[test]
fn only_turns_in_the_window_count() {
    let outcome = run(vec![
        turn(0, 9.9, 1.0),
        turn(0, 10.0, 400.0),
        turn(0, 90.0, 600.0),
        turn(0, 91.0, 9e3),
    ]);
    let turns = summary(&outcome).turns;
    assert_eq!((turns.count, turns.outside, turns.answered), (2, 2, 2));
    let all = turns.voice_to_voice.unwrap();
    assert_eq!((all.p50, all.max), (Duration::from_millis(400), Duration::from_millis(600)));
}

#[test]
fn an_early_answer_is_an_answer_without_a_latency() {
    let early = TurnOutcome { voice_to_voice_ms: None, answered_early: true, ..turn(0, 20.0, 0.0) };
    let failed =
        TurnOutcome { voice_to_voice_ms: None, failure: Some("lost".into()), ..turn(0, 21.0, 0.0) };
    let silent = TurnOutcome { voice_to_voice_ms: None, ..turn(0, 22.0, 0.0) };
    let turns = summary(&run(vec![turn(0, 19.0, 500.0), early, failed, silent])).turns;
    assert_eq!((turns.count, turns.answered, turns.ok), (4, 2, Some(0.5)));
    assert_eq!((turns.answered_early, turns.voice_to_voice.unwrap().count), (1, 1));
    assert_eq!(turns.failures["lost"], 1);
}

#[test]
fn underruns_are_told_per_minute_of_answers() {
    let broken = TurnOutcome { underruns: 3, ..turn(0, 20.0, 500.0) };
    let turns = summary(&run(vec![broken, turn(0, 30.0, 500.0)])).turns;
    assert_eq!((turns.underruns, turns.underruns_per_minute), (3, Some(3.0)));
    assert_eq!(summary(&run(Vec::new())).turns.underruns_per_minute, None);
}

#[test]
fn words_are_counted_over_all_turns_and_not_averaged() {
    let errors =
        |wrong, words| TurnOutcome { word_errors: Some((wrong, words)), ..turn(0, 20.0, 1.0) };
    let turns = summary(&run(vec![errors(1, 2), errors(0, 8), turn(0, 20.0, 1.0)])).turns;
    assert_eq!(turns.understood, Some(WordErrors { wrong: 1, words: 10, rate: 0.1 }));
    assert_eq!(turns.heard, None);
}

#[test]
fn fairness_is_the_slowest_caller_over_the_middle_one() {
    let outcome = run(vec![turn(0, 20.0, 400.0), turn(1, 20.0, 500.0), turn(2, 20.0, 1_000.0)]);
    assert_eq!(summary(&outcome).turns.fairness, Some(2.0));
    assert_eq!(summary(&run(vec![turn(0, 20.0, 400.0)])).turns.fairness, None);
}

#[test]
fn an_interruption_that_stopped_has_a_time() {
    let over = |stop_ms| TurnOutcome { act: Act::Interrupted, stop_ms, ..turn(0, 20.0, 1.0) };
    let turns = summary(&run(vec![over(Some(80.0)), over(None), turn(0, 20.0, 1.0)])).turns;
    assert_eq!((turns.interruptions, turns.stopped), (2, 1));
    assert_eq!(turns.stop.unwrap().p50, Duration::from_millis(80));
}

#[test]
fn callers_at_once_are_those_whose_stays_overlap() {
    let stay = |from, to| CallerOutcome {
        called_at: from,
        ready_ms: Some(0.0),
        left_at: Some(to),
        ..CallerOutcome::default()
    };
    let refused = CallerOutcome { called_at: 3.0, refused: true, ..CallerOutcome::default() };
    let lost =
        CallerOutcome { called_at: 3.0, failure: Some("reset".into()), ..CallerOutcome::default() };
    let callers = vec![stay(0.0, 5.0), stay(1.0, 5.0), stay(5.0, 9.0), refused, lost];
    let calls = summary(&Outcome { callers, ..run(Vec::new()) }).calls;
    assert_eq!((calls.callers, calls.at_once, calls.refused), (5, 2, 1));
    assert_eq!((calls.ready.unwrap().count, calls.failures["reset"]), (3, 1));
}

#[test]
fn growth_is_the_slope_of_all_samples_in_the_window() {
    let sample = |at, threads| Sample { at, threads, cpu: 0.5, ..Sample::default() };
    let samples = vec![sample(0.0, 900), sample(20.0, 10), sample(30.0, 11), sample(40.0, 12)];
    let server = summary(&Outcome { samples, ..run(Vec::new()) }).server.unwrap();
    let Course { first, last, max, per_hour } = server.threads;
    assert_eq!((server.samples, first, last, max), (3, 10.0, 12.0, 12.0));
    assert!((per_hour.unwrap() - 360.0).abs() < 1e-6);
    assert!((server.cpu - 0.5).abs() < 1e-9);
    let one = Outcome { samples: vec![sample(20.0, 10)], ..run(Vec::new()) };
    assert_eq!(summary(&one).server.unwrap().threads.per_hour, None);
}

#[test]
fn each_turn_is_a_line_and_its_words_stay_in_their_field() {
    let mut said = turn(3, 20.0, 512.25);
    said.understood = "so, \"this\"\nis it".into();
    let table = csv(&run(vec![said, turn(0, 95.0, 1.0)]));
    let lines: Vec<&str> = table.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("at,caller,act,clip,") && lines[0].ends_with("failure,in_window"));
    assert!(lines[1].starts_with("20.000,3,asked,,0.000,512.250,false,,"), "{}", lines[1]);
    assert!(lines[1].contains(",\"so, \"\"this\"\"\nis it\","));
    assert!(lines[1].ends_with(",true") && lines[2].ends_with(",false"));
    assert_eq!(lines[2].matches(',').count(), lines[0].matches(',').count());
}

#[test]
fn runs_lie_side_by_side() {
    let table = markdown(&[synthetic(1, 120.0, 1), synthetic(8, 120.0, 1), run(Vec::new())]);
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("| | synthetic, 1 caller | synthetic, 8 callers | 0 callers |"));
    assert_eq!(lines.next(), Some("|---|--:|--:|--:|"));
    assert!(lines.all(|line| line.matches(" |").count() == 4), "{table}");
    assert!(text(&synthetic(8, 120.0, 1)).contains("callers at once             8\n"));
}

fn figure(outcome: &Outcome, project: &str, name: &str) -> Option<Measured> {
    let project = terms(outcome).into_iter().find(|its| its.name == project).unwrap();
    project.figures.into_iter().find(|its| its.name == name).unwrap().value
}

#[test]
fn a_reverse_barge_in_is_not_in_the_mean_of_those_who_leave_it_out() {
    let arrived = |ms| TurnOutcome { first_sound_arrived_ms: Some(ms), ..turn(0, 20.0, ms) };
    let outcome = run(vec![arrived(399.0), arrived(400.0), arrived(800.0)]);
    let mean = |name| match figure(&outcome, "NVIDIA scaling test", name) {
        Some(Measured::Spread(spread)) => (spread.count, spread.mean),
        other => panic!("{other:?}"),
    };
    let (count, value) = mean("E2E");
    assert!(count == 2 && (value - 0.6).abs() < 1e-9, "{count} {value}");
    assert_eq!(mean("E2E, all but early answers").0, 3);
    let counted = figure(&outcome, "NVIDIA scaling test", "reverse barge-ins");
    assert_eq!(counted, Some(Measured::Number(1.0)));
}

#[test]
fn the_parts_that_others_measure_lie_between_ours() {
    let parts = TurnMetrics {
        speech_end_to_transcript_ms: Some(100),
        speech_end_to_turn_end_ms: Some(300),
        speech_end_to_first_token_ms: Some(350),
        speech_end_to_first_sentence_ms: Some(450),
        speech_end_to_first_audio_ms: Some(500),
        speech_end_to_first_audio_sent_ms: Some(510),
        ..TurnMetrics::default()
    };
    let decided = TurnOutcome { parts, ..turn(0, 20.0, 600.0) };
    let guessed = TurnMetrics { speculative: true, speech_end_to_turn_end_ms: Some(400), ..parts };
    let guessed = TurnOutcome { parts: guessed, ..turn(0, 20.0, 600.0) };
    let median =
        |turn: &TurnOutcome, project, name| match figure(&run(vec![turn.clone()]), project, name) {
            Some(Measured::Spread(spread)) => format!("{:.3}", spread.median),
            other => panic!("{other:?}"),
        };
    assert_eq!(median(&decided, "livekit", "llm_ttft"), "0.050");
    assert_eq!(median(&guessed, "livekit", "llm_ttft"), "0.250");
    assert_eq!(median(&decided, "unmute", "llm_latencies"), "0.050");
    assert_eq!(median(&guessed, "unmute", "llm_latencies"), "0.000");
    assert_eq!(median(&decided, "unmute", "tts_start_latencies"), "0.160");
    assert_eq!(median(&guessed, "unmute", "tts_start_latencies"), "0.110");
    assert_eq!(median(&decided, "pipecat", "TTS TTFB"), "0.050");
    assert_eq!(median(&decided, "pipecat", "user-bot latency"), "0.510");
}

fn odd() -> impl Strategy<Value = f64> {
    prop_oneof![4 => -100.0..5_000.0, 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(0.0)]
}

prop_compose! {
    fn odd_turn()(caller in 0..4_usize, at in odd(), latency in proptest::option::of(odd()),
        arrived in proptest::option::of(odd()), last in proptest::option::of(odd()), answer_ms in odd(),
        answered_early: bool, token in proptest::option::of(0..900_u64)) -> TurnOutcome {
        TurnOutcome {
            caller, at, voice_to_voice_ms: latency, first_sound_arrived_ms: arrived,
            last_sound_arrived_ms: last, answer_ms, answered_early, speech_ms: answer_ms,
            parts: TurnMetrics { speech_end_to_first_token_ms: token, ..TurnMetrics::default() },
            ..TurnOutcome::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_no_number_is_never_shown(
        turns in proptest::collection::vec(odd_turn(), 0..8),
        samples in proptest::collection::vec((odd(), odd(), 0..9_usize), 0..5),
        (duration, from, to) in (odd(), odd(), odd()),
    ) {
        let samples = samples.into_iter().map(|(at, cpu, threads)| {
            Sample { at, cpu, threads, busy: [("llm".to_owned(), cpu)].into(), queue_ms: [("llm".to_owned(), at)].into(), ..Sample::default() }
        });
        let outcome = Outcome { duration, window: (from, to), samples: samples.collect(), turns, ..Outcome::default() };
        let outcomes = [outcome.clone()];
        for shown in [text(&outcome), csv(&outcome), field_terms(&outcome), markdown(&outcomes), html(&outcomes)] {
            let words: Vec<&str> = shown.split(|char: char| !char.is_alphanumeric()).collect();
            prop_assert!(!words.iter().any(|word| ["NaN", "inf"].contains(word)), "{}", shown);
        }
    }
}
