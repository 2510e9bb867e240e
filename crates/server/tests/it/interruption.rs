//! Speaking over the answer.

use std::time::Duration;

use llm::Role;
use protocol::{ClientMessage, ServerMessage};

use crate::{
    client::{Client, is_final_answer, is_final_request},
    harness::{Setup, echo, long},
};

async fn interrupted(caller: &mut Client) {
    caller.until(|message| matches!(message, ServerMessage::StopTts { .. })).await;
    let frames = caller.heard_of.len();
    caller.until(|message| matches!(message, ServerMessage::TtsInterruption { .. })).await;
    assert_eq!(caller.heard_of.len(), frames, "sound after the stop");
}

#[tokio::test]
async fn speech_over_the_answer_stops_it_and_is_answered() {
    let setup = Setup::answering(long);
    let model = setup.llm.clone();
    let server = setup.start().await;
    let mut caller = Client::extended(&server).await;
    caller.say(&ClientMessage::Text("go on".to_owned())).await;
    caller.until_sound().await;
    // 1.2 s at 48 kHz have been heard: four fifths of the first sentence
    caller.say(&ClientMessage::Playback { response: 1, position: 57_600, playing: false }).await;
    caller.sound(700.0, Duration::from_millis(512)).await;
    interrupted(&mut caller).await;
    caller.silence(Duration::from_millis(800)).await;
    let request = caller.until(is_final_request).await;
    assert_eq!(request, ServerMessage::FinalUserRequest { content: "tone 700.".into() });
    caller.until(is_final_answer).await;
    assert_eq!(caller.heard_of.last(), Some(&2));
    let asked = model.asked();
    let remembered = &asked[1][2];
    assert_eq!(remembered.role, Role::Assistant);
    let heard = remembered.text.as_ref();
    assert!(heard.starts_with("This is the first"), "{heard}");
    assert!(heard.ends_with('…') && !heard.contains("all"), "{heard}");
}

#[tokio::test]
async fn the_stop_button_stops_it() {
    let server = Setup::answering(long).start().await;
    let mut caller = Client::extended(&server).await;
    caller.say(&ClientMessage::Text("go on".to_owned())).await;
    caller.until_sound().await;
    caller.say(&ClientMessage::Cancel).await;
    interrupted(&mut caller).await;
    let finals = caller.log.iter().filter(|message| is_final_answer(message)).count();
    assert_eq!(finals, 1, "{:?}", caller.log);
}

#[tokio::test]
async fn an_answer_that_nobody_has_heard_is_not_remembered() {
    let setup = Setup::answering(|messages| match &*messages[messages.len() - 1].text {
        "first" => "!hang".to_owned(),
        _ => echo(messages),
    });
    let model = setup.llm.clone();
    let server = setup.start().await;
    let mut caller = Client::extended(&server).await;
    caller.say(&ClientMessage::Text("first".to_owned())).await;
    caller.say(&ClientMessage::Text("second".to_owned())).await;
    caller.until(|message| matches!(message, ServerMessage::AudioEnd { .. })).await;
    let asked = model.asked();
    let last: Vec<(Role, &str)> =
        asked[1].iter().skip(1).map(|message| (message.role, &*message.text)).collect();
    assert_eq!(last.first(), Some(&(Role::User, "first second")), "nothing said is lost");
}

#[tokio::test]
async fn a_cough_does_not_interrupt() {
    let server = Setup::answering(long).start().await;
    let mut caller = Client::extended(&server).await;
    caller.say(&ClientMessage::Text("go on".to_owned())).await;
    caller.until_sound().await;
    caller.sound(300.0, Duration::from_millis(70)).await;
    caller.silence(Duration::from_millis(600)).await;
    let end = caller.until(is_final_answer).await;
    assert!(
        matches!(end, ServerMessage::FinalAssistantAnswer { interrupted: false, .. }),
        "{end:?}"
    );
}
