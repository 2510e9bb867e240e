//! Admission, refusal, health and readiness.

use protocol::ClientMessage;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::{
    client::{Client, is_final_answer},
    harness::{Setup, TestServer, echo},
};

async fn small_server(max: usize) -> TestServer {
    let mut setup = Setup::answering(echo);
    setup.settings.max_connections = max;
    setup.start().await
}

const UPGRADE: &str = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

#[tokio::test]
async fn the_caller_beyond_the_limit_is_told_so_before_the_upgrade() {
    let server = small_server(1).await;
    let _caller = Client::extended(&server).await;
    let headers = UPGRADE.to_owned();
    let response = server.request("/ws", &headers.replace("Connection", "")).await;
    // the plain request of the harness closes; a real upgrade is refused alike
    assert!(response.starts_with("HTTP/1.1 4") || response.starts_with("HTTP/1.1 503"));
    let refused = tokio_tungstenite::connect_async(format!("ws://{}/ws", server.address)).await;
    let Err(Error::Http(response)) = refused else { panic!("let in: {refused:?}") };
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["Retry-After"], "5");
    let body = String::from_utf8_lossy(response.body().as_deref().unwrap_or_default()).into_owned();
    assert!(body.is_empty() || body.contains("Server at capacity"), "{body}");
    assert!(server.metric("repartee_sessions_refused_total").await >= 1.0);
}

#[tokio::test]
async fn a_page_that_asked_for_it_is_told_on_the_socket() {
    let server = small_server(1).await;
    let _caller = Client::extended(&server).await;
    let mut refused = Client::with_subprotocol(&server).await.expect("it is accepted");
    let message = futures_util::StreamExt::next(&mut refused).await;
    let Some(Ok(Message::Close(Some(close)))) = message else { panic!("{message:?}") };
    assert_eq!(u16::from(close.code), 1008);
    assert_eq!(close.reason, "Server at capacity");
    assert!((server.metric("repartee_sessions_active").await - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_place_is_free_again_when_its_caller_has_left() {
    let server = small_server(1).await;
    for _ in 0..3 {
        let mut caller = Client::extended(&server).await;
        caller.say(&ClientMessage::Text("hello".to_owned())).await;
        caller.until(is_final_answer).await;
        assert_eq!(server.get("/readyz").await.0, 503);
        drop(caller);
        server.until("repartee_sessions_active", 0.0).await;
        assert_eq!(server.get("/readyz").await.0, 200);
    }
    assert!((server.metric("repartee_sessions_max").await - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_silent_caller_who_answers_pings_stays() {
    let mut setup = Setup::answering(echo);
    setup.settings.ping = std::time::Duration::from_millis(50);
    let server = setup.start().await;
    let mut caller = Client::extended(&server).await;
    // many pings long; each is answered as it is read
    caller.drain(std::time::Duration::from_millis(20)).await;
    for _ in 0..20 {
        caller.listen(std::time::Duration::from_millis(50)).await;
    }
    caller.say(&ClientMessage::Text("hello".to_owned())).await;
    caller.until(is_final_answer).await;
}

#[tokio::test]
async fn a_caller_who_gives_no_sign_of_life_is_sent_away() {
    let mut setup = Setup::answering(echo);
    setup.settings.ping = std::time::Duration::from_millis(50);
    let server = setup.start().await;
    // it never reads, so it never answers a ping
    let _caller = Client::extended(&server).await;
    server.until("repartee_sessions_active", 1.0).await;
    server.until("repartee_sessions_active", 0.0).await;
}

#[tokio::test]
async fn a_server_that_loads_is_alive_but_not_ready() {
    let mut setup = Setup::answering(echo);
    setup.loaded = false;
    let server = setup.start().await;
    assert_eq!(server.get("/healthz").await.0, 200);
    let (status, body) = server.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.contains("loading"), "{body}");
    let refused = tokio_tungstenite::connect_async(format!("ws://{}/ws", server.address)).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 503));
}

#[tokio::test]
async fn health_and_metrics_tell_what_is_going_on() {
    let server = small_server(3).await;
    let mut caller = Client::extended(&server).await;
    caller.say(&ClientMessage::Text("hello".to_owned())).await;
    caller.until(is_final_answer).await;
    let (_, health) = server.get("/health").await;
    let health: serde_json::Value = serde_json::from_str(&health).expect("JSON");
    assert_eq!(health["status"], "ok");
    assert_eq!(health["sessions"]["active"], 1);
    assert_eq!(health["sessions"]["max"], 3);
    let (_, metrics) = server.get("/metrics").await;
    for name in [
        "repartee_sessions_active 1",
        "repartee_turns_total 1",
        "repartee_turn_part_seconds_bucket",
        "repartee_process_threads",
        "repartee_process_open_fds",
        "repartee_process_cpu_seconds_total",
        "repartee_process_resident_bytes",
    ] {
        assert!(metrics.contains(name), "{name} is missing in\n{metrics}");
    }
}

#[tokio::test]
async fn the_page_and_its_parts_are_served_as_what_they_are() {
    let server = small_server(1).await;
    let page = server.request("/", "").await;
    assert!(page.contains("text/html") && page.contains("content-security-policy"), "{page}");
    let script = server.request("/capture-worklet.js", "").await;
    assert!(script.contains("text/javascript"));
    assert!(server.request("/static/app.js", "").await.contains("text/javascript"));
    for path in ["/nothing.js", "/../Cargo.toml", "/test/README.md", "/package.json"] {
        assert_eq!(server.get(path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_not_connect() {
    let server = small_server(1).await;
    let headers = format!("{UPGRADE}Origin: https://evil.example\r\n");
    let mut request =
        tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(format!(
            "ws://{}/ws",
            server.address
        ))
        .expect("a request");
    assert!(headers.contains("evil"));
    request.headers_mut().insert("Origin", "https://evil.example".parse().expect("a value"));
    let refused = tokio_tungstenite::connect_async(request).await;
    assert!(matches!(refused, Err(Error::Http(response)) if response.status() == 403));
}
