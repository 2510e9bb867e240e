//! The server as a whole: routes, admission to `/ws`, and an orderly stop.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{ConnectInfo, State, WebSocketUpgrade, ws::WebSocket},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt,
};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

use crate::{
    Metrics, Ready, Settings,
    admission::{Admission, Permit},
    comeback::{Comeback, Comebacks},
    connection::{self, Connection},
    health::{self, NotReady},
    web,
};

/// When a refused caller may ask again.
const RETRY_AFTER: &str = "5";
/// Larger messages end the connection; those above the protocol's limit and below this are
/// refused one by one.
const MAX_MESSAGE: usize = 1 << 20;
/// How long a client may take to acknowledge that it was closed.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What a server is made of.
pub struct Server {
    /// Its settings.
    pub settings: Settings,
    /// Becomes `Some` once the models are loaded; until then callers are told to wait.
    pub ready: watch::Receiver<Option<Ready>>,
    /// What `/metrics` shows.
    pub registry: Registry,
    /// The edge's measurements.
    pub metrics: Metrics,
    /// The sessions' measurements.
    pub session_metrics: session::Metrics,
    /// The version that `/health` tells.
    pub version: &'static str,
}

/// What all requests see.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) admission: Admission,
    pub(crate) registry: Registry,
    pub(crate) metrics: Metrics,
    pub(crate) session_metrics: session::Metrics,
    pub(crate) version: &'static str,
    pub(crate) started: Instant,
    pub(crate) comebacks: Comebacks,
    ready: watch::Receiver<Option<Ready>>,
    connections: AtomicU64,
    tracker: TaskTracker,
    /// The server is stopping: no new callers.
    pub(crate) draining: CancellationToken,
    /// The grace period is over: present callers must go.
    pub(crate) closing: CancellationToken,
}

impl Shared {
    pub(crate) fn ready(&self) -> Option<Ready> {
        self.ready.borrow().clone()
    }

    pub(crate) fn not_ready(&self) -> Option<NotReady> {
        if self.draining.is_cancelled() {
            Some(NotReady::Draining)
        } else if self.ready.borrow().is_none() {
            Some(NotReady::Loading)
        } else if self.admission.is_full() {
            Some(NotReady::Full)
        } else {
            None
        }
    }
}

/// Serves on this listener until `shutdown` resolves; then refuses new callers, waits for the
/// present ones for the grace period, closes what is left, and returns when all are gone.
pub async fn serve(
    listener: TcpListener,
    server: Server,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let shared = Arc::new(Shared {
        admission: Admission::new(server.settings.max_connections, server.metrics.clone()),
        settings: server.settings,
        registry: server.registry,
        metrics: server.metrics,
        session_metrics: server.session_metrics,
        version: server.version,
        started: Instant::now(),
        comebacks: Comebacks::default(),
        ready: server.ready,
        connections: AtomicU64::new(0),
        tracker: TaskTracker::new(),
        draining: CancellationToken::new(),
        closing: CancellationToken::new(),
    });
    // without this the kernel holds small packets back: each frame of sound would wait for an ack
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not switch Nagle's algorithm off");
        }
    });
    let routes = routes(Arc::clone(&shared)).into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        result = axum::serve(listener, routes) => result,
        () = async { shutdown.await; drain(&shared).await } => Ok(()),
    }
}

/// While this runs the listener still answers: health checks, and refusals to new callers.
async fn drain(shared: &Shared) {
    let callers = shared.admission.active();
    tracing::info!(callers, "stopping: no new callers");
    shared.draining.cancel();
    shared.tracker.close();
    if tokio::time::timeout(shared.settings.grace, shared.tracker.wait()).await.is_err() {
        let callers = shared.admission.active();
        tracing::warn!(callers, "grace period over: closing the connections");
        shared.closing.cancel();
        let _ = tokio::time::timeout(2 * CLOSE_TIMEOUT, shared.tracker.wait()).await;
    }
    tracing::info!("all callers have gone");
}

fn routes(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/ws", get(connect))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/health", get(health::health))
        .route("/metrics", get(health::metrics))
        .fallback(get(async |uri: Uri| web::file(uri.path())))
        .with_state(shared)
}

async fn connect(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !origin_allowed(&headers, &shared.settings.allowed_origins) {
        tracing::warn!(%address, "refused a page of another origin");
        let message = "this page's origin may not connect; see `allowed_origins`";
        return refusal(StatusCode::FORBIDDEN, "origin_not_allowed", message);
    }
    if shared.draining.is_cancelled() {
        return unavailable("draining", "Server is shutting down");
    }
    let Some(ready) = shared.ready() else {
        return unavailable("loading", "Server is loading its models");
    };
    let upgrade = upgrade
        .protocols([protocol::SUB_PROTOCOL])
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    if let Some(way) = way_back(&shared, &headers) {
        return upgrade.on_upgrade(move |socket| come_back(way, (socket, address)));
    }
    match shared.admission.admit() {
        Some(permit) => admit(&shared, ready, permit, address, upgrade),
        None if upgrade.selected_protocol().is_some() => {
            let tracker = shared.tracker.clone();
            upgrade.on_upgrade(move |socket| tracker.track_future(connection::refuse(socket)))
        }
        None => unavailable("at_capacity", connection::AT_CAPACITY),
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

fn admit(
    shared: &Arc<Shared>,
    ready: Ready,
    permit: Permit,
    address: SocketAddr,
    upgrade: WebSocketUpgrade,
) -> Response {
    let shared = Arc::clone(shared);
    let number = shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
    let tracker = shared.tracker.clone();
    upgrade.on_upgrade(move |socket: WebSocket| {
        let span = tracing::info_span!("session", connection = %format_args!("c{number}"));
        let (connection, comebacks) = Connection::new(number, shared, ready, permit);
        tracker.track_future(connection.run((socket, address), comebacks).instrument(span))
    })
}

/// Programs send no origin; the server's own page sends the server's host; others must be named.
fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = text(header::ORIGIN) else { return true };
    let own = origin.split_once("://").map(|(_, host)| host);
    let host = text(header::HOST);
    own == host || allowed.iter().any(|allowed| allowed == "*" || allowed == origin)
}

fn unavailable(code: &str, message: &str) -> Response {
    let mut response = refusal(StatusCode::SERVICE_UNAVAILABLE, code, message);
    let retry_after = header::HeaderValue::from_static(RETRY_AFTER);
    response.headers_mut().insert(header::RETRY_AFTER, retry_after);
    response
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response()
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
