//! How the engines fare, as the door, callers and operators learn of it.

use std::time::Duration;

use engine::{Pressure, Trouble, View, Viewer, Wrong};
use protocol::{ErrorCode, ServerMessage, SessionState};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    client::Client,
    harness::{Setup, TestServer, echo},
    log::Log,
};

/// A server whose engines fare as a test shows.
fn setup() -> (Setup, Viewer) {
    let (viewer, watch) = Viewer::new(View::default());
    let mut setup = Setup::answering(echo);
    setup.watch = watch;
    (setup, viewer)
}

fn under(pressure: Pressure) -> View {
    View { pressure, ..View::default() }
}

fn in_trouble(wrong: Wrong, seconds: u64) -> View {
    let since = Duration::from_secs(seconds);
    let trouble = Trouble { engine: "stt".to_owned(), wrong, since };
    View { troubles: vec![trouble], ..View::default() }
}

/// Waits until `/readyz` gives this reason; `null`: until it is ready.
async fn until_ready_says(server: &TestServer, reason: &str) {
    let wanted = format!("\"reason\":{reason}");
    let reached = async {
        while !server.get("/readyz").await.1.contains(&wanted) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let reached = tokio::time::timeout(crate::harness::DEADLINE, reached).await;
    assert!(reached.is_ok(), "not {reason} but {}", server.get("/readyz").await.1);
}

/// Asks for an upgrade without the sub-protocol; the whole answer, which must be a refusal.
async fn refusal(server: &TestServer) -> String {
    let mut socket = TcpStream::connect(server.address).await.expect("it listens");
    let request = "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: upgrade, close\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.expect("it reads");
    let mut response = String::new();
    socket.read_to_string(&mut response).await.expect("it answers");
    response
}

fn outages(caller: &Client) -> usize {
    let is_outage = |message: &&ServerMessage<'_>| {
        matches!(message, ServerMessage::Error { code: ErrorCode::EngineUnavailable, .. })
    };
    caller.log.iter().filter(is_outage).count()
}

async fn told_of_outage(caller: &mut Client) {
    caller
        .until(|message| {
            matches!(message, ServerMessage::Error { code: ErrorCode::EngineUnavailable, .. })
        })
        .await;
}

#[tokio::test]
async fn a_server_without_headroom_lets_nobody_in_and_says_why() {
    let (setup, viewer) = setup();
    let server = setup.start().await;
    let _caller = Client::extended(&server).await;
    viewer.show(under(Pressure::Full));
    until_ready_says(&server, "\"overloaded\"").await;
    let response = refusal(&server).await;
    assert!(response.starts_with("HTTP/1.1 503"), "{response}");
    assert!(response.to_lowercase().contains("retry-after: 5"), "{response}");
    let body = response.split_once("\r\n\r\n").expect("a body").1;
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    let wanted = serde_json::json!({
        "code": "at_capacity", "reason": "load", "message": "Server at capacity",
    });
    assert_eq!(body["error"], wanted);
    server.until("repartee_sessions_refused_total{reason=\"load\"}", 1.0).await;
    let (_, health) = server.get("/health").await;
    assert!(health.contains("\"status\":\"ok\"") && health.contains("\"pressure\":\"full\""));
    viewer.show(under(Pressure::Busy));
    until_ready_says(&server, "null").await;
    Client::extended(&server).await;
}

#[tokio::test]
async fn a_full_server_says_that_it_is_places_that_lack() {
    let (mut setup, _viewer) = setup();
    setup.settings.max_connections = 1;
    let server = setup.start().await;
    let _caller = Client::extended(&server).await;
    assert!(refusal(&server).await.contains("\"reason\":\"places\""));
    until_ready_says(&server, "\"full\"").await;
}

#[tokio::test]
async fn under_strain_newcomers_come_in_one_by_one() {
    let (mut setup, viewer) = setup();
    setup.settings.waiting_room = 2;
    setup.settings.admit_every = Duration::from_millis(300);
    viewer.show(under(Pressure::Strained));
    let server = setup.start().await;
    until_ready_says(&server, "null").await;
    let asked = tokio::time::Instant::now();
    let _first = Client::extended(&server).await;
    let mut second = Client::hello(&server).await;
    second.until(|message| matches!(message, ServerMessage::Welcome { .. })).await;
    assert!(asked.elapsed() >= Duration::from_millis(300));
    let first = &second.log[0];
    assert!(matches!(first, ServerMessage::Queue { position: 1, .. }), "{first:?}");
}

#[tokio::test]
async fn an_engine_that_is_stuck_is_told_once_and_so_is_that_it_answers_again() {
    let log = Log::capture();
    let (setup, viewer) = setup();
    let server = setup.start().await;
    let mut caller = Client::extended(&server).await;
    viewer.show(in_trouble(Wrong::Stuck, 12));
    told_of_outage(&mut caller).await;
    until_ready_says(&server, "\"engine_stuck\"").await;
    let (_, health) = server.get("/health").await;
    let health: serde_json::Value = serde_json::from_str(&health).expect("JSON");
    assert_eq!(health["status"], "unavailable");
    let wanted = serde_json::json!([{ "engine": "stt", "what": "stuck", "for_seconds": 12 }]);
    assert_eq!(health["troubles"], wanted);
    // it lasts, and is told to who comes meanwhile
    viewer.show(in_trouble(Wrong::Stuck, 13));
    let mut newcomer = Client::plain(&server).await;
    told_of_outage(&mut newcomer).await;
    viewer.show(View::default());
    let is_listening = |message: &ServerMessage<'_>| {
        matches!(message, ServerMessage::State { state: SessionState::Listening })
    };
    caller.until(is_listening).await;
    until_ready_says(&server, "null").await;
    assert_eq!((outages(&caller), outages(&newcomer)), (1, 1));
    let log = log.text();
    assert_eq!(log.matches("an engine is stuck").count(), 1, "{log}");
    assert_eq!(log.matches("the engine answers again").count(), 1, "{log}");
}

#[tokio::test]
async fn an_engine_that_is_lost_makes_the_server_unavailable() {
    let (setup, viewer) = setup();
    let server = setup.start().await;
    let mut caller = Client::extended(&server).await;
    viewer.show(in_trouble(Wrong::Lost, 0));
    told_of_outage(&mut caller).await;
    until_ready_says(&server, "\"engine_lost\"").await;
    assert_eq!(server.get("/healthz").await.0, 200);
}
