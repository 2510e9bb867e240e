//! `repartee serve`.

use std::{collections::HashMap, future::pending, net::SocketAddr};

use anyhow::{Context, Result};
use engine::{Monitor, Thread};
use prometheus_client::registry::Registry;
use server::{Ready, Server};
use tokio::{
    net::TcpListener,
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
};

use crate::{args::ServeArgs, config::Config, descriptors, engines, logging, store};

/// Serves until SIGINT or SIGTERM.
pub(crate) fn run(
    mut config: Config,
    args: ServeArgs,
    environment: &HashMap<String, String>,
) -> Result<()> {
    if let Some(address) = args.address {
        config.server.address = address;
    }
    if let Some(folder) = args.record {
        config.server.record = folder;
    }
    logging::start(&config.log)?;
    descriptors::provide(&config.server);
    let store = store::open(&config, environment)?;
    runtime()?.block_on(async { Starting::start(config, store).await?.serve(stop_signal()).await })
}

/// What the server's I/O runs on.
pub(crate) fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("io")
        .build()
        .context("could not start the runtime")
}

/// A server that listens already, so that health checks are answered while the models load.
pub(crate) struct Starting {
    /// Where it listens; with the port that the system chose if the settings have port 0.
    pub(crate) address: SocketAddr,
    /// Becomes `Some` once the models are loaded.
    pub(crate) ready: watch::Receiver<Option<Ready>>,
    listener: TcpListener,
    server: Server,
    loader: Thread,
    /// Looks after the engines as long as they serve.
    monitor: Monitor,
    failed: oneshot::Receiver<anyhow::Error>,
}

impl Starting {
    /// Listens, and begins to load the models.
    pub(crate) async fn start(config: Config, store: models::Store) -> Result<Self> {
        let address = config.server.address;
        let listening = || format!("could not listen on {address}");
        let listener = TcpListener::bind(address).await.with_context(listening)?;
        let address = listener.local_addr().with_context(listening)?;
        let mut registry = Registry::with_prefix("repartee");
        let measurements = engines::Measurements::new(&mut registry);
        let (ready_tx, ready) = watch::channel(None);
        let (failed_tx, failed) = oneshot::channel();
        let server = Server {
            settings: config.server(),
            ready: ready.clone(),
            session_metrics: session::Metrics::new(&mut registry),
            metrics: server::Metrics::new(&mut registry),
            registry,
            version: env!("CARGO_PKG_VERSION"),
        };
        let monitor = Monitor::start(&measurements.engines, config.limits())?;
        let watch = monitor.watch();
        let loader = Thread::start("loader", move || {
            match engines::load(&config, &store, &measurements) {
                Ok(mut ready) => {
                    ready.engines.watch = watch;
                    announce(&ready_tx, ready, address);
                }
                // the receiver lives until the server has stopped
                Err(error) => drop(failed_tx.send(error)),
            }
        })?;
        Ok(Self { address, ready, listener, server, loader, monitor, failed })
    }

    /// Serves until `stop` resolves or a model cannot be loaded.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()>) -> Result<()> {
        let Self { listener, server, loader, monitor, failed, .. } = self;
        let mut failure = None;
        let stop = async {
            tokio::select! {
                // once the models are loaded the sender goes without a word
                Ok(error) = failed => failure = Some(error),
                () = stop => {}
            }
        };
        let result = server::serve(listener, server, stop).await.context("the server failed");
        drop((loader, monitor));
        failure.map_or(result, Err)
    }
}

fn announce(ready_tx: &watch::Sender<Option<Ready>>, ready: Ready, address: SocketAddr) {
    // fails only if the server has stopped already
    let _ = ready_tx.send(Some(ready));
    let host = if address.ip().is_unspecified() || address.ip().is_loopback() {
        "localhost".to_owned()
    } else {
        address.ip().to_string()
    };
    tracing::info!("ready: open http://{host}:{}", address.port());
}

async fn stop_signal() {
    let stream = |kind| signal(kind).ok();
    let (mut interrupt, mut terminate) =
        (stream(SignalKind::interrupt()), stream(SignalKind::terminate()));
    tokio::select! {
        () = received(interrupt.as_mut()) => {}
        () = received(terminate.as_mut()) => {}
    }
}

async fn received(signal: Option<&mut tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => pending().await,
    }
}
