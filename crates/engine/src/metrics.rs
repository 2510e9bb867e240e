//! What is measured of every engine, labelled with its name.

use std::time::{Duration, Instant};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EngineLabel {
    engine: String,
}

type Histograms = Family<EngineLabel, Histogram, fn() -> Histogram>;

/// The measurements of all engines of one server.
#[derive(Clone, Debug)]
pub struct Metrics {
    queue: Histograms,
    compute: Histograms,
    batch: Histograms,
    real_time_factor: Histograms,
    tokens: Family<EngineLabel, Counter>,
    tokens_per_second: Histograms,
    panics: Family<EngineLabel, Counter>,
    refused: Family<EngineLabel, Counter>,
    busy: Family<EngineLabel, Gauge>,
}

/// The measurements of one engine.
#[derive(Clone, Debug)]
pub struct EngineMetrics {
    queue: Histogram,
    compute: Histogram,
    batch: Histogram,
    real_time_factor: Histogram,
    tokens: Counter,
    tokens_per_second: Histogram,
    panics: Counter,
    refused: Counter,
    busy: Gauge,
}

/// A step of an engine under way; ends when dropped.
#[derive(Debug)]
pub struct Step<'a> {
    metrics: &'a EngineMetrics,
    started: Instant,
}

impl Metrics {
    /// Registers the engines' measurements under `engine_*`.
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::unregistered();
        let engine = registry.sub_registry_with_prefix("engine");
        let seconds = Unit::Seconds;
        engine.register_with_unit(
            "queue",
            "Time a job waited for its engine",
            seconds.clone(),
            metrics.queue.clone(),
        );
        engine.register_with_unit(
            "compute",
            "Time of one model step or job",
            seconds,
            metrics.compute.clone(),
        );
        engine.register("batch_size", "Jobs or sequences in one step", metrics.batch.clone());
        engine.register(
            "real_time_factor",
            "Compute time over duration of the audio",
            metrics.real_time_factor.clone(),
        );
        engine.register("tokens", "Tokens generated", metrics.tokens.clone());
        engine.register(
            "tokens_per_second",
            "Tokens per second of one response",
            metrics.tokens_per_second.clone(),
        );
        engine.register("panics", "Jobs lost to a panic", metrics.panics.clone());
        engine.register("refused", "Jobs refused by a full queue", metrics.refused.clone());
        engine.register("busy", "Threads at work now", metrics.busy.clone());
        metrics
    }

    /// Measurements that nobody collects, for tests.
    pub fn unregistered() -> Self {
        Self {
            queue: Family::new_with_constructor(seconds),
            compute: Family::new_with_constructor(seconds),
            batch: Family::new_with_constructor(sizes),
            real_time_factor: Family::new_with_constructor(factors),
            tokens: Family::default(),
            tokens_per_second: Family::new_with_constructor(rates),
            panics: Family::default(),
            refused: Family::default(),
            busy: Family::default(),
        }
    }

    /// The measurements of the engine of this name: `vad`, `stt`, `endpointing`, `llm` or `tts`.
    pub fn engine(&self, name: &str) -> EngineMetrics {
        let label = EngineLabel { engine: name.to_owned() };
        EngineMetrics {
            queue: self.queue.get_or_create_owned(&label),
            compute: self.compute.get_or_create_owned(&label),
            batch: self.batch.get_or_create_owned(&label),
            real_time_factor: self.real_time_factor.get_or_create_owned(&label),
            tokens: self.tokens.get_or_create_owned(&label),
            tokens_per_second: self.tokens_per_second.get_or_create_owned(&label),
            panics: self.panics.get_or_create_owned(&label),
            refused: self.refused.get_or_create_owned(&label),
            busy: self.busy.get_or_create_owned(&label),
        }
    }
}

impl EngineMetrics {
    /// Notes that a step over `batch` jobs starts, the eldest of which waited so long; the guard
    /// measures the step.
    pub fn step(&self, waited: Duration, batch: usize) -> Step<'_> {
        self.queue.observe(waited.as_secs_f64());
        self.batch_of(batch)
    }

    /// As [`step`](Self::step), for engines whose jobs span many steps and are not queued for each.
    pub fn batch_of(&self, batch: usize) -> Step<'_> {
        #[expect(clippy::cast_precision_loss, reason = "a batch has few rows")]
        self.batch.observe(batch as f64);
        self.busy.inc();
        Step { metrics: self, started: Instant::now() }
    }

    /// Notes how long a job waited, where its steps are measured apart.
    pub fn waited(&self, waited: Duration) {
        self.queue.observe(waited.as_secs_f64());
    }

    /// Notes the compute time spent on so much audio.
    pub fn audio(&self, compute: Duration, audio: Duration) {
        if !audio.is_zero() {
            self.real_time_factor.observe(compute.as_secs_f64() / audio.as_secs_f64());
        }
    }

    /// Notes a response of `tokens` tokens that took so long from its first to its last.
    pub fn generated(&self, tokens: u32, took: Duration) {
        self.tokens.inc_by(u64::from(tokens));
        if tokens > 1 && !took.is_zero() {
            self.tokens_per_second.observe(f64::from(tokens - 1) / took.as_secs_f64());
        }
    }

    /// Counts a job lost to a panic.
    pub fn count_panic(&self) {
        self.panics.inc();
    }

    /// Counts a job refused by a full queue.
    pub fn count_refused(&self) {
        self.refused.inc();
    }

    /// How many jobs were lost to a panic.
    pub fn panics(&self) -> u64 {
        self.panics.get()
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        self.metrics.compute.observe(self.started.elapsed().as_secs_f64());
        self.metrics.busy.dec();
    }
}

/// From 100 µs, a VAD step, to 26 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 19))
}

fn sizes() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 8))
}

fn factors() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 12))
}

fn rates() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 11))
}
