//! What Moonshine hears in recorded speech, and how it serves several callers.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use engine::Caller;
use stt::{
    MAX_SEGMENT, Purpose, Request, SpeechToText, SttError, Transcription,
    moonshine::{Config, Files, Moonshine},
    wer::WordErrors,
};

use crate::models;

/// Recordings and model have 5.7 %, and another version of the runtime hears a word differently.
const WORST_RATE: f64 = 0.06;

fn ask(moonshine: &Moonshine, samples: &[f32], purpose: Purpose) -> Transcription {
    let samples = samples.into();
    let asked = moonshine.transcribe(Request { samples, purpose, caller: Caller::new() });
    asked.expect("there is room in the queue")
}

async fn words(moonshine: &Moonshine, samples: &[f32]) -> String {
    let transcript = ask(moonshine, samples, Purpose::Final).await;
    transcript.expect("the model runs").text
}

/// All recordings behind one another, for as long as it takes.
fn endless(duration: Duration) -> Option<Vec<f32>> {
    let recordings = models::speech()?;
    let samples: Vec<_> = recordings.into_iter().flat_map(|r| r.samples).collect();
    let length = usize::try_from(vad::FRAME_RATE.samples_in(duration)).expect("it fits");
    Some(samples.into_iter().cycle().take(length).collect())
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a measurement for whoever runs it")]
async fn recorded_speech_is_understood() {
    let (Some(moonshine), Some(speech)) = (models::moonshine(1, 1), models::speech()) else {
        return;
    };
    let (mut all, mut sound, mut compute) = (WordErrors::default(), 0, Duration::ZERO);
    for recording in speech {
        let started = Instant::now();
        let heard = words(&moonshine, &recording.samples).await;
        compute += started.elapsed();
        sound += recording.samples.len() as u64;
        let errors = WordErrors::between(&recording.words, &heard);
        println!("{}: {} of {}: {heard}", recording.name, errors.errors, errors.words);
        all += errors;
    }
    let sound = vad::FRAME_RATE.duration_of(sound);
    println!("word error rate {:.3}, {} of {}", all.rate(), all.errors, all.words);
    println!("real-time factor {:.4}", compute.as_secs_f64() / sound.as_secs_f64());
    assert!(all.words > 0 && all.rate() <= WORST_RATE, "{all:?}");
}

#[tokio::test]
async fn two_callers_at_once_are_heard_as_each_alone() {
    let (Some(moonshine), Some(speech)) = (models::moonshine(2, 8), models::speech()) else {
        return;
    };
    for pair in speech.chunks_exact(2).take(4) {
        let alone =
            [words(&moonshine, &pair[0].samples).await, words(&moonshine, &pair[1].samples).await];
        let (first, second) =
            tokio::join!(words(&moonshine, &pair[0].samples), words(&moonshine, &pair[1].samples));
        assert_eq!([first, second], alone);
    }
}

#[tokio::test]
async fn silence_before_speech_changes_nothing() {
    let (Some(moonshine), Some(speech)) = (models::moonshine(1, 1), models::speech()) else {
        return;
    };
    let recording = &speech[0];
    let late = [vec![0.0; 48_000], recording.samples.clone()].concat();
    let heard = words(&moonshine, &late).await;
    assert_eq!(WordErrors::between(&recording.words, &heard).errors, 0, "{heard}");
}

#[tokio::test]
async fn the_longest_segment_is_heard_and_a_longer_one_refused() {
    let (Some(moonshine), Some(mut samples)) = (models::moonshine(1, 1), endless(MAX_SEGMENT))
    else {
        return;
    };
    let heard = words(&moonshine, &samples).await;
    assert!(stt::wer::words(&heard).len() > 30, "{heard}");
    samples.push(0.0);
    let request =
        Request { samples: samples.into(), purpose: Purpose::Final, caller: Caller::new() };
    let answer = moonshine.transcribe(request).map(drop);
    assert!(matches!(answer, Err(SttError::TooLong(_))), "{answer:?}");
}

#[tokio::test]
async fn sound_too_short_to_be_a_word_has_none() {
    let Some(moonshine) = models::moonshine(1, 1) else {
        return;
    };
    assert_eq!(words(&moonshine, &[0.5; 3_999]).await, "");
    assert_eq!(words(&moonshine, &[]).await, "");
}

#[tokio::test]
async fn dropping_a_request_ends_it_within_a_step() {
    let (Some(moonshine), Some(long)) = (models::moonshine(1, 1), endless(MAX_SEGMENT)) else {
        return;
    };
    let started = Instant::now();
    words(&moonshine, &long).await;
    let whole = started.elapsed();

    let started = Instant::now();
    for _ in 0..10 {
        let dropped = ask(&moonshine, &long, Purpose::Final);
        until_begun(&moonshine);
        drop(dropped);
    }
    let last = ask(&moonshine, &long[..8_000], Purpose::Final).await;
    assert!(last.is_ok(), "{last:?}");
    // each was given up in its first step, which is a quarter of the whole
    let dropped = started.elapsed();
    assert!(dropped < 6 * whole, "{dropped:?} for the dropped, {whole:?} for one");
}

#[tokio::test]
async fn finals_go_before_partials_and_take_their_place_in_a_full_queue() {
    let (Some(moonshine), Some(speech)) = (models::moonshine(1, 2), endless(MAX_SEGMENT)) else {
        return;
    };
    let second = &speech[..16_000];
    let busy = ask(&moonshine, &speech[..64_000], Purpose::Final);
    until_begun(&moonshine);
    let mut partial = ask(&moonshine, second, Purpose::Partial);
    let last_partial = ask(&moonshine, second, Purpose::Partial);
    assert_eq!(moonshine.waiting(), 2);
    let mut first_final = ask(&moonshine, second, Purpose::Final);
    assert!(matches!(last_partial.await, Err(SttError::Lost)), "it made room");
    let first = tokio::select! {
        biased;
        _ = &mut first_final => "final",
        _ = &mut partial => "partial",
    };
    assert_eq!(first, "final");
    assert!(busy.await.is_ok());
}

#[tokio::test]
async fn a_queue_full_of_finals_refuses() {
    let (Some(moonshine), Some(speech)) = (models::moonshine(1, 1), endless(MAX_SEGMENT)) else {
        return;
    };
    let _busy = ask(&moonshine, &speech, Purpose::Final);
    until_begun(&moonshine);
    let _waiting = ask(&moonshine, &speech[..16_000], Purpose::Final);
    for purpose in [Purpose::Final, Purpose::Guess, Purpose::Partial] {
        let (samples, caller) = (speech[..16_000].into(), Caller::new());
        let refused = moonshine.transcribe(Request { samples, purpose, caller });
        assert!(matches!(refused, Err(SttError::Overloaded)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_partial_at_work_gives_way_to_a_final() {
    let (Some(moonshine), Some(speech)) = (models::moonshine(1, 2), endless(MAX_SEGMENT)) else {
        return;
    };
    let partial = ask(&moonshine, &speech, Purpose::Partial);
    until_begun(&moonshine);
    let wanted = ask(&moonshine, &speech[..16_000], Purpose::Final);
    assert!(matches!(partial.await, Err(SttError::Lost)));
    assert!(wanted.await.is_ok());
}

/// Returns once a worker has taken all that was asked.
fn until_begun(moonshine: &Moonshine) {
    while moonshine.waiting() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn files_of_another_kind_are_an_error_that_names_them() {
    let (Some(runtime), Some(files)) = (models::runtime(), models::files()) else {
        return;
    };
    let no_tokenizer = Files { tokenizer: files.encoder.clone(), ..files.clone() };
    let swapped =
        Files { encoder: files.decoder.clone(), decoder: files.encoder.clone(), ..files.clone() };
    let missing = Files { decoder: PathBuf::from("no/such/decoder_model_merged.ort"), ..files };
    let cases = [
        (no_tokenizer, "encoder_model.ort"),
        (swapped, "encoder_model.ort"),
        (missing, "no/such/decoder_model_merged.ort"),
    ];
    for (files, named) in cases {
        let started = Moonshine::start(&runtime, &files, &Config::default(), &models::metrics());
        let error = started.expect_err("these files are no model").to_string();
        assert!(error.contains(named), "{error}");
    }
}
