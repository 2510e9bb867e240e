//! What is measured of every engine, labelled with its name.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::{Duration, Instant},
};

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

use crate::{Limit, Serving, View, Wrong, meter::Meter};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EngineLabel {
    engine: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoadLabel {
    engine: String,
    of: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TroubleLabel {
    engine: String,
    wrong: &'static str,
}

/// An engine's name and what the monitor reads of it.
pub(crate) type Named = (String, Arc<Meter>);

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
    gave_way: Family<EngineLabel, Counter>,
    busy: Family<EngineLabel, Gauge>,
    load: Family<LoadLabel, Gauge<f64, AtomicU64>>,
    troubles: Family<TroubleLabel, Gauge>,
    pressure: Gauge,
    meters: Arc<Mutex<Vec<Named>>>,
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
    gave_way: Counter,
    busy: Gauge,
    meter: Arc<Meter>,
}

/// A step of an engine under way; ends when dropped.
#[derive(Debug)]
pub struct Step<'a> {
    metrics: &'a EngineMetrics,
    number: u64,
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
        engine.register(
            "gave_way",
            "Jobs at work that gave way to more urgent ones",
            metrics.gave_way.clone(),
        );
        engine.register("busy", "Threads at work now", metrics.busy.clone());
        engine.register(
            "load",
            "Over some seconds: share of the threads' time at work, and how long jobs waited over how long they can",
            metrics.load.clone(),
        );
        engine.register("trouble", "1 while an engine is stuck or lost", metrics.troubles.clone());
        registry.register(
            "pressure",
            "How near the engines are to their limits: 0 calm, 1 busy, 2 strained, 3 full",
            metrics.pressure.clone(),
        );
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
            gave_way: Family::default(),
            busy: Family::default(),
            load: Family::default(),
            troubles: Family::default(),
            pressure: Gauge::default(),
            meters: Arc::default(),
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
            gave_way: self.gave_way.get_or_create_owned(&label),
            busy: self.busy.get_or_create_owned(&label),
            meter: self.meter(name),
        }
    }

    /// What the monitor reads, engine by engine.
    pub(crate) fn meters(&self) -> Vec<Named> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn meter(&self, name: &str) -> Arc<Meter> {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, meter)) = meters.iter().find(|(known, _)| known == name) {
            return Arc::clone(meter);
        }
        let meter = Arc::<Meter>::default();
        meters.push((name.to_owned(), Arc::clone(&meter)));
        meter
    }

    /// Publishes what the monitor saw.
    pub(crate) fn show(&self, view: &View) {
        self.pressure.set(view.pressure as i64);
        for load in &view.loads {
            let label = |of| LoadLabel { engine: load.engine.clone(), of };
            self.load.get_or_create(&label("busy")).set(load.busy);
            self.load.get_or_create(&label("late")).set(load.late);
            for (wrong, name) in [(Wrong::Stuck, "stuck"), (Wrong::Lost, "lost")] {
                let label = TroubleLabel { engine: load.engine.clone(), wrong: name };
                let is_so = |it: &crate::Trouble| it.engine == load.engine && it.wrong == wrong;
                let count = view.troubles.iter().filter(|it| is_so(it)).count();
                self.troubles.get_or_create(&label).set(i64::from(count > 0));
            }
        }
    }
}

impl EngineMetrics {
    /// Says that a thread serves this engine, and what limits what it carries.
    pub fn serving(&self, limit: Limit) -> Serving {
        Serving::new(Arc::clone(&self.meter), limit)
    }

    /// Notes that a step over `batch` jobs starts; the guard measures the step. The eldest of them
    /// waited so long, and could wait for `patience`.
    pub fn step(&self, waited: Duration, patience: Duration, batch: usize) -> Step<'_> {
        self.waited(waited, patience);
        self.batch_of(batch)
    }

    /// As [`step`](Self::step), for engines whose jobs span many steps and are not queued for each.
    pub fn batch_of(&self, batch: usize) -> Step<'_> {
        #[expect(clippy::cast_precision_loss, reason = "a batch has few rows")]
        self.batch.observe(batch as f64);
        self.busy.inc();
        Step { metrics: self, number: self.meter.begin(Instant::now()) }
    }

    /// Notes how long a job waited and could wait, where its steps are measured apart.
    pub fn waited(&self, waited: Duration, patience: Duration) {
        self.queue.observe(waited.as_secs_f64());
        self.meter.waited(waited, patience);
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

    /// Counts a job that gave way.
    pub fn count_gave_way(&self) {
        self.gave_way.inc();
    }

    /// How many jobs were lost to a panic.
    pub fn panics(&self) -> u64 {
        self.panics.get()
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        let took = self.metrics.meter.end(self.number, Instant::now());
        self.metrics.compute.observe(took.as_secs_f64());
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
