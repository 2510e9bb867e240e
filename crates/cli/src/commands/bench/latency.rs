//! How soon spoken turns are answered, and what sessions cost.

use std::{collections::HashMap, fmt, sync::Arc};

use anyhow::Result;
use audio::Frame;
use loadtest::{Load, Rates, Report};
use serde::Serialize;
use tokio::time::sleep;

use super::{
    Machine,
    cost::{self, CpuTime, Idle},
    json,
    own::{SETTLE, warm_up, with_server},
    print, recordings,
};
use crate::{args::LatencyArgs, commands::serve::runtime, config::Config, logging};

/// Measures and prints.
pub(super) fn run(
    config: Config,
    args: &LatencyArgs,
    environment: &HashMap<String, String>,
) -> Result<()> {
    let recordings = recordings(&args.speech)?;
    let clips = recordings.into_iter().map(|recording| recording.sound).collect::<Arc<[_]>>();
    logging::start(&config.log)?;
    let runtime = runtime()?;
    let figures = if let Some(url) = &args.url {
        runtime.block_on(measure_other(url, args, clips))?
    } else {
        runtime.block_on(measure_own(config, environment, args, clips))?
    };
    let text = if args.json { json(&figures)? } else { figures.to_string() };
    print(&text)
}

/// All that was measured.
#[derive(Debug, Serialize)]
struct Figures {
    version: &'static str,
    machine: Machine,
    latency: Report,
    /// What sessions cost; unknown of a server elsewhere.
    cost: Option<Cost>,
}

#[derive(Debug, Serialize)]
struct Cost {
    /// CPU time per second of conversation, of one session.
    talking_cpu: f64,
    idle: Idle,
}

async fn measure_other(url: &str, args: &LatencyArgs, clips: Arc<[Frame]>) -> Result<Figures> {
    let load = load(url, args, clips);
    warm_up(&load).await?;
    let (latency, _) = talk(&load).await?;
    Ok(Figures::of(latency, None))
}

/// Measures a server in this process.
async fn measure_own(
    mut config: Config,
    environment: &HashMap<String, String>,
    args: &LatencyArgs,
    clips: Arc<[Frame]>,
) -> Result<Figures> {
    // two, because the cost of a session is what a second one adds
    let connections = config.server.max_connections.max(args.callers.get()).max(2);
    config.server.max_connections = connections;
    let silent_callers = connections.min(cost::SILENT_CALLERS);
    with_server(config, environment, async |url: String| {
        // before anybody talks: what a conversation frees is given back at some later moment, which
        // would hide what a session takes
        let idle = Idle::measure(&url, silent_callers).await?;
        sleep(SETTLE).await;
        let load = load(&url, args, clips);
        warm_up(&load).await?;
        let (latency, talking_cpu) = talk(&load).await?;
        Ok(Figures::of(latency, Some(Cost { talking_cpu, idle })))
    })
    .await
}

fn load(url: &str, args: &LatencyArgs, clips: Arc<[Frame]>) -> Load {
    Load {
        url: url.to_owned(),
        rates: Rates::default(),
        callers: args.callers.get(),
        turns: args.turns.get(),
        clips,
    }
}

/// Lets the callers talk. Also gives the CPU time that one talking session took of this process
/// per second.
async fn talk(load: &Load) -> Result<(Report, f64)> {
    let before = CpuTime::now()?;
    let exchanges = load.run().await?;
    #[expect(clippy::cast_precision_loss, reason = "a few callers")]
    let talking_cpu = before.share_since()? / load.callers as f64;
    Ok((Report::of(&exchanges), talking_cpu))
}

impl Figures {
    fn of(latency: Report, cost: Option<Cost>) -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), machine: Machine::here(), latency, cost }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, machine, latency, cost } = self;
        writeln!(f, "repartee {version}, {machine}")?;
        write!(f, "{latency}")?;
        let Some(Cost { talking_cpu, idle }) = cost else { return Ok(()) };
        let row = "cores of CPU time";
        writeln!(f, "talking session {talking_cpu:>8.4} {row}, the bench's own work included")?;
        write!(f, "{idle}")
    }
}
