//! What sessions cost this process, in which the server runs as well as the callers.

use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use loadtest::{Caller, Rates};
use procfs::process::Process;
use serde::Serialize;
use tokio::{task::JoinSet, time::sleep};

/// So many callers say nothing at once, so that what one of them costs stands out from noise.
pub(super) const SILENT_CALLERS: usize = 8;
/// How long CPU time is measured.
const MEASURED: Duration = Duration::from_secs(5);
/// How long sessions take to be set up for good.
const SETTLE: Duration = Duration::from_secs(1);

/// The CPU time of this process at a moment.
pub(super) struct CpuTime {
    at: Instant,
    seconds: f64,
}

impl CpuTime {
    pub(super) fn now() -> Result<Self> {
        let stat = Process::myself().and_then(|process| process.stat());
        let stat = stat.context("could not read the CPU time of this process")?;
        #[expect(clippy::cast_precision_loss, reason = "hundredths of seconds")]
        let seconds = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
        Ok(Self { at: Instant::now(), seconds })
    }

    /// CPU time per second since then: 1.0 is one core.
    pub(super) fn share_since(&self) -> Result<f64> {
        let Self { at, seconds } = Self::now()?;
        Ok((seconds - self.seconds) / (at - self.at).as_secs_f64())
    }
}

/// What sessions cost that send silence.
#[derive(Debug, Serialize)]
pub(super) struct Idle {
    /// How many there were.
    callers: usize,
    /// CPU time per second of this process without any session.
    empty_cpu: f64,
    /// CPU time per second that each session adds.
    session_cpu: f64,
    /// Memory of this process with all sessions.
    memory_bytes: u64,
    /// Memory that each session added.
    session_memory_bytes: u64,
}

impl Idle {
    /// Measures them at the server in this process.
    pub(super) async fn measure(url: &str, callers: usize) -> Result<Self> {
        let empty_cpu = cpu_share().await?;
        let memory_before = resident_bytes()?;
        let mut silent = JoinSet::new();
        for _ in 0..callers {
            let mut caller = Caller::connect(url, Rates::default()).await?;
            silent.spawn(async move {
                caller.silence(SETTLE + MEASURED + SETTLE).await?;
                caller.close().await
            });
        }
        sleep(SETTLE).await;
        let full_cpu = cpu_share().await?;
        let memory_bytes = resident_bytes()?;
        while let Some(done) = silent.join_next().await {
            done.context("a caller panicked")??;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few callers")]
        let session_cpu = (full_cpu - empty_cpu) / callers as f64;
        let session_memory_bytes = memory_bytes.saturating_sub(memory_before) / callers as u64;
        Ok(Self { callers, empty_cpu, session_cpu, memory_bytes, session_memory_bytes })
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { callers, empty_cpu, session_cpu, memory_bytes, session_memory_bytes } = self;
        let (memory, session_memory) = (memory_bytes >> 20, session_memory_bytes >> 10);
        writeln!(f, "idle session    {session_cpu:>8.4} cores of CPU time, one of {callers}")?;
        writeln!(f, "no session      {empty_cpu:>8.4} cores of CPU time")?;
        writeln!(f, "idle session    {session_memory:>8} KiB of memory")?;
        writeln!(f, "{callers} idle sessions {memory:>8} MiB of memory in all")
    }
}

async fn cpu_share() -> Result<f64> {
    let before = CpuTime::now()?;
    sleep(MEASURED).await;
    before.share_since()
}

fn resident_bytes() -> Result<u64> {
    let stat = Process::myself().and_then(|process| process.stat());
    let stat = stat.context("could not read the memory of this process")?;
    Ok(stat.rss * procfs::page_size())
}
