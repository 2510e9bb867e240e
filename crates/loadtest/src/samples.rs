//! What the server tells of itself at `/metrics`.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};

use crate::{Sample, coming::Process};

/// How long the server may take to tell.
const PATIENCE: Duration = Duration::from_secs(5);

/// The figures of interest at a moment. Those that are not told are zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    cpu_seconds: f64,
    resident_bytes: f64,
    threads: f64,
    descriptors: f64,
    sessions: f64,
    engines: BTreeMap<String, Engine>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Engine {
    /// Time at work.
    compute_seconds: f64,
    /// Time that jobs waited, and how many did.
    queue_seconds: f64,
    queued: f64,
    /// The share of its threads' time at work, where the server says so itself.
    busy: Option<f64>,
}

/// Where the server that is called at this address tells its figures.
pub(crate) fn metrics_url(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let scheme = match scheme {
        "ws" => "http",
        "wss" => "https",
        _ => return None,
    };
    let host = rest.split('/').next()?;
    Some(format!("{scheme}://{host}/metrics"))
}

/// Asks the server.
pub(crate) async fn ask(metrics_url: String) -> Result<Reading> {
    let asking = tokio::task::spawn_blocking(move || -> Result<String> {
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build();
        let mut answer = ureq::Agent::new_with_config(config).get(&metrics_url).call()?;
        Ok(answer.body_mut().read_to_string()?)
    });
    let text = asking.await.context("the question was dropped")??;
    Ok(Reading::parse(&text))
}

impl Reading {
    /// Reads the exposition format. Lines that are not understood are of no interest.
    pub(crate) fn parse(text: &str) -> Self {
        let mut reading = Self::default();
        for (name, labels, value) in text.lines().filter_map(line) {
            reading.take(name, labels, value);
        }
        reading
    }

    fn take(&mut self, name: &str, labels: &str, value: f64) {
        match name {
            "repartee_process_cpu_seconds" | "repartee_process_cpu_seconds_total" => {
                self.cpu_seconds = value;
            }
            "repartee_process_resident_bytes" => self.resident_bytes = value,
            "repartee_process_threads" => self.threads = value,
            "repartee_process_open_fds" => self.descriptors = value,
            "repartee_sessions_active" => self.sessions = value,
            _ => self.take_of_engine(name, labels, value),
        }
    }

    fn take_of_engine(&mut self, name: &str, labels: &str, value: f64) {
        let Some(name) = name.strip_prefix("repartee_engine_") else { return };
        let Some(engine) = label(labels, "engine") else { return };
        let engine = self.engines.entry(engine.to_owned()).or_default();
        match name {
            "compute_seconds_sum" => engine.compute_seconds = value,
            "queue_seconds_sum" => engine.queue_seconds = value,
            "queue_seconds_count" => engine.queued = value,
            "load" if label(labels, "of") == Some("busy") => engine.busy = Some(value),
            _ => {}
        }
    }

    /// The server's process.
    pub(crate) fn process(&self) -> Process {
        Process {
            resident_bytes: whole(self.resident_bytes) as u64,
            threads: whole(self.threads),
            descriptors: whole(self.descriptors),
            sessions: whole(self.sessions),
        }
    }

    /// What happened since a reading, so long before.
    pub(crate) fn since(&self, before: &Self, passed: Duration, at: Duration) -> Sample {
        let seconds = passed.as_secs_f64();
        let known = |name: &str| before.engines.get(name).copied().unwrap_or_default();
        let engines = || self.engines.iter().map(|(name, now)| (name, now, known(name)));
        let busy = engines().map(|(name, now, before)| {
            let worked = (now.compute_seconds - before.compute_seconds) / seconds;
            (name.clone(), now.busy.unwrap_or(worked).max(0.0))
        });
        let queue_ms = engines().filter_map(|(name, now, before)| {
            let jobs = now.queued - before.queued;
            let waited = now.queue_seconds - before.queue_seconds;
            (jobs > 0.0).then(|| (name.clone(), 1_000.0 * waited / jobs))
        });
        let Process { resident_bytes, threads, descriptors, sessions } = self.process();
        Sample {
            at: at.as_secs_f64(),
            sessions,
            cpu: (self.cpu_seconds - before.cpu_seconds) / seconds,
            resident_bytes,
            threads,
            descriptors,
            busy: busy.collect(),
            queue_ms: queue_ms.collect(),
        }
    }
}

/// Name, labels and value of a line.
fn line(line: &str) -> Option<(&str, &str, f64)> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let (series, value) = match line.rfind('}') {
        Some(end) => line.split_at(end + 1),
        None => line.split_at(line.find(' ')?),
    };
    // a time may follow
    let value = value.split_whitespace().next()?.parse().ok()?;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    Some((name, labels.trim_end_matches('}'), value))
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.split(',').find_map(|label| {
        let value = label.strip_prefix(name)?.strip_prefix('=')?;
        value.strip_prefix('"')?.strip_suffix('"')
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers that are not negative"
)]
fn whole(value: f64) -> usize {
    value as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "\
# HELP repartee_sessions_active Sessions now.
# TYPE repartee_sessions_active gauge
repartee_sessions_active 1
repartee_process_cpu_seconds_total 10.0
repartee_engine_compute_seconds_sum{engine=\"stt\"} 2.0
repartee_engine_queue_seconds_sum{engine=\"stt\"} 1.0
repartee_engine_queue_seconds_count{engine=\"stt\"} 10
";
    const NOW: &str = "\
repartee_sessions_active 6
repartee_process_cpu_seconds_total 15.0
repartee_process_resident_bytes 734003200
repartee_process_threads 21
repartee_process_open_fds 40
repartee_engine_compute_seconds_sum{engine=\"stt\"} 4.5
repartee_engine_compute_seconds_bucket{le=\"0.1\",engine=\"stt\"} 4
repartee_engine_queue_seconds_sum{engine=\"stt\"} 1.5
repartee_engine_queue_seconds_count{engine=\"stt\"} 30
repartee_engine_load{engine=\"llm\",of=\"late\"} 0.1
repartee_engine_load{engine=\"llm\",of=\"busy\"} 0.75
nonsense
# EOF
";

    #[test]
    fn a_sample_is_what_changed_between_two_readings() {
        let (before, now) = (Reading::parse(BEFORE), Reading::parse(NOW));
        let sample = now.since(&before, Duration::from_secs(5), Duration::from_mins(1));
        assert_eq!((sample.sessions, sample.threads, sample.descriptors), (6, 21, 40));
        assert_eq!(sample.resident_bytes, 734_003_200);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(sample.at, 60.0) && close(sample.cpu, 1.0));
        assert!(close(sample.busy["stt"], 0.5), "work over time");
        assert!(close(sample.busy["llm"], 0.75), "as the server says");
        assert!(close(sample.queue_ms["stt"], 25.0));
        assert!(!sample.queue_ms.contains_key("llm"), "nothing waited");
    }

    #[test]
    fn the_figures_are_at_the_host_that_is_called() {
        let url = metrics_url;
        assert_eq!(url("ws://a:8000/ws").as_deref(), Some("http://a:8000/metrics"));
        assert_eq!(url("wss://a.org/x/ws").as_deref(), Some("https://a.org/metrics"));
        assert_eq!(url("nonsense"), None);
    }
}
