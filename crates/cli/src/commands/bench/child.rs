//! A server in a process of its own, so that what it takes is not mixed with what measuring takes.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use loadtest::{Caller, Rates};
use procfs::process::Process;
use serde::Serialize;
use tempfile::NamedTempFile;
use tokio::time::{Instant, sleep};
use toml::{Table, Value};

/// Loading models takes no longer than this where the machine has any room for them.
const PATIENCE: Duration = Duration::from_mins(3);
/// How often it is tried whether the server is ready.
const EVERY: Duration = Duration::from_millis(200);

/// A server that runs until this is dropped.
pub(super) struct Server {
    process: Child,
    /// Its `/ws`.
    pub(super) url: String,
    // the process reads it while it starts
    _settings: NamedTempFile,
}

/// What servers take of the machine.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Taken {
    /// Memory in bytes; pages that several processes share are counted once, in parts.
    pub(super) memory: u64,
    /// Memory in bytes that is not a mapped file.
    pub(super) anonymous: u64,
    /// Threads.
    pub(super) threads: u64,
    /// CPU time since the start, in seconds.
    pub(super) cpu: f64,
}

impl Server {
    /// Starts a server at a free port with the settings of `file` and, before them, `settings`.
    pub(super) fn start(file: Option<&Path>, settings: &Table) -> Result<Self> {
        let address = free_address()?;
        let mut all = own_settings(file)?;
        merge(&mut all, settings);
        let written = NamedTempFile::with_suffix(".toml").context("no room for settings")?;
        std::fs::write(written.path(), all.to_string()).context("could not write settings")?;
        let program = std::env::current_exe().context("this program has no path")?;
        let process = Command::new(program)
            .args(["serve", "--address", &address.to_string(), "--config"])
            .arg(written.path())
            .env("LOG_LEVEL", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("could not start a server")?;
        Ok(Self { process, url: format!("ws://{address}/ws"), _settings: written })
    }

    /// Waits until callers are let in.
    pub(super) async fn ready(&mut self) -> Result<()> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            match Caller::connect(&self.url, Rates::default()).await {
                Ok(caller) => return caller.close().await,
                Err(error) if Instant::now() > give_up => {
                    return Err(error.context("the server did not get ready"));
                }
                Err(_) => {}
            }
            if let Some(status) = self.process.try_wait().context("the server is lost")? {
                bail!("the server ended while it loaded: {status}");
            }
            sleep(EVERY).await;
        }
    }

    /// Files and sockets that it has open.
    pub(super) fn descriptors(&self) -> Result<usize> {
        self.process()?.fd_count().context("could not read the server's open files")
    }

    /// What it takes.
    pub(super) fn taken(&self) -> Result<Taken> {
        let process = self.process()?;
        let status = process.status().context("could not read what the server takes")?;
        let stat = process.stat().context("could not read what the server takes")?;
        let maps = process.smaps_rollup().context("could not read the server's memory")?;
        let rollup = maps.memory_map_rollup.into_iter().next();
        let memory = rollup.and_then(|map| map.extension.map.get("Pss").copied()).unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "hundredths of seconds")]
        let cpu = (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64;
        let anonymous =
            status.rssanon.context("this system does not tell anonymous memory")? * 1024;
        Ok(Taken { memory, anonymous, threads: status.threads, cpu })
    }

    fn process(&self) -> Result<Process> {
        let id = i32::try_from(self.process.id()).context("it has no process id")?;
        Process::new(id).context("the server has gone")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl std::iter::Sum for Taken {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            memory: sum.memory + one.memory,
            anonymous: sum.anonymous + one.anonymous,
            threads: sum.threads + one.threads,
            cpu: sum.cpu + one.cpu,
        })
    }
}

/// A moment later somebody else may have taken it; then the server says so and ends.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    listener.local_addr().context("no port is free")
}

fn own_settings(file: Option<&Path>) -> Result<Table> {
    let Some(file) = file else { return Ok(Table::new()) };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("could not read the settings in {}", file.display()))?;
    text.parse().with_context(|| format!("{} is not TOML", file.display()))
}

fn merge(table: &mut Table, over: &Table) {
    for (key, value) in over {
        match (table.get_mut(key), value) {
            (Some(Value::Table(below)), Value::Table(over)) => merge(below, over),
            _ => drop(table.insert(key.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_put_over_those_of_the_file_and_leave_the_others() {
        let mut file: Table =
            "[llm]\nmax_tokens = 9\nthreads = 2\n[tts]\nspeed = 1.5".parse().unwrap();
        let over: Table = "[llm]\nmax_tokens = 4\n[server]\nmax_connections = 1".parse().unwrap();
        merge(&mut file, &over);
        let wanted =
            "[llm]\nmax_tokens = 4\nthreads = 2\n[server]\nmax_connections = 1\n[tts]\nspeed = 1.5";
        assert_eq!(file, wanted.parse::<Table>().unwrap());
    }

    #[test]
    fn what_a_process_takes_is_read() {
        let process = Command::new("sleep").arg("60").spawn().unwrap();
        let settings = NamedTempFile::new().unwrap();
        let server = Server { process, url: String::new(), _settings: settings };
        let taken = server.taken().unwrap();
        assert!(taken.memory > 0 && taken.anonymous > 0 && taken.threads == 1, "{taken:?}");
        let two: Taken = [taken, taken].into_iter().sum();
        assert_eq!((two.memory, two.threads), (2 * taken.memory, 2));
    }
}
