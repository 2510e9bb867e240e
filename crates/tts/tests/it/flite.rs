use std::time::Duration;

use audio::{Frame, SampleRate, level};
use engine::Metrics;
use tts::{
    Request, Speech, SpokenText, TextToSpeech as _, TtsError, Urgency,
    flite::{Config, Flite, VOICES},
};

const SENTENCES: [&str; 4] = [
    "The quick brown fox jumps over the lazy dog.",
    "Sure, that is 42.50 dollars, or about 10% more.",
    "Do you want me to go on?",
    "Dr. Brown can see you at 10:30, but not on Monday.",
];

/// 100 ms.
const TAIL: usize = 1_600;

/// flite's sound has noise in it, so its silence is not always cut at the same place.
const NOISE: Duration = Duration::from_millis(30);

/// flite with these voices; `None` where its libraries are not there.
fn flite(workers: usize, voices: &[&str]) -> Option<Flite> {
    let voices = voices.iter().map(|&name| name.to_owned()).collect();
    let config = Config { voices, workers, queue: 64 };
    match Flite::start(&config, &Metrics::unregistered().engine("tts")) {
        Ok(flite) => Some(flite),
        Err(error @ TtsError::Load(_)) => skipped(&error),
        Err(error) => panic!("{error}"),
    }
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests must see what was not tested")]
fn skipped(error: &TtsError) -> Option<Flite> {
    let required = std::env::var_os("REPARTEE_REQUIRE_MODELS").is_some_and(|value| value == "1");
    assert!(!required, "{error}");
    println!("skipped: {error}");
    None
}

fn request(text: &str) -> Request {
    let text = SpokenText::new(text).expect("there are words");
    let caller = engine::Caller::new();
    Request { text, voice: None, speed: 1.0, urgency: Urgency::First, caller }
}

fn ask(flite: &Flite, text: &str) -> Speech {
    flite.speak(request(text)).expect("there is room")
}

/// All of it, once each frame has been looked at.
async fn whole(mut speech: Speech) -> Frame {
    let mut samples = Vec::new();
    let mut is_last = false;
    while let Some(frame) = speech.next().await {
        let frame = frame.expect("the sentence can be spoken");
        assert_eq!(frame.rate, SampleRate::HZ_16000);
        assert!(!is_last && !frame.samples.is_empty() && frame.samples.len() <= 320);
        is_last = frame.samples.len() < 320;
        samples.extend(frame.samples);
    }
    Frame::new(SampleRate::HZ_16000, samples)
}

async fn length(speech: Speech) -> Duration {
    whole(speech).await.duration()
}

#[tokio::test]
async fn sentences_are_spoken_without_silence_around() {
    let Some(flite) = flite(2, &["slt"]) else { return };
    for text in SENTENCES {
        let sound = whole(ask(&flite, text)).await;
        let per_character = sound.duration() / u32::try_from(text.len()).expect("a short text");
        assert!((40..120).contains(&per_character.as_millis()), "{text}: {per_character:?}");
        let onset = level::onset(&sound).expect("there is sound");
        assert!(onset <= Duration::from_millis(30), "{text}: {onset:?}");
        let end = &sound.samples[sound.samples.len() - 2 * TAIL..];
        assert!(level::rms(&end[TAIL..]) < 0.01, "{text}: ends within a word");
        assert!(level::peak(&end[..TAIL]) > 0.02, "{text}: ends with silence");
        let peak = level::peak(&sound.samples);
        assert!((0.1..0.99).contains(&peak), "{text}: {peak}");
    }
}

#[tokio::test]
async fn all_voices_speak_and_each_in_its_own_way() {
    let Some(flite) = flite(2, &VOICES) else { return };
    assert_eq!(flite.info().voices, VOICES);
    let mut lengths = Vec::new();
    for voice in VOICES {
        let request = Request { voice: Some(voice.into()), ..request(SENTENCES[0]) };
        let speech = flite.speak(request).expect("there is room");
        lengths.push(length(speech).await);
    }
    let by_default = length(ask(&flite, SENTENCES[0])).await;
    assert!(lengths[0].abs_diff(by_default) < NOISE, "the first is the default");
    lengths.sort_unstable();
    assert!(lengths.windows(2).all(|pair| pair[0] < pair[1]), "{lengths:?}");
}

#[tokio::test]
async fn a_dropped_sentence_makes_way_for_the_next() {
    let Some(flite) = flite(1, &["slt"]) else { return };
    let alone = length(ask(&flite, SENTENCES[2])).await;
    for _ in 0..20 {
        let mut dropped = ask(&flite, &SENTENCES.join(" "));
        let waiting = ask(&flite, SENTENCES[1]);
        assert!(matches!(dropped.next().await, Some(Ok(_))));
        drop((dropped, waiting));
    }
    let after = length(ask(&flite, SENTENCES[2])).await;
    assert!(after.abs_diff(alone) < NOISE, "{after:?}, not {alone:?}");
}

#[tokio::test]
async fn sentences_at_once_sound_as_long_as_alone() {
    let Some(flite) = flite(4, &["slt"]) else { return };
    let mut alone = Vec::new();
    for text in SENTENCES {
        alone.push(length(ask(&flite, text)).await);
    }
    for _ in 0..5 {
        let speeches = SENTENCES.map(|text| ask(&flite, text));
        for (speech, alone) in speeches.into_iter().zip(&alone) {
            let at_once = length(speech).await;
            assert!(at_once.abs_diff(*alone) < NOISE, "{at_once:?}, not {alone:?}");
        }
    }
}

#[tokio::test]
async fn floods_of_marks_do_not_end_the_process() {
    let Some(flite) = flite(1, &["slt"]) else { return };
    for mark in ['.', '!', ',', '\'', '"', '(', '-', '$', '%', '[', ';'] {
        let marks = String::from(mark).repeat(500);
        for text in [format!("hello{marks}"), format!("{marks}hello"), format!("a {marks} b")] {
            assert!(length(ask(&flite, &text)).await > Duration::from_millis(100), "{mark}");
        }
    }
}

#[tokio::test]
async fn no_text_sounds_longer_than_there_is_room_for() {
    let Some(flite) = flite(2, &["slt"]) else { return };
    for part in ["% ", "7", "w ", "=== ", "$$$ ", "@+/ ", "9.9% ", "7,", "100 ", "xq"] {
        let request = request(&format!("a {}", part.repeat(30)));
        let length_of_text = u32::try_from(request.text.as_str().len()).expect("a short text");
        let speech = flite.speak(request);
        let sound = length(speech.expect("there is room")).await;
        // the engine makes room for 0.8 s
        assert!(sound / length_of_text < Duration::from_millis(750), "{part}: {sound:?}");
    }
}

#[tokio::test]
async fn twice_the_speed_is_half_the_length() {
    let Some(flite) = flite(1, &["slt"]) else { return };
    let normal = length(ask(&flite, SENTENCES[0])).await.as_secs_f64();
    for speed in [0.5, 2.0] {
        let speech =
            flite.speak(Request { speed, ..request(SENTENCES[0]) }).expect("there is room");
        let ratio = normal / length(speech).await.as_secs_f64();
        assert!((ratio / f64::from(speed) - 1.0).abs() < 0.15, "at {speed}: {ratio}");
    }
}

#[tokio::test]
async fn voices_that_are_not_there_are_refused() {
    let Some(flite) = flite(1, &["slt"]) else { return };
    let unknown = flite.speak(Request { voice: Some("bob".into()), ..request("Hello.") });
    assert_eq!(unknown.expect_err("no such voice").to_string(), "there is no voice `bob`");
    for (voices, message) in [
        (vec!["../slt".to_owned()], "there is no voice `../slt`"),
        (vec![], "could not load the voice: no voice is configured"),
    ] {
        let config = Config { voices, ..Config::default() };
        let started = Flite::start(&config, &Metrics::unregistered().engine("tts"));
        assert_eq!(started.expect_err("no such voice").to_string(), message);
    }
}

/// Numbers, abbreviations, signs, and what makes no sound.
const UNEVEN: [&str; 12] = [
    "The quick brown fox jumps over the lazy dog.",
    "Sure, that is 42.50 dollars, or about 10% more.",
    "Dr. Brown can see you at 10:30, but not on Monday.",
    "Well -- $45.50 is (as they say) too much, no?",
    "A - b + c = 2% of C++.",
    "It's 3/4 of me@example.com, on 12/05/2025!",
    "1,000 well-known ABC things... and 7 more.",
    "He said \"hello there\" to Mrs. Smith's friend, i.e. me.",
    "- Hello '' there ... you",
    "In 1984 the USA had 236,348,292 people, e.g. us.",
    "Call 555-1234, or write to 221B Baker St. now.",
    "Yes.",
];

#[tokio::test]
async fn each_word_ends_within_the_sound() {
    let Some(flite) = flite(2, &VOICES) else { return };
    for (voice, speed) in [("slt", 1.0), ("slt", 2.0), ("rms", 1.0), ("awb", 0.5), ("kal16", 1.5)] {
        for text in UNEVEN {
            let request = Request { voice: Some(voice.into()), speed, ..request(text) };
            let words = request.text.words().count();
            let mut speech = flite.speak(request).expect("there is room");
            let first = speech.next().await.expect("there is sound").expect("it can be spoken");
            let ends = speech.words().expect("flite knows its words");
            let sound = first.duration() + length(speech).await;
            assert_eq!(ends.len(), words, "{text}");
            assert!(ends.is_sorted(), "{text}: {ends:?}");
            // 120 ms are kept after the last sound
            let last = *ends.last().expect("there are words") + Duration::from_millis(60);
            assert!(
                last.abs_diff(sound) < Duration::from_millis(120),
                "{voice} at {speed}, {text}: {last:?} of {sound:?}"
            );
        }
    }
}
