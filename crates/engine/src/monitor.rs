//! Looks after all engines: how much they carry, and whether one is stuck or lost.

use std::{
    sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::{Limits, Load, Metrics, Pressure, StartError, Thread, meter::Reading, metrics::Named};

/// How often the engines are looked at.
const EVERY: Duration = Duration::from_millis(250);
/// Loads are averages over about so long: longer than a turn's bursts of work.
const OVER: Duration = Duration::from_secs(3);

/// What is wrong with an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A step does not end.
    Stuck,
    /// A thread has ended.
    Lost,
}

/// An engine that cannot be counted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Its name.
    pub engine: String,
    /// What is wrong.
    pub wrong: Wrong,
    /// How long the step has run.
    pub since: Duration,
}

/// What the monitor sees.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// How near the engines are to their limits.
    pub pressure: Pressure,
    /// How each engine fares.
    pub loads: Vec<Load>,
    /// What is wrong; empty if nothing is.
    pub troubles: Vec<Trouble>,
}

/// What the monitor sees now, wherever it is wanted. Clones look at the same.
#[derive(Clone, Debug)]
pub struct Watch(watch::Receiver<View>);

/// Shows a view to its watches; for tests, and where there is no monitor.
#[derive(Debug)]
pub struct Viewer(watch::Sender<View>);

/// The thread that looks after the engines. Dropping it ends the watch, not the engines.
#[derive(Debug)]
pub struct Monitor {
    watch: Watch,
    // dropped before the thread, which so ends
    _stop: SyncSender<()>,
    _thread: Thread,
}

impl Monitor {
    /// Looks after the engines that these are the measurements of.
    pub fn start(metrics: &Metrics, limits: Limits) -> Result<Self, StartError> {
        let (viewer, watch) = Viewer::new(View::default());
        let (stop, stopped) = sync_channel::<()>(0);
        let metrics = metrics.clone();
        let thread = Thread::start("monitor", move || {
            let mut looking = Looking::new(limits, Instant::now());
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let view = looking.look(&metrics.meters(), Instant::now());
                metrics.show(&view);
                viewer.show(view);
            }
        })?;
        Ok(Self { watch, _stop: stop, _thread: thread })
    }

    /// What it sees.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }
}

impl Viewer {
    /// A view, and a watch on it.
    pub fn new(view: View) -> (Self, Watch) {
        let (sender, receiver) = watch::channel(view);
        (Self(sender), Watch(receiver))
    }

    /// Shows another one.
    pub fn show(&self, view: View) {
        self.0.send_replace(view);
    }
}

impl Watch {
    /// One on a server that has room for ever.
    pub fn calm() -> Self {
        Viewer::new(View::default()).1
    }

    /// How near the engines are to their limits.
    pub fn pressure(&self) -> Pressure {
        self.0.borrow().pressure
    }

    /// How each engine fares.
    pub fn loads(&self) -> Vec<Load> {
        self.0.borrow().loads.clone()
    }

    /// What is wrong; empty if nothing is.
    pub fn troubles(&self) -> Vec<Trouble> {
        self.0.borrow().troubles.clone()
    }

    /// Waits until something is seen anew. Never resolves once nobody looks any more. Cancel-safe.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// What was seen so far.
struct Looking {
    limits: Limits,
    pressure: Pressure,
    at: Instant,
    engines: Vec<Seen>,
}

#[derive(Default)]
struct Seen {
    worked: Duration,
    busy: f64,
    late: f64,
}

impl Looking {
    fn new(limits: Limits, now: Instant) -> Self {
        Self { limits, pressure: Pressure::Calm, at: now, engines: Vec::new() }
    }

