//! `repartee bench idle`: what callers take who say nothing.

mod silent;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep},
};
use toml::Table;

use super::{
    Machine,
    child::{Server, Taken},
    json, print,
    table::Table as Figures,
};
use crate::{args::IdleArgs, commands::serve::runtime, config::Config, descriptors};

use silent::{Silent, room_tone};

/// So many connect at the same time.
const CONNECTING: usize = 64;
/// Until what connecting took is given back.
const SETTLE_MUTED: Duration = Duration::from_secs(5);
/// Until the voice activity model rests as well, which takes 30 s of silence.
const SETTLE_OPEN: Duration = Duration::from_secs(45);
/// How long CPU time is measured: a ping of every caller falls into it.
const MEASURED: Duration = Duration::from_secs(20);

/// Measures and prints.
pub(super) fn run(config: &Config, file: Option<&Path>, args: &IdleArgs) -> Result<()> {
    let runtime = runtime()?;
    let mut measured = Vec::new();
    for callers in args.callers.iter().map(|callers| callers.get()) {
        let mut server = config.server.clone();
        server.max_connections = callers;
        descriptors::provide(&server);
        measured.push(runtime.block_on(measure(file, callers, args.muted))?);
    }
    let all = All { version: env!("CARGO_PKG_VERSION"), machine: Machine::here(), measured };
    print(&if args.form.json { json(&all)? } else { table(&all.measured).text(args.form) })
}

#[derive(Debug, Serialize)]
struct All {
    version: &'static str,
    machine: Machine,
    measured: Vec<Measured>,
}

/// So many callers who said nothing.
#[derive(Debug, Serialize)]
struct Measured {
    callers: usize,
    /// They sent nothing.
    muted: bool,
    /// Were not let in, or lost the connection.
    failed: usize,
    /// From the first call to the last welcome, in seconds.
    connecting: f64,
    /// CPU time per second of the server with nobody: 1.0 is one core.
    cpu_before: f64,
    /// The same with all of them.
    cpu: f64,
    /// Memory that each of them added, in bytes.
    memory_each: i64,
    taken: Taken,
    descriptors: usize,
}

async fn measure(file: Option<&Path>, callers: usize, muted: bool) -> Result<Measured> {
    let mut server = Server::start(file, &settings(callers))?;
    server.ready().await?;
    sleep(SETTLE_MUTED).await;
    let cpu_before = cpu(&server).await?;
    let before = server.taken()?;
    let (hang_up, hung_up) = watch::channel(());
    let began = Instant::now();
    let (mut present, mut failed) = connect(&server.url, callers, muted, &hung_up).await?;
    let connecting = began.elapsed().as_secs_f64();
    sleep(if muted { SETTLE_MUTED } else { SETTLE_OPEN }).await;
    let cpu = cpu(&server).await?;
    let (taken, descriptors) = (server.taken()?, server.descriptors()?);
    drop(hang_up);
    let staying = present.len();
    while let Some(done) = present.join_next().await {
        failed += usize::from(done.context("a caller panicked")?.is_err());
    }
    ensure!(staying > 0, "nobody was let in");
    let added = i64::try_from(taken.anonymous)? - i64::try_from(before.anonymous)?;
    let memory_each = added / i64::try_from(staying)?;
    Ok(Measured {
        callers,
        muted,
        failed,
        connecting,
        cpu_before,
        cpu,
        memory_each,
        taken,
        descriptors,
    })
}

/// Room for all, whatever the load: here it is looked at, not avoided.
fn settings(callers: usize) -> Table {
    let text = format!(
        "[server]\nmax_connections = {}\nmax_busy = 1e9\nmax_lateness = 1e9\nadmit_every = \"0s\"",
        callers + 1
    );
    text.parse().unwrap_or_default()
}

/// Those who were let in, each until the server or the measurement is over, and how many were not.
async fn connect(
    url: &str,
    callers: usize,
    muted: bool,
    hung_up: &watch::Receiver<()>,
) -> Result<(JoinSet<Result<()>>, usize)> {
    let frame = (!muted).then(room_tone);
    let at_once = Arc::new(Semaphore::new(CONNECTING));
    let mut calls = JoinSet::new();
    let mut present = JoinSet::new();
    for _ in 0..callers {
        let (url, at_once) = (url.to_owned(), Arc::clone(&at_once));
        calls.spawn(async move {
            let _turn = at_once.acquire().await?;
            Silent::call(&url).await
        });
    }
    let mut failed = 0;
    while let Some(call) = calls.join_next().await {
        match call.context("a caller panicked")? {
            // from now on, so that nobody's connection waits for the others
            Ok(silent) => drop(present.spawn(silent.stay(frame.clone(), hung_up.clone()))),
            Err(_) => failed += 1,
        }
    }
    Ok((present, failed))
}

async fn cpu(server: &Server) -> Result<f64> {
    let (before, began) = (server.taken()?, Instant::now());
    sleep(MEASURED).await;
    Ok((server.taken()?.cpu - before.cpu) / began.elapsed().as_secs_f64())
}

fn table(measured: &[Measured]) -> Figures {
    let mut table = Figures::new([
        "silent callers",
        "failed",
        "connecting, s",
        "memory each, KiB",
        "CPU, % of a core",
        "without callers",
        "threads",
        "descriptors",
    ]);
    for it in measured {
        let name = format!("{} {}", it.callers, if it.muted { "muted" } else { "open" });
        table.row(
            name,
            [
                it.failed.to_string(),
                format!("{:.1}", it.connecting),
                (it.memory_each >> 10).to_string(),
                format!("{:.1}", it.cpu * 100.0),
                format!("{:.1}", it.cpu_before * 100.0),
                it.taken.threads.to_string(),
                it.descriptors.to_string(),
            ],
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_for_silent_callers_has_room_for_all() {
        let settings = settings(1_000);
        assert_eq!(settings["server"]["max_connections"].as_integer(), Some(1_001));
    }

    #[test]
    fn each_run_is_a_row() {
        let measured = Measured {
            callers: 1_000,
            muted: true,
            failed: 2,
            connecting: 1.25,
            cpu_before: 0.011,
            cpu: 0.021,
            memory_each: 100 << 10,
            taken: Taken { threads: 14, ..Taken::default() },
            descriptors: 1_040,
        };
        let form = crate::args::Form { json: false, markdown: true };
        let text = table(&[measured]).text(form);
        assert!(text.contains("| 1000 muted | 2 | 1.2 | 100 | 2.1 | 1.1 | 14 | 1040 |"), "{text}");
    }
}
