//! `repartee serve`.

use std::{collections::HashMap, future::pending};

use anyhow::{Context, Result};
use engine::Thread;
use prometheus_client::registry::Registry;
use server::{Ready, Server};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{args::ServeArgs, config::Config, engines, logging, store};

/// Serves until SIGINT or SIGTERM.
pub(crate) fn run(
    mut config: Config,
    args: ServeArgs,
    environment: &HashMap<String, String>,
) -> Result<()> {
    if let Some(address) = args.address {
        config.server.address = address;
    }
    logging::start(&config.log)?;
    let store = store::open(&config, environment)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("io")
        .build()
        .context("could not start the runtime")?;
    runtime.block_on(serve(config, store))
}

/// Listens at once, so that health checks are answered while the models load.
async fn serve(config: Config, store: models::Store) -> Result<()> {
    let listener = TcpListener::bind(config.server.address)
        .await
        .with_context(|| format!("could not listen on {}", config.server.address))?;
    // the port is chosen by the system if the settings say 0
    let address = listener.local_addr().context("the listener has no address")?;
    let mut registry = Registry::with_prefix("repartee");
    let engine_metrics = engine::Metrics::new(&mut registry);
    let (ready_tx, ready) = watch::channel(None);
    let (failed_tx, failed) = tokio::sync::oneshot::channel();
    let server = Server {
        settings: config.server(),
        ready,
        session_metrics: session::Metrics::new(&mut registry),
        metrics: server::Metrics::new(&mut registry),
        registry,
        version: env!("CARGO_PKG_VERSION"),
    };
    let loader = Thread::start("loader", move || {
        match engines::load(&config, &store, &engine_metrics) {
            Ok(ready) => announce(&ready_tx, ready, address),
            // the receiver lives until the server has stopped
            Err(error) => drop(failed_tx.send(error)),
        }
    })?;
    let mut failure = None;
    let stop = async {
        tokio::select! {
            error = failed => match error {
                Ok(error) => failure = Some(error),
                // loaded: the sender has gone without a word
                Err(_) => stop_signal().await,
            },
            () = stop_signal() => {}
        }
    };
    let result = server::serve(listener, server, stop).await.context("the server failed");
    drop(loader);
    failure.map_or(result, Err)
}

fn announce(ready_tx: &watch::Sender<Option<Ready>>, ready: Ready, address: std::net::SocketAddr) {
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
