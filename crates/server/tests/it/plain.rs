//! The original's page: no hello, sound in JSON, a rate that is not told.

use std::time::Duration;

use protocol::{ClientMessage, ServerMessage};

use crate::{
    client::{Client, is_final_answer, is_final_request},
    harness::{Setup, echo},
};

#[tokio::test]
async fn a_plain_page_is_answered_in_its_own_words() {
    let server = Setup::answering(echo).start().await;
    let mut page = Client::plain(&server).await;
    page.speak(440.0).await;
    page.until(is_final_request).await;
    let answer = page.until(is_final_answer).await;
    assert!(matches!(&answer, ServerMessage::FinalAssistantAnswer { content, .. }
        if content == "I heard tone 440."));
    // the resampler's tail follows the last whole chunk
    page.drain(Duration::from_millis(200)).await;
    let samples = page.heard.len();
    assert!((40_000..=41_600).contains(&samples), "{samples} samples at 48 kHz");
    let known = [
        "partial_user_request",
        "final_user_request",
        "partial_assistant_answer",
        "final_assistant_answer",
    ];
    let kinds = page.kinds(0);
    assert!(kinds.iter().all(|kind| known.contains(&kind.as_str())), "{kinds:?}");
    assert!(kinds.iter().any(|kind| kind == "partial_user_request"), "{kinds:?}");
    let finals = kinds.iter().filter(|kind| *kind == "final_user_request").count();
    assert_eq!(finals, 1);
}

#[tokio::test]
async fn an_interruption_comes_in_the_originals_order() {
    let long = "This is the first of them all. This is the second of them all. \
                This is the third of them all.";
    let server = Setup::answering(|_| long.to_owned()).start().await;
    let mut page = Client::plain(&server).await;
    page.speak(440.0).await;
    page.until_sound().await;
    page.say(&ClientMessage::TtsStart).await;
    page.speak(700.0).await;
    page.until(|message| matches!(message, ServerMessage::TtsInterruption { .. })).await;
    let kinds = page.kinds(0);
    let place = |kind: &str| kinds.iter().position(|it| it == kind);
    assert!(place("stop_tts").is_some_and(|stop| Some(stop) < place("tts_interruption")));
    if let Some(answer) = place("final_assistant_answer") {
        assert!(Some(answer) < place("stop_tts"), "{kinds:?}");
    }
    assert_eq!(place("stop_tts").map(|stop| stop + 1), place("tts_interruption"));
}

#[tokio::test]
async fn the_originals_slider_and_reset_are_understood() {
    let server = Setup::answering(echo).start().await;
    let mut page = Client::plain(&server).await;
    page.send_text(r#"{"type":"set_speed","speed":40}"#).await;
    page.send_text(r#"{"type":"clear_history"}"#).await;
    page.send_text(r#"{"type":"tts_stop"}"#).await;
    page.speak(440.0).await;
    // a slower turn: the silence that was sent is not enough at 40, the server fills in the rest
    page.until(is_final_answer).await;
    assert!(!page.kinds(0).contains(&"error".to_owned()), "{:?}", page.log);
}

#[tokio::test]
async fn a_device_at_44100_hz_is_heard_and_spoken_to_at_its_own_pitch() {
    let server = Setup::answering(echo).start().await;
    let mut page = Client::plain(&server).await;
    // two seconds whose clock says 44.1 kHz, in real time for the limit's sake
    let frame = vec![0u8; 4_096];
    for number in 0..50u32 {
        let mut bytes = Vec::new();
        let timestamp_ms = number * 2_048 * 1_000 / 44_100;
        protocol::PlainAudio { timestamp_ms, client_playing: false, pcm: &frame }
            .encode_into(&mut bytes);
        page.send_binary(bytes).await;
    }
    page.say(&ClientMessage::Text("1000".to_owned())).await;
    page.until(is_final_answer).await;
    page.drain(Duration::from_millis(200)).await;
    // "I heard 1000": 12 characters of 50 ms
    let samples = page.heard.len();
    assert!((26_000..=27_000).contains(&samples), "{samples} are not 0.6 s at 44.1 kHz");
}
