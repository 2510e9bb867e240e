//! Sounds over the answer hold it until it is known whether they are words.

use std::{ops::Range, sync::Arc, time::Duration};

use protocol::{ClientMessage, ServerMessage, SessionState};
use stt::scripted::Scripted;
use tokio::time::Instant;

use crate::{
    client::{Client, is_audio_end, is_final_answer, is_final_request, undisturbed},
    harness::{Setup, TestServer, VOICE_RATE, long},
    voice::BabblingVoice,
};

const COUGH: Duration = Duration::from_millis(140);

/// A server that gives a long answer, and hears no words in what callers say.
fn deaf() -> Setup {
    let mut setup = Setup::answering(long);
    setup.tts = Arc::new(BabblingVoice::default());
    setup.stt = Arc::new(Scripted::default());
    setup
}

/// The same with an ear for tones.
fn hearing() -> Setup {
    let mut setup = Setup::answering(long);
    setup.tts = Arc::new(BabblingVoice::default());
    setup
}

/// A caller who hears the long answer.
async fn listening(server: &TestServer) -> Client {
    let mut caller = Client::at_rate(server, VOICE_RATE).await;
    caller.say(&ClientMessage::Text("go on".to_owned())).await;
    caller.until_sound().await;
    caller.record_silence(Duration::from_millis(200)).await;
    caller
}

/// Where the answer was held, and where it went on, in the caller's log.
fn held(caller: &Client) -> Vec<Range<usize>> {
    let kinds = caller.kinds(0);
    let places = |wanted: &'static str| {
        kinds.iter().enumerate().filter(move |(_, kind)| *kind == wanted).map(|(place, _)| place)
    };
    assert_eq!(places("pause").count(), places("resume").count(), "{kinds:?}");
    places("pause").zip(places("resume")).map(|(pause, resume)| pause..resume).collect()
}

/// The answer has been held so often, and is whole all the same.
async fn goes_on_unharmed(caller: &mut Client, whole: &[f32], times: usize) {
    let end = caller.until(is_audio_end).await;
    assert_eq!(end, ServerMessage::AudioEnd { response: 1, samples: whole.len() as u64 });
    let held = held(caller);
    assert_eq!(held.len(), times, "{:?}", caller.kinds(0));
    for Range { start, end } in held {
        assert_eq!(caller.heard_by[start], caller.heard_by[end], "sound while it was held");
        let state = |state| ServerMessage::State { state };
        assert_eq!(caller.log[start + 1], state(SessionState::Paused));
        assert_eq!(caller.log[end + 1], state(SessionState::Speaking));
    }
    assert_eq!(caller.heard, whole, "not a sample is lost or said twice");
    assert_eq!(caller.joined(1), whole);
    let is_answer = |message: &&ServerMessage<'_>| is_final_answer(message);
    let finals: Vec<_> = caller.log.iter().filter(is_answer).collect();
    assert!(
        matches!(finals[..], [ServerMessage::FinalAssistantAnswer { interrupted: false, .. }]),
        "{finals:?}"
    );
    assert!(!caller.log.iter().any(is_final_request_but_typed), "{:?}", caller.log);
}

fn is_final_request_but_typed(message: &ServerMessage<'_>) -> bool {
    is_final_request(message)
        && !matches!(message, ServerMessage::FinalUserRequest { content } if content == "go on")
}

#[tokio::test]
async fn after_a_cough_the_answer_goes_on_with_the_next_sample() {
    let server = hearing().start().await;
    let cough_over_it = async {
        let mut caller = listening(&server).await;
        for _ in 0..2 {
            caller.record(&caller.tone(300.0, COUGH)).await;
            caller.record_silence(Duration::from_millis(700)).await;
        }
        caller
    };
    let (whole, mut caller) = tokio::join!(undisturbed(&server, VOICE_RATE), cough_over_it);
    goes_on_unharmed(&mut caller, &whole, 2).await;
}

#[tokio::test]
async fn a_noise_that_does_not_end_holds_it_no_longer_than_patience() {
    let server = deaf().start().await;
    let noise_over_it = async {
        let mut caller = listening(&server).await;
        let began = Instant::now();
        caller.record(&caller.tone(300.0, Duration::from_secs(2))).await;
        let resumed = |message: &ServerMessage<'_>| matches!(message, ServerMessage::Resume { .. });
        assert!(caller.log.iter().any(resumed), "within {:?}: {:?}", began.elapsed(), caller.log);
        caller.record_silence(Duration::from_millis(600)).await;
        caller
    };
    let (whole, mut caller) = tokio::join!(undisturbed(&server, VOICE_RATE), noise_over_it);
    goes_on_unharmed(&mut caller, &whole, 1).await;
}

#[tokio::test]
async fn a_sign_of_listening_does_not_interrupt() {
    let mut setup = deaf();
    setup.stt = Arc::new(Scripted::new(["Mm-hm."]));
    let server = setup.start().await;
    let agree = async {
        let mut caller = listening(&server).await;
        caller.record(&caller.tone(300.0, Duration::from_millis(400))).await;
        caller.record_silence(Duration::from_millis(700)).await;
        caller
    };
    let (whole, mut caller) = tokio::join!(undisturbed(&server, VOICE_RATE), agree);
    goes_on_unharmed(&mut caller, &whole, 1).await;
}

