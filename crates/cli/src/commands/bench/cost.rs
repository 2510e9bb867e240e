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

/// So many sessions say nothing at once, so that what one of them costs stands out from noise.
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

/// What sessions cost that send silence. What the first one sets up for all counts for none.
#[derive(Debug, Serialize)]
pub(super) struct Idle {
    /// How many there were beside the first.
    callers: usize,
    /// CPU time per second of this process with the first session only.
    first_cpu: f64,
    /// CPU time per second that each further session added.
    session_cpu: f64,
    /// Memory of this process with all sessions, files mapped into it left out.
    memory_bytes: i64,
    /// Memory that each further session added. It may come out negative, where the allocator gave
    /// back more of what was freed before than the sessions took: then it is not known.
    session_memory_bytes: i64,
}

impl Idle {
    /// Measures so many sessions, at least two, at the server in this process.
    pub(super) async fn measure(url: &str, sessions: usize) -> Result<Self> {
        let callers = sessions.saturating_sub(1);
        let mut silent = JoinSet::new();
        connect(&mut silent, url, 1, 2 * (SETTLE + MEASURED) + SETTLE).await?;
        sleep(SETTLE).await;
        let first_cpu = cpu_share().await?;
        let memory_before = anonymous_bytes()?;
        connect(&mut silent, url, callers, SETTLE + MEASURED + SETTLE).await?;
        sleep(SETTLE).await;
        let full_cpu = cpu_share().await?;
        let memory_bytes = anonymous_bytes()?;
        while let Some(done) = silent.join_next().await {
            done.context("a caller panicked")??;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few callers")]
        let session_cpu = (full_cpu - first_cpu) / callers as f64;
        let session_memory_bytes = (memory_bytes - memory_before) / i64::try_from(callers)?;
        Ok(Self { callers, first_cpu, session_cpu, memory_bytes, session_memory_bytes })
    }
}

/// Lets so many callers say nothing for a while.
async fn connect(
    silent: &mut JoinSet<Result<()>>,
    url: &str,
    callers: usize,
    duration: Duration,
) -> Result<()> {
    for _ in 0..callers {
        let mut caller = Caller::connect(url, Rates::default()).await?;
        silent.spawn(async move {
            caller.silence(duration).await?;
            caller.close().await
        });
    }
    Ok(())
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { callers, first_cpu, session_cpu, memory_bytes, session_memory_bytes } = self;
        writeln!(f, "first session   {first_cpu:>8.4} cores of CPU time, silent")?;
        writeln!(
            f,
            "idle session    {session_cpu:>8.4} cores of CPU time, each of {callers} more"
        )?;
        match session_memory_bytes {
            0.. => writeln!(f, "idle session    {:>8} KiB of memory", session_memory_bytes >> 10)?,
            _ => writeln!(f, "idle session     unknown memory: more was given back than taken")?,
        }
        writeln!(
            f,
            "all sessions    {:>8} MiB of memory, mapped files left out",
            memory_bytes >> 20
        )
    }
}

async fn cpu_share() -> Result<f64> {
    let before = CpuTime::now()?;
    sleep(MEASURED).await;
    before.share_since()
}

/// Memory without mapped files: pages of a model that are read or dropped are no session's.
fn anonymous_bytes() -> Result<i64> {
    let status = Process::myself().and_then(|process| process.status());
    let status = status.context("could not read the memory of this process")?;
    let kibibytes = status.rssanon.context("this system does not tell anonymous memory")?;
    Ok(i64::try_from(kibibytes)? * 1024)
}
