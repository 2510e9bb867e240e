//! What callers ask for other than by speaking, and what they are told of it.

use std::sync::Arc;

use protocol::{ClientMessage, ErrorCode, InForce, ServerMessage};

use crate::{
    client::{Client, is_final_answer},
    harness::{Setup, TestServer, echo},
};

/// A server with two voices.
async fn server(instructions_allowed: bool) -> TestServer {
    let mut setup = Setup::answering(echo);
    setup.session.voices = vec![Arc::from("one"), Arc::from("two")];
    setup.session.instructions_allowed = instructions_allowed;
    setup.start().await
}

fn ack<'a>(of: &'a str, value: InForce<'a>) -> ServerMessage<'a> {
    ServerMessage::Ack { of: of.into(), value }
}

/// What an extended client is told when it says this, up to an answer.
async fn told(server: &TestServer, text: &str) -> Vec<ServerMessage<'static>> {
    let mut caller = Client::extended(server).await;
    let before = caller.log.len();
    caller.send_text(text).await;
    let is_answer = |message: &ServerMessage<'_>| {
        matches!(message, ServerMessage::Ack { .. } | ServerMessage::Error { .. })
    };
    caller.until(is_answer).await;
    caller.log.split_off(before)
}

fn is_not_allowed(message: &ServerMessage<'_>) -> bool {
    matches!(message, ServerMessage::Error { code: ErrorCode::NotAllowed, .. })
}

#[tokio::test]
async fn each_request_is_acknowledged() {
    let server = server(true).await;
    for (request, expected) in [
        (r#"{"type":"cancel"}"#, ack("cancel", InForce::Nothing)),
        (r#"{"type":"set_speed","speed":40}"#, ack("set_speed", InForce::Speed(40))),
        (r#"{"type":"set_speed","speed":250}"#, ack("set_speed", InForce::Speed(100))),
        (r#"{"type":"set_speed","speed":-3}"#, ack("set_speed", InForce::Speed(0))),
        (r#"{"type":"set_speed","speed":39.6}"#, ack("set_speed", InForce::Speed(40))),
        (r#"{"type":"set_voice","voice":"two"}"#, ack("set_voice", InForce::Voice("two".into()))),
        (
            r#"{"type":"set_instructions","instructions":"Be brief."}"#,
            ack("set_instructions", InForce::Nothing),
        ),
    ] {
        assert_eq!(told(&server, request).await, [expected], "{request}");
    }
}

#[tokio::test]
async fn a_conversation_is_cleared_by_either_name() {
    let server = server(true).await;
    for request in [r#"{"type":"clear_history"}"#, r#"{"type":"clear"}"#] {
        let expected = [ServerMessage::Cleared, ack("clear_history", InForce::Nothing)];
        assert_eq!(told(&server, request).await, expected, "{request}");
    }
}

#[tokio::test]
async fn an_interrupted_answer_ends_before_its_cancellation_is_acknowledged() {
    let server = server(true).await;
    let mut caller = Client::extended(&server).await;
    caller.say(&ClientMessage::Text("say this for quite a while".to_owned())).await;
    caller.until_sound().await;
    let before = caller.log.len();
    caller.say(&ClientMessage::Cancel).await;
    caller.until(|message| matches!(message, ServerMessage::Ack { .. })).await;
    let kinds = caller.kinds(before);
    let start = kinds.iter().position(|kind| kind == "stop_tts").expect("it stops");
    assert_eq!(kinds[start..start + 3], ["stop_tts", "tts_interruption", "ack"], "{kinds:?}");
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_and_changes_nothing() {
    let server = server(false).await;
    for request in [
        r#"{"type":"set_voice","voice":"three"}"#,
        r#"{"type":"set_instructions","instructions":"Be brief."}"#,
    ] {
        let told = told(&server, request).await;
        assert!(matches!(&told[..], [error] if is_not_allowed(error)), "{request}: {told:?}");
    }
}

#[tokio::test]
async fn what_may_be_chosen_is_told_at_the_welcome() {
    for allowed in [true, false] {
        let server = server(allowed).await;
        let caller = Client::extended(&server).await;
        let ServerMessage::Welcome { voice, voices, instructions_allowed, .. } = caller.welcome()
        else {
            unreachable!()
        };
        assert_eq!((voice.as_deref(), *instructions_allowed), (None, allowed));
        assert_eq!(*voices, ["one", "two"]);
    }
}

#[tokio::test]
async fn a_voice_that_was_chosen_is_told_at_a_second_welcome() {
    let server = server(true).await;
    let mut caller = Client::extended(&server).await;
    caller.say(&ClientMessage::SetVoice("two".to_owned())).await;
    caller.say(&ClientMessage::SetVoice("three".to_owned())).await;
    caller.until(is_not_allowed).await;
    let (version, client) = (1, "test".to_owned());
    let hello = ClientMessage::Hello { version, input_rate: 16_000, output_rate: 16_000, client };
    caller.say(&hello).await;
    caller.until(|message| matches!(message, ServerMessage::Welcome { .. })).await;
    let welcome = caller.welcome();
    assert!(
        matches!(welcome, ServerMessage::Welcome { voice: Some(voice), .. } if voice == "two"),
        "{welcome:?}"
    );
}

#[tokio::test]
async fn a_page_gets_no_acknowledgements_but_errors() {
    let server = server(false).await;
    let mut page = Client::plain(&server).await;
    for request in [
        r#"{"type":"cancel"}"#,
        r#"{"type":"clear"}"#,
        r#"{"type":"clear_history"}"#,
        r#"{"type":"set_speed","speed":40}"#,
        r#"{"type":"set_voice","voice":"one"}"#,
        r#"{"type":"set_voice","voice":"three"}"#,
    ] {
        page.send_text(request).await;
    }
    page.say(&ClientMessage::Text("hello".to_owned())).await;
    page.until(is_final_answer).await;
    let known =
        ["error", "final_user_request", "partial_assistant_answer", "final_assistant_answer"];
    let kinds = page.kinds(0);
    assert!(kinds.iter().all(|kind| known.contains(&kind.as_str())), "{kinds:?}");
    assert_eq!(page.log.iter().filter(|message| is_not_allowed(message)).count(), 1);
}
