//! `repartee bench`.

mod cost;

use std::{
    collections::HashMap,
    fmt,
    future::pending,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use audio::Frame;
use loadtest::{Load, Rates, Report, read_clips};
use procfs::{CpuInfo, Current};
use serde::Serialize;
use tokio::{sync::oneshot, time::sleep};

use self::cost::{CpuTime, Idle};
use crate::{
    args::BenchArgs,
    commands::serve::{Starting, runtime},
    config::Config,
    logging, store,
};

/// After the last caller of one part has gone, before the next part begins.
const SETTLE: Duration = Duration::from_secs(1);

/// Measures and prints.
pub(crate) fn run(
    config: Config,
    args: &BenchArgs,
    environment: &HashMap<String, String>,
) -> Result<()> {
    ensure!(
        !args.speech.is_empty(),
        "the callers have nothing to say: name recordings (WAV files, or folders of them) with \
         --speech PATH"
    );
    let clips = read_clips(&args.speech)?.into_iter().map(|(_, clip)| clip).collect::<Arc<[_]>>();
    ensure!(!clips.is_empty(), "there are no WAV files in the folders named with --speech");
    logging::start(&config.log)?;
    let runtime = runtime()?;
    let figures = if let Some(url) = &args.url {
        runtime.block_on(measure_other(url, args, clips))?
    } else {
        let store = store::open(&config, environment)?;
        runtime.block_on(measure_own(config, store, args, clips))?
    };
    print(&figures, args.json)
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
struct Machine {
    processor: String,
    cores: usize,
}

#[derive(Debug, Serialize)]
struct Cost {
    /// CPU time per second of conversation, of one session.
    talking_cpu: f64,
    idle: Idle,
}

async fn measure_other(url: &str, args: &BenchArgs, clips: Arc<[Frame]>) -> Result<Figures> {
    let load = warm_up(url, args, clips).await?;
    let (latency, _) = talk(&load).await?;
    Ok(Figures {
        version: env!("CARGO_PKG_VERSION"),
        machine: Machine::here(),
        latency,
        cost: None,
    })
}

/// Measures a server in this process.
async fn measure_own(
    mut config: Config,
    store: models::Store,
    args: &BenchArgs,
    clips: Arc<[Frame]>,
) -> Result<Figures> {
    config.server.address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    // two, because the cost of a session is what a second one adds
    let connections = config.server.max_connections.max(args.callers.get()).max(2);
    config.server.max_connections = connections;
    let silent_callers = connections.min(cost::SILENT_CALLERS);
    let starting = Starting::start(config, store).await?;
    let url = format!("ws://{}/ws", starting.address);
    let mut ready = starting.ready.clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let measuring = async move {
        if ready.wait_for(Option::is_some).await.is_err() {
            // the server is about to say why it could not load
            return pending().await;
        }
        // before anybody talks: what a conversation frees is given back at some later moment, which
        // would hide what a session takes
        let idle = Idle::measure(&url, silent_callers).await?;
        sleep(SETTLE).await;
        let load = warm_up(&url, args, clips).await?;
        let (latency, talking_cpu) = talk(&load).await?;
        drop(stop);
        let cost = Some(Cost { talking_cpu, idle });
        let machine = Machine::here();
        anyhow::Ok(Figures { version: env!("CARGO_PKG_VERSION"), machine, latency, cost })
    };
    let stop = async { drop(stopped.await) };
    let (figures, ()) = tokio::try_join!(measuring, starting.serve(stop))?;
    Ok(figures)
}

/// What the callers will do, after a turn that is not counted: the first one finds cold caches.
async fn warm_up(url: &str, args: &BenchArgs, clips: Arc<[Frame]>) -> Result<Load> {
    let url = url.to_owned();
    let first = Load { url, rates: Rates::default(), callers: 1, turns: 1, clips };
    first.run().await.context("the warm-up failed")?;
    sleep(SETTLE).await;
    Ok(Load { callers: args.callers.get(), turns: args.turns.get(), ..first })
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

impl Machine {
    fn here() -> Self {
        let processor = CpuInfo::current().ok();
        let processor = processor.and_then(|cpu| cpu.model_name(0).map(str::to_owned));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { processor: processor.unwrap_or_else(|| "unknown processor".to_owned()), cores }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, machine: Machine { processor, cores }, latency, cost } = self;
        writeln!(f, "repartee {version}, {cores} cores of {processor}")?;
        write!(f, "{latency}")?;
        let Some(Cost { talking_cpu, idle }) = cost else { return Ok(()) };
        let row = "cores of CPU time";
        writeln!(f, "talking session {talking_cpu:>8.4} {row}, the bench's own work included")?;
        write!(f, "{idle}")
    }
}

fn print(figures: &Figures, json: bool) -> Result<()> {
    let text = if json {
        serde_json::to_string_pretty(figures).context("could not write JSON")? + "\n"
    } else {
        figures.to_string()
    };
    // `print!` would panic when whoever reads has seen enough
    std::io::stdout().write_all(text.as_bytes()).context("could not print the figures")
}
