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

use axum::{Router, http::Uri, routing::get, serve::ListenerExt};
use engine::{Trouble, Watch, Wrong};
use prometheus_client::registry::Registry;
use tokio::{net::TcpListener, sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Metrics, Ready, Settings,
    admission::{Admission, Reason},
    comeback::Comebacks,
    entrance,
    health::{self, NotReady},
    watchman, web,
};

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
    /// Whether an engine does not answer, so that no answer comes.
    pub(crate) outage: watch::Sender<bool>,
    pub(crate) tracker: TaskTracker,
    ready: watch::Receiver<Option<Ready>>,
    connections: AtomicU64,
    /// The server is stopping: no new callers.
    pub(crate) draining: CancellationToken,
    /// The grace period is over: present callers must go.
    pub(crate) closing: CancellationToken,
}

impl Shared {
    pub(crate) fn ready(&self) -> Option<Ready> {
        self.ready.borrow().clone()
    }

    /// What the engines are watched by, once they are loaded.
    pub(crate) async fn watch(&self) -> Option<Watch> {
        let mut ready = self.ready.clone();
        let ready = ready.wait_for(Option::is_some).await.ok()?;
        ready.as_ref().map(|ready| ready.engines.watch.clone())
    }

    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        self.ready.borrow().as_ref().map(|ready| ready.engines.watch.troubles()).unwrap_or_default()
    }

    pub(crate) fn not_ready(&self) -> Option<NotReady> {
        if self.draining.is_cancelled() {
            return Some(NotReady::Draining);
        }
        if self.ready.borrow().is_none() {
            return Some(NotReady::Loading);
        }
        let troubles = self.troubles();
        if troubles.iter().any(|trouble| trouble.wrong == Wrong::Lost) {
            return Some(NotReady::EngineLost);
        }
        if !troubles.is_empty() {
            return Some(NotReady::EngineStuck);
        }
        self.admission.keeps_out().map(|reason| match reason {
            Reason::Places => NotReady::Full,
            Reason::Load => NotReady::Overloaded,
        })
    }

    /// The number of the next connection.
    pub(crate) fn number(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
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
        admission: Admission::new(&server.settings, server.metrics.clone()),
        settings: server.settings,
        registry: server.registry,
        metrics: server.metrics,
        session_metrics: server.session_metrics,
        version: server.version,
        started: Instant::now(),
        comebacks: Comebacks::default(),
        outage: watch::Sender::new(false),
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
        () = shared.admission.attend() => Ok(()),
        () = watchman::watch(&shared) => Ok(()),
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
        .route("/ws", get(entrance::connect))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/health", get(health::health))
        .route("/metrics", get(health::metrics))
        .fallback(get(async |uri: Uri| web::file(uri.path())))
        .with_state(shared)
}