    fn look(&mut self, meters: &[Named], now: Instant) -> View {
        let passed = now.saturating_duration_since(self.at);
        self.at = now;
        self.engines.resize_with(meters.len(), Seen::default);
        let (mut loads, mut troubles) = (Vec::new(), Vec::new());
        for ((name, meter), seen) in meters.iter().zip(&mut self.engines) {
            let reading = meter.read(now);
            troubles.extend(trouble(name, &reading, self.limits.stuck));
            loads.push(seen.load(name, &reading, passed));
        }
        self.pressure = self.pressure.next(&loads, &self.limits);
        View { pressure: self.pressure, loads, troubles }
    }
}

impl Seen {
    fn load(&mut self, name: &str, reading: &Reading, passed: Duration) -> Load {
        let threads = reading.workers + reading.batchers;
        let worked = reading.worked.saturating_sub(self.worked).as_secs_f64();
        self.worked = reading.worked;
        #[expect(clippy::cast_precision_loss, reason = "an engine has few threads")]
        let time = passed.as_secs_f64() * threads.max(1) as f64;
        let busy = if time > 0.0 { (worked / time).min(1.0) } else { 0.0 };
        let late = reading.lateness.sum / f64::from(reading.lateness.jobs.max(1));
        // an exponential average
        let weight = 1.0 - (-passed.as_secs_f64() / OVER.as_secs_f64()).exp();
        self.busy += weight * (busy - self.busy);
        self.late += weight * (late - self.late);
        Load {
            engine: name.to_owned(),
            threads,
            busy: self.busy,
            late: self.late,
            limited_by_time: reading.workers > 0,
        }
    }
}

fn trouble(engine: &str, reading: &Reading, stuck: Duration) -> Option<Trouble> {
    let of = |wrong, since| Some(Trouble { engine: engine.to_owned(), wrong, since });
    match reading.eldest {
        _ if reading.lost > 0 => of(Wrong::Lost, Duration::ZERO),
        Some(eldest) if eldest >= stuck => of(Wrong::Stuck, eldest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        Limit,
        meter::{Meter, Serving},
    };

    const SECOND: Duration = Duration::from_secs(1);

    /// One engine with one thread, as a test sees it.
    struct Bench {
        meters: Vec<Named>,
        looking: Looking,
        now: Instant,
        serving: Option<Serving>,
    }

    impl Bench {
        fn new(limit: Limit) -> Self {
            let (meter, now) = (Arc::new(Meter::default()), Instant::now());
            let serving = Serving::new(Arc::clone(&meter), limit);
            let looking = Looking::new(Limits::default(), now);
            let meters = vec![("stt".to_owned(), meter)];
            Self { meters, looking, now, serving: Some(serving) }
        }

        /// A second in which a step takes so much of the time.
        fn second(&mut self, busy: f64) -> View {
            let meter = &self.meters[0].1;
            let step = meter.begin(self.now);
            meter.end(step, self.now + SECOND.mul_f64(busy));
            self.now += SECOND;
            self.looking.look(&self.meters, self.now)
        }
    }

    #[test]
    fn load_is_an_average_of_some_seconds() {
        let mut bench = Bench::new(Limit::Time);
        let first = bench.second(1.0);
        assert!(first.loads[0].busy < 0.5 && first.pressure == Pressure::Calm, "{first:?}");
        let views: Vec<View> = (0..20).map(|_| bench.second(1.0)).collect();
        assert!(views[19].loads[0].busy > 0.99 && views[19].pressure == Pressure::Full);
        let views: Vec<View> = (0..20).map(|_| bench.second(0.0)).collect();
        assert!(views[19].loads[0].busy < 0.01 && views[19].pressure == Pressure::Calm);
    }

    #[test]
    fn a_busy_engine_that_batches_is_under_pressure_only_when_jobs_wait() {
        let mut bench = Bench::new(Limit::Batch);
        let view = (0..20).map(|_| bench.second(1.0)).next_back().expect("there are 20");
        assert_eq!(view.pressure, Pressure::Calm);
        let late = (0..20).map(|_| {
            bench.meters[0].1.waited(2 * SECOND, SECOND);
            bench.second(1.0)
        });
        assert_eq!(late.last().map(|view| view.pressure), Some(Pressure::Full));
    }

    #[test]
    fn a_step_that_does_not_end_is_told_and_forgotten_when_it_does() {
        let mut bench = Bench::new(Limit::Time);
        let step = bench.meters[0].1.begin(bench.now);
        assert_eq!(bench.second(0.0).troubles, []);
        bench.now += Limits::default().stuck;
        let troubles = bench.second(0.0).troubles;
        let [Trouble { wrong: Wrong::Stuck, since, .. }] = &troubles[..] else {
            panic!("{troubles:?}")
        };
        assert!(*since >= Limits::default().stuck);
        bench.meters[0].1.end(step, bench.now);
        assert_eq!(bench.second(0.0).troubles, []);
    }

    #[test]
    fn a_lost_thread_is_told_for_ever() {
        let mut bench = Bench::new(Limit::Time);
        drop(bench.serving.take());
        for _ in 0..2 {
            let troubles = bench.second(0.0).troubles;
            assert_eq!(troubles.iter().map(|it| it.wrong).collect::<Vec<_>>(), [Wrong::Lost]);
        }
    }

    #[tokio::test]
    async fn a_monitor_shows_what_it_sees_and_ends_when_it_is_dropped() {
        let metrics = Metrics::unregistered();
        let engine = metrics.engine("stt");
        let _serving = engine.serving(Limit::Time);
        let monitor = Monitor::start(&metrics, Limits::default()).expect("threads are to be had");
        let mut watch = monitor.watch();
        watch.changed().await;
        assert_eq!(watch.loads().len(), 1);
        drop(monitor);
        assert_eq!(watch.pressure(), Pressure::Calm);
    }
}
