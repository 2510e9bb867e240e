//! A server in this process, for as long as it is measured.

use std::{
    collections::HashMap,
    future::pending,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result};
use loadtest::Load;
use tokio::{sync::oneshot, time::sleep};

use crate::{commands::serve::Starting, config::Config, store};

/// After the last caller of one part has gone, before the next part begins.
pub(super) const SETTLE: Duration = Duration::from_secs(1);

/// Serves with these settings, at a free port of this machine, until `measure` is done. It gets
/// the URL of `/ws`.
pub(in crate::commands) async fn with_server<T>(
    mut config: Config,
    environment: &HashMap<String, String>,
    measure: impl AsyncFnOnce(String) -> Result<T>,
) -> Result<T> {
    config.server.address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let store = store::open(&config, environment)?;
    let starting = Starting::start(config, store).await?;
    let url = format!("ws://{}/ws", starting.address);
    let mut ready = starting.ready.clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let measuring = async move {
        if ready.wait_for(Option::is_some).await.is_err() {
            // the server is about to say why it could not load
            return pending().await;
        }
        let measured = measure(url).await?;
        drop(stop);
        anyhow::Ok(measured)
    };
    let stop = async { drop(stopped.await) };
    let (measured, ()) = tokio::try_join!(measuring, starting.serve(stop))?;
    Ok(measured)
}

/// A turn that is not counted: the first one finds cold caches.
pub(super) async fn warm_up(load: &Load) -> Result<()> {
    let first = Load { callers: 1, turns: 1, ..load.clone() };
    first.run().await.context("the warm-up failed")?;
    sleep(SETTLE).await;
    Ok(())
}
