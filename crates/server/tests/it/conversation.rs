//! Conversations of clients that say hello.

use std::time::Duration;

use protocol::{ClientMessage, ServerMessage, SessionState, SessionState as S};

use crate::{
    client::{Client, is_final_answer, is_final_request},
    harness::{Setup, echo},
};

#[tokio::test]
async fn a_caller_speaks_and_is_answered() {
    let server = Setup::answering(echo).start().await;
    let mut caller = Client::extended(&server).await;
    caller.speak(440.0).await;
    let request = caller.until(is_final_request).await;
    assert_eq!(request, ServerMessage::FinalUserRequest { content: "tone 440.".into() });
    let answer = caller.until(is_final_answer).await;
    let ServerMessage::FinalAssistantAnswer { content, response, interrupted } = answer else {
        unreachable!()
    };
    assert_eq!((&*content, response, interrupted), ("I heard tone 440.", 1, false));
    let end = caller.until(|message| matches!(message, ServerMessage::AudioEnd { .. })).await;
    let samples = caller.heard.len() as u64;
    assert_eq!(end, ServerMessage::AudioEnd { response: 1, samples });
    assert!(caller.heard_of.iter().all(|response| *response == 1));
    // 17 characters of 50 ms
    assert!((40_000..=41_600).contains(&samples), "{samples} samples at 48 kHz");
}

#[tokio::test]
async fn the_states_and_timings_of_a_turn_are_told() {
    let mut setup = Setup::answering(echo);
    // an answer that was begun in the pause may be ready when the turn ends
    setup.session.speculation = false;
    let server = setup.start().await;
    let mut caller = Client::extended(&server).await;
    caller.speak(440.0).await;
    let listening = |message: &ServerMessage<'_>| {
        *message == ServerMessage::State { state: SessionState::Listening }
    };
    caller.until(listening).await;
    let states: Vec<SessionState> = caller
        .log
        .iter()
        .filter_map(|message| match message {
            ServerMessage::State { state } => Some(*state),
            _ => None,
        })
        .collect();
    assert_eq!(states, [S::Hearing, S::Thinking, S::Speaking, S::Listening]);
    let metrics = caller.log.iter().find_map(|message| match message {
        ServerMessage::TurnMetrics(metrics) => Some(*metrics),
        _ => None,
    });
    let metrics = metrics.expect("they are told");
    let parts = [
        metrics.speech_end_to_first_token_ms,
        metrics.speech_end_to_first_sentence_ms,
        metrics.speech_end_to_first_audio_ms,
        metrics.speech_end_to_first_audio_sent_ms,
    ];
    assert!(parts.iter().all(Option::is_some), "{metrics:?}");
    assert!(parts.is_sorted(), "{metrics:?}");
    assert!(metrics.speech_end_to_turn_end_ms.is_some(), "{metrics:?}");
}

#[tokio::test]
async fn a_typed_turn_is_answered_like_a_spoken_one() {
    let server = Setup::answering(echo).start().await;
    let mut caller = Client::extended(&server).await;
    caller.say(&ClientMessage::Text("number 500".to_owned())).await;
    caller.until(is_final_request).await;
    caller.until(is_final_answer).await;
    assert!(!caller.heard.is_empty());
}

#[tokio::test]
async fn the_conversation_is_remembered_until_it_is_cleared() {
    let setup = Setup::answering(echo);
    let model = setup.llm.clone();
    let server = setup.start().await;
    let mut caller = Client::extended(&server).await;
    for words in ["one", "two"] {
        caller.say(&ClientMessage::Text(words.to_owned())).await;
        caller.until(|message| matches!(message, ServerMessage::AudioEnd { .. })).await;
        let state = SessionState::Listening;
        caller.until(|message| *message == ServerMessage::State { state }).await;
    }
    caller.say(&ClientMessage::ClearHistory).await;
    caller.until(|message| *message == ServerMessage::Cleared).await;
    caller.say(&ClientMessage::Text("three".to_owned())).await;
    caller.until(is_final_answer).await;
    let asked: Vec<Vec<String>> = model
        .asked()
        .iter()
        .map(|messages| messages[1..].iter().map(|message| message.text.to_string()).collect())
        .collect();
    let expected: [&[&str]; 3] = [&["one"], &["one", "I heard one", "two"], &["three"]];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn noise_is_no_turn() {
    let server = Setup::answering(echo).start().await;
    let mut caller = Client::extended(&server).await;
    caller.sound(300.0, Duration::from_millis(70)).await;
    caller.silence(Duration::from_millis(900)).await;
    server.until("repartee_turns_discarded_total", 1.0).await;
    caller.drain(Duration::from_millis(100)).await;
    assert!(!caller.log.iter().any(is_final_request), "{:?}", caller.log);
    assert!(caller.heard.is_empty());
}

#[tokio::test]
async fn a_muted_client_sends_nothing_and_its_turn_ends_all_the_same() {
    let server = Setup::answering(echo).start().await;
    let mut caller = Client::extended(&server).await;
    caller.sound(440.0, Duration::from_millis(512)).await;
    caller.until(is_final_answer).await;
}

#[tokio::test]
async fn two_callers_at_once_each_get_their_own_answer() {
    let server = Setup::answering(echo).start().await;
    let (mut anna, mut ben) = (Client::extended(&server).await, Client::extended(&server).await);
    tokio::join!(anna.speak(440.0), ben.speak(700.0));
    let (for_anna, for_ben) = tokio::join!(anna.until(is_final_answer), ben.until(is_final_answer));
    let content = |message| match message {
        ServerMessage::FinalAssistantAnswer { content, .. } => content,
        other => panic!("{other:?}"),
    };
    assert_eq!(content(for_anna), "I heard tone 440.");
    assert_eq!(content(for_ben), "I heard tone 700.");
}

#[tokio::test]
async fn present_callers_are_told_when_the_server_stops() {
    let mut setup = Setup::answering(echo);
    setup.settings.grace = Duration::from_millis(50);
    let mut server = setup.start().await;
    let mut caller = Client::extended(&server).await;
    server.stop.take().expect("it runs").send(()).expect("it runs");
    let close = caller.until_closed().await.expect("it says why");
    assert_eq!(u16::from(close.code), 1001);
    assert_eq!(close.reason, "Server is shutting down");
    server.tasks.join_next().await.expect("it ends").expect("it ends well");
}
