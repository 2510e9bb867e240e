//! Whatever a client sends, its session stays; only sustained abuse ends it.

use protocol::{ClientMessage, ErrorCode, ServerMessage};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    client::{Client, is_final_answer},
    harness::{Setup, TestServer, echo},
};

async fn still_answers(caller: &mut Client) {
    caller.say(&ClientMessage::Text("hello".to_owned())).await;
    caller.until(is_final_answer).await;
}

async fn server() -> TestServer {
    Setup::answering(echo).start().await
}

/// Sends this and expects to be told this code, and to be answered after it.
async fn check(message: Message, code: ErrorCode) {
    let server = server().await;
    for mut caller in [Client::plain(&server).await, Client::extended(&server).await] {
        futures_util::SinkExt::send(&mut caller.socket, message.clone()).await.expect("it listens");
        let error = caller.until(|message| matches!(message, ServerMessage::Error { .. })).await;
        assert!(
            matches!(error, ServerMessage::Error { code: told, .. } if told == code),
            "{error:?}"
        );
        still_answers(&mut caller).await;
    }
    let kind = format!("repartee_bad_messages_total{{kind=\"{code}\"}}");
    assert!((server.metric(&kind).await - 2.0).abs() < f64::EPSILON, "{kind}");
}

#[tokio::test]
async fn text_that_is_not_json() {
    check(Message::text("{"), ErrorCode::InvalidJson).await;
}

#[tokio::test]
async fn json_that_is_not_an_object() {
    for text in ["null", "5", "[1]", "\"hello\""] {
        check(Message::text(text), ErrorCode::InvalidJson).await;
    }
}

#[tokio::test]
async fn unknown_types() {
    check(Message::text(r#"{"type":"dance"}"#), ErrorCode::UnknownType).await;
}

#[tokio::test]
async fn fields_that_are_wrong_or_missing() {
    for text in [
        r#"{"speed":1}"#,
        r#"{"type":7}"#,
        r#"{"type":"set_speed","speed":"fast"}"#,
        r#"{"type":"text"}"#,
        r#"{"type":"playback","response":-1,"position":0,"playing":true}"#,
        r#"{"type":"hello","version":1,"audio":{"input_rate":1,"output_rate":24000}}"#,
    ] {
        check(Message::text(text), ErrorCode::InvalidMessage).await;
    }
}

#[tokio::test]
async fn messages_that_are_too_large() {
    check(Message::text(format!("\"{}\"", "x".repeat(70_000))), ErrorCode::MessageTooLarge).await;
    check(Message::binary(vec![1; 70_000]), ErrorCode::MessageTooLarge).await;
    let long = ClientMessage::Text("x".repeat(5_000)).encode();
    check(Message::text(long), ErrorCode::MessageTooLarge).await;
}

#[tokio::test]
async fn sound_that_is_short_or_odd() {
    for bytes in [vec![], vec![1], vec![0; 7], vec![1; 21]] {
        check(Message::binary(bytes), ErrorCode::InvalidAudio).await;
    }
}

#[tokio::test]
async fn sound_faster_than_twice_real_time_is_dropped_and_told() {
    let server = server().await;
    let mut caller = Client::extended(&server).await;
    for _ in 0..10 {
        caller.silence(std::time::Duration::from_secs(1)).await;
    }
    let too_fast = |message: &ServerMessage<'static>| matches!(message, ServerMessage::Error { code, .. } if *code == ErrorCode::AudioTooFast);
    caller.until(too_fast).await;
    still_answers(&mut caller).await;
    assert!(server.metric("repartee_dropped_frames_total").await > 0.0);
}

#[tokio::test]
async fn sound_beyond_the_queue_is_dropped_counted_and_told_once_a_second() {
    let mut setup = Setup::answering(echo);
    // a message of the client holds two or three frames of what the models hear
    setup.settings.audio_queue = 1;
    let server = setup.start().await;
    let mut caller = Client::extended(&server).await;
    caller.silence(std::time::Duration::from_secs(1)).await;
    let full = |message: &ServerMessage<'static>| matches!(message, ServerMessage::Error { code, .. } if *code == ErrorCode::AudioQueueFull);
    caller.until(full).await;
    still_answers(&mut caller).await;
    assert!(server.metric("repartee_dropped_frames_total").await >= 8.0);
    let told = caller.log.iter().filter(|message| full(message)).count();
    assert!(told <= 2, "told {told} times");
}

#[tokio::test]
async fn sustained_abuse_is_sent_away_with_the_reason_and_nobody_else_is() {
    let server = server().await;
    let mut abuser = Client::plain(&server).await;
    let mut caller = Client::extended(&server).await;
    for _ in 0..300 {
        // it may be closed already
        let sent = futures_util::SinkExt::send(&mut abuser.socket, Message::text("{")).await;
        if sent.is_err() {
            break;
        }
    }
    let close = abuser.until_closed().await;
    // a reset may overtake the close frame of a client that goes on sending
    if let Some(close) = close {
        assert_eq!(u16::from(close.code), 1008);
        assert_eq!(close.reason, "Too many bad messages");
    }
    server.until("repartee_sessions_active", 1.0).await;
    still_answers(&mut caller).await;
}
