//! Engines that fail: the caller is told, the conversation goes on.

use std::sync::Arc;

use protocol::{ClientMessage, ErrorCode, ServerMessage};
use stt::scripted::Scripted;

use crate::{
    client::{Client, is_final_answer},
    harness::{Setup, echo},
};

fn is_error(code: ErrorCode) -> impl Fn(&ServerMessage<'static>) -> bool {
    move |message| matches!(message, ServerMessage::Error { code: told, .. } if *told == code)
}

async fn still_answers(caller: &mut Client) {
    caller.say(&ClientMessage::Text("hello".to_owned())).await;
    let answer = caller.until(is_final_answer).await;
    assert!(matches!(&answer, ServerMessage::FinalAssistantAnswer { content, .. }
        if content.ends_with("hello")));
}

#[tokio::test]
async fn a_failing_model_is_told() {
    let reply = |messages: &[llm::Message]| match &*messages[messages.len() - 1].text {
        "break" => "Well, I think that !error".to_owned(),
        _ => "It is hello".to_owned(),
    };
    let server = Setup::answering(reply).start().await;
    let mut caller = Client::extended(&server).await;
    caller.say(&ClientMessage::Text("break".to_owned())).await;
    caller.until(is_error(ErrorCode::LlmFailed)).await;
    still_answers(&mut caller).await;
}

#[tokio::test]
async fn a_model_without_an_answer_is_told() {
    let reply = |messages: &[llm::Message]| match &*messages[messages.len() - 1].text {
        "nothing" => String::new(),
        _ => "It is hello".to_owned(),
    };
    let server = Setup::answering(reply).start().await;
    let mut caller = Client::extended(&server).await;
    caller.say(&ClientMessage::Text("nothing".to_owned())).await;
    caller.until(is_error(ErrorCode::LlmFailed)).await;
    caller.say(&ClientMessage::Text("something".to_owned())).await;
    caller.until(is_final_answer).await;
}

#[tokio::test]
async fn a_failing_voice_is_told() {
    // the words that were never heard are not held against the next turn
    let reply = |messages: &[llm::Message]| {
        let failing = messages[messages.len() - 1].text.ends_with("fail");
        if failing { "It will fail" } else { "It is hello" }.to_owned()
    };
    let server = Setup::answering(reply).start().await;
    let mut caller = Client::extended(&server).await;
    caller.say(&ClientMessage::Text("fail".to_owned())).await;
    caller.until(is_error(ErrorCode::TtsFailed)).await;
    let heard = caller.log.iter().any(|message| {
        matches!(message, ServerMessage::FinalAssistantAnswer { content, .. } if !content.is_empty())
    });
    assert!(!heard, "nothing of it was heard: {:?}", caller.log);
    still_answers(&mut caller).await;
}

#[tokio::test]
async fn a_failing_ear_is_told() {
    let mut setup = Setup::answering(echo);
    setup.stt = Arc::new(Scripted::new(["!error", "And this is heard."]));
    let server = setup.start().await;
    let mut caller = Client::extended(&server).await;
    caller.speak(440.0).await;
    caller.until(is_error(ErrorCode::SttFailed)).await;
    caller.speak(440.0).await;
    let answer = caller.until(is_final_answer).await;
    assert!(matches!(&answer, ServerMessage::FinalAssistantAnswer { content, .. }
        if content == "I heard And this is heard."));
}
