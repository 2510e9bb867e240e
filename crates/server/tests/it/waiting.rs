//! Who is waited for, how long, and who is let in.

use std::time::Duration;

use protocol::{ClientMessage, ServerMessage};
use tokio_tungstenite::tungstenite::Error;

use crate::{
    client::{Client, INPUT_RATE, is_final_request},
    harness::{Setup, TestServer, VOICE_RATE, long},
    log::Log,
    resume::{ACTIVE, AWAY, listening, lose_and_come_back, setup},
};

/// Whether this token brings a conversation back. If not, the new one is ended at once.
async fn is_good(server: &TestServer, token: &str) -> bool {
    let mut caller = Client::with_token(server, token).await;
    caller.leave(1000).await;
    caller.is_resumed()
}

#[tokio::test]
async fn a_page_that_is_reloaded_is_waited_for() {
    let server = setup().start().await;
    let mut caller = listening(&server, VOICE_RATE, 8_000).await;
    caller.leave(1001).await;
    server.until(AWAY, 1.0).await;
    caller.come_back(&server).await;
    assert!(caller.is_resumed());
    server.until(AWAY, 0.0).await;
}

#[tokio::test]
async fn a_caller_who_ends_the_conversation_is_not_waited_for() {
    let server = setup().start().await;
    let mut caller = listening(&server, VOICE_RATE, 8_000).await;
    let token = caller.token().expect("there is one");
    caller.leave(1000).await;
    server.until(ACTIVE, 0.0).await;
    assert!(server.metric(AWAY).await.abs() < f64::EPSILON);
    assert!(!is_good(&server, &token).await);
}

#[tokio::test]
async fn a_token_is_good_once_and_no_other_is_good() {
    let server = setup().start().await;
    let mut caller = Client::at_rate(&server, VOICE_RATE).await;
    let first = caller.token().expect("there is one");
    lose_and_come_back(&mut caller, &server).await;
    assert!(!is_good(&server, &first).await, "it was used");
    assert!(!is_good(&server, "00112233445566778899aabbccddeeff").await, "nobody was given it");
    for none in ["", "0011", "00112233445566778899AABBCCDDEEFF"] {
        assert!(!is_good(&server, none).await, "{none} is no token");
    }
    // none of this has disturbed the caller
    lose_and_come_back(&mut caller, &server).await;
}

#[tokio::test]
async fn who_fails_to_come_back_may_try_again() {
    let server = setup().start().await;
    let mut caller = listening(&server, VOICE_RATE, 8_000).await;
    caller.lose().await;
    server.until(AWAY, 1.0).await;
    // the network breaks again before the hello, and the server does not notice
    let _stuck = caller.try_to_come_back(&server).await;
    server.until(AWAY, 0.0).await;
    // or does
    drop(caller.try_to_come_back(&server).await);
    server.until(AWAY, 1.0).await;
    caller.come_back(&server).await;
    assert!(caller.is_resumed());
}

#[tokio::test]
async fn a_full_server_has_room_for_those_who_come_back_and_for_nobody_else() {
    let mut setup = setup();
    setup.settings.max_connections = 1;
    let server = setup.start().await;
    let mut caller = listening(&server, VOICE_RATE, 8_000).await;
    caller.lose().await;
    server.until(AWAY, 1.0).await;
    let stranger = tokio_tungstenite::connect_async(format!("ws://{}/ws", server.address)).await;
    let Err(Error::Http(response)) = stranger else { panic!("let in: {stranger:?}") };
    assert_eq!(response.status(), 503);
    caller.come_back(&server).await;
    assert!(caller.is_resumed());
}

#[tokio::test]
async fn nothing_stays_when_the_time_is_over() {
    let mut setup = setup();
    setup.settings.resume = Duration::from_millis(200);
    setup.settings.max_connections = 1;
    let model = setup.llm.clone();
    let server = setup.start().await;
    let mut caller = listening(&server, VOICE_RATE, 8_000).await;
    assert!(matches!(caller.welcome(), ServerMessage::Welcome { resume_within_ms: 200, .. }));
    caller.lose().await;
    server.until(AWAY, 1.0).await;
    server.until(ACTIVE, 0.0).await;
    assert!(server.metric(AWAY).await.abs() < f64::EPSILON);
    caller.come_back(&server).await;
    assert!(!caller.is_resumed(), "a new session");
    caller.say(&ClientMessage::Text("again".to_owned())).await;
    caller.until(is_final_request).await;
    caller.until_sound().await;
    assert_eq!(model.asked()[1].len(), 2, "the old conversation is forgotten");
}

#[tokio::test]
async fn a_server_that_stops_waits_for_nobody() {
    let mut server = setup().start().await;
    let mut caller = listening(&server, VOICE_RATE, 8_000).await;
    caller.lose().await;
    server.until(AWAY, 1.0).await;
    let asked = tokio::time::Instant::now();
    server.stop.take().expect("it runs").send(()).expect("it runs");
    server.tasks.join_next().await.expect("it ends").expect("it ends well");
    assert!(asked.elapsed() < Duration::from_secs(3), "no grace for who is not there");
}

#[tokio::test]
async fn a_server_that_keeps_no_sessions_gives_no_token() {
    let server = Setup::answering(long).start().await;
    let mut caller = listening(&server, INPUT_RATE, 8_000).await;
    let welcome = caller.welcome();
    assert!(
        matches!(
            welcome,
            ServerMessage::Welcome { resume: None, resume_within_ms: 0, resumed: false, .. }
        ),
        "{welcome:?}"
    );
    caller.lose().await;
    server.until(ACTIVE, 0.0).await;
    assert!(server.metric(AWAY).await.abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_page_that_never_said_hello_is_not_waited_for() {
    let server = setup().start().await;
    let mut page = Client::plain(&server).await;
    page.say(&ClientMessage::Text("go on".to_owned())).await;
    page.until_sound().await;
    page.lose().await;
    server.until(ACTIVE, 0.0).await;
}

#[tokio::test]
async fn tokens_are_never_logged() {
    let log = Log::capture();
    let server = setup().start().await;
    let mut caller = listening(&server, VOICE_RATE, 8_000).await;
    let mut tokens = vec![caller.token().expect("there is one")];
    lose_and_come_back(&mut caller, &server).await;
    tokens.extend(caller.token());
    caller.come_back(&server).await;
    tokens.extend(caller.token());
    assert!(!is_good(&server, &tokens[0]).await);
    caller.leave(1000).await;
    server.until(ACTIVE, 0.0).await;
    let log = log.text();
    assert!(log.contains("waiting for the caller to come back"), "{log}");
    assert!(log.contains("the caller is back"), "{log}");
    for token in tokens {
        assert!(!log.contains(&token), "{token} in {log}");
    }
}
