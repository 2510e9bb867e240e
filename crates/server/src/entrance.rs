//! Who asks for `/ws`: sent away, into the waiting room, to a session of their own, or back to the one
//! they lost.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{ConnectInfo, State, WebSocketUpgrade},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::ErrorCode;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::{
    Ready,
    admission::{Permit, Refusal, Waiting},
    comeback::Comeback,
    connection::{Arrival, Connection},
    serve::Shared,
    waiting_room::{self, AT_CAPACITY, Guest, close_full},
};

/// When to ask again a server that loads or stops.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Larger messages end the connection; those above the protocol's limit and below this are
/// refused one by one.
const MAX_MESSAGE: usize = 1 << 20;
/// What each socket is read with: a frame of sound as clients send it. Larger messages take more
/// while they arrive.
const READ_BUFFER: usize = 4 << 10;
/// What a socket may hold that the client has not taken: one message, at most a whole history
/// (256 KiB of words, each byte up to six with its escapes). The writer waits until it is taken.
const WRITE_BUFFER: usize = 2 << 20;

/// Answers a request for `/ws`.
pub(crate) async fn connect(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !origin_allowed(&headers, &shared.settings.allowed_origins) {
        tracing::warn!(%address, "refused a page of another origin");
        let message = "this page's origin may not connect; see `allowed_origins`";
        let error = json!({ "code": "origin_not_allowed", "message": message });
        return refusal(StatusCode::FORBIDDEN, &error);
    }
    if shared.draining.is_cancelled() {
        let error = json!({ "code": "draining", "message": "Server is shutting down" });
        return unavailable(&error, RETRY_AFTER);
    }
    let Some(ready) = shared.ready() else {
        let error = json!({ "code": "loading", "message": "Server is loading its models" });
        return unavailable(&error, RETRY_AFTER);
    };
    let upgrade = upgrade
        .protocols([protocol::SUB_PROTOCOL])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER);
    if let Some(way) = way_back(&shared, &headers) {
        return upgrade.on_upgrade(move |socket| come_back(way, (socket, address)));
    }
    let entered = shared.admission.enter();
    let newcomer = Newcomer { shared, ready, address };
    match entered {
        Ok(permit) => newcomer.admit(permit, upgrade),
        Err(refusal) => keep_out(newcomer, refusal, upgrade),
    }
}

/// The way to the session that the client asks for by its token, if that still waits.
fn way_back(shared: &Shared, headers: &HeaderMap) -> Option<mpsc::Sender<Comeback>> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let mut tokens = offered.filter_map(|offered| protocol::resume_token(offered.to_str().ok()?));
    tokens.find_map(|token| shared.comebacks.way(token))
}

/// The socket goes to its session. If that has ended a moment ago the socket is dropped, and the
/// client begins anew.
async fn come_back(way: mpsc::Sender<Comeback>, comeback: Comeback) {
    let _ = way.send(comeback).await;
}

/// A caller for whom there is no session yet.
struct Newcomer {
    shared: Arc<Shared>,
    ready: Ready,
    address: SocketAddr,
}

/// Who is not let in finds a place in line, or is turned away in the form that they understand.
fn keep_out(newcomer: Newcomer, refusal: Refusal, upgrade: WebSocketUpgrade) -> Response {
    let admission = &newcomer.shared.admission;
    let understands = upgrade.selected_protocol().is_some();
    if let Some(waiting) = understands.then(|| admission.stand_in_line()).flatten() {
        return newcomer.wait(waiting, upgrade);
    }
    admission.turn_away(refusal);
    if understands {
        let tracker = newcomer.shared.tracker.clone();
        return upgrade.on_upgrade(move |socket| tracker.track_future(close_full(socket)));
    }
    let reason = refusal.reason.as_str();
    let error = json!({ "code": ErrorCode::AtCapacity, "reason": reason, "message": AT_CAPACITY });
    unavailable(&error, refusal.retry_after)
}

impl Newcomer {
    fn admit(self, permit: Permit, upgrade: WebSocketUpgrade) -> Response {
        let (number, tracker) = (self.shared.number(), self.shared.tracker.clone());
        upgrade.on_upgrade(move |socket| {
            let serving = self.serve(number, Guest { socket, hello: None, permit });
            tracker.track_future(serving.instrument(span(number)))
        })
    }

    fn wait(self, waiting: Waiting, upgrade: WebSocketUpgrade) -> Response {
        let (number, tracker) = (self.shared.number(), self.shared.tracker.clone());
        upgrade.on_upgrade(move |socket| {
            let waiting_and_serving = async move {
                tracing::info!(address = %self.address, "waiting for a place");
                if let Some(guest) = waiting_room::wait(socket, &self.shared, waiting).await {
                    self.serve(number, guest).await;
                }
            };
            tracker.track_future(waiting_and_serving.instrument(span(number)))
        })
    }

    async fn serve(self, number: u64, guest: Guest) {
        let Guest { socket, hello, permit } = guest;
        let (connection, comebacks) = Connection::new(number, self.shared, self.ready, permit);
        let arrival = Arrival { socket, address: self.address, hello };
        Box::pin(connection.run(arrival, comebacks)).await;
    }
}

fn span(number: u64) -> tracing::Span {
    tracing::info_span!("session", connection = %format_args!("c{number}"))
}

/// Programs send no origin; the server's own page sends the server's host; others must be named.
fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return true };
    let own = origin.split_once("://").map(|(_, host)| host);
    let host = text(header::HOST);
    own == host || allowed.iter().any(|allowed| allowed == "*" || allowed == origin)
}

fn unavailable(error: &Value, retry_after: Duration) -> Response {
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, error);
    // to the whole second, rounded up
    let seconds = retry_after.as_millis().div_ceil(1_000).max(1);
    if let Ok(seconds) = header::HeaderValue::from_str(&seconds.to_string()) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

fn refusal(status: StatusCode, error: &Value) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: Option<&'static str>, list: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, header::HeaderValue::from_static("chat.example:8000"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, header::HeaderValue::from_static(origin));
        }
        origin_allowed(&headers, &list.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn only_named_origins_and_the_own_page_may_connect() {
        assert!(allowed(None, &[]));
        assert!(allowed(Some("http://chat.example:8000"), &[]));
        assert!(!allowed(Some("https://evil.example"), &[]));
        assert!(allowed(Some("https://friend.example"), &["https://friend.example"]));
        assert!(allowed(Some("https://evil.example"), &["*"]));
    }
}