#[tokio::test]
async fn words_end_the_answer_in_the_documented_order() {
    let server = hearing().start().await;
    let mut caller = listening(&server).await;
    let before = caller.log.len();
    caller.record(&caller.tone(700.0, Duration::from_millis(700))).await;
    caller.record_silence(Duration::from_millis(800)).await;
    let is_spoken = |message: &ServerMessage<'_>| matches!(message, ServerMessage::FinalUserRequest { content } if content == "tone 700.");
    if !caller.log.iter().any(is_spoken) {
        caller.until(is_spoken).await;
    }
    let kinds = caller.kinds(before);
    let wanted = [
        "pause",
        "final_assistant_answer",
        "stop_tts",
        "tts_interruption",
        "partial_user_request",
        "final_user_request",
    ];
    let first = |kind: &str| kinds.iter().position(|it| it == kind);
    let places: Vec<usize> = wanted.iter().filter_map(|kind| first(kind)).collect();
    assert!(places.len() == wanted.len() && places.is_sorted(), "{kinds:?}");
    assert!(!kinds.contains(&"resume".to_owned()), "{kinds:?}");
    let paused = caller.heard_by[before + places[0]];
    assert_eq!(caller.heard_by[before + places[3]], paused, "sound while it was held");
    let answer = &caller.log[before + places[1]];
    assert!(
        matches!(
            answer,
            ServerMessage::FinalAssistantAnswer { interrupted: true, response: 1, .. }
        ),
        "{answer:?}"
    );
    caller.until_heard(paused + 1).await;
    let later = &caller.heard_of[caller.places.partition_point(|it| it.samples.start < paused)..];
    assert!(later.iter().all(|response| *response == 2), "of the old answer: {later:?}");
}

#[tokio::test]
async fn the_pause_comes_within_150_ms_of_the_callers_sound() {
    let server = hearing().start().await;
    let mut caller = listening(&server).await;
    let frame = Duration::from_millis(20);
    let mut sent = Duration::ZERO;
    let is_pause = |message: &ServerMessage<'_>| matches!(message, ServerMessage::Pause { .. });
    while !caller.log.iter().any(is_pause) {
        assert!(sent < Duration::from_secs(1), "{:?}", caller.log);
        caller.record(&caller.tone(300.0, frame)).await;
        sent += frame;
    }
    assert!(sent <= Duration::from_millis(150), "{sent:?}");
}

/// A page that hears the long answer.
async fn page(server: &TestServer) -> Client {
    let mut page = Client::plain(server).await;
    page.say(&ClientMessage::Text("go on".to_owned())).await;
    page.until_sound().await;
    page.say(&ClientMessage::TtsStart).await;
    page.record_silence(Duration::from_millis(200)).await;
    page
}

/// The whole answer as a page hears it that nothing disturbs.
async fn whole_page(server: &TestServer) -> Vec<f32> {
    let mut page = Client::plain(server).await;
    page.say(&ClientMessage::Text("go on".to_owned())).await;
    page.until(is_final_answer).await;
    // the resampler's tail
    page.drain(Duration::from_millis(300)).await;
    page.heard
}

#[tokio::test]
async fn a_page_that_cannot_pause_is_sent_nothing_while_the_cough_is_judged() {
    let server = deaf().start().await;
    let cough_over_it = async {
        let mut page = page(&server).await;
        // long enough to see that nothing comes
        page.record(&page.tone(300.0, Duration::from_millis(200))).await;
        let before = page.heard.len();
        page.record(&page.tone(300.0, Duration::from_millis(400))).await;
        assert_eq!(page.heard.len(), before, "sound while it was held");
        page.record_silence(Duration::from_millis(800)).await;
        assert!(page.heard.len() > before, "it goes on");
        page.until(is_final_answer).await;
        page.drain(Duration::from_millis(300)).await;
        page
    };
    let (whole, page) = tokio::join!(whole_page(&server), cough_over_it);
    assert!(page.heard == whole, "{} samples of {}", page.heard.len(), whole.len());
    let kinds = page.kinds(0);
    let foreign = ["pause", "resume", "state", "stop_tts", "tts_interruption", "ack"];
    assert!(!kinds.iter().any(|kind| foreign.contains(&kind.as_str())), "{kinds:?}");
}

#[tokio::test]
async fn a_page_is_never_far_ahead_of_what_it_plays() {
    let server = deaf().start().await;
    let mut page = Client::plain(&server).await;
    page.say(&ClientMessage::Text("go on".to_owned())).await;
    page.until_sound().await;
    let began = Instant::now();
    for _ in 0..50 {
        page.listen(Duration::from_millis(20)).await;
        let heard = audio::SampleRate::HZ_48000.duration_of(page.heard.len() as u64);
        let ahead = heard.saturating_sub(began.elapsed());
        assert!(ahead <= Duration::from_millis(350), "{ahead:?} ahead");
    }
}

#[tokio::test]
async fn words_end_a_pages_answer_in_the_originals_order() {
    let server = hearing().start().await;
    let mut page = page(&server).await;
    let before = page.log.len();
    page.record(&page.tone(700.0, Duration::from_millis(700))).await;
    page.record_silence(Duration::from_millis(300)).await;
    let is_end =
        |message: &ServerMessage<'_>| matches!(message, ServerMessage::TtsInterruption { .. });
    assert!(page.log.iter().any(is_end), "{:?}", page.log);
    let kinds = page.kinds(before);
    let start = kinds.iter().position(|kind| kind == "final_assistant_answer");
    let start = start.unwrap_or_else(|| panic!("{kinds:?}"));
    assert_eq!(kinds[start..start + 3], ["final_assistant_answer", "stop_tts", "tts_interruption"]);
    let stopped = page.heard_by[before + start];
    let is_spoken = |message: &ServerMessage<'_>| matches!(message, ServerMessage::FinalUserRequest { content } if content == "tone 700.");
    let spoken = |page: &Client| page.log.iter().position(is_spoken);
    if spoken(&page).is_none() {
        page.record_silence(Duration::from_millis(800)).await;
    }
    let spoken = spoken(&page).unwrap_or_else(|| panic!("{:?}", page.log));
    assert_eq!(page.heard_by[spoken], stopped, "sound of the old answer");
}
